"""From YAML text to plain data and the place of everything in it; what is wrong, in the words of who typed it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from notifier.errors import Faults, Problem

__all__ = ["DEEPEST", "Mark", "Place", "problem_at", "tree"]

#: Row and column, counted from 0 as the parser does.
Mark = tuple[int, int]

#: Mappings and lists inside one another.
DEEPEST = 20
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
#: Characters of a line that are shown; what is longer is not written by hand.
_WIDEST = 200
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_REFERENCE = re.compile(r"\$\{([A-Za-z0-9_]+)\}")
_VEILED = re.compile("\\$\ue000([A-Za-z0-9_]+)\ue001")
_BARE_JINJA = re.compile(r"(?:^|[:\-,\[{])\s*(\{[{%])")
_KEY = re.compile(r"\s*(?:- +)*([^\s:][^:]*):\s+(?=\S)")


@dataclass(slots=True)
class Place:
    """Where a value stands, counted from 0 as the parser does; `key` is where the key that leads to it stands."""

    start: Mark
    end: Mark
    key: Mark | None = None
    children: dict[str | int, Place] | None = None


def tree(content: str, lines: tuple[str, ...], shown: str) -> tuple[Any, Place | None]:
    """The data in a text and the places of all that is in it; raises Faults."""
    builder = _Builder(shown, lines)
    # Inside `{ }` YAML would take the braces of `${NAME}` for its own; as long as it reads they are other characters.
    builder.build(_REFERENCE.sub("$\ue000\\1\ue001", content))
    return builder.data, builder.root


class _Builder:
    """Makes plain data and places from the parser's events, without recursion: a hostile file cannot exhaust a stack."""

    def __init__(self, shown: str, lines: tuple[str, ...]) -> None:
        self.shown = shown
        self.lines = lines
        self.problems: list[Problem] = []
        self.data: Any = None
        self.root: Place | None = None
        self.open: list[tuple[Any, Place]] = []
        self.keys: list[tuple[str, Mark] | None] = []
        self.documents = 0

    def build(self, content: str) -> None:
        try:
            for event in yaml.parse(content, Loader=yaml.CSafeLoader):
                self._take(event)
        except yaml.MarkedYAMLError as error:
            self.problems.append(problem_at(self.shown, self.lines, *_diagnosis(self.lines, error, self._innermost())))
        except _Stop:
            pass
        if self.problems:
            raise Faults(self.problems)

    def _innermost(self) -> Mark | None:
        """Where the list or mapping begins that is still open."""
        return self.open[-1][1].start if self.open else None

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_extras(event)
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._refuse_extras(event)
            self._begin(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            _, place = self.open.pop()
            self.keys.pop()
            place.end = _mark(event.end_mark)
        elif isinstance(event, yaml.AliasEvent):
            self._complain(event, f"aliases are not allowed; write out what '*{event.anchor}' stands for")
            self._put(None, Place(_mark(event.start_mark), _mark(event.end_mark)))
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._complain(event, "a second document starts here; a file holds one: delete the '---'")
                raise _Stop

    def _refuse_extras(self, event: yaml.ScalarEvent | yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if event.anchor:
            self._complain(
                event, f"anchors are not allowed; delete '&{event.anchor}' and write values out where needed"
            )
        if event.tag:
            short = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._complain(event, f"tags are not allowed; delete '{short}', and put quotes around what must be text")

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if len(self.open) == DEEPEST:
            self._complain(event, f"nested too deeply: at most {DEEPEST} levels")
            raise _Stop
        if self.open and isinstance(self.open[-1][0], dict) and self.keys[-1] is None:
            self._compound_key(event)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        place = Place(_mark(event.start_mark), _mark(event.end_mark), children={})
        self._put(value, place)
        self.open.append((value, place))
        self.keys.append(None)

    def _compound_key(self, event: yaml.Event) -> None:
        """A mapping or list where a key belongs is, nearly always, a `{{ … }}` without quotes."""
        row, column = self.open[-1][1].start
        jinja = self.lines[row][column : column + 2] == "{{"
        text = (
            "put quotes around a text with {{ }}" if jinja else "a key must be one word or text, not a list or mapping"
        )
        place = (row, column) if jinja else _mark(event.start_mark)
        self.problems.append(problem_at(self.shown, self.lines, *place, text))
        raise _Stop

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        start = _mark(event.start_mark)
        if self.open and isinstance(self.open[-1][0], dict) and self.keys[-1] is None:
            self._key(event, start)
            return
        text = _VEILED.sub(r"${\1}", event.value)
        value = text if event.style else _plain(text)
        self._put(value, Place(start, _mark(event.end_mark)))

    def _key(self, event: yaml.ScalarEvent, start: Mark) -> None:
        mapping, place = self.open[-1]
        if event.value == "<<" and not event.style:
            self._complain(event, "merges are not allowed; write the keys out instead of '<<'")
        elif not event.value:
            self._complain(event, "a key is missing before ':'")
        elif event.value in mapping:
            first = (place.children or {})[event.value].key or start
            self._complain(event, f"'{event.value}' is already given in line {first[0] + 1}; keep one of the two")
        self.keys[-1] = (event.value, start)

    def _put(self, value: Any, place: Place) -> None:
        if not self.open:
            self.data, self.root = value, place
            return
        container, parent = self.open[-1]
        assert parent.children is not None
        if isinstance(container, list):
            parent.children[len(container)] = place
            container.append(value)
            return
        key = self.keys[-1]
        assert key is not None
        self.keys[-1] = None
        place.key = key[1]
        container[key[0]] = value
        parent.children[key[0]] = place

    def _complain(self, event: yaml.Event, text: str) -> None:
        self.problems.append(problem_at(self.shown, self.lines, *_mark(event.start_mark), text))


class _Stop(Exception):
    """Nothing that follows would make sense."""


def _plain(text: str) -> str | int | float | bool | None:
    """What an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


# --- what the parser says ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Complaint:
    line: str
    at: Mark
    #: Where the list, mapping or quote began that the parser was in.
    opened: Mark
    problem: str
    context: str

    @property
    def indent(self) -> str:
        return self.line[: len(self.line) - len(self.line.lstrip())]


_Finding = tuple[Mark, str]


def _diagnosis(lines: tuple[str, ...], error: yaml.MarkedYAMLError, innermost: Mark | None) -> tuple[int, int, str]:
    """Row, column and text of a parser's error: the place to show and what to do there."""
    mark = error.problem_mark or error.context_mark
    row, column = _mark(mark) if mark else (0, 0)
    line = lines[row] if row < len(lines) else ""
    opened = _mark(error.context_mark) if error.context_mark else (row, column)
    if "flow" in (error.context or "") and innermost:
        opened = innermost
    complaint = _Complaint(line, (min(row, len(lines) - 1), column), opened, error.problem or "", error.context or "")
    found = next((found for hint in _HINTS if (found := hint(complaint))), None)
    (row, column), text = found or (complaint.at, f"is not valid YAML: {complaint.problem}")
    return row, column, text


def problem_at(
    path: str, lines: tuple[str, ...], row: int, column: int, text: str, *, warning: bool = False
) -> Problem:
    """A problem at a row and column counted from 0, with its line for the caret."""
    # A tab is one character in the column but several on a screen: shown as a space, the caret stays under its place.
    line = _UNSHOWABLE.sub("\ufffd", lines[row].replace("\t", " ")) if row < len(lines) else ""
    source = line.rstrip()[:_WIDEST] if column < _WIDEST else ""
    return Problem(path, row + 1, column + 1, text, source, warning)


def _mark(mark: Any) -> Mark:
    """A parser's mark as row and column."""
    return mark.line, mark.column


def _tab(said: _Complaint) -> _Finding | None:
    if "\t" not in said.indent:
        return None
    return (said.at[0], said.indent.index("\t")), "indented with a tab; use spaces"


def _open_quote(said: _Complaint) -> _Finding | None:
    if "quoted scalar" not in said.context or "end of" not in said.problem:
        return None
    return said.opened, "this quote is never closed"


def _bare_jinja(said: _Complaint) -> _Finding | None:
    found = _BARE_JINJA.search(said.line)
    if found is None:
        return None
    return (said.at[0], found.start(1)), f"put quotes around a text with {'{{ }}' if found[1] == '{{' else '{% %}'}"


def _colon(said: _Complaint) -> _Finding | None:
    if not said.problem.startswith("mapping values"):
        return None
    row, column = said.at
    key = _KEY.match(said.line)
    if key and key.end() <= column:
        return (row, key.end()), f"put quotes around the value of '{key[1]}': it has ': ' in it"
    text = "does not fit the line above: check its indentation, or the ':' after the key there"
    return (row, len(said.indent)), text


def _open_bracket(said: _Complaint) -> _Finding | None:
    if "flow" not in said.context:
        return None
    if not said.line.strip():
        return said.opened, "what opens here is never closed"
    closing = "}" if "mapping" in said.context else "]"
    return said.at, f"expected ',' or '{closing}': what opens in line {said.opened[0] + 1} is not closed"


def _strange_start(said: _Complaint) -> _Finding | None:
    if "cannot start" not in said.problem:
        return None
    character = said.line[said.at[1] : said.at[1] + 1]
    return said.at, f"a text cannot begin with '{character}'; put quotes around it"


def _known(said: _Complaint) -> _Finding | None:
    text = next((text for words, text in _SAYINGS.items() if words in said.problem), None)
    return None if text is None else (said.at, text)


_SAYINGS = {
    "expected '-'": "expected '- ' here, like the items above; or check the indentation",
    "escape character": "a backslash in double quotes is special; use single quotes, or write it twice",
    "block sequence entries": "a list begins on a line of its own, each item after '- '",
    "expected": "does not fit what is above: check the indentation and the quotes",
}

#: The first that knows the complaint speaks.
_HINTS: tuple[Callable[[_Complaint], _Finding | None], ...] = (
    _tab,
    _open_quote,
    _bare_jinja,
    _colon,
    _open_bracket,
    _strange_start,
    _known,
)
