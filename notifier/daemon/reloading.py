"""Files that change while the daemon runs: what they say is put in force whole, or not at all and loudly."""

from __future__ import annotations

import logging
from dataclasses import replace
from threading import Lock
from typing import Any

from notifier.config import FILE, Config, is_configured
from notifier.daemon.worker import Worker
from notifier.engine import Engine
from notifier.errors import Faults, UsageError
from notifier.footprint import footprint
from notifier.project import Project, load

__all__ = ["Reloading"]

_log = logging.getLogger(__name__)

#: Sections that are read once.
_IN_USE = ("database", "web", "providers")


class Reloading:
    """Watches one project's files."""

    def __init__(self, engine: Engine, worker: Worker | None, written: Config) -> None:
        """`written` is what the files said at the start."""
        self._engine = engine
        self._worker = worker
        self._written = written
        self._root = engine.project.root
        self._configured = is_configured(self._root)
        self._seen = footprint(self._root)
        self._turn = Lock()
        #: Why the rules in force are not the newest; empty where they are.
        self.fault = ""

    def look(self) -> None:
        """Read the project again if a file of it has changed since the last look."""
        seen = footprint(self._root)
        if seen != self._seen:
            self._seen = seen
            self.reload()

    def reload(self) -> None:
        """Read the project again. With faults in it, what was in force stays so."""
        with self._turn:
            try:
                self._require_configuration()
                project = self._without_restart(load(self._root))
            except (Faults, UsageError) as error:
                self.fault = "the project's files have faults; the rules in force are older"
                _log.error("not reloaded; what was in force stays so")
                for line in getattr(error, "problems", [error]):
                    _log.error("%s", line)
                return
            self.fault = "a change is about to be put in force"
            if self._worker:
                self._worker.between_rounds(lambda: self._adopt(project))
            else:
                self._adopt(project)

    def _require_configuration(self) -> None:
        """A file that is gone is a slip, or an edit under way: nobody means all the defaults by that."""
        there = is_configured(self._root)
        if self._configured and not there:
            raise UsageError(f"{FILE} is gone; put it back (an empty file is one where everything has its default)")
        self._configured = there

    def _adopt(self, project: Project) -> None:
        self._engine.adopt(project)
        self.fault = ""
        _log.info("rules in force: %d (%s)", len(project.book.rules), project.book.hash[:12])

    def _without_restart(self, new: Project) -> Project:
        """The new project with the database, server and providers that are in use; says where they would be others."""
        used = self._engine.project.config
        for name in _IN_USE:
            if getattr(new.config, name) != getattr(self._written, name):
                _log.warning("changes of '%s' take effect when notifier is started again", name)
        kept = {name: getattr(used, name) for name in _IN_USE}
        channels = _same_carriers(used, new.config)
        return replace(new, config=new.config.model_copy(update={**kept, "channels": channels}))


def _same_carriers(old: Config, new: Config) -> Any:
    channels = {
        name: getattr(new.channels, name).model_copy(update={"providers": getattr(old.channels, name).providers})
        for name in ("email", "sms")
    }
    return new.channels.model_copy(update=channels)
