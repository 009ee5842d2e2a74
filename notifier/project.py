"""A project as it is in force: its configuration, catalogue, texts, rules and secret, read whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time
from functools import cached_property, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from notifier import rulebook
from notifier.config import Config
from notifier.config import load as load_config
from notifier.core import braking
from notifier.core.catalogue import Catalogue
from notifier.core.cloudevent import EventReader
from notifier.core.contact import address_digest
from notifier.core.duration import Duration
from notifier.core.local_time import WorkingDays, shift
from notifier.core.policy import Policy, Team
from notifier.core.promise import Lead
from notifier.core.quiet_hours import OfficeHours, QuietHours
from notifier.core.rule import CATEGORIES, Book, Brake, Rule
from notifier.document import content, legible
from notifier.errors import Faults, Problem, UsageError
from notifier.render import Template, Texts
from notifier.store.record import Expiry

__all__ = ["Project", "load", "texts_of"]

#: Sections of the configuration that decisions go by.
_DECIDED_BY = {
    "shop",
    "channels",
    "teams",
    "calendar",
    "promises",
    "quiet_hours",
    "limits",
    "brake",
    "useless_after",
    "fields",
    "redirect_all_to",
}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Project:
    """Frozen: a reload makes another one."""

    root: Path
    config: Config
    catalogue: Catalogue
    texts: Texts
    book: Book
    #: Signs links and keys the hashes of addresses; 32 bytes.
    secret: bytes

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.config.shop.timezone)

    @cached_property
    def defaults(self) -> Mapping[str, Mapping[str, Any]]:
        """What a project's own fields are where nobody said, by scope."""
        found: dict[str, dict[str, Any]] = {}
        for path, one in self.catalogue.fields.items():
            if one.default is not None:
                found.setdefault(one.scope, {})[path] = one.default
        return found

    def reader(self) -> EventReader:
        """A reader of events for this project's catalogue."""
        return EventReader(self.catalogue, self.zone, self.alias)

    def alias(self, address: str) -> str:
        """The id of a customer who has only an address: a keyed hash, `~` and 20 hex digits."""
        return "~" + blake2b(address.encode(), key=self.secret, digest_size=10).hexdigest()

    def digest(self, channel: str, address: str) -> bytes:
        return address_digest(self.secret, channel, address)

    @cached_property
    def policy(self) -> Policy:
        """What the configuration allows; operators' mutes are added when deciding."""
        config = self.config
        caps = {name: config.limits.of(name) for name in CATEGORIES}
        return Policy(
            wording=self.texts,
            zone=self.zone,
            locale=config.shop.locale,
            country=config.shop.country,
            sms_countries=config.channels.sms.countries,
            channels=tuple(
                name
                for name in ("email", "sms")
                # A rehearsal must not reach anybody by a way that it does not redirect.
                if config.channels.providers(name) and (config.redirect_all_to is None or self.redirect(name))
            ),
            quiet_hours={str(name): QuietHours.parse(text) for name, text in config.quiet_hours.items()},
            caps={name: cap for name, cap in caps.items() if cap is not None},
            brake=_brake(config),
            useless_after={name: config.useless_after.of(name) for name in CATEGORIES},
            teams={
                name: Team(
                    email=str(team.email or ""),
                    phone=str(team.sms or ""),
                    locale=team.locale or "",
                    hours=OfficeHours.parse(str(team.hours)) if team.hours else None,
                    zone=ZoneInfo(team.timezone) if team.timezone else None,
                )
                for name, team in config.teams.items()
            },
            digest=self.digest,
        )

    def rule(self, name: str) -> Rule | None:
        """A rule of the book, or the one by which its team hears that it is braked."""
        return self.book.by_id.get(name) or braking.notice(name, self.book, self.hears_of)

    def hears_of(self, rule: Rule) -> str:
        """The team that is told when the rule is braked; empty where nobody is, or no text is there to tell it."""
        team = rule.owner if rule.owner in self.config.teams else self.config.brake.tell or ""
        return team if braking.TEMPLATE in self.texts.templates else ""

    @cached_property
    def word(self) -> str:
        """Changes with whatever decisions go by: the rules, and what the configuration says about them."""
        said = self.config.model_dump(include=_DECIDED_BY)
        text = orjson.dumps(said, default=_in_order, option=orjson.OPT_SORT_KEYS)
        return blake2b(self.book.hash.encode() + text, digest_size=16).hexdigest()

    @cached_property
    def leads(self) -> tuple[Lead, ...]:
        return tuple(
            Lead(
                start=str(one.starts),
                handling=Duration.parse(one.handling),
                transit=Duration.parse(one.transit),
                cut_off=time.fromisoformat(f"{one.cut_off:>05}") if one.cut_off else None,
                carrier=one.carrier or "",
                countries=tuple(one.to),
                service=one.service or "",
            )
            for one in self.config.promises
        )

    @cached_property
    def adds_nothing(self) -> bool:
        """True where subjects are what events told and no more."""
        return not self.defaults and not self.leads

    def expiry(self, now: datetime) -> Expiry:
        """What was kept for long enough at `now`, by the shop's calendar."""
        kept = self.config.retention

        def ago(how_long: str) -> datetime:
            return shift(now, -Duration.parse(how_long), self.zone, self.working("shop", ""))

        return Expiry(ago(kept.message_bodies), ago(kept.events), ago(kept.finished_orders), ago(kept.quarantine))

    def redirect(self, channel: str) -> str:
        """The one address to which a rehearsal sends everything on this channel; empty where it is none."""
        given = self.config.redirect_all_to
        return str((given.email if channel == "email" else given.sms) or "") if given else ""

    def working_for(self, order: Mapping[str, Any], calendar: str) -> WorkingDays:
        """Whose days a rule means by `shop`, `carrier` or `destination`, for an order with these facts."""
        if calendar == "carrier":
            return self.working("carrier", order.get("order.carrier", ""))
        if calendar == "destination":
            return self.working("destination", order.get("order.shipping_address.country", ""))
        return self.working("shop", "")

    @cached_property
    def working(self) -> Callable[[str, str], WorkingDays]:
        """(`shop`, "") or (`carrier`, NAME) or (`destination`, COUNTRY) -> whose days they are."""
        calendar = self.config.calendar

        @lru_cache(maxsize=1024)
        def days(kind: str, name: str) -> WorkingDays:
            found = calendar.shop
            if kind == "carrier":
                found = calendar.carriers.get(name, calendar.shop)
            elif kind == "destination":
                if name not in calendar.destinations:
                    return WorkingDays(_Holidays(name))
                found = calendar.destinations[name]
            weekend = tuple(_DAYS.index(day) for day in found.weekend)
            return WorkingDays(_Holidays(found.holidays or ""), weekend)

        return days


