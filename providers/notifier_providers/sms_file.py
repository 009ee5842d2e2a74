"""SMS into a file on this computer, one JSON object a line: the default, and the place to look at what would have been sent."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal

from notifier import provider
from notifier.core.message import Message
from notifier.core.sms import measure
from notifier.provider import Accepted, Outcome, RetryLater

__all__ = ["SmsFile", "SmsFileSettings"]


class SmsFileSettings(provider.Settings):
    #: The file, made on first use; lines are only ever added.
    path: provider.FilePath = Path("var/outbox/sms.ndjson")


class SmsFile:
    """Appends `id`, `to`, `body`, `encoding`, `segments`, `rule`, `subject` and `sent_at`, and never the same id twice.

    `sent_at` is when the message was written, so that a rehearsal at another time shows that time.
    """

    Settings: ClassVar[type[provider.Settings]] = SmsFileSettings
    channels: ClassVar[frozenset[str]] = frozenset({"sms"})
    idempotency: ClassVar[Literal["native", "none"]] = "native"
    leaves_machine: ClassVar[bool] = False
    reports_delivery: ClassVar[bool] = False

    def __init__(self, name: str, settings: SmsFileSettings, project: Path) -> None:
        self.name = name
        self.max_in_flight = 16
        self._shown = settings.path
        self._path = project / settings.path
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._read_to = 0

    async def send(self, message: Message) -> Outcome:
        try:
            await asyncio.to_thread(self._append, message.id, _line(message))
        except OSError as error:
            return RetryLater(None, f"cannot write to {self._shown}: {error.strerror}", counted=False)
        return Accepted(message.id)

    async def close(self) -> None:
        """Nothing stays open between messages."""

    def _append(self, id: str, line: bytes) -> None:
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+b") as file:
                torn = self._catch_up(file)
                if id in self._known:
                    return
                file.write(b"\n" + line if torn else line)
                file.flush()
                os.fsync(file.fileno())
                self._known.add(id)

    def _catch_up(self, file: BinaryIO) -> bool:
        """Learn the ids added since the last look, by whomever; True where the last line was never finished."""
        if os.fstat(file.fileno()).st_size < self._read_to:  # the file was emptied or put aside
            self._read_to = 0
        file.seek(self._read_to)
        for line in file:
            if not line.endswith(b"\n"):
                return True
            self._read_to += len(line)
            with suppress(ValueError, TypeError, KeyError):  # somebody else's line is no id of ours
                self._known.add(json.loads(line)["id"])
        return False


def _line(message: Message) -> bytes:
    size = measure(message.text)
    fields = {
        "id": message.id,
        "to": message.to,
        "body": message.text,
        "encoding": size.encoding,
        "segments": size.segments,
        "rule": message.rule,
        "subject": message.subject_key,
        "sent_at": message.written_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
