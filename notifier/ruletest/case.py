"""A rule test, as it is run: what is known, what happens, and what is to come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifier.core.event import Event
from notifier.errors import Problem
from notifier.project import Project

__all__ = ["Case", "Expected", "Suite", "WhyNot"]


@dataclass(frozen=True, slots=True)
class Expected:
    """A decision that has to come, as far as the test says what it is like."""

    #: Where it stands; without a text.
    place: Problem
    #: Name, as in the file -> what it must be.
    wanted: Mapping[str, Any]
    subject: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    not_contains: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """Empty where any rule will do."""
        return str(self.wanted.get("rule", ""))


@dataclass(frozen=True, slots=True)
class WhyNot:
    """A rule that must not send, and the reason that it must have."""

    place: Problem
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """One test."""

    place: Problem
    name: str
    start: datetime
    #: Folded at `start`; they arm times and set nothing off.
    given: tuple[Event, ...]
    timeline: tuple[Event, ...]
    until: datetime
    expected: tuple[Expected, ...]
    why_not: tuple[WhyNot, ...]

    @property
    def rules(self) -> frozenset[str]:
        """The rules that it speaks of. A report by the calendar goes off in no other test."""
        return frozenset({*(one.rule for one in self.expected), *(one.rule for one in self.why_not)})


@dataclass(frozen=True, slots=True)
class Suite:
    """A file of tests; `project` has the rules that it loads, and no others."""

    file: str
    project: Project
    cases: tuple[Case, ...]
