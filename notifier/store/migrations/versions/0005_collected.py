"""What is collected into one message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was there before was never collected: it stands alone and tells of one match."""
    op.create_table(
        "collection",
        sa.Column("key", sa.LargeBinary(16), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("lead", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_collection"),
        sqlite_with_rowid=False,
    )
    op.add_column("decision", sa.Column("matches", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("message", sa.Column("lead", sa.LargeBinary(16)))
    led = sa.text("lead IS NOT NULL")
    op.create_index("ix_message_lead", "message", ["lead", "number"], sqlite_where=led, postgresql_where=led)


def downgrade() -> None:
    op.drop_index("ix_message_lead", "message")
    op.drop_column("message", "lead")
    op.drop_column("decision", "matches")
    op.drop_table("collection")
