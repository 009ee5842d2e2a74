"""What a store keeps besides subjects and events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from notifier.errors import NotifierError

__all__ = [
    "ENDED", "Attempt", "DecisionRow", "Expiry", "KeyTaken", "Match", "Outgoing", "Promise", "Quarantined", "RulesText",
    "State", "Told",
]  # fmt: skip


class KeyTaken(NotifierError):
    """What may be there only once is there already: a digest, a match, a slot, a message or an attempt."""


#: Where a message stands. `held` and `pending` wait for `due_at`; `claimed` and `posting` are in somebody's hands;
#: `unknown` may have been sent; `collected` goes, or has gone, as a part of another, its `lead`; the rest are ends, of which `accepted` may still become `delivered` or `bounced`.
State = Literal[
    "held", "pending", "claimed", "posting", "unknown",
    "collected", "accepted", "delivered", "bounced", "failed", "rejected", "dropped", "cancelled", "abandoned",
]  # fmt: skip
ENDED: frozenset[str] = frozenset(
    {"collected", "accepted", "delivered", "bounced", "failed", "rejected", "dropped", "cancelled", "abandoned"}
)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An event that could not be taken, kept so that nothing is lost."""

    received: datetime
    source: str
    reason: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it is kept."""

    type: str
    source: str
    id: str
    time: datetime
    received: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class RulesText:
    """The rules as they were written when they came into force, until others did."""

    since: datetime
    #: That of the book which they made.
    hash: str
    #: JSON: the name of each file -> what stood in it.
    text: bytes


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that fired for a subject. `key` is unique: (rule, send, subject, recipient, occurrence)."""

    key: bytes
    subject_key: str
    rule: str
    rule_hash: str
    send: int
    recipient: str
    occurrence: str
    trigger_at: datetime
    at: datetime
    #: What belongs to the triggering event: full path -> value, instants as aware datetimes, plain dates as dates.
    seen: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision about a match; a held one is followed by another."""

    match_key: bytes
    at: datetime
    outcome: Literal["send", "hold", "drop"]
    reason: str = ""
    detail: str = ""
    until: datetime | None = None
    channel: str = ""
    language: str = ""
    #: `delivery_late`, or `survey:csat_delivery`.
    template: str = ""
    category: str = ""
    #: How many matches the message tells of: more than one only where they were collected.
    matches: int = 1


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way. Its key is its match's; `number` is given by the store and names it in links."""

    key: bytes
    subject_key: str
    rule: str
    send: int
    recipient: str
    category: str
    #: Lower leaves first.
    priority: int
    state: State
    due_at: datetime
    stale_at: datetime
    template: str
    created_at: datetime
    reason: str = ""
    channel: str = ""
    language: str = ""
    #: Where it was, or is being, sent; empty until it was marked.
    address: str = ""
    #: Channels that refused it for good.
    tried: tuple[str, ...] = ()
    #: Calls made so far; of these, attempts that count against it, and calls whose outcome was never known.
    calls: int = 0
    attempts: int = 0
    ambiguous: int = 0
    provider: str = ""
    provider_id: str = ""
    #: Whose claim it is, and until when (real time, not the engine's).
    token: str = ""
    lease_until: datetime | None = None
    #: Of what is collected, the key of the message that it is sent as: the first one's is its own. None for all others.
    lead: bytes | None = None
    number: int = 0

    @property
    def id(self) -> str:
        """Public and stable: the local part of its Message-ID."""
        return self.key.hex()


@dataclass(frozen=True, slots=True)
class Promise:
    """Units of an article that a message promises to somebody who waits for it."""

    #: The message's.
    key: bytes
    sku: str
    customer_key: str
    #: What they asked for it by.
    entry: str
    units: float
    #: When it lapses; None until the message leaves.
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to one provider, written down before it is made."""

    message_key: bytes
    no: int
    provider: str
    started_at: datetime
    ended_at: datetime | None = None
    #: `accepted`, `retry`, `refused`, `unknown`; empty while it is under way.
    outcome: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Expiry:
    """Before when what came, or was last heard of, is to go."""

    message_bodies: datetime
    events: datetime
    finished_orders: datetime
    quarantine: datetime
