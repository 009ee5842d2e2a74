"""YAML as people mean it, with the place of every key and value.

Read as YAML 1.2 core and a little stricter: `NO`, `on`, `22:00`, `01234` and `2026-03-29` stay text; anchors, aliases,
merges, tags, duplicate keys and second documents are refused. `validate` turns a document into a pydantic model and what
pydantic finds into sentences with a file, a line and a column.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from errno import EINVAL
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from notifier.errors import Faults, Problem
from notifier.syntax import Place, problem_at, tree

__all__ = [
    "LARGEST",
    "Document",
    "Loc",
    "content",
    "explain",
    "leave_out",
    "legible",
    "parse",
    "read",
    "suggest",
    "validate",
]

Loc = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

#: Bytes; a larger file is a mistake, or an attack.
LARGEST = 256 * 1024

#: What YAML 1.1 takes for the end of a line, which is how the parser counts.
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Document:
    """A file as plain data, and where everything in it stands.

    `path` is the file as people are shown it; `data` is made of dict, list, str, int, float, bool and None (an empty
    file is None); keys are always text.
    """

    path: str
    lines: tuple[str, ...]
    data: Any
    root: Place | None = None

    def problem(
        self, loc: Loc, text: str, *, on_key: bool = False, part: str | None = None, warning: bool = False
    ) -> Problem:
        """A problem with the value at `loc` (or its key), or with the nearest thing above it that exists.

        The caret goes to `part`, where that is given and the value's source has it.
        """
        place, whole = self._find(loc)
        if place is None:
            return Problem(self.path, 0, 0, text, warning=warning)
        row, column = place.start
        if place.key is not None and ((on_key and whole) or place.start == place.end):
            row, column = place.key
        elif part:
            row, column = self._inside(place, part)
        return problem_at(self.path, self.lines, row, column, text, warning=warning)

    def written(self, loc: Loc) -> str | None:
        """The value at `loc` as the file has it, without quotes; None if it is not one short line of text."""
        place, whole = self._find(loc)
        if place is None or not whole or place.children is not None or place.start[0] != place.end[0]:
            return None
        text = self.lines[place.start[0]][place.start[1] : place.end[1]].strip()
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
        return (text[1:-1] if quoted else text)[:80]

    def has(self, loc: Loc) -> bool:
        """True where the file has something at `loc`."""
        place, whole = self._find(loc)
        return place is not None and whole

    def _find(self, loc: Loc) -> tuple[Place | None, bool]:
        place = self.root
        for step in loc:
            if place is None or place.children is None or step not in place.children:
                return place, False
            place = place.children[step]
        return place, True

    def _inside(self, place: Place, part: str) -> tuple[int, int]:
        """The first place in the value's source where `part` stands as a word, or at all, or the value's own."""
        whole_word = rf"(?<![\w.]){re.escape(part)}(?![\w]|\.\w)"
        for pattern in (whole_word, re.escape(part)):
            for row in range(place.start[0], min(place.end[0] + 1, len(self.lines))):
                first = place.start[1] if row == place.start[0] else 0
                last = place.end[1] if row == place.end[0] else len(self.lines[row])
                if found := re.compile(pattern).search(self.lines[row], first, last):
                    return row, found.start()
        return place.start


def read(path: Path, shown: str | None = None) -> Document:
    """Read a file; `shown` is its name in messages. Raises Faults, one problem or more."""
    name = shown if shown is not None else str(path)
    try:
        raw = content(path)
    except OSError as error:
        raise Faults([Problem(name, 0, 0, f"cannot be read: {error.strerror or error}")]) from error
    return parse(raw, name)


def content(path: Path, most: int = LARGEST) -> bytes:
    """What is in a file, and of a larger one a byte more than `most`. Raises OSError, also for pipes and devices."""
    # Asked before it is opened: that alone would wait until somebody writes into a pipe.
    kind = path.stat().st_mode
    if not S_ISREG(kind) and not S_ISDIR(kind):
        raise OSError(EINVAL, "it is not a regular file")
    with path.open("rb") as file:
        return file.read(most + 1)


def legible(name: str) -> str:
    """The name of a file as it can be shown: in one that is not UTF-8, what cannot be read is replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def parse(text: bytes | str, shown: str) -> Document:
    """Read YAML; `shown` names it in messages. Raises Faults, one problem or more."""
    if len(text) > LARGEST:
        raise Faults([Problem(shown, 0, 0, f"is larger than {LARGEST // 1024} KiB; split it into several files")])
    content = _decoded(text, shown) if isinstance(text, bytes) else text.removeprefix("\ufeff")
    lines = tuple(_LINE_END.split(content))
    if bad := _UNWRITABLE.search(content):
        before = _LINE_END.split(content[: bad.start()])
        name = f"the character U+{ord(bad[0]):04X} cannot be part of a YAML file; delete it"
        raise Faults([problem_at(shown, lines, len(before) - 1, len(before[-1]), name)])
    return Document(shown, lines, *tree(content, lines, shown))


