"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SLIM: dict[str, Any] = {"sqlite_with_rowid": False}


def upgrade() -> None:
    _events_and_subjects()
    _decisions()
    _messages()
    _people_and_operators()


def downgrade() -> None:
    """There is nothing before it."""


def _table(name: str, *columns: sa.schema.SchemaItem, key: str = "number", **options: Any) -> None:
    primary = sa.PrimaryKeyConstraint(*key.split(), name=f"pk_{name}")
    op.create_table(name, *columns, primary, **options)


def _index(table: str, *columns: str, name: str = "", where: str = "") -> None:
    condition: dict[str, Any] = {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)} if where else {}
    op.create_index(name or f"ix_{table}_{'_'.join(columns)}", table, list(columns), **condition)


def _number() -> sa.Column[Any]:
    return sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _integer(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _small(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.SmallInteger(), nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _digest(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(16), nullable=False)


def _bytes(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _events_and_subjects() -> None:
    _table("seen", _digest("digest"), _digest("content"), key="digest", **_SLIM)
    _table(
        "event",
        _number(), _text("subject_key"), _text("type"), _text("source"), _text("id"), _instant("time"),
        _instant("received"), _bytes("body"),
    )  # fmt: skip
    _index("event", "subject_key")
    _table("quarantine", _number(), _instant("received"), _text("source"), _text("reason"), _bytes("body"))
    _table(
        "subject",
        _text("key"), _text("kind"), _text("customer_key"), sa.Column("open", sa.Boolean(), nullable=False),
        _instant("next_due", nullable=True), _bytes("body"),
        key="key",
    )  # fmt: skip
    _index("subject", "next_due", "key", where="next_due IS NOT NULL")
    _index("subject", "key", name="ix_subject_open", where="open")
    _table("subject_ref", _text("kind"), _text("ref"), _text("subject_key"), key="kind ref subject_key", **_SLIM)


def _decisions() -> None:
    _table(
        "rule_match",
        _number(), _digest("key"), _text("subject_key"), _text("rule"), _text("rule_hash"), _small("send"),
        _text("recipient"), _text("occurrence"), _instant("trigger_at"), _instant("at"), _bytes("seen"),
        sa.UniqueConstraint("key", name="uq_rule_match_key"),
    )  # fmt: skip
    _index("rule_match", "subject_key")
    _table(
        "decision",
        _number(), _digest("match_key"), _instant("at"), _text("outcome"), _text("reason"), _text("detail"),
        _instant("until", nullable=True), _text("channel"), _text("language"), _text("template"), _text("category"),
    )  # fmt: skip
    _index("decision", "match_key")
    _table("limit_slot", _digest("key"), _digest("message_key"), key="key", **_SLIM)
    _index("limit_slot", "message_key")
    _table("limit_use", _number(), _digest("key"), _instant("at"), _digest("message_key"))
    _index("limit_use", "key", "at")
    _index("limit_use", "message_key")


def _messages() -> None:
    _table(
        "message",
        _number(), _digest("key"), _text("subject_key"), _text("rule"), _small("send"), _text("recipient"),
        _text("category"), _small("priority"), _text("state"), _instant("due_at"), _instant("stale_at"),
        _text("template"), _instant("created_at"), _text("reason"), _text("channel"), _text("language"),
        _text("address"), _text("tried"), _integer("calls"), _integer("attempts"), _integer("ambiguous"),
        _text("provider"), _text("provider_id"), _text("token"), _instant("lease_until", nullable=True),
        sa.UniqueConstraint("key", name="uq_message_key"),
        sqlite_autoincrement=True,
    )  # fmt: skip
    _index("message", "priority", "due_at", name="ix_message_waiting", where="state IN ('held', 'pending')")
    _index("message", "lease_until", name="ix_message_in_hand", where="state IN ('claimed', 'posting')")
    _index("message", "due_at", name="ix_message_unknown", where="state = 'unknown'")
    op.create_index("ix_message_state", "message", [sa.text("lower(state)"), "number"])
    _index("message", "subject_key", "number")
    _table("message_body", _digest("message_key"), _bytes("body"), key="message_key")
    _table(
        "attempt",
        _digest("message_key"), _integer("no"), _text("provider"), _instant("started_at"),
        _instant("ended_at", nullable=True), _text("outcome"), _text("detail"),
        key="message_key no", **_SLIM,
    )  # fmt: skip


def _people_and_operators() -> None:
    _table(
        "suppression",
        _digest("digest"), _text("channel"), _text("reason"), _instant("at"),
        key="digest", **_SLIM,
    )  # fmt: skip
    _table(
        "mute",
        _text("kind"), _text("scope"), _instant("until", nullable=True), _text("reason"), _instant("at"),
        key="kind scope",
    )  # fmt: skip
    _table(
        "survey_answer", _digest("message_key"), _integer("score"), _text("comment"), _instant("at"), key="message_key"
    )
    _table("note", _text("name"), _text("value"), key="name")
