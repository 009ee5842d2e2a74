"""The daemon: the door, the pages, the engine and the calendar in one process, until it is told to stop.

    daemon.run(root)      what `notifier run` does; blocks, and gives the exit code

Threads: `web` answers requests, `intake` commits their events, `engine` decides and sends, and APScheduler's wake the
engine every few seconds, in case that somebody else wrote to the database, and look whether files changed. Commits wake
the engine by themselves.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from types import FrameType, TracebackType
from typing import NoReturn, Self

from apscheduler.schedulers.background import BackgroundScheduler

from notifier.clock import rehearsing
from notifier.config import Config
from notifier.daemon import log, systemd
from notifier.daemon.door import Door, listen, located_at
from notifier.daemon.reloading import Reloading
from notifier.daemon.worker import Worker
from notifier.engine import Engine
from notifier.errors import Unreachable, UsageError
from notifier.lock import hold
from notifier.project import load
from notifier.store.record import State
from notifier.store.sql import open_store
from notifier.web import Inbox, application

__all__ = ["ROLES", "Daemon", "opened", "run"]

_log = logging.getLogger(__name__)

#: `web` takes events and serves pages, `engine` fires what is due, `dispatch` sends.
ROLES = ("web", "engine", "dispatch")
#: Seconds between two wakings of the engine, and between two looks at the project's files.
_WAKE, _LOOK = 5, 2
#: Seconds for calls and requests in flight, once it is told to stop.
_PATIENCE = 20.0
#: The exit code where a part ended that should have gone on: a fault of ours.
_BROKEN = 70


class _AtOnce(BaseException):
    """A second signal. It may come anywhere, in code too that takes every Exception for its own."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


def run(
    root: Path,
    *,
    host: str | None = None,
    port: int | None = None,
    once: bool = False,
    ready: Callable[[str], object] | None = None,
    roles: Collection[str] = ROLES,
    level: int = logging.INFO,
) -> int:
    """Run the project at `root` until SIGTERM or SIGINT; the exit code.

    `host` and `port` win over the configuration. `once` stops when nothing is due. `ready` is called with the address
    (`http://127.0.0.1:8025`, empty without the role `web`) as soon as it can be reached, and should return soon. What is less than `level` is not logged.

    Raises UsageError, Faults, Busy (another process holds the project) and Unreachable, before anything is done.
    """
    log.begin(level)
    with opened(root, host=host, port=port, once=once, roles=roles) as daemon:
        try:
            with _signals(daemon), daemon:
                if ready is not None:
                    ready(daemon.address)
                daemon.wait()
        except _AtOnce as second:
            _log.warning("stopped at once; %s", daemon.in_flight())
            _leave(128 + second.number)
        code = _BROKEN if daemon.broken else 0
        if not daemon.finished:
            _leave(code)
        return code


