"""How triggers, times, values and reasons are said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from notifier.core.decide import REASONS
from notifier.core.local_time import rfc3339, when
from notifier.core.rule import BecomesTrue, Calendar, Change, Moment, NoNews, OnEvent, Trigger

__all__ = ["end_words", "plain", "reason_words", "trigger_words", "value_words"]

#: What an operator has to do about what is held so.
_OPENED = {"paused": "resumed", "brake": "approved"}
#: Of a list so many entries are told.
_MOST_ENTRIES = 5


def trigger_words(trigger: Trigger) -> str:
    """`order.promised_at + 1d at 09:00`, `order.shipped`, `order.eta later by 1d`, `no shipment.scanned for 3d`."""
    if isinstance(trigger, OnEvent):
        return " or ".join(trigger.types)
    if isinstance(trigger, Moment):
        return trigger.when.text + (f" at {trigger.at:%H:%M}" if trigger.at else "")
    if isinstance(trigger, Calendar):
        return trigger.text
    if isinstance(trigger, NoNews):
        since = f" since {trigger.counted_from.path}" if trigger.counted_from else ""
        return f"no {' or '.join(trigger.of)} for {trigger.lasts}{since}"
    if isinstance(trigger, BecomesTrue):
        return f"it becomes true that {trigger.text}"
    return f"{trigger.field.path} {' and '.join(_change_words(trigger)) or 'changes'}"


def _change_words(trigger: Change) -> Iterator[str]:
    for words, wanted in (
        ("later by", trigger.later_by), ("earlier by", trigger.earlier_by), ("rises above", trigger.rises_above),
        ("falls below", trigger.falls_below), ("from", trigger.from_), ("to", trigger.to),
    ):  # fmt: skip
        if wanted is not None:
            shown = " or ".join(map(str, wanted)) if isinstance(wanted, tuple) else getattr(wanted, "text", wanted)
            yield f"{words} {shown}"


def value_words(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return when(value, zone)
    if isinstance(value, list):
        told = [_entry_words(one) for one in value[:_MOST_ENTRIES]]
        return f"[{', '.join(told)}{', ...' if len(value) > _MOST_ENTRIES else ''}]"
    if isinstance(value, dict):
        return f"{{{len(value)}}}"
    return "unknown" if value is None else str(value)


def _entry_words(entry: Any) -> str:
    """`2 x Wool socks`, of an order's items what one is; of a list of words the word."""
    if not isinstance(entry, dict):
        return str(entry)
    count = entry.get("quantity")
    return f"{f'{count} x ' if count not in (None, 1) else ''}{entry.get('name') or entry.get('sku') or 'item'}"


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value


def end_words(reason: str, until: datetime, stale_at: datetime, zone: ZoneInfo) -> str:
    """`until Sat 2026-03-14 08:00`; where only the end of its use would end the wait, what is waited for."""
    if reason in _OPENED and until >= stale_at:
        return f"until {_OPENED[reason]}, or dropped {when(stale_at, zone)}"
    return f"until {when(until, zone)}"


def reason_words(reason: str, detail: str = "") -> str:
    """`quiet_hours: team support works mon-fri 08:00-18:00`; what the reason says in general where no more is known."""
    return f"{reason}: {detail or REASONS.get(reason, reason)}"
