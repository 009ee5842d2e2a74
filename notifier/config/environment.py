"""What the environment says: `${NAME}` in the file's values, and `NOTIFIER__SECTION__KEY` instead of them.

A value that came from the environment never appears in a message; its variable's name does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from notifier.document import Document, Loc, content
from notifier.errors import Problem

__all__ = ["PREFIX", "filled", "literal_secrets", "overridden"]

PREFIX = "NOTIFIER__"
#: Bytes; whatever is longer is not a secret that somebody meant.
_LARGEST_SECRET = 64 * 1024

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_KEY = re.compile(r"(^|_)(token|password|passphrase|secret|api_key|private_key|signing_key|credentials)$")
_PASSWORD_IN_URL = re.compile(r"://[^/@:\s]*:(?!\$\{[A-Za-z0-9_]+\}@)[^/@\s]+@")


def literal_secrets(document: Document) -> Iterator[tuple[Loc, Problem]]:
    """The secrets that stand in the file instead of a `${NAME}`."""
    for loc, value in _leaves(document.data):
        key = next((step for step in reversed(loc) if isinstance(step, str)), "")
        name = key.upper()
        if _SECRET_KEY.search(key) and value is not None and not _REFERENCE.fullmatch(str(value)):
            text = f"'{key}' is a secret: write ${{{name}}} here and put the value into the environment"
            yield loc, document.problem(loc, text)
        elif isinstance(value, str) and _PASSWORD_IN_URL.search(value):
            text = f"'{key}' has a password in it: write ${{{name}_PASSWORD}} there and put it into the environment"
            yield loc, document.problem(loc, text)


def filled(document: Document, environ: Mapping[str, str]) -> tuple[Any, dict[Loc, Problem], frozenset[Loc]]:
    """The document's data with every `${NAME}` replaced; what could not be; the paths where something was."""
    failed: dict[Loc, Problem] = {}
    touched: set[Loc] = set()

    def fill(value: Any, loc: Loc) -> Any:
        if isinstance(value, dict):
            return {key: fill(inner, (*loc, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [fill(inner, (*loc, index)) for index, inner in enumerate(value)]
        if not isinstance(value, str) or not _REFERENCE.search(value):
            return value
        touched.add(loc)
        try:
            return _REFERENCE.sub(lambda found: _variable(found[1], environ), value)
        except _Unset as unset:
            failed[loc] = document.problem(loc, str(unset), part=f"${{{unset.name}}}")
            return value

    return fill(document.data, ()), failed, frozenset(touched)


def overridden(data: Any, environ: Mapping[str, str]) -> tuple[Any, dict[Loc, str], dict[Loc, Problem], list[Problem]]:
    """The data with the `NOTIFIER__…` variables in it, which variable each path came from, what could not be read, and
    what else was wrong.
    """
    whole = data if isinstance(data, dict) else {}
    origins: dict[Loc, str] = {}
    failed: dict[Loc, Problem] = {}
    problems = []
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        steps = [step.lower() for step in variable.removeprefix(PREFIX).removesuffix("_FILE").split("__")]
        try:
            text = _variable(variable.removesuffix("_FILE"), environ)
            origins[_set(whole, steps, _read(text))] = variable
        except ValueError as error:
            problems.append(Problem(variable, 0, 0, str(error)))
        except _Unset as unset:
            failed[_met(whole, steps)] = Problem(variable, 0, 0, unset.why.removeprefix(f"{variable} "))
    return whole, origins, failed, problems


class _Unset(Exception):
    def __init__(self, name: str, why: str) -> None:
        self.name = name
        self.why = why
        super().__init__(f"{name} {why}" if why.startswith("is") else why)


def _variable(name: str, environ: Mapping[str, str]) -> str:
    """The value of a variable, or what is in the file that `NAME_FILE` names."""
    value = environ.get(name)
    if value is None and (file := environ.get(f"{name}_FILE")):
        try:
            raw = content(Path(file), _LARGEST_SECRET)
            if len(raw) > _LARGEST_SECRET:
                raise _Unset(name, f"{name}_FILE names a file that is larger than {_LARGEST_SECRET // 1024} KiB")
            value = raw.decode()
        except (OSError, ValueError):
            raise _Unset(name, f"{name}_FILE names a file that cannot be read") from None
    if value is None:
        raise _Unset(name, f"is not set in the environment; set it, or {name}_FILE to the file that holds it")
    value = value.rstrip("\r\n")
    if not value.strip():
        raise _Unset(name, "is set, but empty")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        raise _Unset(name, "is wrapped in quotes; delete them")
    return value


def _read(text: str) -> Any:
    """A list, a mapping or null as JSON; all else is text, which the models turn into numbers where one belongs."""
    if text == "null":
        return None
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is neither a JSON list nor a JSON mapping") from None


def _set(data: dict[str, Any], steps: list[str], value: Any) -> Loc:
    """Put a value where the steps lead."""
    loc = _met(data, steps)
    for depth, key in enumerate(loc[:-1], 1):
        if data.get(key) is None:
            data[key] = {}
        if not isinstance(data[key], dict):
            raise ValueError(f"'{'.'.join(loc[:depth])}' has no keys below it")  # noqa: TRY004 - of the variable's name
        data = data[key]
    data[loc[-1]] = value
    return loc


def _met(data: Any, steps: list[str]) -> tuple[str, ...]:
    """Where the steps lead; names of the file's own (`GLS`) are met whatever their case."""
    loc: tuple[str, ...] = ()
    for step in steps:
        names = data if isinstance(data, dict) else {}
        key = next((known for known in names if known.lower() == step), step)
        loc, data = (*loc, key), names.get(key)
    return loc


def _leaves(value: Any, loc: Loc = ()) -> Iterator[tuple[Loc, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*loc, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*loc, index))
    else:
        yield loc, value
