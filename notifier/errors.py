"""Everything that notifier raises on purpose.

    NotifierError
    ├── Faults            the project's own files are wrong: all problems at once
    ├── UsageError        the command was called wrongly
    ├── EventRefused      one event cannot be taken; the rest of its batch can
    │   └── NotJson       its bytes are no JSON
    ├── RenderFailed      one message cannot be written
    │   └── NoTranslation no text in any language that would do
    ├── Busy              somebody else holds the project
    └── Unreachable       a database, server or file that is needed does not answer

The first line of an error is written for the person who has to mend it: what, where, what to do. No secret, address or
phone number is ever part of one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "Busy",
    "EventRefused",
    "Faults",
    "NoTranslation",
    "NotJson",
    "NotifierError",
    "Problem",
    "RenderFailed",
    "Unreachable",
    "UsageError",
]


class NotifierError(Exception):
    """Something that notifier knows how to explain."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in one file, in the form that editors and people can jump to.

    `line` and `column` count from 1; 0 means that the fault has no place in the file (or that `file` is not a file but
    the name of a setting). `source` is the line at fault, for the caret. A `warning` does not fail a check.
    """

    file: str
    line: int
    column: int
    text: str
    source: str = ""
    warning: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: "
        head = f"{place}{'warning: ' if self.warning else ''}{self.text}"
        if not self.source:
            return head
        return f"{head}\n    {self.source}\n    {' ' * (self.column - 1)}^"


class Faults(NotifierError):
    """The project cannot be used as it stands; `problems` says all that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(NotifierError):
    """The command was given something that it cannot use."""


class EventRefused(NotifierError):
    """An event that cannot be taken, and why, in words that its sender can act on.

    `where` is the path inside the event (`data.total`), empty for the whole of it.
    """

    def __init__(self, reason: str, where: str = "") -> None:
        self.reason = reason
        self.where = where
        super().__init__(f"{where}: {reason}" if where else reason)


class NotJson(EventRefused):
    """Bytes that are not JSON. `line` and `column` say where, from 1; `reason` leaves that out, for whoever says it better."""

    def __init__(self, why: str, line: int, column: int) -> None:
        super().__init__(f"not JSON: {why} (line {line}, column {column})")
        self.reason = f"not JSON: {why}"
        self.line = line
        self.column = column


class RenderFailed(NotifierError):
    """A message could not be written; says which text, which line and what is missing."""


class NoTranslation(RenderFailed):
    """A template has no text in any language that this person could be written to in."""


class Busy(NotifierError):
    """Another process holds this project."""


class Unreachable(NotifierError):
    """Something outside the process that is needed does not answer."""
