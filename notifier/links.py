"""The signed links in messages, which lead to our own pages.

A token names a message by its number and is signed for one purpose, so that a survey's token opens nothing else. It
holds nothing about a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from itsdangerous import BadSignature, Signer

from notifier.project import Project
from notifier.store.record import Outgoing

__all__ = ["PURPOSES", "Links", "Purpose"]

Purpose = Literal["survey", "unsubscribe"]
#: The categories that a customer can end by a link. An order's own news goes on until the order ends.
PURPOSES = ("survey", "marketing")

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Links:
    """Makes and reads links for one project."""

    def __init__(self, project: Project) -> None:
        self._base = project.config.web.public_base_url
        self._signers = {
            purpose: Signer(project.secret, salt=f"notifier.{purpose}") for purpose in ("survey", "unsubscribe")
        }

    def of(self, outgoing: Outgoing) -> dict[str, str]:
        """The links that are made for this one message: `survey` for a survey, `unsubscribe` for what can be ended."""
        links = {}
        if outgoing.category in PURPOSES:
            links["unsubscribe"] = f"{self._base}/u/{self.token('unsubscribe', outgoing.number)}"
        if outgoing.template.startswith("survey:"):
            links["survey"] = f"{self._base}/s/{self.token('survey', outgoing.number)}"
        return links

    def headers(self, links: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """What lets a mail program offer a way out by itself (RFC 2369, RFC 8058)."""
        out = links.get("unsubscribe")
        if out is None:
            return ()
        return (("List-Unsubscribe", f"<{out}>"), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))

    def token(self, purpose: Purpose, number: int) -> str:
        return self._signers[purpose].sign(_base36(number)).decode()

    def number(self, purpose: Purpose, token: str) -> int | None:
        """The message that a token names; None where we never signed it for that. Marks that mail programs add pass."""
        try:
            return int(self._signers[purpose].unsign(token.strip(" \t\r\n<>)\"'").rstrip("=.,;:!?")), 36)
        except (BadSignature, ValueError):
            return None


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"
