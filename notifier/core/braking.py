"""How a team hears that a rule is braked: by a rule of the engine's own, which goes the way of all rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from notifier.core.catalogue import Field
from notifier.core.condition import Clause, NumberRef
from notifier.core.local_time import rfc3339
from notifier.core.match import Candidate
from notifier.core.rule import Book, Brake, OnEvent, Rule, Send

__all__ = ["KIND", "TEMPLATE", "facts", "notice", "notice_name", "telling"]

#: The text that tells it.
TEMPLATE = "rule_braked"
#: What such a rule is about.
KIND = "rule"
#: No id of a rule has a colon.
_PREFIX = "brake:"
# What was approved before the team was at work need not be told any more.
_SOME_WAIT = Clause(
    Field("brake.waiting", "number", ""), "more_than", NumberRef("0", None), "brake.waiting: {more_than: 0}"
)


def notice_name(rule: str) -> str:
    """`brake:delivery-overdue`, the name of the rule that tells of the brake of `delivery-overdue`."""
    return _PREFIX + rule


def notice(name: str, book: Book, hears_of: Callable[[Rule], str]) -> Rule | None:
    """The rule of such a name; None where it is none, or where there is nobody to tell."""
    about = book.by_id.get(name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else None
    team = hears_of(about) if about else ""
    if about is None or not team:
        return None
    send = Send(0, TEMPLATE, survey=False, category="staff", to=f"team.{team}")
    return Rule(name, KIND, OnEvent(("rule.braked",)), (send,), about.place, hash="", only_if=_SOME_WAIT)


def telling(rule: Rule, now: datetime) -> Candidate:
    """That what this notice is about was braked `now`."""
    return Candidate(rule, rule.sends[0], f"{KIND}:{rule.id.removeprefix(_PREFIX)}", rfc3339(now), now)


def facts(rule: str, brake: Brake | None, waiting: int) -> Mapping[str, Any]:
    """What is known of a rule that is braked."""
    known: dict[str, Any] = {"brake.rule": rule, "brake.waiting": waiting}
    if brake is not None:
        known |= {"brake.most": brake.most, "brake.within": str(brake.within)}
    return known
