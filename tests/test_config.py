from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from notifier.config import Config, Team, config_schema, find_project, load
from notifier.core.duration import Duration
from notifier.core.policy import Cap
from notifier.document import read
from notifier.errors import Faults, UsageError
from notifier.provider import installed

FILE = "config/notifier.yaml"
TYPES = ", ".join(installed())


@pytest.fixture
def written(tmp_path: Path):
    """Writes a configuration and gives the project's directory."""

    def write(text: str | bytes) -> Path:
        (tmp_path / "config").mkdir(exist_ok=True)
        (tmp_path / FILE).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return write


def told(project: Path, **environ: str) -> str:
    """What a person sees of a project that is refused."""
    with pytest.raises(Faults) as caught:
        load(project, environ)
    return str(caught.value)


# --- defaults --------------------------------------------------------------------------------------------------------


def test_without_a_file_nothing_leaves_the_machine(tmp_path):
    """An empty directory is a project: SQLite, e-mail in a Maildir, SMS in a file."""
    config = load(tmp_path, {})
    assert config.database == "sqlite:///var/notifier.db"
    assert {name: one.type for name, one in config.providers.items()} == {"outbox": "maildir", "texts": "sms_file"}
    assert (config.channels.providers("email"), config.channels.providers("sms")) == (("outbox",), ("texts",))
    assert config.web.public_base_url == "http://127.0.0.1:8025"
    assert config.quiet_hours == {}


@pytest.mark.parametrize("text", ["", "# all defaults\n", "{}", "\ufeff"])
def test_an_empty_file_is_all_defaults(written, tmp_path, text):
    """A file that says nothing changes nothing."""
    assert load(written(text), {}) == load(tmp_path / "elsewhere", {})


def test_a_channel_that_names_no_provider_has_all_that_carry_it(written):
    """In the order of the file; a channel with an empty list has none."""
    config = load(
        written("providers: {b: {type: console}, a: {type: maildir, path: x}}\nchannels: {sms: {providers: []}}"),
        {},
    )
    assert (config.channels.providers("email"), config.channels.providers("sms")) == (("b", "a"), ())


def test_the_starter_is_sound():
    """The configuration that comes with notifier is one that it accepts, with text in every language."""
    config = load(Path(__file__).parents[1], {})
    assert set(config.links) == {"en", "de", "hu", "pl", "ru", "ms", "fa"}
    assert len({tuple(pages) for pages in config.links.values()}) == 1
    assert config.teams.keys() == {"support", "purchasing", "logistics"}


def test_values_are_given_ready_to_use(written):
    """What is written as text can be asked for as what it means."""
    config = load(
        written(
            """
shop: {locale: hu_HU, country: hu, currency: huf}
channels: {email: {from: "Bolt <bolt@shop.example>"}}
limits: {per_customer: {survey: 1 per 30d, marketing: 2 in any 7 days, transactional: 5 per day}}
useless_after: {default: 3d, survey: 2 business days}
quiet_hours: {sms: {from: 22:00, to: 8:00}, survey: 21:00-24:00}
promises: [{from: order.paid_at, to: HU, handling: 1 business day, transit: P2D, cut_off: 9:30}]
calendar: {carriers: {GLS: {holidays: DE-BY, weekend: [fri]}}}
teams: {support: {sms: "+1 555 010-0100"}}
"""
        ),
        {},
    )
    assert (config.shop.locale, config.shop.country, config.shop.currency) == ("hu-HU", "HU", "HUF")
    assert config.channels.email.sender_of("marketing") == "Bolt <bolt@shop.example>"
    assert config.limits.of("survey") == Cap(1, Duration(days=30))
    assert config.limits.of("marketing") == Cap(2, Duration(days=7))
    assert config.limits.of("transactional") == Cap(5, None)
    assert config.limits.of("staff") is None
    assert config.useless_after.of("critical") == Duration.parse("1h")
    assert config.useless_after.of("survey") == Duration(business_days=2)
    assert config.useless_after.of("marketing") == Duration(days=3)
    assert config.quiet_hours == {"sms": "22:00-08:00", "survey": "21:00-00:00"}
    assert (config.promises[0].to, config.promises[0].cut_off) == (("HU",), "09:30")
    assert config.teams["support"] == Team(sms="+15550100100")


