"""A store in a database: SQLite, with one writer and any number of readers beside it."""

from __future__ import annotations

import os
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock

from notifier.core.subject import Aggregate
from notifier.errors import Unreachable
from notifier.store import queries as q
from notifier.store import schema
from notifier.store.dialect import ReadOnly, Session, address, connect, explained, located
from notifier.store.expiry import expire
from notifier.store.record import Expiry, Told
from notifier.store.unit import SqlUnit

__all__ = ["SqlStore", "find_store", "open_store"]

_PAGE = 1000


def open_store(url: str, project: Path, *, create: bool = False) -> SqlStore:
    """The store at `url`, whose path is seen from the project's directory. Errors are those of SqlStore."""
    return SqlStore(located(url, project), create=create)


def find_store(url: str, project: Path) -> SqlStore | None:
    """The same, if its file is there; nothing is made."""
    file = project / (address(url).database or "")
    return open_store(url, project) if file.is_file() else None


class SqlStore:
    """Everything in one database. May be used by many threads: those that write wait for each other.

    `create` makes the tables in an empty database. Raises UsageError where the database is not of this program or not of
    this version, and Unreachable where it cannot be opened, read or written.
    """

    def __init__(self, url: str, *, create: bool = False) -> None:
        self._engine = connect(url)
        self._place = self._engine.url.database or ""
        schema.require(self._engine, create=create)
        self._connect()
        self._file = self._writer.file()
        self._opened = _identity(self._file)
        self._turn = Lock()
        self._may_only_read = False
        self._live: OrderedDict[str, Aggregate] = OrderedDict()
        self._generation: object = None

    @contextmanager
    def begin(self) -> Iterator[SqlUnit]:
        with self._turn:
            self._require_the_same_file()
            if self._may_only_read:
                self._connect_anew()
            try:
                self._writer.begin()
                self._forget_if_changed()
                yield SqlUnit(self._writer, self._live)
                self._writer.commit()
                self._require_the_same_file()
            except BaseException as error:
                self._live.clear()
                self._writer.rollback()
                self._may_only_read = isinstance(error, ReadOnly)
                raise

    @contextmanager
    def read(self) -> Iterator[SqlUnit]:
        self._require_the_same_file()
        with explained(self._place):
            connection = self._engine.raw_connection()
        try:
            session = Session(connection.driver_connection, self._place, writes=False)
            session.begin()
            try:
                yield SqlUnit(session)
            finally:
                session.rollback()
        finally:
            connection.close()

    def expire(self, expiry: Expiry, now: datetime) -> Counter[str]:
        return expire(self, expiry, now)

    def each_event(self) -> Iterator[Told]:
        """In pages, each its own transaction: a long reader would keep the log of writes from being cleared."""
        number = 0
        while True:
            with self.read() as unit:
                rows = unit.session.rows(q.NEXT_EVENTS, after=number, most=_PAGE)
            if not rows:
                return
            for *values, number in rows:  # noqa: B007
                yield Told(*values)

    def close(self) -> None:
        with self._turn:
            self._connection.close()
            self._engine.dispose()

    def _connect(self) -> None:
        """The connection that writes."""
        with explained(self._place):
            self._connection = self._engine.raw_connection()
        self._writer = Session(self._connection.driver_connection, self._place, writes=True)

    def _connect_anew(self) -> None:
        """A connection that was opened while the file could not be written to never learns otherwise."""
        old = self._connection
        self._engine.dispose()
        self._connect()
        old.invalidate()
        self._may_only_read = False

    def _require_the_same_file(self) -> None:
        """What is written to a file that was deleted is lost with the process, and nothing else would tell."""
        if _identity(self._file) != self._opened:
            raise Unreachable(
                f"{self._place}: the database was deleted or replaced while it was in use; "
                "stop notifier, put the right file there and start it again"
            )

    def _forget_if_changed(self) -> None:
        """Another process may have written subjects that this one keeps."""
        generation = self._writer.generation()
        if generation != self._generation:
            self._live.clear()
            self._generation = generation


def _identity(file: str) -> tuple[int, int] | None:
    """Which file has this name now; None where there is none."""
    try:
        found = os.stat(file)  # noqa: PTH116 - asked twice in each transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino
