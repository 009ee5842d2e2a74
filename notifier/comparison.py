"""What a change of rules does to a history: the messages that come, that go, and that come at another time or otherwise."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from notifier.backtest import Backtest

__all__ = ["Comparison", "Difference", "Kind", "compare", "counted"]

Kind = Literal["added", "removed", "changed"]
Decision = Mapping[str, Any]

#: What a customer would notice of the same message.
_NOTICED = ("at", "channel", "locale")


@dataclass(frozen=True, slots=True)
class Difference:
    """A message that one of two sets of rules sends and the other does not, or sends otherwise.

    The decisions are those of a backtest, as `backtest --json` prints them.
    """

    kind: Kind
    before: Decision | None
    after: Decision | None

    @property
    def message(self) -> Decision:
        """As it is now, or was."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.message["at"])

    @property
    def later_by(self) -> timedelta:
        """How much later it comes; negative where it comes sooner, zero where it does not come or did not."""
        if self.before is None or self.after is None:
            return timedelta()
        return self.at - datetime.fromisoformat(self.before["at"])

    def record(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {"difference": self.kind, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What other rules make of the same history."""

    #: Which rules these are, as a person named them.
    name: str
    before: Backtest
    after: Backtest
    differences: Sequence[Difference]
    #: Messages that do not differ.
    same: int


def compare(before: Iterable[Decision], after: Iterable[Decision]) -> tuple[list[Difference], int]:
    """The differences in order of time, and how many messages are the same.

    A message is the same to whoever gets it, whatever its rule is called: the same text, about the same, to the same.
    """
    old, new = _sent(before), _sent(after)
    found: list[Difference] = []
    same = 0
    for key in old.keys() | new.keys():
        for one, other in zip_longest(old[key], new[key]):
            if one is None or other is None:
                found.append(Difference("removed" if other is None else "added", one, other))
            elif any(one[name] != other[name] for name in _NOTICED):
                found.append(Difference("changed", one, other))
            else:
                same += 1
    return sorted(found, key=lambda one: (one.at, one.message["subject"], one.message["rule"])), same


def counted(differences: Iterable[Difference]) -> dict[str, Counter[Kind]]:
    """Rule -> how many of each kind, by rule; what is gone counts for the rule that sent it."""
    rules: dict[str, Counter[Kind]] = {}
    for one in differences:
        rules.setdefault(one.message["rule"], Counter())[one.kind] += 1
    return dict(sorted(rules.items()))


def _sent(decisions: Iterable[Decision]) -> Mapping[tuple[str, ...], list[Decision]]:
    """What was sent, by what makes it the same message, in order of time."""
    messages: defaultdict[tuple[str, ...], list[Decision]] = defaultdict(list)
    for one in decisions:
        if one["outcome"] == "send":
            messages[one["subject"], one["to"], one["template"]].append(one)
    return messages
