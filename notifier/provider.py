"""The seam to whoever carries messages: what a provider is given, and the only answers it may give.

A provider is a class found through the entry-point group `notifier.providers`. The contract suite in
`notifier.testing` runs against every registered one. `providers/README.md` says how to write another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict

from notifier.core.message import Message
from notifier.errors import UsageError

__all__ = [
    "Accepted", "FilePath", "Outcome", "Posted", "Provider", "Refused", "Report", "Reporting", "RetryLater", "Settings",
    "Unknown", "Untrusted", "find", "installed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it. `id` is the provider's own name for it, unique within that provider."""

    id: str


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Definitely not sent, and worth another try. `after` is what the provider asked for, None where it did not say.

    `counted` is False where the provider is at fault or is throttling, so that no attempt of this message is burned; with
    `after` it then asks to be left alone altogether, for so long.
    """

    after: timedelta | None
    reason: str
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """Definitely not sent, and never will be, as it stands.

    `scope` says what is wrong: this `message`, the `address` (it is suppressed), what the message says (`content`: spam,
    policy; the same text will be refused again), our `sender`, or the `provider` (credentials, plan, our own bug: nothing
    else will get through either).
    """

    reason: str
    scope: Literal["message", "address", "content", "sender", "provider"] = "message"


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been sent: the connection died, or the answer made no sense, after the message was handed over."""

    reason: str


Outcome = Accepted | RetryLater | Refused | Unknown


@dataclass(frozen=True, slots=True)
class Posted:
    """What somebody posted who says to be a provider, as it came: names of headers in small letters."""

    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider says later of one message: that it has it, that it arrived, that it came back, or that whoever got it
    wants no more of this kind (`unwanted`).
    """

    #: Our id, and the provider's.
    message: str
    id: str
    kind: Literal["taken", "delivered", "bounced", "unwanted"]
    #: Why it came back.
    reason: str = ""
    #: True where nothing will ever arrive at this address.
    closes: bool = False


class Untrusted(Exception):
    """It was not posted by the provider, or nobody can tell; the text says what is missing, and nothing that was posted."""


def _printable(path: Path) -> Path:
    if not str(path).isprintable():
        raise ValueError("a path is one line of printable characters")
    return path


#: What a setting is that names a file or directory; a relative one starts from the project.
FilePath = Annotated[Path, AfterValidator(_printable)]


class Settings(BaseModel):
    """What a project writes under `providers: NAME:`; each provider extends it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str


class Provider(Protocol):
    """Carries messages by one or more channels.

    `send` never raises for what a server or network does: it answers with an `Outcome`. It may be called again at once,
    up to `max_in_flight` times together, from one event loop. Whatever it opens, it opens on first use and `close` closes.
    """

    #: The settings model; an instance of it is what the constructor gets.
    Settings: ClassVar[type[Settings]]
    channels: ClassVar[frozenset[str]]
    #: `native` where sending the same `Message.id` twice delivers once.
    idempotency: ClassVar[Literal["native", "none"]]
    #: False where nothing gets past this computer.
    leaves_machine: ClassVar[bool]
    #: True where receipts come back.
    reports_delivery: ClassVar[bool]

    name: str
    max_in_flight: int

    def __init__(self, name: str, settings: Any, project: Path) -> None:
        """`settings` is an instance of the class's own `Settings`; `name` is the project's name for it, `project` the directory that relative paths start from."""
        ...

    async def send(self, message: Message) -> Outcome: ...

    async def close(self) -> None: ...


class Reporting(Protocol):
    """What a provider has besides where `reports_delivery` is True."""

    def reports(self, posted: Posted) -> list[Report]:
        """Verified on the bytes as they came, before anything is read; raises Untrusted, and ValueError where what is signed
        makes no sense. Reports may come twice, in any order, and of messages that are not ours.
        """
        ...


def installed() -> tuple[str, ...]:
    """The types that `providers: {NAME: {type: …}}` may name, sorted."""
    return tuple(sorted({entry.name for entry in entry_points(group="notifier.providers")}))


def find(kind: str) -> type[Provider]:
    """The provider class for a type; raises UsageError, naming the extra to install where its library is missing."""
    for entry in entry_points(group="notifier.providers"):
        if entry.name == kind:
            try:
                found: type[Provider] = entry.load()
            except ModuleNotFoundError as missing:
                raise UsageError(
                    f"provider type '{kind}' needs '{missing.name}': pip install 'notifier[{kind}]'"
                ) from missing
            return found
    raise UsageError(f"no provider type '{kind}'; installed: {', '.join(installed())}")