def _brake(config: Config) -> Brake | None:
    default = config.brake.default
    return Brake(default.hold_all_if_over, Duration.parse(default.within)) if default else None


def _in_order(value: Any) -> Any:
    """A set always reads the same."""
    return sorted(value) if isinstance(value, frozenset) else str(value)


class _Holidays:
    """Those of `PL` or `DE-BY`, reckoned year by year as they are asked for; none for an unknown place.

    Found when the first day is asked about: with one country's the whole world's are loaded, which many shops never need.
    """

    def __init__(self, place: str) -> None:
        self._place = place

    def __contains__(self, day: object) -> bool:
        return day in self._days

    @cached_property
    def _days(self) -> Container[object]:
        country, _, region = self._place.partition("-")
        if not country:
            return frozenset()
        import holidays

        try:
            return holidays.country_holidays(country, subdiv=region or None)
        except (KeyError, NotImplementedError):
            return frozenset()


def load(root: Path, *, sends: bool = True) -> Project:
    """Read a project; raises Faults with every problem of its configuration, texts and rules at once.

    Without `sends` the secrets of its providers need not be there.
    """
    config = load_config(root, sends=sends)
    catalogue = config.catalogue()
    texts, templates, problems = texts_of(root, config, catalogue)
    book: Book | None = None
    try:
        book = rulebook.load(root, catalogue, templates, tuple(config.teams))
    except Faults as faults:
        problems += faults.problems
    except OSError as error:
        problems.append(_unreadable(root, error))
    if texts is None or book is None:
        raise Faults(problems)
    return Project(root, config, catalogue, texts, book, _secret(root))


def texts_of(
    root: Path, config: Config, catalogue: Catalogue
) -> tuple[Texts | None, Mapping[str, Template | None], list[Problem]]:
    """The texts, each by name, and what is wrong with them: rules are looked at against the names that are there."""
    try:
        texts = Texts.load(root, config, catalogue)
    except Faults as faults:
        return None, {path.name: None for path in (root / "templates").glob("*/")}, list(faults.problems)
    except OSError as error:
        raise Faults([_unreadable(root, error)]) from error
    return texts, texts.templates, []


def _unreadable(root: Path, error: OSError) -> Problem:
    """A folder that may not be looked into must not pass for an empty one."""
    shown = legible(os.path.relpath(error.filename or root, root))
    return Problem(shown, 0, 0, f"cannot be read: {error.strerror or error}")


def _secret(root: Path) -> bytes:
    """`NOTIFIER_SECRET`, or a key made at the first use and kept in `var/secret`, which nobody else may read."""
    given = os.environ.get("NOTIFIER_SECRET")
    if given is not None:
        given = given.strip()
        if not given:
            raise UsageError("NOTIFIER_SECRET is set, but empty; unset it, or make one with: openssl rand -hex 32")
        if len(given) < 16:
            raise UsageError("NOTIFIER_SECRET is shorter than 16 characters; make one with: openssl rand -hex 32")
        return blake2b(given.encode(), digest_size=32).digest()
    path = root / "var" / "secret"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f"secret.{os.getpid()}")
            new.touch(mode=0o600)
            new.write_text(secrets.token_hex(32))
            with suppress(FileExistsError):  # the first of two that start together wins
                os.link(new, path)
            new.unlink()
        kept = content(path).strip()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read or made: {error.strerror}; set NOTIFIER_SECRET instead") from error
    if len(kept) < 16:
        raise UsageError(
            f"{path}: is empty or too short to sign links with; put it back, or delete it to make a new one"
        )
    return blake2b(kept, digest_size=32).digest()
