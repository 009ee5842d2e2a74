"""The door: bytes in, one answer for each event out, and nothing lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson

from notifier.core.cloudevent import LARGEST_EVENT, EventReader
from notifier.core.event import Event
from notifier.core.value import read_id
from notifier.errors import EventRefused
from notifier.ingest import absorb
from notifier.project import Project
from notifier.store import Store
from notifier.store.record import Quarantined

__all__ = ["CONFLICT", "Receipt", "receive"]

CONFLICT = "this source and id came before with other content"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one event at the door. A rejected one is kept in quarantine, with the reason."""

    status: Literal["accepted", "duplicate", "rejected"]
    reason: str = ""
    #: True where the source and id are known with another content.
    conflict: bool = False
    #: Of a rejected one, where it could not be read.
    fault: EventRefused | None = field(default=None, compare=False)


_ACCEPTED, _DUPLICATE = Receipt("accepted"), Receipt("duplicate")


def receive(
    project: Project, store: Store, reader: EventReader, arrived: Sequence[bytes | dict[str, Any]], now: datetime
) -> list[Receipt]:
    """Take one batch in one transaction; a receipt for each event, in order. Bytes are one JSON event each."""
    receipts: list[Receipt | None] = [None] * len(arrived)
    refused: list[Quarantined] = []
    events: list[tuple[int, Event]] = []
    for place, one in enumerate(arrived):
        try:
            events.append((place, reader.read(one, now)))
        except EventRefused as error:
            receipts[place] = Receipt("rejected", str(error), fault=error)
            refused.append(Quarantined(now, _source(one), str(error), _body(one)))
    with store.begin() as unit:
        newness = absorb(project, unit, [event for _, event in events], now)
        for (place, event), state in zip(events, newness, strict=True):
            if state == "conflict":
                receipts[place] = Receipt("rejected", CONFLICT, conflict=True)
                refused.append(Quarantined(now, event.source, CONFLICT, event.body))
            else:
                receipts[place] = _ACCEPTED if state == "new" else _DUPLICATE
        if refused:
            unit.quarantine(refused)
    return [one for one in receipts if one is not None]


def _source(one: Any) -> str:
    """Who sent it, where that can be read: what is refused may be odd in every part."""
    try:
        return read_id(one["source"])
    except (TypeError, KeyError, ValueError):
        return ""


def _body(one: Any) -> bytes:
    return one[:LARGEST_EVENT] if isinstance(one, bytes) else orjson.dumps(one, default=str)
