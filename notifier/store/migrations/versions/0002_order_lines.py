"""Which open order holds which article."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled by the engine, which reads the orders again when it first meets a rule that asks for it."""
    op.create_table(
        "order_line",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("order_key", sa.Text(), nullable=False),
        sa.Column("owed", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("sku", "order_key", name="pk_order_line"),
        sqlite_with_rowid=False,
    )
    owed = sa.text("owed > 0")
    columns = ["sku", "order_key", "owed"]
    op.create_index("ix_order_line_owed", "order_line", columns, sqlite_where=owed, postgresql_where=owed)


def downgrade() -> None:
    op.drop_table("order_line")
