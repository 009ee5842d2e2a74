"""Opening a project for a command, and reading what a person wrote about time; each imports only what it needs."""

from __future__ import annotations

import logging
import os
import traceback
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from notifier.cli.terminal import complain
from notifier.errors import UsageError

if TYPE_CHECKING:
    from notifier.engine import Engine
    from notifier.project import Project
    from notifier.store.sql import SqlStore

__all__ = ["beginning", "instant", "open_engine", "open_project", "open_records"]


def open_project(root: Path, *, sends: bool = False) -> tuple[Project, SqlStore]:
    """The project and its store; a database that is not there yet is made. Raises Faults, UsageError or Unreachable.

    One that does not send needs no secrets of providers, and so may always be used.
    """
    from notifier.project import load
    from notifier.store.sql import open_store

    project = load(root, sends=sends)
    return project, open_store(project.config.database, root, create=True)


def open_engine(root: Path, *, sends: bool) -> Engine:
    """The project's engine; one that does not send has no providers."""
    from notifier.engine import Engine

    _speak_up()
    project, store = open_project(root, sends=sends)
    try:
        return Engine(project, store, providers=None if sends else {})
    except BaseException:
        store.close()
        raise


class _OneLine(logging.Handler):
    """Trouble on the way in a line each, as all trouble of a command."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        complain(f"notifier: {record.getMessage()}{f' ({type(error).__name__})' if error else ''}")
        if error and os.environ.get("NOTIFIER_DEBUG"):
            complain("".join(traceback.format_exception(error)))


def _speak_up() -> None:
    log = logging.getLogger("notifier")
    if not any(isinstance(one, _OneLine) for one in log.handlers):
        log.addHandler(_OneLine(logging.WARNING))


def open_records(root: Path) -> tuple[ZoneInfo, SqlStore]:
    """The shop's clock and the store alone: for commands that must work while rules or texts are broken."""
    from notifier.config import load
    from notifier.store.sql import open_store

    config = load(root, sends=False)
    return ZoneInfo(config.shop.timezone), open_store(config.database, root, create=True)


def beginning(text: str, zone: ZoneInfo, now: datetime | None = None) -> datetime:
    """A time, a day (from when it begins) or, where there is a `now`, `today` or how long ago; on the clock of `zone`."""
    from notifier.core.duration import Duration
    from notifier.core.local_time import WorkingDays, shift, start_of_day
    from notifier.core.value import time_reader

    if now is not None and text == "today":
        return start_of_day(now.astimezone(zone).date(), zone)
    if now is not None:
        try:
            return shift(now, -Duration.parse(text), zone, WorkingDays())
        except ValueError:
            pass
    try:
        value = time_reader(zone)(text)
    except ValueError:
        span = ", today, or how long ago it was like 2h or 3d" if now is not None else ""
        raise UsageError(
            f"'{text}' is not a time; write a day like 2026-03-13, a time like 2026-03-13T22:00{span}"
        ) from None
    return value if isinstance(value, datetime) else start_of_day(value, zone)


def instant(text: str, zone: ZoneInfo, now: datetime | None = None) -> datetime:
    """A time, a day (until it is over) or, where there is a `now`, how long from it; on the clock of `zone`."""
    from notifier.core.duration import Duration
    from notifier.core.local_time import WorkingDays, end_of_day, shift
    from notifier.core.value import time_reader

    if now is not None:
        try:
            return shift(now, Duration.parse(text), zone, WorkingDays())
        except ValueError:
            pass
    try:
        value = time_reader(zone)(text)
    except ValueError:
        span = ", a length of time like 2h or 3d" if now is not None else ""
        raise UsageError(
            f"'{text}' is not a time; write a day like 2026-03-13, a time like 2026-03-13T22:00{span}"
        ) from None
    return value if isinstance(value, datetime) else end_of_day(value, zone)