def test_a_list_of_countries_stays_text(written):
    """Norway is not false, with quotes or without."""
    config = load(written("channels: {sms: {countries: [NO, 'SE']}}"), {})
    assert config.channels.sms.countries == {"NO", "SE"}


def test_declared_names_join_the_catalogue(written):
    """A project's own fields and events are known like ours, with type and default."""
    config = load(
        written(
            "shop: {timezone: Europe/Warsaw}\nevents: {order.gift_wrapped: {description: In paper.}}\n"
            "fields:\n"
            "  order.gift_date: {type: time, description: The day it is wanted., default: 2026-12-24}\n"
            "  order.call_at: {type: time, default: '2026-12-24T10:00'}\n"
            "  order.tier: {type: choice, choices: [gold, none], default: none}\n"
        ),
        {},
    )
    catalogue = config.catalogue()
    assert catalogue.events["order.gift_wrapped"].doc == "In paper."
    assert (catalogue.fields["order.gift_date"].type, catalogue.fields["order.gift_date"].default) == (
        "time",
        date(2026, 12, 24),
    )
    assert catalogue.fields["order.call_at"].default == datetime(2026, 12, 24, 9, tzinfo=UTC)
    assert (catalogue.fields["order.tier"].choices, catalogue.fields["order.tier"].default) == (
        ("gold", "none"),
        "none",
    )


def test_frozen():
    """Nothing changes a configuration that is in use."""
    with pytest.raises(ValueError, match="frozen"):
        Config().shop.name = "Other"


# --- what is refused, and in which words -----------------------------------------------------------------------------

