"""A message as a provider gets it: one thing for one person by one channel, ready to leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Message", "masked"]


@dataclass(frozen=True, slots=True)
class Message:
    """Rendered once; every attempt, by whatever provider, sends these same bytes."""

    #: Public and stable, `[0-9a-f]{32}`: the local part of the Message-ID, and what a receipt brings back.
    id: str
    #: `email` or `sms`.
    channel: str
    #: One address: an addr-spec, or an E.164 number.
    to: str
    #: `Name <addr-spec>` for e-mail, an E.164 number or a sender name for SMS; always from the configuration.
    sender: str
    #: Empty for SMS.
    subject: str
    #: The plain text; for SMS the whole body.
    text: str
    #: Empty for SMS.
    html: str
    #: BCP 47, as chosen for this message (`pt`, not the `pt-BR` that was asked for).
    locale: str
    #: `critical`, `transactional`, `requested`, `survey`, `marketing` or `staff`.
    category: str
    #: The rule's id and the subject's key (`order:1043`): for logs and outboxes, never personal data.
    rule: str
    subject_key: str
    #: When it was rendered, UTC: the Date header of every attempt.
    written_at: datetime
    #: Further headers, in order: `("List-Unsubscribe", "<…>")`.
    headers: tuple[tuple[str, str], ...] = ()


def masked(address: str) -> str:
    """An address as logs and errors may show it: `d***@e***`, `***4567`."""
    if "@" in address:
        local, _, domain = address.partition("@")
        return f"{local[:1]}***@{domain[:1]}***"
    return f"***{address[-4:]}" if len(address) > 6 else "***"
