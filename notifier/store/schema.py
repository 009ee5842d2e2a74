"""Which shape the database has, and bringing it to the one that this code knows."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from notifier.errors import UsageError
from notifier.store.dialect import connect, explained

__all__ = ["MIGRATIONS", "REVISIONS", "advice", "require", "status", "upgrade"]

#: All revisions under migrations/versions, oldest first. They stand here as well because Alembic is slow to import.
REVISIONS = ("0001", "0002", "0003", "0004", "0005")
MIGRATIONS = Path(__file__).with_name("migrations")


def status(url: str) -> tuple[str, str]:
    """The revision that the database has (empty where it has none), and the one that it should have."""
    engine = connect(url)
    try:
        with explained(_place(engine)), engine.connect() as connection:
            return _revision(connection), REVISIONS[-1]
    finally:
        engine.dispose()


def advice(url: str) -> str:
    """What is to be done before this version can use the database; empty where it can."""
    engine = connect(url)
    try:
        require(engine, create=False)
    except UsageError as error:
        return str(error)
    finally:
        engine.dispose()
    return ""


def upgrade(url: str) -> None:
    """Make the tables, or bring them up to date; nothing where they are. One transaction: all of it, or none."""
    engine = connect(url)
    try:
        _upgrade(engine)
    finally:
        engine.dispose()


def require(engine: Engine, *, create: bool) -> None:
    """Raise UsageError unless the database is of the shape that this code knows; `create` makes an empty one so."""
    place = _place(engine)
    with explained(place), engine.connect() as connection:
        revision = _known_revision(connection, place)
    if not revision and create:
        _upgrade(engine)
    elif not revision:
        raise UsageError(f"{place}: the database has no tables yet; run 'notifier db upgrade'")
    elif revision != REVISIONS[-1]:
        raise UsageError(f"{place}: this database was written by an older notifier; run 'notifier db upgrade'")


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    with explained(_place(engine)), engine.connect() as connection:
        # Two that start at once: the second waits here, and then finds nothing to do.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            _known_revision(connection, _place(engine))
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")


def _known_revision(connection: Connection, place: str) -> str:
    """One of ours, or empty where there is nothing in the database at all; anything else raises UsageError."""
    revision = _revision(connection)
    if revision and revision not in REVISIONS:
        raise UsageError(
            f"{place}: this database was written by a newer notifier (its revision is {revision}); install that one"
        )
    if not revision and inspect(connection).get_table_names():
        raise UsageError(f"{place}: the database belongs to another program; name another one")
    return revision


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def _place(engine: Engine) -> str:
    return engine.url.database or ""
