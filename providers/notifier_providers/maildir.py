"""E-mail into a Maildir on this computer: the default, and the place to look at what would have been sent."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Literal

from notifier import provider
from notifier.core.mail import Unmailable, compose
from notifier.core.message import Message
from notifier.provider import Accepted, Outcome, Refused, RetryLater

__all__ = ["Maildir", "MaildirSettings"]

#: Seconds after which nobody is still writing what lies in tmp/.
_ABANDONED = 36 * 3600


class MaildirSettings(provider.Settings):
    #: The Maildir, made on first use.
    path: provider.FilePath = Path("var/outbox/email")


class Maildir:
    """Writes each message as one file. Its name comes from the message, so the same message is never there twice."""

    Settings: ClassVar[type[provider.Settings]] = MaildirSettings
    channels: ClassVar[frozenset[str]] = frozenset({"email"})
    idempotency: ClassVar[Literal["native", "none"]] = "native"
    leaves_machine: ClassVar[bool] = False
    reports_delivery: ClassVar[bool] = False

    def __init__(self, name: str, settings: MaildirSettings, project: Path) -> None:
        self.name = name
        self.max_in_flight = 16
        self._shown = settings.path
        self._path = project / settings.path
        self._read: frozenset[str] = frozenset()
        self._looked_at = 0
        self._cleared = False

    async def send(self, message: Message) -> Outcome:
        try:
            content = compose(message)
        except Unmailable as fault:
            return Refused(str(fault), fault.scope)
        name = f"{int(message.written_at.timestamp())}.{message.id}.notifier"
        try:
            await asyncio.to_thread(self._deliver, name, content)
        except OSError as error:
            return RetryLater(None, f"cannot write to {self._shown}: {error.strerror}", counted=False)
        return Accepted(name)

    async def close(self) -> None:
        """Nothing stays open between messages."""

    def _deliver(self, name: str, content: bytes) -> None:
        for folder in ("tmp", "new", "cur"):
            (self._path / folder).mkdir(parents=True, exist_ok=True)
        self._clear_up()
        if self._holds(name):
            return
        handle, written = tempfile.mkstemp(prefix=f"{name}.", dir=self._path / "tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(written).replace(self._path / "new" / name)
        except OSError:
            Path(written).unlink()
            raise
        _sync(self._path / "new")

    def _clear_up(self) -> None:
        """Once, delete what was begun and never delivered, as a Maildir's writers do after 36 hours."""
        if self._cleared:
            return
        self._cleared = True
        for begun in (self._path / "tmp").iterdir():
            with suppress(FileNotFoundError):  # somebody else clears up as well
                if begun.is_file() and time.time() - begun.stat().st_mtime > _ABANDONED:
                    begun.unlink()

    def _holds(self, name: str) -> bool:
        """Whether it was delivered before; what a mail reader has taken to cur/ has flags and sizes after its name."""
        if (self._path / "new" / name).exists():
            return True
        changed = (self._path / "cur").stat().st_mtime_ns
        if changed != self._looked_at:
            self._read = frozenset(re.split("[,:]", taken.name)[0] for taken in (self._path / "cur").iterdir())
            self._looked_at = changed
        return name in self._read


def _sync(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