WRONG = {
    "18 a slip of the pen": ("shop: {nmae: x}", "1:8: unknown key 'nmae' - did you mean 'name'?"),
    "18 a section": ("quite_hours: {}", "1:1: unknown key 'quite_hours' - did you mean 'quiet_hours'?"),
    "18 a category": (
        "quiet_hours: {surveys: 21:00-08:00}",
        "1:15: unknown key 'surveys' - did you mean 'survey'?",
    ),
    "20 no unit": ("surveys: {closes_after: 30}", "1:25: '30' needs a unit, like '30m', '30h' or '30d'"),
    "20 a unit of its own": (
        "surveys: {closes_after: 1 fortnight}",
        "1:25: '1 fortnight' is not a length of time; write '15m', '2h', '3d', '1d12h' or '2 business days'",
    ),
    "20 half a unit": (
        "surveys: {closes_after: 1h30}",
        "1:25: '1h30' is not a length of time; write '15m', '2h', '3d', '1d12h' or '2 business days'",
    ),
    "20 negative": ("brake: {default: {hold_all_if_over: 5, in: -5m}}", "1:44: '-5m' is negative; a length of time is not"),
    "20 infinite": (
        "retention: {events: .inf}",
        "1:21: '.inf' is not a length of time; write '15m', '2h', '3d', '1d12h' or '2 business days'",
    ),
    "20 without end": ("retention: {events: P401D}", "1:21: 'P401D' is longer than 400 days"),
    "20 no time at all": ("retention: {events: 0d}", "1:21: '0d' is no time at all"),
    "24 a city": ("shop: {timezone: Warsaw}", "1:18: 'Warsaw' is not a time zone - did you mean 'Europe/Warsaw'?"),
    "24 a path": ("shop: {timezone: ../../etc/passwd}", "1:18: '../../etc/passwd' is not a time zone; write it like Europe/Warsaw"),
    "24 nothing": ("shop: {timezone: ''}", "1:18: '' is not a time zone; write it like Europe/Warsaw"),
    "24 three letters": ("shop: {timezone: EST}", "1:18: 'EST' does not name a place - did you mean 'America/New_York'?"),
    "24 no such zone": ("shop: {timezone: US/Pacific-New}", "1:18: 'US/Pacific-New' is not a time zone - did you mean 'US/Pacific'?"),
    "24 this computer's": ("shop: {timezone: localtime}", "1:18: 'localtime' is not a time zone; write it like Europe/Warsaw"),
    "24 nobody's": ("shop: {timezone: Factory}", "1:18: 'Factory' is not a time zone; write it like Europe/Warsaw"),
    "24 with leap seconds": (
        "shop: {timezone: right/Europe/Warsaw}",
        "1:18: 'right/Europe/Warsaw' is not a time zone - did you mean 'Europe/Warsaw'?",
    ),
    "25 start is end": ("quiet_hours: {sms: 21:00-21:00}", "1:20: '21:00-21:00' leaves no hour of the day; start and end must differ"),
    "25 a whole day": ("quiet_hours: {sms: 00:00-24:00}", "1:20: '00:00-24:00' leaves no hour of the day; start and end must differ"),
    "25 as two keys": (
        "quiet_hours: {sms: {from: 9:00, to: 09:00}}",
        "1:20: '9:00-09:00' leaves no hour of the day; start and end must differ",
    ),
    "27 a line break": (
        'channels: {email: {from: "Shop <a@shop.example>\\r\\nBcc: all@example.com"}}',
        "1:26: a sender is one line: delete the line breaks and control characters",
    ),
    "27 two addresses": (
        "channels: {email: {from: 'a@shop.example, b@example.com'}}",
        "1:26: 'a@shop.example, b@example.com' is not one sender; write it like Example Shop <orders@shop.example>",
    ),
    "27 no address": (
        "channels: {email: {from: {survey: Shop}}}",
        "1:35: 'Shop' is not one sender; write it like Example Shop <orders@shop.example>",
    ),
    "a language": ("shop: {locale: polish}", "1:16: 'polish' is not a language; write it like pl or pt-BR - did you mean 'pl'?"),
    "a country": ("shop: {country: UK}", "1:17: 'UK' is not a country; write two letters such as PL - did you mean 'GB'?"),
    "a currency": ("shop: {currency: EURO}", "1:18: 'EURO' is not a currency; write three letters such as EUR - did you mean 'EUR'?"),
    "an address": ("teams: {a: {email: 'a@b..c'}}", "1:20: 'a@b..c' is not an e-mail address: an email address cannot have two periods in a row"),
    "a team out of reach": ("teams: {a: {locale: pl}}", "1:12: a team needs 'email' or 'sms'"),
    "a team's hours": (
        "teams: {a: {email: a@shop.example, hours: 9-5}}",
        "1:43: '9-5' is not a team's hours; write them like mon-fri 08:00-18:00",
    ),
    "a number without its country": (
        "redirect_all_to: {sms: 555 0100}",
        "1:24: a phone number starts with + and the country's code, like +15005550006",
    ),
    "a sender too long": (
        "channels: {sms: {sender: Example Shop Ltd}}",
        "1:26: a sender of SMS is a number such as +15005550006, a short code, or a name of at most 11 letters",
    ),
    "holidays": ("calendar: {shop: {holidays: PLL}}", "1:29: no holidays are known for 'PLL'; write a country such as PL - did you mean 'PL'?"),
    "no day left": (
        "calendar: {shop: {weekend: [mon, tue, wed, thu, fri, sat, sun]}}",
        "1:28: 'weekend' has 7 entries: write at most 6",
    ),
    "a promise from nowhere": (
        "promises: [{from: order.payd_at}]",
        "1:19: 'order.payd_at' is not a time of an order - did you mean 'order.paid_at'?",
    ),
    "a link": ("links: {en: {faq: javascript:x}}", "1:19: 'javascript:x' is not a web address; write it like https://shop.example"),
    "a link with a user": (
        "links: {en: {faq: https://shop.example@example.com/faq}}",
        "1:19: a web address names no user: delete what stands before the '@'",
    ),
    "a link to nowhere": (
        "links: {en: {faq: 'https://[shop'}}",
        "1:19: 'https://[shop' is not a web address; write it like https://shop.example",
    ),
    "a link's name": ("links: {en: {__class__: https://shop.example}}", "1:14: '__class__' is not a name; write it like faq_delay"),
    "a name that cannot be read": ('shop: {name: "\\0"}', "1:14: there is a control character in it; delete it"),
    "a name that cannot be seen": ('shop: {name: "\\u200b "}', "1:14: there is nothing in it that anybody could read"),
    "a limit": ("limits: {per_customer: {survey: 0 per day}}", "1:33: '0 per day' is not a limit; write it like '5 per day' or '1 per 30d'"),
    "links in the clear": (
        "web: {public_base_url: http://notify.shop.example}",
        "1:24: customers' links need https:// in public_base_url",
    ),
    "a database": ("database: mysql://db/x", "1:11: a database is sqlite:///FILE, such as sqlite:///var/notifier.db"),
    "a name that is taken": ("fields: {order.eta: {type: time}}", "1:10: 'order.eta' is in the catalogue already; choose another name"),
    "a name of nothing": ("fields: {ordr.x: {type: text}}", "1:10: 'ordr' is nothing that events are about - did you mean 'order'?"),
    "a name that is none": ("events: {order.Wrapped: {}}", "1:10: 'order.Wrapped' is not a name; write it like order.gift_wrapped"),
    "a name inside of a field": (
        "fields: {order.items.gift: {type: text}}",
        "1:10: 'order.items.gift' would be a part of 'order.items', which is a field itself; choose another name",
    ),
    "a name inside of another": (
        "fields: {order.a.b: {type: text}, order.a: {type: text}}",
        "1:10: 'order.a.b' would be a part of 'order.a', which is a field itself; choose another name",
    ),
    "a name with another meaning": (
        "fields: {order.customer: {type: text}}",
        "1:10: 'order.customer' is where events have something else; choose another name",
    ),
    "a name of a group": (
        "fields: {order.shipping_address: {type: text}}",
        "1:10: 'order.shipping_address' has parts, such as 'order.shipping_address.name', and so is no field itself; "
        "choose another name",
    ),
    "a type": ("fields: {order.x: {type: date}}", "1:26: 'type' is one of text, number, money, bool, time, country, currency, locale, timezone, list, choice, not 'date'"),
    "a default of another type": ("fields: {order.x: {type: number, default: lots}}", "1:19: 'default' is a number, got 'lots'"),
    "a default that is no time": (
        "fields: {order.x: {type: time, default: tomorrow}}",
        "1:19: 'default' is a time like 2026-03-13T22:00:00Z or a date, got 'tomorrow'",
    ),
    "a choice of nothing": (
        "fields: {order.x: {type: choice}}",
        "1:19: 'choices' belong to a field of type choice, and such a field needs them",
    ),
    "a provider's type": ("providers: {a: {type: maildri}}", "1:23: no provider type 'maildri' - did you mean 'maildir'?"),
    "a provider without type": ("providers: {a: {path: x}}", "1:13: 'a' needs a type: one of " + TYPES),
    "a provider's setting": ("providers: {a: {type: maildir, pth: x}}", "1:32: unknown key 'pth' - did you mean 'path'?"),
    "a provider's path": (
        'providers: {a: {type: maildir, path: "var/\\0"}}',
        "1:38: a path is one line of printable characters",
    ),
    "a provider's file": (
        'providers: {a: {type: sms_file, path: "var/\\n.ndjson"}}',
        "1:39: a path is one line of printable characters",
    ),
    "a server without a name": (
        "providers: {a: {type: smtp, host: smtp..x}}",
        "1:35: 'smtp..x' is not the name of a server; write it like smtp.shop.example",
    ),
    "a server's address": (
        "providers: {a: {type: smtp, host: 'https://smtp.shop.example'}}",
        "1:35: 'https://smtp.shop.example' is not the name of a server; write it like smtp.shop.example",
    ),
    "a server with a port": (
        "providers: {a: {type: smtp, host: 'smtp.shop.example:587'}}",
        "1:35: 'smtp.shop.example:587' is not the name of a server; write it like smtp.shop.example",
    ),
    "a server's name in two lines": (
        'providers: {a: {type: smtp, host: "smtp\\n.x"}}',
        "1:35: 'smtp .x' is not the name of a server; write it like smtp.shop.example",
    ),
    "a name that is empty": ("shop: {name: ''}", "1:14: 'name' is empty"),
    "a name that is too long": (
        f"shop: {{name: {'x' * 81}}}",
        "1:14: 'name' is too long: write at most 80 characters",
    ),
    "no such provider": (
        "channels: {email: {providers: [outbocks]}}",
        "1:32: no provider 'outbocks' - did you mean 'outbox'?",
    ),
    "a provider of another channel": ("channels: {email: {providers: [texts]}}", "1:32: provider 'texts' does not carry email"),
    "providers as a list": ("providers: [maildir]", "1:12: 'providers' must be a mapping (key: value), not a list"),
    "12 a list at the top": ("- a", "1:1: the file must be a mapping (key: value)"),
    "29 half a file": ("shop: {name: Exa", "1:7: what opens here is never closed"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_wrong(written, text, message):
    """Each wrong value is told with its place, what is wrong and what to write."""
    line, column, _ = message.split(":", 2)
    row = text.split("\n")[int(line) - 1]
    assert told(written(text)) == f"{FILE}:{message}\n    {row}\n    {' ' * (int(column) - 1)}^"


def test_all_at_once(written):
    """Whoever mends a file sees everything that is wrong with it the first time."""
    text = (
        "shop: {timezone: Warsaw}\nproviders:\n  a: {type: maildri}\n  b: {type: console, x: 1}\n"
        "channels: {sms: {providers: [c]}}\nweb: {events_token: '${TOKEN}'}\n"
    )
    lines = told(written(text), NOTIFIER__SHOP__LOCALE="xx-yy-zz").split("\n")
    assert [line for line in lines if not line.startswith(" ")] == [
        "NOTIFIER__SHOP__LOCALE: 'locale' does not take the value that it is given; "
        "it is: The language where a customer's is unknown, such as pl or pt-BR",
        f"{FILE}:1:18: 'Warsaw' is not a time zone - did you mean 'Europe/Warsaw'?",
        f"{FILE}:3:13: no provider type 'maildri' - did you mean 'maildir'?",
        f"{FILE}:4:22: unknown key 'x'; known here: type",
        f"{FILE}:5:30: no provider 'c'; known: a, b",
        f"{FILE}:6:22: TOKEN is not set in the environment; set it, or TOKEN_FILE to the file that holds it",
    ]


def test_a_directory_where_the_file_should_be(tmp_path):
    """What cannot be read is named, not taken for a missing file."""
    (tmp_path / "config").mkdir()
    (tmp_path / FILE).symlink_to(tmp_path / FILE)
    assert told(tmp_path) == f"{FILE}: cannot be read: Too many levels of symbolic links"


# --- secrets and the environment -------------------------------------------------------------------------------------

TOKEN = "web: {events_token: ${TOKEN}}"


def test_secrets_come_from_the_environment(written, tmp_path):
    """Directly or from a file, without the line end that editors and `echo` leave; never shown by accident."""
    (tmp_path / "token").write_text("s3cret\n")
    for environ in ({"TOKEN": "s3cret\r\n"}, {"TOKEN_FILE": str(tmp_path / "token")}):
        web = load(written(TOKEN), environ).web
        assert web.events_token is not None
        assert web.events_token.get_secret_value() == "s3cret"
        assert "s3cret" not in repr(web)


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({}, "TOKEN is not set in the environment; set it, or TOKEN_FILE to the file that holds it"),
        ({"TOKEN": ""}, "TOKEN is set, but empty"),
        ({"TOKEN": "\n"}, "TOKEN is set, but empty"),
        ({"TOKEN": '"s3cret"'}, "TOKEN is wrapped in quotes; delete them"),
        ({"TOKEN_FILE": "/nowhere/s3cret"}, "TOKEN_FILE names a file that cannot be read"),
        ({"TOKEN_FILE": "/nowhere/\0"}, "TOKEN_FILE names a file that cannot be read"),
        ({"TOKEN_FILE": "/dev/zero"}, "TOKEN_FILE names a file that cannot be read"),
    ],
)
def test_a_secret_that_is_missing(written, environ, reason):
    """A variable that is unset, empty or quoted is named; its value is not."""
    assert told(written(TOKEN), **environ) == (
        f"{FILE}:1:21: {reason}\n    web: {{events_token: ${{TOKEN}}}}\n                        ^"
    )