def suggest(word: str, choices: Iterable[str]) -> str:
    """` - did you mean 'x'?` for the likeliest of `choices`, or nothing."""
    known = sorted({str(choice) for choice in choices})
    folded = {choice.casefold(): choice for choice in reversed(known)}
    wanted = word.strip().casefold().replace(" ", "_")
    # `eta` for `order.eta`, `Warsaw` for `Europe/Warsaw`: the last part alone is what people remember.
    endings = {re.split(r"[./]", choice)[-1]: choice for choice in folded}
    family = {one.partition(".")[2]: one for one in folded if one.startswith(f"{wanted.partition('.')[0]}.")}
    close = (
        _in_family(wanted, family) if family and "." in wanted else get_close_matches(wanted, folded, n=1, cutoff=0.7)
    )
    if not close and (ending := get_close_matches(wanted, endings, n=1, cutoff=0.8)):
        close = [endings[ending[0]]]
    return f" - did you mean '{folded[close[0]]}'?" if close and folded[close[0]] != word else ""


def _in_family(wanted: str, family: Mapping[str, str]) -> list[str]:
    """Of what begins as `shipment.redy` does, up to the dot, the nearest; of `ready_for_pickup` the first word will do."""
    name = wanted.partition(".")[2]
    beginnings = {one.split("_")[0]: one for one in sorted(family, reverse=True)}
    near = get_close_matches(name, family, n=1, cutoff=0.7)
    near = near or [beginnings[one] for one in get_close_matches(name, beginnings, n=1, cutoff=0.8)]
    return [family[one] for one in near]


def validate(document: Document, model: type[Model], loc: Loc = ()) -> Model:
    """The part of the document at `loc` as a model; raises Faults with everything that is wrong with it."""
    value = document.data
    for step in loc:
        value = value[step]
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Faults(problem for _, problem in explain(document, error, model, loc)) from None


