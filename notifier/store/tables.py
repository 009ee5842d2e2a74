"""The tables, and the types that turn values of the domain into what databases keep.

Rows stand in the order in which the records name their fields, so that a record is its row. `open`, `next_due` and
`customer_key` repeat what a subject's body says, to find it by. Each index serves a query of the seam; partial ones stay
small, since most subjects are finished and most messages delivered.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeDecorator

__all__ = [
    "ARMED", "IN_HAND", "LED", "OPEN", "OWED", "QUEUED", "UNKNOWN", "WAITING", "attempt", "collection", "decision", "event", "limit_slot",
    "limit_use", "message", "message_body", "metadata", "mute", "note", "order_line", "promise", "quarantine", "rule_match",
    "rules_text", "seen", "subject", "subject_ref", "suppression", "survey_answer", "waiting",
]  # fmt: skip

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware instant, as whole microseconds since 1970: exact, small, and in order."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _TICK

    def process_result_value(self, value: int | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Packed(TypeDecorator[bytes]):
    """Bytes, kept compressed."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, _dialect: Dialect) -> bytes | None:
        # The fastest level: the usual one takes half as long again to save a twelfth.
        return None if value is None else zlib.compress(value, 1)

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> bytes | None:
        return None if value is None else zlib.decompress(value)


class Facts(TypeDecorator[Mapping[str, Any]]):
    """Path -> value as JSON, with the times apart so that they come back as times."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, Any] | None, _dialect: Dialect) -> bytes:
        values: dict[str, Any] = {}
        times: dict[str, date] = {}
        for path, one in (value or {}).items():
            (times if isinstance(one, date) else values)[path] = one
        return orjson.dumps((values, times), option=orjson.OPT_UTC_Z)

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> dict[str, Any]:
        values, times = orjson.loads(value or b"[{},{}]")
        return {**values, **{path: _time(said) for path, said in times.items()}}


class Words(TypeDecorator[tuple[str, ...]]):
    """Names without spaces."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, _dialect: Dialect) -> str:
        return " ".join(value or ())

    def process_result_value(self, value: str | None, _dialect: Dialect) -> tuple[str, ...]:
        return tuple((value or "").split())


def _time(said: str) -> datetime | date:
    return date.fromisoformat(said) if len(said) == 10 else datetime.fromisoformat(said)


def _number() -> Column[int]:
    """Numbers every row in the order of arrival. SQLite counts by itself only under the name INTEGER."""
    return Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)
#: Slim rows that are only ever looked up by their key stand in the key's own tree.
_SLIM: dict[str, Any] = {"sqlite_with_rowid": False}

#: Conditions of partial indexes: a query must say the same words to be served by one.
WAITING = text("state IN ('held', 'pending')")
IN_HAND = text("state IN ('claimed', 'posting')")
UNKNOWN = text("state = 'unknown'")
ARMED = text("next_due IS NOT NULL")
OPEN = text("open")
LED = text("lead IS NOT NULL")
OWED = text("owed > 0")
#: Nobody has promised them anything.
QUEUED = text("message_key IS NULL")


def _where(condition: Any) -> dict[str, Any]:
    return {"sqlite_where": condition, "postgresql_where": condition}


seen = Table(
    "seen", metadata,
    Column("digest", LargeBinary(16), primary_key=True),
    Column("content", LargeBinary(16), nullable=False),
    **_SLIM,
)  # fmt: skip