def test_a_secret_that_is_too_large(written, tmp_path):
    """What is that large was not meant for a secret."""
    (tmp_path / "token").write_bytes(b"\xff" * 65_537)
    assert "TOKEN_FILE names a file that is larger than 64 KiB\n" in told(
        written(TOKEN), TOKEN_FILE=str(tmp_path / "token")
    )


def test_what_is_unset_is_told_once(written):
    """A number that did not come is not also called text."""
    assert [line for line in told(written("web: {port: ${PORT}}")).split("\n") if not line.startswith(" ")] == [
        f"{FILE}:1:13: PORT is not set in the environment; set it, or PORT_FILE to the file that holds it"
    ]


def test_secrets_written_out_are_refused(written):
    """A secret in the file is an error, and the line that holds it is not repeated."""
    text = (
        "web: {events_token: hunter2, prot: 1}\n"
        "database: postgresql+psycopg://notifier:hunter2@db.example/notifier\n"
        "providers: {mail: {type: smtp, host: 127.0.0.1, username: u, password: x${PASS}}}\n"
    )
    message = told(written(text), PASS="hunter3")
    assert message.split("\n") == [
        f"{FILE}:1:21: 'events_token' is a secret: write ${{EVENTS_TOKEN}} here and put the value into the environment",
        f"{FILE}:1:30: unknown key 'prot' - did you mean 'port'?",
        f"{FILE}:2:11: 'database' has a password in it: write ${{DATABASE_PASSWORD}} there and put it into the environment",
        f"{FILE}:3:72: 'password' is a secret: write ${{PASSWORD}} here and put the value into the environment",
    ]


