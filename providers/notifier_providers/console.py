"""Messages on standard output, each in a box: for a first look, and for development."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import ClassVar, Literal

from notifier import provider
from notifier.core.message import Message
from notifier.core.sms import measure
from notifier.provider import Accepted, Outcome, RetryLater

__all__ = ["Console", "ConsoleSettings"]

#: A customer's name must not be able to move the cursor or recolour a terminal.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_WIDTH = 72


class ConsoleSettings(provider.Settings):
    """There is nothing to set."""


class Console:
    """Prints the text of each message; the HTML part is left out."""

    Settings: ClassVar[type[provider.Settings]] = ConsoleSettings
    channels: ClassVar[frozenset[str]] = frozenset({"email", "sms"})
    idempotency: ClassVar[Literal["native", "none"]] = "none"
    leaves_machine: ClassVar[bool] = False
    reports_delivery: ClassVar[bool] = False

    def __init__(self, name: str, settings: ConsoleSettings, project: Path) -> None:  # noqa: ARG002 - as the seam has it
        self.name = name
        self.max_in_flight = 1

    async def send(self, message: Message) -> Outcome:
        encoding = sys.stdout.encoding or "utf-8"
        box = _box(message).encode(encoding, "replace")
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(box)  # past what a command makes of a reader who has gone: here it is an answer
            sys.stdout.buffer.flush()
        except OSError as error:
            return RetryLater(None, f"cannot write to standard output: {error.strerror}", counted=False)
        return Accepted(message.id)

    async def close(self) -> None:
        """Standard output is not ours to close."""


def _box(message: Message) -> str:
    title = f"┌─ {message.channel} to {message.to} "
    lines = [title.ljust(_WIDTH, "─"), *(f"│ {line}" for line in _lines(message)), "└".ljust(_WIDTH, "─")]
    return "\n".join(_CONTROLS.sub("\N{REPLACEMENT CHARACTER}", line) for line in lines) + "\n"


def _lines(message: Message) -> list[str]:
    lines = [f"From: {message.sender}", f"Rule: {message.rule} for {message.subject_key}", f"Id: {message.id}"]
    if message.channel == "email":
        lines.append(f"Subject: {message.subject}")
    else:
        size = measure(message.text)
        lines.append(f"Size: {size.segments} × {size.encoding}")
    return [*lines, "", *message.text.replace("\r\n", "\n").rstrip("\n").split("\n")]
