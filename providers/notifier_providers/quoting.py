"""What a server said, as logs and errors may show it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from notifier.core.message import Message, masked

__all__ = ["quoted", "without_controls"]

_LONGEST = 200
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
#: Whatever could be a phone number, however it is written.
_PHONE = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


def without_controls(said: str) -> str:
    """On one line, and without what could hide in it or turn it around."""
    return _UNPRINTABLE.sub(" ", said)


def quoted(said: str, message: Message, secrets: Iterable[str] = ()) -> str:
    """A server's words without secrets, without what they repeat of the message, and without anybody's address."""
    said = without_controls(said)
    said = said.replace(message.to, masked(message.to)) if message.to else said
    for private in (*secrets, message.subject, message.text):
        said = said.replace(private, "…") if private else said
    if message.channel == "sms":
        said = _PHONE.sub(lambda found: masked(re.sub(r"\D", "", found[0])), said)
    return _ADDRESS.sub(lambda found: masked(found[0]), said)[:_LONGEST]