def test_a_password_in_a_url_may_be_a_reference(written):
    """The database's password can come from the environment, in the middle of the URL."""
    project = written("database: 'postgresql+psycopg://n:${DATABASE_PASSWORD}@db.example/n'")
    config = load(project, {"DATABASE_PASSWORD": "pw"})
    assert config.database == "postgresql+psycopg://n:pw@db.example/n"
    assert ":pw@" not in repr(config)


def test_the_environment_wins(written, tmp_path):
    """Every value can be set from outside: text as it is, lists and mappings as JSON, whatever the case of names."""
    (tmp_path / "name").write_text("Bolt\n")
    project = written("web: {port: 1, host: 127.0.0.1}\ncalendar: {carriers: {GLS: {holidays: HU}}}\n")
    environ = {
        "NOTIFIER__WEB__PORT": "8099",
        "NOTIFIER__SHOP__NAME_FILE": str(tmp_path / "name"),
        "NOTIFIER__CALENDAR__CARRIERS__GLS__WEEKEND": '["fri", "sat"]',
        "NOTIFIER__LIMITS": '{"per_customer": {"survey": "1 per 30d"}}',
        "NOTIFIER__BRAKE__DEFAULT": "null",
        "NOTIFIER__TEAMS__DESK__EMAIL": "desk@shop.example",
        "NOTIFIER_NOW": "2026-03-13T22:00:00Z",
    }
    config = load(project, environ)
    assert (config.web.port, config.web.public_base_url, config.shop.name) == (8099, "http://127.0.0.1:8099", "Bolt")
    assert config.calendar.carriers["GLS"].weekend == ("fri", "sat")
    assert config.limits.of("survey") == Cap(1, Duration(days=30))
    assert config.brake.default is None
    assert config.teams["desk"].email == "desk@shop.example"


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("NOTIFIER__WEB__PORT", "s3cret", "'port' must be a whole number"),
        ("NOTIFIER__WEB__PRT", "s3cret", "unknown key 'prt' - did you mean 'port'?"),
        (
            "NOTIFIER__SHOP__TIMEZONE",
            "s3cret",
            "'timezone' does not take the value that it is given; it is: Where the shop is, such as Europe/Warsaw",
        ),
        ("NOTIFIER__DATABASE__URL", "s3cret", "'database' has no keys below it"),
        ("NOTIFIER__PROMISES", '["s3cret"', "is neither a JSON list nor a JSON mapping"),
        ("NOTIFIER__PROMISES", '["s3cret"]', "item 1 of 'promises' must be a mapping (key: value)"),
        ("NOTIFIER__SHOP__NAME", "", "is set, but empty"),
        ("NOTIFIER__TEAMS__DESK__LOCALE", "pl", "a team needs 'email' or 'sms'"),
        ("NOTIFIER__PROVIDERS__MAIL__TYPE", "s3cret", "no provider type of that name; installed: " + TYPES),
        ("NOTIFIER__CHANNELS__SMS__PROVIDERS", '["s3cret"]', "no provider of that name; known: outbox, texts"),
    ],
)  # fmt: skip
def test_a_variable_that_is_wrong(written, variable, value, reason):
    """A fault of the environment names the variable and never shows its value."""
    assert told(written("database: sqlite:///var/x.db"), **{variable: value}) == f"{variable}: {reason}"


