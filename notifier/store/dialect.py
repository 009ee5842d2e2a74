"""The one place that knows which database it is, and how its driver is spoken to.

Statements are written once in SQLAlchemy's Core, compiled once, and then handed to the driver as text and tuples: on
the way of every event SQLAlchemy's own execution would cost more than the database does. The types of `tables` do their
work in both directions all the same.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Engine, Select, Table, Update, bindparam, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.dml import Delete
from sqlalchemy.types import TypeDecorator

from notifier.errors import Unreachable, UsageError
from notifier.store.record import KeyTaken

__all__ = [
    "DIALECTS",
    "Add",
    "Lookup",
    "Query",
    "ReadOnly",
    "Session",
    "Statement",
    "address",
    "connect",
    "explained",
    "located",
]

#: With places instead of names for parameters: rows go to the driver as they are.
DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": psycopg.dialect(paramstyle="format"),  # type: ignore[no-untyped-call]
}
_INSERT: dict[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
#: Keys asked for at once. Fewer are filled up to the next size, so that few texts serve all and stay prepared.
_SIZES = (1, 4, 16, 64, 128, 256)
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",  # what was answered with 2xx outlives a power cut
    "foreign_keys = ON",
    "cache_size = -16384",  # KiB
    "temp_store = MEMORY",
)
_PATIENCE = 5.0  # seconds to wait for another process's transaction
_TROUBLE = {
    "SQLITE_BUSY": "it is locked by another process; is a second notifier at work on it?",
    "SQLITE_CANTOPEN": "it cannot be opened; does its directory exist, and may it be written to?",
    "SQLITE_CORRUPT": "it is damaged; restore it from a backup",
    "SQLITE_FULL": "the disk is full; make room",
    "SQLITE_IOERR": "the disk does not answer as it should (input/output error)",
    "SQLITE_LOCKED": "it is locked by another process; is a second notifier at work on it?",
    "SQLITE_NOTADB": "the file is not a SQLite database; name another one",
    "SQLITE_PERM": "access to it is not permitted",
    "SQLITE_READONLY": "it cannot be written to; check the permissions of the file and of its directory",
}
#: What is more likely to be a matter of permissions than of anything else.
_FORBIDDEN = ("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_READONLY")


class ReadOnly(Unreachable):
    """The database can be looked at, and no more than that, over this connection."""


@dataclass(frozen=True, eq=False, slots=True)
class Add:
    """Insert whole rows, less the number that the table gives them; a row whose primary key is taken as `clash` says."""

    table: Table
    clash: Literal["refuse", "keep", "overwrite"] = "refuse"

    def worded(self, dialect: Dialect) -> ClauseElement:
        columns = [column for column in self.table.columns if column.name != "number"]
        insert = _INSERT[dialect.name](self.table).inline()
        insert = insert.values({column.name: bindparam(column.name) for column in columns})
        keys = [column.name for column in self.table.primary_key]
        if self.clash == "keep":
            insert = insert.on_conflict_do_nothing(index_elements=keys)
        elif self.clash == "overwrite":
            rest = {column.name: insert.excluded[column.name] for column in columns if column.name not in keys}
            insert = insert.on_conflict_do_update(index_elements=keys, set_=rest)
        return insert  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False, slots=True)
class Lookup:
    """A query by a set of keys."""

    among: Callable[[list[Any]], Select[Any] | Delete | Update]

    def worded(self, size: int) -> ClauseElement:
        return self.among([bindparam(f"key{place}") for place in range(size)])


Query = Add | Select[Any] | Update | Delete


class Statement:
    """A statement as the driver takes it: its text, the names of its parameters by place, and what types do to both."""

    def __init__(self, query: ClauseElement, dialect: Dialect) -> None:
        compiled: Any = query.compile(dialect=dialect)
        self.text = str(compiled)
        self.names: tuple[str, ...] = tuple(compiled.positiontup or ())
        #: Values that the query brings with it.
        self._own = {name: compiled.binds[name].value for name in self.names}
        self._dialect = dialect
        self._inward = _decorated(compiled.binds[name].type for name in self.names)
        self._outward = _decorated(c.type for c in query.selected_columns) if isinstance(query, Select) else []

    def row(self, values: Mapping[str, Any]) -> Sequence[Any]:
        """Named values in their places."""
        return self.inward([values[name] if name in values else self._own[name] for name in self.names])

    def inward(self, row: Sequence[Any]) -> Sequence[Any]:
        if not self._inward:
            return row
        kept = list(row)
        for place, type_ in self._inward:
            kept[place] = type_.process_bind_param(kept[place], self._dialect)
        return kept

    def outward(self, rows: list[Any]) -> list[Any]:
        if not self._outward:
            return rows
        told = [list(row) for row in rows]
        for place, type_ in self._outward:
            for row in told:
                row[place] = type_.process_result_value(row[place], self._dialect)
        return told


def _decorated(types: Iterable[Any]) -> list[tuple[int, TypeDecorator[Any]]]:
    return [(place, type_) for place, type_ in enumerate(types) if isinstance(type_, TypeDecorator)]


@cache
def _statement(query: Query | Lookup, dialect: Dialect, size: int = 0) -> Statement:
    if isinstance(query, Lookup):
        return Statement(query.worded(size), dialect)
    return Statement(query.worded(dialect) if isinstance(query, Add) else query, dialect)


class Session:
    """One connection of the driver, and its transaction. `place` names the database in errors."""

    def __init__(self, connection: Any, place: str, *, writes: bool) -> None:
        self._cursor = connection.cursor()
        self._dialect = DIALECTS["sqlite"]
        self._place = place
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        if not writes:
            self.say("PRAGMA query_only = ON")

    def begin(self) -> None:
        """A writer takes its lock at once: one that first reads and then wants to write could be refused."""
        self.say(self._begin)

    def commit(self) -> None:
        self.say("COMMIT")

    def rollback(self) -> None:
        if self._cursor.connection.in_transaction:
            self.say("ROLLBACK")

    def file(self) -> str:
        """The database's file, as the driver has opened it."""
        self.say("PRAGMA database_list")
        return str(self._cursor.fetchone()[2])

    def generation(self) -> object:
        """Another value whenever any other connection has written since it was asked last."""
        self.say("PRAGMA data_version")
        return self._cursor.fetchone()[0]

    def rows(self, query: Select[Any], **values: Any) -> list[Any]:
        """Rows as sequences, in the order of the query's columns."""
        statement = _statement(query, self._dialect)
        self.say(statement.text, statement.row(values))
        return statement.outward(self._cursor.fetchall())

    def lookup(self, lookup: Lookup, keys: Iterable[Any], **values: Any) -> Iterator[Any]:
        """Rows for any number of keys, in no order. The other values stand before the keys in the query."""
        for statement, chunk in self._chunks(lookup, keys):
            row = [*(values[name] for name in statement.names[: -len(chunk)]), *chunk]
            self.say(statement.text, statement.inward(row))
            yield from statement.outward(self._cursor.fetchall())

    def discard(self, deletion: Lookup, keys: Iterable[Any]) -> None:
        """Delete the rows of these keys, or take the keys out of them."""
        for statement, chunk in self._chunks(deletion, keys):
            self.say(statement.text, chunk)

    def _chunks(self, lookup: Lookup, keys: Iterable[Any]) -> Iterator[tuple[Statement, list[Any]]]:
        wanted = list(keys)
        for start in range(0, len(wanted), _SIZES[-1]):
            chunk = wanted[start : start + _SIZES[-1]]
            size = next(size for size in _SIZES if size >= len(chunk))
            chunk += chunk[-1:] * (size - len(chunk))
            yield _statement(lookup, self._dialect, size), chunk

    def write(self, query: Add | Update | Delete, rows: Iterable[Sequence[Any]]) -> None:
        """Once for each row, whose values stand in the order of the statement's parameters."""
        statement = _statement(query, self._dialect)
        try:
            self._cursor.executemany(statement.text, [statement.inward(row) for row in rows])
        except sqlite3.Error as error:
            raise _explanation(error, self._place) from error

    def change(self, query: Query, **values: Any) -> int:
        """Once, with named values; how many rows it changed."""
        statement = _statement(query, self._dialect)
        self.say(statement.text, statement.row(values))
        return int(self._cursor.rowcount)

    def say(self, text: str, values: Sequence[Any] = ()) -> None:
        try:
            self._cursor.execute(text, values)
        except sqlite3.Error as error:
            raise _explanation(error, self._place) from error


