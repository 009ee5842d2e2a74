"""A fact that arrived."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

__all__ = ["Event", "Part", "Stamp", "named"]

#: What makes one statement newer than another: when it happened, then source and id, so that no two are equal.
Stamp = tuple[datetime, str, str]


def named(source: str, id_: str) -> bytes:
    """What two tellings of one event have in common: 16 bytes."""
    return blake2b(f"{source}\0{id_}".encode(), digest_size=16).digest()


class Part(NamedTuple):
    """What an event says about one subject."""

    #: `order`, `shipment`, `stock`, `customer`.
    kind: str
    #: `order:1043`.
    key: str
    #: Full field path -> value; None where the event says that it is unknown now.
    leaves: Mapping[str, Any]


class Event(NamedTuple):
    """A CloudEvent that was read: checked against the catalogue, with typed values."""

    source: str
    id: str
    type: str
    #: When it happened, UTC.
    time: datetime
    #: When it reached us, UTC.
    received: datetime
    #: What it says about whom; the first is the subject that it is kept with.
    parts: tuple[Part, ...]
    #: Values that belong to this event alone (`survey.score`), which rules it triggers may look at.
    facts: Mapping[str, Any]
    #: Names the event: two with the same `name_digest` are one event told twice, unless their content differs.
    name_digest: bytes
    content_digest: bytes
    #: The envelope as it came, for the record.
    body: bytes

    @property
    def stamp(self) -> Stamp:
        return (self.time, self.source, self.id)

    @property
    def subject_key(self) -> str:
        return self.parts[0].key if self.parts else ""
