"""How Alembic runs a migration: on the connection that it is given, inside the transaction that is open on it."""

from __future__ import annotations

from alembic import context

from notifier.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