def explain(
    document: Document,
    error: ValidationError,
    model: type[BaseModel],
    loc: Loc = (),
    *,
    data: Any = None,
    hidden: Callable[[Loc], bool] = lambda _: False,
) -> list[tuple[Loc, Problem]]:
    """What pydantic found, in plain words: the path in the data and the problem, in the order of the file.

    `data` is what was validated, where that is not the document's own; a value at a `hidden` path is not shown.
    """
    told = _Told(document, model, loc, document.data if data is None else data, hidden)
    found: dict[Loc, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        found.setdefault(told.path(details), []).append(details)
    # A value that may be several things fails as each of them: what was found deepest is what its author meant.
    shallow = {path[:end] for path in found for end in range(len(loc), len(path))}
    problems = []
    for path, findings in found.items():
        if path in shallow and all(each["type"].endswith(("_type", "_error")) for each in findings):
            continue
        on_key = findings[0]["type"] == "extra_forbidden" or findings[0]["loc"][-1:] == ("[key]",)
        problems.append((path, document.problem(path, told.sentence(path, findings), on_key=on_key)))
    return sorted(problems, key=lambda each: each[1])


def leave_out(value: Any, path: Loc) -> None:
    """Take the key at `path` out of plain data, so that the rest can be looked at; nothing where there is no such key."""
    for step in path[:-1]:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(value, dict) and path:
        value.pop(path[-1], None)


def _decoded(raw: bytes, shown: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Faults([Problem(shown, 0, 0, "is UTF-16; save it as UTF-8")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Counted by hand: `error.start` leaves out a byte order mark.
        good = raw.removeprefix(b"\xef\xbb\xbf")[: error.start].decode("utf-8", "replace")
        before = _LINE_END.split(good)
        lines = tuple(_LINE_END.split(raw.decode("utf-8-sig", "replace")))
        text = f"the byte 0x{error.object[error.start]:02X} is not UTF-8; save the file as UTF-8"
        raise Faults([problem_at(shown, lines, len(before) - 1, len(before[-1]), text)]) from None


# --- from findings to sentences ---------------------------------------------------------------------------

_KINDS = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a mapping (key: value)",
    "mapping": "a mapping (key: value)",
    "model": "a mapping (key: value)",
    "model_attributes": "a mapping (key: value)",
    "dataclass": "a mapping (key: value)",
    "date": "a date such as 2026-03-29",
    "datetime": "a date and time with its zone, such as 2026-03-29T14:00:00Z",
    "time": "a time of day such as 14:00",
    "time_delta": "a length of time such as 15m, 2h or 3d",
    "none": "nothing",
}
_BOUNDS = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
}
_LENGTHS = {
    "string_too_short": "is too short: write at least {min_length} characters",
    "string_too_long": "is too long: write at most {max_length} characters",
    "too_short": "has too few entries: write at least {min_length}",
    "too_long": "has {actual_length} entries: write at most {max_length}",
}


@dataclass(frozen=True, slots=True)
class _Told:
    """One validation that failed, and how to speak of it."""

    document: Document
    model: type[BaseModel]
    loc: Loc
    data: Any
    hidden: Callable[[Loc], bool]

    def path(self, details: ErrorDetails) -> Loc:
        """The path that pydantic gives, without the labels that it puts in for keys and the alternatives of a union."""
        path = self.loc
        value: Any = self.data
        for step in self.loc:
            value = value[step]
        for step in details["loc"]:
            if step in (value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()):
                path, value = (*path, step), value[step]
        return (*path, details["loc"][-1]) if details["type"] == "missing" else path

    def sentence(self, path: Loc, details: list[ErrorDetails]) -> str:
        """All that was found at one place, as one sentence."""
        first = details[0]
        kind, context = first["type"], first.get("ctx", {})
        name, given = _name(path), self._given(path, first["input"])
        key = first["loc"][-1:] == ("[key]",)
        if kind == "extra_forbidden" or (key and kind == "literal_error"):
            known = _expected(details) if key else _known(self.model, path[len(self.loc) : -1])
            return f"unknown key {name}{suggest(str(path[-1]), known) or _listed(known)}"
        if kind == "missing":
            return f"{name} is missing"
        if kind in {"literal_error", "enum"}:
            choices = _expected(details)
            choice = f"is one of {', '.join(choices)}" if len(choices) > 1 else f"must be {choices[0]}"
            return f"{name} {choice}{given}{suggest(str(first['input']), choices)}"
        if kind in {"value_error", "assertion_error"}:
            return self._refusal(path, first["input"], str(context.get("error") or first["msg"]))
        if kind in _BOUNDS:
            return f"{name} must be {_BOUNDS[kind].format(**context)}"
        if kind in _LENGTHS:
            if first["input"] in ("", [], {}):
                return f"{name} is empty" if first["input"] == "" else f"{name} is empty; write at least one"
            return f"{name} {_LENGTHS[kind].format(**context)}"
        if kind == "string_pattern_mismatch":
            return f"{name} must look like {context['pattern']}{given}"
        kinds = dict.fromkeys(found for each in details if (found := _kind(each["type"])))
        if not kinds:
            return f"{name}: {first['msg'][:1].lower()}{first['msg'][1:]}"
        quote = "; put quotes around it" if kind == "string_type" and isinstance(first["input"], int | float) else ""
        return f"{name} must be {' or '.join(kinds)}{given}{quote}"

    def _given(self, path: Loc, value: Any) -> str:
        if self.hidden(path):
            return ""
        if value is None or value == "":
            return ", not empty"
        if isinstance(value, dict | list):
            return ", not a mapping" if isinstance(value, dict) else ", not a list"
        written = self.document.written(path)
        return f", not '{written if written is not None else str(value)[:80]}'"

    def _refusal(self, path: Loc, value: Any, text: str) -> str:
        """What a check of our own said, unless it would show what is hidden: then what the field is for."""
        if not self.hidden(path) or isinstance(value, dict):
            return text
        meaning = _described(self.model, path[len(self.loc) :])
        return f"{_name(path)} does not take the value that it is given" + (f"; it is: {meaning}" if meaning else "")


def _name(path: Loc) -> str:
    key = next((f"'{step}'" for step in reversed(path) if isinstance(step, str)), "the file")
    return f"item {path[-1] + 1} of {key}" if path and isinstance(path[-1], int) else key


def _kind(error: str) -> str | None:
    if error == "int_from_float":
        return _KINDS["int"]
    return _KINDS.get(re.sub(r"_(type|parsing|from_date_parsing|inexact)$", "", error))


def _expected(details: list[ErrorDetails]) -> list[str]:
    """The values that a choice has, of all the alternatives together."""
    said = [str(each.get("ctx", {}).get("expected", "")) for each in details]
    return list(dict.fromkeys(word for text in said if text for word in re.findall(r"'([^']*)'", text) or [text]))


def _listed(known: list[str]) -> str:
    return f"; known here: {', '.join(known)}" if 0 < len(known) <= 12 else ""


def _known(model: type[BaseModel], path: Loc) -> list[str]:
    """The keys that a mapping at `path` inside the model may have."""
    return sorted({name for each in _models_at(model, path) for name in _fields(each)})


def _described(model: type[BaseModel], path: Loc) -> str:
    """What the model says of the field at `path`."""
    names = [str(step) for step in path if isinstance(step, str)]
    found = (_fields(each).get(names[-1]) for each in _models_at(model, path[:-1])) if names else ()
    return next((field.description.rstrip(".") for field in found if field and field.description), "")


def _models_at(model: type[BaseModel], path: Loc) -> list[type[BaseModel]]:
    models = [model]
    for step in path:
        fields = [field for each in models if (field := _fields(each).get(str(step)))]
        models = [found for field in fields for found in _models(field.annotation)] or models
    return models


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