def _leave(code: int) -> NoReturn:
    """End without waiting for threads that may hang in somebody else's code."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


@contextmanager
def opened(
    root: Path,
    *,
    host: str | None = None,
    port: int | None = None,
    once: bool = False,
    roles: Collection[str] = ROLES,
) -> Iterator[Daemon]:
    """The daemon of the project at `root`, which is held for it; not yet started. Arguments and errors are those of run."""
    if rehearsing():
        raise UsageError("NOTIFIER_NOW is set, and the daemon lives in real time; unset it, or use 'notifier tick'")
    if strange := sorted(set(roles) - set(ROLES)):
        raise UsageError(f"no role '{strange[0]}'; roles: {', '.join(ROLES)}")
    with hold(root):
        project = load(root)
        web = project.config.web
        with listen(host or web.host, web.port if port is None else port) as listening:
            store = open_store(project.config.database, root, create=True)
            with Engine(located_at(project, listening), store) as engine:
                engine.take_over()
                yield Daemon(engine, listening, roles, project.config, once=once)


@contextmanager
def _signals(daemon: Daemon) -> Iterator[None]:
    """SIGTERM and SIGINT stop it, the second one at once; SIGHUP reads the project again. Only the main thread may ask."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: FrameType | None) -> None:
        if daemon.stopping:
            raise _AtOnce(number)
        daemon.stop()

    def reload(_number: int, _: FrameType | None) -> None:
        daemon.reload()

    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Daemon:
    """The parts, started and stopped together: at work for as long as the block lasts."""

    def __init__(
        self, engine: Engine, listening: socket, roles: Collection[str], written: Config, *, once: bool = False
    ) -> None:
        """`written` is the configuration as it stands in the files, before ports were looked for."""
        self._engine = engine
        self._over = threading.Event()
        self.broken = False
        #: False where calls had to be given up.
        self.finished = True
        idle = self.stop if once else lambda: None
        self._worker = Worker(engine, roles, idle, self._break) if set(roles) & {"engine", "dispatch"} else None
        self._inbox = Inbox(engine.ingest, self._wake)
        self._reloading = Reloading(engine, self._worker, written)
        self._door = None
        if "web" in roles:
            self._door = Door(application(engine, self._inbox, self._fault), listening, self._break)
        self._calendar = BackgroundScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._calendar.add_job(self._wake, "interval", seconds=_WAKE)
        self._calendar.add_job(self._reloading.look, "interval", seconds=_LOOK)
        if self._worker:
            self._calendar.add_job(self._clear_out, "interval", hours=1, next_run_time=datetime.now(UTC))

    @property
    def address(self) -> str:
        """Where it can be reached from this computer; empty without the role `web`."""
        return self._door.address if self._door else ""

    @property
    def stopping(self) -> bool:
        return self._over.is_set()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        self._inbox.start()
        if self._worker:
            self._worker.start()
        if self._door:
            self._door.start()
        self._calendar.start()
        systemd.notify("READY=1")
        book = self._engine.project.book
        _log.info("rules in force: %d (%s)", len(book.rules), book.hash[:12])
        _log.info("notifier is open%s", f" at {self.address}" if self.address else "")

    def stop(self) -> None:
        """Ask it to stop; from any thread."""
        self._over.set()

    def reload(self) -> None:
        """Read the project again, soon; from any thread."""
        self._calendar.add_job(self._reloading.reload)

    def wait(self) -> None:
        """Until somebody asks it to stop, or a part breaks."""
        self._over.wait()

    def close(self) -> None:
        """Take nothing more, finish what is under way, and end."""
        self.stop()
        self._inbox.refuse()
        systemd.notify("STOPPING=1")
        _log.info("stopping; calls in flight have %.0f s", _PATIENCE)
        if self._calendar.running:
            self._calendar.shutdown(wait=False)
        self._inbox.close(_PATIENCE)
        if self._worker and not self._worker.stop(_PATIENCE):
            self.finished = False
            _log.warning("not all calls came back; %s", self.in_flight())
        if self._door:
            self._door.stop(_PATIENCE)
        _log.info("stopped")

    def in_flight(self) -> str:
        """Which messages may or may not have been sent."""
        try:
            with self._engine.store.read() as unit:
                states: tuple[State, ...] = ("posting",)
                ids = [one.id for one in unit.find_messages(states=states, limit=1000)]
        except Unreachable as error:
            return str(error)
        return f"being sent: {', '.join(ids)}" if ids else "nothing was being sent"

    def _wake(self) -> None:
        if self._worker:
            self._worker.wake()

    def _clear_out(self) -> None:
        try:
            if cleared := self._engine.clear_out():
                _log.info("kept long enough and deleted: %s", ", ".join(f"{n:,} {what}" for what, n in cleared.items()))
        except Unreachable as error:
            _log.warning("nothing old was deleted: %s", error)

    def _fault(self) -> str:
        return "stopping" if self.stopping else self._reloading.fault

    def _break(self) -> None:
        """A part ended by itself: better none at all, so that whoever watches the process starts it again."""
        if not self.stopping:
            self.broken = True
            self.stop()