event = Table(
    "event", metadata,
    _number(),
    Column("subject_key", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("time", Instant, nullable=False),
    Column("received", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "subject_key"),
)  # fmt: skip

quarantine = Table(
    "quarantine", metadata,
    _number(),
    Column("received", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip

subject = Table(
    "subject", metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("customer_key", Text, nullable=False),
    Column("open", Boolean(create_constraint=False), nullable=False),
    Column("next_due", Instant),
    Column("body", LargeBinary, nullable=False),
    Index(None, "next_due", "key", **_where(ARMED)),
    Index("ix_subject_open", "key", **_where(OPEN)),
)  # fmt: skip

subject_ref = Table(
    "subject_ref", metadata,
    Column("kind", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("subject_key", Text, primary_key=True),
    **_SLIM,
)  # fmt: skip

order_line = Table(
    "order_line", metadata,
    Column("sku", Text, primary_key=True),
    Column("order_key", Text, primary_key=True),
    Column("owed", Float, nullable=False),
    Index("ix_order_line_owed", "sku", "order_key", "owed", **_where(OWED)),
    **_SLIM,
)  # fmt: skip

waiting = Table(
    "waiting", metadata,
    Column("sku", Text, primary_key=True),
    Column("customer_key", Text, primary_key=True),
    Column("joined", Instant, nullable=False),
    Column("entry", Text, nullable=False),
    Column("units", Float, nullable=False),
    # By which they are promised something; empty for those who have ordered.
    Column("message_key", LargeBinary(16)),
    Column("passed", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Index("ix_waiting_queued", "sku", "joined", "entry", "customer_key", **_where(QUEUED)),
    Index("ix_waiting_promised", "message_key", **_where(text("message_key IS NOT NULL"))),
    Index(None, "customer_key", "sku"),
)  # fmt: skip

promise = Table(
    "promise", metadata,
    _number(),
    Column("key", LargeBinary(16), nullable=False, unique=True),
    Column("sku", Text, nullable=False),
    Column("customer_key", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Column("units", Float, nullable=False),
    Column("until", Instant),
    Index(None, "sku", "until"),
    Index(None, "customer_key"),
)  # fmt: skip

rule_match = Table(
    "rule_match", metadata,
    _number(),
    Column("key", LargeBinary(16), nullable=False, unique=True),
    Column("subject_key", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("rule_hash", Text, nullable=False),
    Column("send", SmallInteger, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("occurrence", Text, nullable=False),
    Column("trigger_at", Instant, nullable=False),
    Column("at", Instant, nullable=False),
    Column("seen", Facts, nullable=False),
    Index(None, "subject_key"),
)  # fmt: skip

decision = Table(
    "decision", metadata,
    _number(),
    Column("match_key", LargeBinary(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("until", Instant),
    Column("channel", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("matches", Integer, nullable=False, server_default="1"),
    Index(None, "match_key"),
)  # fmt: skip

limit_slot = Table(
    "limit_slot", metadata,
    Column("key", LargeBinary(16), primary_key=True),
    Column("message_key", LargeBinary(16), nullable=False),
    Index(None, "message_key"),
    **_SLIM,
)  # fmt: skip

limit_use = Table(
    "limit_use", metadata,
    _number(),
    Column("key", LargeBinary(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("message_key", LargeBinary(16), nullable=False),
    Index(None, "key", "at"),
    Index(None, "message_key"),
)  # fmt: skip

message = Table(
    "message", metadata,
    _number(),
    Column("key", LargeBinary(16), nullable=False, unique=True),
    Column("subject_key", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("send", SmallInteger, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("stale_at", Instant, nullable=False),
    Column("template", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("tried", Words, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("ambiguous", Integer, nullable=False),
    Column("provider", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("lease_until", Instant),
    Column("lead", LargeBinary(16)),
    Index("ix_message_lead", "lead", "number", **_where(LED)),
    Index("ix_message_waiting", "priority", "due_at", **_where(WAITING)),
    Index("ix_message_in_hand", "lease_until", **_where(IN_HAND)),
    Index("ix_message_unknown", "due_at", **_where(UNKNOWN)),
    # Of an expression, since SQLite would take one of the bare state for the partial ones and then sort what it finds.
    Index("ix_message_state", text("lower(state)"), "number"),
    Index(None, "subject_key", "number"),
    # A number stands in links that people keep: the one of a message that was deleted must not come back.
    sqlite_autoincrement=True,
)  # fmt: skip

collection = Table(
    "collection", metadata,
    Column("key", LargeBinary(16), primary_key=True),
    Column("ends_at", Instant, nullable=False),
    Column("lead", LargeBinary(16), nullable=False),
    **_SLIM,
)  # fmt: skip

message_body = Table(
    "message_body", metadata,
    Column("message_key", LargeBinary(16), primary_key=True),
    Column("body", Packed, nullable=False),
)  # fmt: skip

attempt = Table(
    "attempt", metadata,
    Column("message_key", LargeBinary(16), primary_key=True),
    Column("no", Integer, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    **_SLIM,
)  # fmt: skip

suppression = Table(
    "suppression", metadata,
    Column("digest", LargeBinary(16), primary_key=True),
    Column("channel", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    **_SLIM,
)  # fmt: skip

mute = Table(
    "mute", metadata,
    Column("kind", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("until", Instant),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
)  # fmt: skip

survey_answer = Table(
    "survey_answer", metadata,
    Column("message_key", LargeBinary(16), primary_key=True),
    Column("score", Integer, nullable=False),
    Column("comment", Text, nullable=False),
    Column("at", Instant, nullable=False),
)  # fmt: skip

rules_text = Table(
    "rules_text", metadata,
    _number(),
    Column("since", Instant, nullable=False),
    Column("hash", Text, nullable=False),
    Column("text", Packed, nullable=False),
)  # fmt: skip

note = Table(
    "note", metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)  # fmt: skip
