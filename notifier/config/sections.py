"""The sections of `config/notifier.yaml`, with what each value means, its unit and its default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, SerializeAsAny, field_validator, model_validator

from notifier.config.kinds import (
    CapText,
    ClockTime,
    Country,
    Currency,
    DurationText,
    EmailAddress,
    EventName,
    FieldPath,
    HolidayCalendar,
    HoursText,
    Language,
    LinkName,
    OfficeHoursText,
    Phone,
    Sender,
    ShownText,
    SmsSender,
    TimeField,
    TimeZone,
    Url,
    is_loopback,
    read_cap,
)
from notifier.core import catalogue
from notifier.core.duration import Duration
from notifier.core.policy import Cap
from notifier.core.value import reader
from notifier.provider import Settings

Category = Literal["critical", "transactional", "requested", "survey", "marketing", "staff"]
Channel = Literal["email", "sms"]
Audience = Literal["email", "sms", "critical", "transactional", "requested", "survey", "marketing", "staff"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
CHANNELS: tuple[Channel, ...] = get_args(Channel)


class Section(BaseModel):
    """A mapping with known keys that nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Shop(Section):
    """Who is writing, and what holds where nothing is known of a customer."""

    name: ShownText = Field("Example Shop", min_length=1, max_length=80, description="As customers know it.")
    url: Url = Field("https://shop.example", description="The shop itself.")
    timezone: TimeZone = Field("UTC", description="Where the shop is, such as Europe/Warsaw.")
    locale: Language = Field("en", description="The language where a customer's is unknown, such as pl or pt-BR.")
    currency: Currency = Field("EUR", description="ISO 4217, three letters.")
    country: Country | None = Field(
        None, description="ISO 3166, two letters: how phone numbers without a country are read."
    )
    postal_address: ShownText = Field("", max_length=500, description="One line; the law wants it in many messages.")
    support_email: EmailAddress | None = Field(None, description="Where customers can turn.")
    support_phone: ShownText | None = Field(
        None, max_length=40, description="Where customers can turn, as they would dial it."
    )


class Web(Section):
    """The server for events, surveys and the way out of them."""

    host: str = Field("127.0.0.1", min_length=1, description="The address to listen on.")
    port: int = Field(8025, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    public_base_url: Url | Literal[""] = Field(
        "",
        validate_default=True,
        description="How customers and providers reach this server; http://HOST:PORT where it is not given.",
    )
    events_token: SecretStr | None = Field(
        None, description="What a sender of events must present; without one only this computer may send."
    )

    @field_validator("public_base_url")
    @classmethod
    def _reachable(cls, url: str, info: Any) -> str:
        host, port = info.data.get("host", "127.0.0.1"), info.data.get("port", 8025)
        if not url:
            host = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - these mean every address
            return f"http://{f'[{host}]' if ':' in host else host}:{port}"
        parts = urlsplit(url)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError("customers' links need https:// in public_base_url")
        if parts.query or parts.fragment:
            raise ValueError("public_base_url ends with the path: delete what follows '?' or '#'")
        return url.rstrip("/")


class Email(Section):
    """How e-mail leaves."""

    providers: tuple[str, ...] | None = Field(
        None, description="Names under `providers`, the first preferred; all that carry e-mail where it is not given."
    )
    sender: Mapping[Category, Sender] = Field(
        {"transactional": "Example Shop <orders@shop.example>"},
        alias="from",
        description="Who writes, by category: `Name <address>`; `transactional` stands in for what is not named.",
    )

    @field_validator("sender", mode="before")
    @classmethod
    def _one_for_all(cls, value: Any) -> Any:
        return {"transactional": value} if isinstance(value, str) else value

    def sender_of(self, category: str) -> str:
        """`Name <address>` for a category."""
        named = (
            sender for wanted in (category, "transactional") for key, sender in self.sender.items() if key == wanted
        )
        return next(named, next(iter(self.sender.values())))

    @field_validator("sender")
    @classmethod
    def _somebody(cls, value: Mapping[Category, str]) -> Mapping[Category, str]:
        if not value:
            raise ValueError("'from' names nobody; write transactional: Example Shop <orders@shop.example>")
        return value


class Sms(Section):
    """How SMS leaves."""

    providers: tuple[str, ...] | None = Field(
        None, description="Names under `providers`, the first preferred; all that carry SMS where it is not given."
    )
    sender: SmsSender = Field("+15005550006", description="A number, a short code, or a name of at most 11 letters.")
    countries: frozenset[Country] | None = Field(
        None, description="The only countries whose numbers are written to; every country where it is not given."
    )


class Channels(Section):
    """The ways to reach a person."""

    email: Email = Email()
    sms: Sms = Sms()

    def providers(self, channel: str) -> tuple[str, ...]:
        """The names of the providers for a channel, the first preferred."""
        return (self.email if channel == "email" else self.sms).providers or ()


class Team(Section):
    """Colleagues that a rule can write to as `team.NAME`."""

    email: EmailAddress | None = Field(None, description="Their address.")
    sms: Phone | None = Field(None, description="Their number.")
    hours: OfficeHoursText | None = Field(
        None, description="When they read it, such as mon-fri 08:00-18:00; always, if not given."
    )
    timezone: TimeZone | None = Field(None, description="Theirs; the shop's where it is not given.")
    locale: Language | None = Field(None, description="Theirs; the shop's where it is not given.")

    @model_validator(mode="after")
    def _reachable(self) -> Team:
        if self.email is None and self.sms is None:
            raise ValueError("a team needs 'email' or 'sms'")
        return self


class Calendar(Section):
    """The days on which somebody works."""

    holidays: HolidayCalendar | None = Field(None, description="A country, or a part of one: PL, DE-BY.")
    weekend: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        ("sat", "sun"), max_length=6, description="The days of every week on which nobody works."
    )


