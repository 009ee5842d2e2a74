"""What an operator says about messages that the brake holds: they may go, or they are discarded.

What is approved is decided about once more before it leaves, as every message is, and is not braked again. Its rule's
messages are counted anew from then on; after `discard` the count goes on, so that a flood that lasts is braked at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from notifier.core.policy import Mute
from notifier.store import Unit
from notifier.store.record import DecisionRow, Outgoing

__all__ = ["approve", "braked", "discard", "held", "let_go"]

_PAGE = 1_000


def braked(unit: Unit) -> dict[str, int]:
    """Rule -> how many of its messages the brake holds; those that are braked and have none are there as well."""
    on = {one.scope.removeprefix("rule:"): 0 for one in unit.mutes() if one.kind == "brake" and one.until is None}
    return dict(sorted({**on, **unit.held_for("brake")}.items()))


def held(unit: Unit, rule: str) -> list[Outgoing]:
    """The messages of a rule that the brake holds, oldest first."""
    return [one for page in _held(unit) for one in page if one.rule == rule and one.reason == "brake"][::-1]


def _held(unit: Unit) -> Iterator[list[Outgoing]]:
    after = 0
    while page := unit.find_messages(states=["held"], limit=_PAGE, after=after):
        yield page
        after = page[-1].number
        if after <= 1:
            return


def approve(unit: Unit, messages: Sequence[Outgoing], now: datetime) -> None:
    """Let these go: they are looked at with the next tick."""
    unit.put(replace(one, state="pending", reason="", due_at=now) for one in messages)


def discard(unit: Unit, messages: Sequence[Outgoing], now: datetime) -> None:
    """They will not be sent, and give back their places in limits."""
    unit.add_decisions(
        DecisionRow(one.key, now, "drop", "discarded", template=one.template, category=one.category)
        for one in messages
    )  # fmt: skip
    unit.put(replace(one, state="dropped", reason="discarded") for one in messages)
    unit.free([one.key for one in messages])


def let_go(unit: Unit, rule: str, now: datetime, *, approved: bool) -> None:
    """Take the brake off a rule."""
    on = next((one for one in unit.mutes() if one.kind == "brake" and one.scope == f"rule:{rule}"), None)
    if on is None:
        return
    if approved:
        unit.add_mute(Mute("brake", on.scope, now, on.reason), on.at or now)
    else:
        unit.lift_mute("brake", on.scope)
