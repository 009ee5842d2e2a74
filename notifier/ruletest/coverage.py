"""What of the rules the tests have tried: each send, each clause both ways, each limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from notifier.core.audience import WAITLIST_ENTRY
from notifier.core.rule import Rule
from notifier.core.scene import Scene
from notifier.ruletest.trial import Trial
from notifier.ruletest.witness import conditions

__all__ = ["Coverage", "Item"]

#: A drop by which a limit shows.
_LIMITED = ("already_sent", "limit")
_NOBODY = Scene({}, datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))

Missing = Literal["sent", "true", "false", "reached"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a test can show of a rule."""

    #: `rules/delivery.yaml:12`
    place: str
    rule: str
    #: `only_if order.total: {at_least: 50}`, `send delivery_late`, `limit`.
    what: str
    #: What it has to be in some test.
    shown: Missing

    def __str__(self) -> str:
        never = {"sent": "is never sent", "reached": "is never reached"}.get(self.shown, f"is never {self.shown}")
        return f"{self.place}: {self.rule}: {self.what} {never}"


class Coverage:
    """Gathers what tests show, one after the other."""

    def __init__(self) -> None:
        self._shown: set[tuple[str, str, Missing]] = set()

    def note(self, trial: Trial) -> None:
        book = trial.suite.project.book
        for one in trial.decisions:
            send = book.by_id[one.match.rule].send_at(one.match.send)
            if one.row.outcome == "send":
                assert send is not None
                self._shown.add((one.match.rule, f"send {send.label}", "sent"))
            elif one.row.reason in _LIMITED:
                self._shown.add((one.match.rule, "limit", "reached"))
        for asked in trial.asked:
            for finding in asked.findings:
                if finding.truth is not None:
                    truth: Missing = "true" if finding.truth else "false"
                    self._shown.add((asked.rule, f"{asked.where} {finding.clause}", truth))

    def gaps(self, rules: Iterable[Rule]) -> list[Item]:
        """What no test has shown, in the order of the rules."""
        return [one for one in self.items(rules) if (one.rule, one.what, one.shown) not in self._shown]

    @staticmethod
    def items(rules: Iterable[Rule]) -> list[Item]:
        """All that there is to show; of a draft nothing."""
        return [one for rule in rules if rule.state != "draft" for one in _items(rule)]


def _items(rule: Rule) -> Iterator[Item]:
    sends = [*rule.sends, *([rule.follow_up.send] if rule.follow_up else [])]
    for label in dict.fromkeys(one.label for one in sends):
        yield Item(rule.where, rule.id, f"send {label}", "sent")
    for where, condition in conditions(rule):
        for clause in dict.fromkeys(finding.clause for finding in condition.findings(_NOBODY)):
            yield Item(rule.where, rule.id, f"{where} {clause}", "true")
            yield Item(rule.where, rule.id, f"{where} {clause}", "false")
    # Who waits is told once for each time they asked, limit or not.
    if rule.limit is not None and rule.limit.keys != (WAITLIST_ENTRY,):
        yield Item(rule.where, rule.id, "limit", "reached")