class Calendars(Section):
    """Business days, of the shop and of those who carry its parcels."""

    shop: Calendar = Calendar()
    carriers: Mapping[str, Calendar] = Field(default_factory=dict, description="By the carrier's name in events.")
    destinations: Mapping[Country, Calendar] = Field(
        default_factory=dict, description="By country, where its own holidays and Saturday and Sunday are not right."
    )


class Promise(Section):
    """How long an order takes where the shop does not say; the first that fits an order counts."""

    carrier: str | None = Field(None, description="Only this carrier's.")
    to: tuple[Country, ...] = Field((), description="Only to these countries.")
    service: str | None = Field(None, description="Only with this product of the carrier.")
    starts: TimeField = Field("order.placed_at", alias="from", description="The instant from which it is counted.")
    handling: DurationText = Field("1 business day", description="Until it leaves, by the shop's calendar.")
    transit: DurationText = Field("3 business days", description="On its way, by the carrier's calendar.")
    cut_off: ClockTime | None = Field(
        None, description="What comes later on the shop's clock counts as the next day's."
    )

    @field_validator("to", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class Limits(Section):
    """How much one person gets."""

    per_customer: Mapping[Literal["transactional", "requested", "survey", "marketing", "critical"], CapText] = Field(
        default_factory=dict, description="By category: `5 per day` (the local day) or `2 per 7d` (any 7 days)."
    )

    def of(self, category: str) -> Cap | None:
        """The cap for a category, None where there is none."""
        return next((read_cap(text) for key, text in self.per_customer.items() if key == category), None)


class Brake(Section):
    """When a rule that suddenly matches far too much is held, until somebody looks."""

    hold_all_if_over: int = Field(ge=1, description="Messages of one rule.")
    within: DurationText = Field(alias="in", description="The time in which they are counted.")


class Brakes(Section):
    """Brakes for rules that set none, and who hears of them."""

    default: Brake | None = Field(
        Brake(hold_all_if_over=1000, within="1h"), description="For every customer rule; null: none."
    )
    tell: str | None = Field(
        None, description="The team that is told when a rule is held, where its `owner` is no team."
    )


class UselessAfter(Section):
    """How long after its cause a message is still worth sending, by category."""

    default: DurationText = Field("2d", description="Where the category has none.")
    critical: DurationText | None = Field("1h")
    transactional: DurationText | None = None
    requested: DurationText | None = None
    survey: DurationText | None = None
    marketing: DurationText | None = None
    staff: DurationText | None = Field("4d", description="Longer than a weekend: teams read it when they are back.")

    def of(self, category: str) -> Duration:
        """For a category."""
        return Duration.parse(getattr(self, category, None) or self.default)


class Surveys(Section):
    """What holds for every survey that does not say otherwise."""

    closes_after: DurationText = Field("30d", description="How long an answer is taken after the question was sent.")


class Redirect(Section):
    """For rehearsals: everything goes here instead of to customers."""

    email: EmailAddress | None = Field(None, description="All e-mail.")
    sms: Phone | None = Field(None, description="All SMS.")


class Retention(Section):
    """How long things are kept."""

    message_bodies: DurationText = Field("30d", description="The words of messages that were sent.")
    events: DurationText = Field("180d", description="Events as they came, and the memory by which repeats are known.")
    finished_orders: DurationText = Field("365d", description="Orders that are over, and what was decided about them.")
    quarantine: DurationText = Field("30d", description="Events that were refused.")


class DeclaredEvent(Section):
    """An event of the project's own."""

    description: str = Field("", max_length=500)


class DeclaredField(Section):
    """A field of the project's own, sent under its name or under `attributes`."""

    type: Literal[
        "text", "number", "money", "bool", "time", "country", "currency", "locale", "timezone", "list", "choice"
    ]
    description: str = Field("", max_length=500)
    choices: tuple[str, ...] = Field((), description="What it can be, where the type is `choice`.")
    default: Any = Field(None, description="What it is where nobody said.")

    @model_validator(mode="after")
    def _sound(self) -> DeclaredField:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("'choices' belong to a field of type choice, and such a field needs them")
        try:
            self.read_default("UTC")
        except ValueError as error:
            raise ValueError(f"'default' {error}") from None
        return self

    def read_default(self, timezone: str) -> Any:
        """The default as events would bring it; a time without a zone is on this clock. None where there is none."""
        if self.default is None:
            return None
        return reader(self.type, self.choices, ZoneInfo(timezone))(self.default)


class Config(Section):
    """All of `config/notifier.yaml`."""

    database: str = Field(
        "sqlite:///var/notifier.db", repr=False, description="Its file, seen from the project: sqlite:///FILE."
    )
    shop: Shop = Shop()
    web: Web = Web()
    providers: Mapping[str, SerializeAsAny[Settings]] = Field(
        default_factory=dict, description="Who carries messages: a name of your choice, its `type`, its settings."
    )
    channels: Channels = Channels()
    teams: Mapping[str, Team] = Field(default_factory=dict, description="Colleagues, by name.")
    calendar: Calendars = Calendars()
    promises: tuple[Promise, ...] = Field((), description="How long an order takes; the first that fits counts.")
    links: Mapping[Language, Mapping[LinkName, Url]] = Field(
        default_factory=dict, description="Pages of the shop, by language and by the name that templates use."
    )
    quiet_hours: Mapping[Audience, HoursText] = Field(
        default_factory=dict, description="When nothing is sent, on the customer's clock, by channel or category."
    )
    limits: Limits = Limits()
    brake: Brakes = Brakes()
    useless_after: UselessAfter = UselessAfter()
    surveys: Surveys = Surveys()
    redirect_all_to: Redirect | None = Field(None, description="For rehearsals: one address for everything.")
    retention: Retention = Retention()
    events: Mapping[EventName, DeclaredEvent] = Field(default_factory=dict, description="Events of the project's own.")
    fields: Mapping[FieldPath, DeclaredField] = Field(default_factory=dict, description="Fields of the project's own.")

    @field_validator("brake")
    @classmethod
    def _known_team(cls, brake: Brakes, info: Any) -> Brakes:
        teams = info.data.get("teams", {})
        if brake.tell is not None and brake.tell not in teams:
            raise ValueError(f"'tell' names no team: '{brake.tell}'; there are {', '.join(teams) or 'none'}")
        return brake

    @field_validator("database")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if not re.match(r"(sqlite:///|postgresql(\+psycopg)?://).", url):
            raise ValueError("a database is sqlite:///FILE, such as sqlite:///var/notifier.db")
        return url

    def catalogue(self) -> catalogue.Catalogue:
        """The events and fields that exist in this project."""
        return catalogue.standard().declare(
            (catalogue.EventType(name, one.description) for name, one in self.events.items()),
            (
                catalogue.Field(path, one.type, one.description, one.choices, one.read_default(self.shop.timezone))
                for path, one in self.fields.items()
            ),
        )
