"""Who waits for which article, and what was promised to whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by the engine, which reads the customers again when it first meets a rule that asks for it."""
    op.create_table(
        "waiting",
        _text("sku"), _text("customer_key"), sa.Column("joined", sa.BigInteger(), nullable=False), _text("entry"),
        _units(), sa.Column("message_key", sa.LargeBinary(16)), _text("passed"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sku", "customer_key", name="pk_waiting"),
    )  # fmt: skip
    _index("ix_waiting_queued", "waiting", "sku", "joined", "entry", "customer_key", where="message_key IS NULL")
    _index("ix_waiting_promised", "waiting", "message_key", where="message_key IS NOT NULL")
    op.create_index("ix_waiting_customer_key_sku", "waiting", ["customer_key", "sku"])
    op.create_table(
        "promise",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.LargeBinary(16), nullable=False), _text("sku"), _text("customer_key"), _text("entry"), _units(),
        sa.Column("until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("number", name="pk_promise"),
        sa.UniqueConstraint("key", name="uq_promise_key"),
    )  # fmt: skip
    op.create_index("ix_promise_sku_until", "promise", ["sku", "until"])
    op.create_index("ix_promise_customer_key", "promise", ["customer_key"])


def downgrade() -> None:
    op.drop_table("promise")
    op.drop_table("waiting")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _units() -> sa.Column[float]:
    return sa.Column("units", sa.Float(), nullable=False)


def _index(name: str, table: str, *columns: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, list(columns), sqlite_where=condition, postgresql_where=condition)