# --- the project and the schema --------------------------------------------------------------------------------------


def test_a_project_is_found_from_inside(tmp_path):
    """Like git: the directory, then its parents; with a word on how to make one where there is none."""
    (tmp_path / "shop" / "rules" / "tests").mkdir(parents=True)
    assert find_project(tmp_path / "shop" / "rules" / "tests") == tmp_path / "shop"
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(UsageError, match="make one with 'notifier init DIR'"):
        find_project(tmp_path / "elsewhere")


def test_the_schema_accepts_what_we_accept():
    """Editors that know the schema find the starter sound, whatever comes from the environment, and the names of a project."""
    data = read(Path(__file__).parents[1] / FILE).data
    assert marked(data) == []
    data["web"] |= {"port": "${PORT}", "events_token": "${EVENTS_TOKEN}"}
    data["useless_after"]["default"] = "${PATIENCE}"
    data["shop"]["country"] = "pl"
    assert marked(data) == []


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("providers", {"outbox": {"type": "maildir", "pth": "x"}}),
        ("shop", {"timezone": "Europe/Warschau"}),
        ("shop", {"country": "UK"}),
        ("web", {"port": "eighty"}),
        ("quiet_hour", {"sms": "21:00-08:00"}),
        ("quiet_hours", {"smss": "21:00-08:00"}),
        ("useless_after", {"default": "2 fortnights"}),
        ("promises", [{"from": "order.payed_at"}]),
        ("fields", {"order.gift": {"type": "yesno"}}),
    ],
)
def test_the_schema_marks_slips_of_the_pen(section, value):
    """A misspelt key, zone, code, time or type is marked while one types."""
    assert marked({section: value})


def test_the_schema_offers_the_projects_providers(project):
    """A channel's providers are completed from those that there are."""
    listed = config_schema(load(project))["definitions"]["Sms"]["properties"]["providers"]["anyOf"][0]["items"]["anyOf"]
    assert [one["const"] for one in listed[:-1]] == ["outbox", "texts"]


def marked(data):
    return [error.message for error in Draft7Validator(config_schema()).iter_errors(data)]