def located(url: str, project: Path) -> str:
    """The same URL with the path of a SQLite file seen from the project's directory; the file's directory is made."""
    found = address(url)
    path = project / (found.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unreachable(f"{path.parent}: this directory cannot be made ({error.strerror})") from error
    return found.set(database=str(path)).render_as_string(hide_password=False)


def address(url: str) -> URL:
    """The URL of a database that this program can use; raises UsageError for any other."""
    instead = "write sqlite:///var/notifier.db"
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise UsageError(f"database: this is not a database URL; {instead}") from None
    if found.get_backend_name() != "sqlite":
        raise UsageError(f"database: '{found.get_backend_name()}' is not supported; {instead}")
    if not found.database or found.database == ":memory:":
        raise UsageError(f"database: SQLite needs a file that lasts; {instead}")
    if found.database.startswith("file:") or found.query:
        raise UsageError(f"database: SQLite is given the path alone, without 'file:' and without '?'; {instead}")
    if re.search("[\x00-\x1f\x7f]", found.database):
        raise UsageError(f"database: there is a control character in the path; {instead}")
    return found


def connect(url: str) -> Engine:
    """An engine whose connections begin no transaction by themselves, and wait a while where the database is in use."""
    engine = create_engine(url, connect_args={"timeout": _PATIENCE, "cached_statements": 512})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        # Left to itself the driver begins only before the first write: what was read before that may be old by then.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    return engine


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turns what the driver or SQLAlchemy raise into one clear line."""
    try:
        yield
    except DBAPIError as error:
        raise _explanation(error.orig, place) from error
    except sqlite3.Error as error:
        raise _explanation(error, place) from error


def _explanation(error: BaseException | None, place: str) -> BaseException:
    name = getattr(error, "sqlite_errorname", "")
    if name in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}:
        return KeyTaken(f"{place}: {error}")
    family = "_".join(name.split("_")[:2])
    if family in _TROUBLE:
        locked = _locked_file(place) if family in _FORBIDDEN else None
        why = f"{locked} may not be written to by this user; change its owner or permissions" if locked else ""
        kind = ReadOnly if family == "SQLITE_READONLY" else Unreachable
        return kind(f"{place}: {why or _TROUBLE[family]}")
    assert error is not None
    return error


def _locked_file(place: str) -> str | None:
    """Of all that SQLite writes to, what is there and may not be written to: root may have left a log behind."""
    every = (place, f"{place}-wal", f"{place}-shm", str(Path(place).parent))
    return next((path for path in every if os.path.lexists(path) and not os.access(path, os.W_OK)), None)
