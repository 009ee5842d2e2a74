"""What the configuration and the operators allow: what the gates go by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from notifier.core.duration import Duration
from notifier.core.match import Candidate
from notifier.core.quiet_hours import OfficeHours, QuietHours
from notifier.core.rule import Brake, Rule, Send
from notifier.core.scene import Scene

__all__ = ["Cap", "Mute", "Policy", "Team", "Wording", "folded"]


class Wording(Protocol):
    """What the gates must know of the message texts."""

    def carries(self, name: str, channel: str) -> bool: ...

    def language(self, name: str, channel: str, wanted: str | None) -> str: ...


@dataclass(frozen=True, slots=True)
class Cap:
    """So many messages of a category for one person, a local day or any stretch of `window`."""

    count: int
    window: Duration | None = None


@dataclass(frozen=True, slots=True)
class Team:
    email: str = ""
    phone: str = ""
    locale: str = ""
    hours: OfficeHours | None = None
    #: Whose clock the hours are on; None is the shop's.
    zone: ZoneInfo | None = None


@dataclass(frozen=True, slots=True)
class Mute:
    """An operator's word: `pause` holds, `mute` drops, until a time or until it is lifted.

    `brake` holds what a rule sends as well, and is the engine's own word: from when the rule sent too much until an operator
    has approved what waits. It then stays as the instant from which the rule's messages are counted anew.
    """

    kind: Literal["pause", "mute", "brake"]
    #: `all`, `rule:ID`, `carrier:NAME`, `sku:SKU`.
    scope: str
    until: datetime | None = None
    reason: str = ""
    #: Since when; not part of what it says.
    at: datetime | None = field(default=None, compare=False)

    def covers(self, candidate: Candidate, scene: Scene) -> bool:
        if self.until is not None and self.until <= scene.now:
            return False
        return self.scope == "all" or folded(self.scope) in _scopes(candidate, scene)


def folded(scope: str) -> str:
    """What two scopes that mean the same have in common: carriers are called `GLS` here and `gls` there."""
    return scope.casefold() if scope.startswith("carrier:") else scope


def _scopes(candidate: Candidate, scene: Scene) -> set[str]:
    skus = [item.get("sku") for item in scene.value("order.items") or ()] + [scene.value("stock.sku")]
    carriers = [scene.value("order.carrier"), scene.value("shipment.carrier")]
    return {
        f"rule:{candidate.rule.id}",
        *(f"sku:{sku}" for sku in skus if sku),
        *(folded(f"carrier:{carrier}") for carrier in carriers if carrier),
    }


@dataclass(frozen=True, slots=True)
class Policy:
    """What the configuration and the operators allow."""

    wording: Wording
    zone: ZoneInfo
    locale: str = "en"
    #: How phone numbers without a prefix are read where the customer's country is not known.
    country: str | None = None
    #: Channels with a provider, in order.
    channels: tuple[str, ...] = ("email", "sms")
    #: The only countries whose numbers get an SMS; None is all.
    sms_countries: frozenset[str] | None = None
    #: By channel or category.
    quiet_hours: Mapping[str, QuietHours] = field(default_factory=dict)
    #: By category.
    caps: Mapping[str, Cap] = field(default_factory=dict)
    #: By category, and `default`.
    useless_after: Mapping[str, Duration] = field(default_factory=dict)
    #: Of rules that have none, for what they send to customers.
    brake: Brake | None = None
    teams: Mapping[str, Team] = field(default_factory=dict)
    #: Categories that nobody gets without having agreed.
    consent: frozenset[str] = frozenset({"marketing"})
    mutes: tuple[Mute, ...] = ()
    #: Keyed hash of an address, by channel: how suppressions are asked for.
    digest: Callable[[str, str], bytes] = lambda channel, address: blake2b(
        f"{channel}:{address}".encode(), digest_size=16
    ).digest()

    def free_from(self, moment: datetime, names: Collection[str], zone: ZoneInfo) -> datetime:
        """The first instant from `moment` on that lies in the quiet hours of none of these channels and categories."""
        windows = [self.quiet_hours[name] for name in names if name in self.quiet_hours]
        for _ in range(8):  # windows may hand over to each other; a day holds no more changes than this
            ends = [end for end in (window.ends(moment, zone) for window in windows) if end is not None]
            if not ends:
                break
            moment = max(ends)
        return moment

    def brake_of(self, rule: Rule, send: Send) -> Brake | None:
        """How much is too much of what this rule sends so; None where nothing is."""
        return rule.brake or (self.brake if send.to == "customer" else None)

    def braking(self, rule: str) -> Mute | None:
        """The brake of a rule, on or released; None where it never was on."""
        return next((one for one in self.mutes if one.kind == "brake" and one.scope == f"rule:{rule}"), None)

    def with_mutes(self, mutes: Iterable[Mute]) -> Policy:
        """The same with what operators have said."""
        return replace(self, mutes=tuple(mutes))
