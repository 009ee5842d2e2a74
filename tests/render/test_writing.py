"""How a text becomes a message: Markdown, dates, money, lists, languages, links, the frame."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifier.config import Config
from notifier.core import sms
from notifier.errors import NoTranslation
from notifier.render import Texts, normalised, scope

Say = Callable[..., str]
NOON = datetime(2026, 3, 12, 12, 30, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "order": {
        "order.id": "1043",
        "order.total": 1234.5,
        "order.currency": "EUR",
        "order.eta": datetime(2026, 3, 12, 23, 30, tzinfo=UTC),
        "order.promised_at": date(2026, 3, 12),
        "order.items": [
            {"sku": "b", "name": "Boots", "quantity": 1},
            {"sku": "s"},
            {"sku": "h", "name": "Hat", "quantity": 5},
        ],
        "order.attributes": {"gift": "yes"},
        "order.shipping_address.city": "Łódź",
    },
}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("one\ntwo", "one two"),
        ("one  \ntwo", "one\ntwo"),
        ("# Head\n\ntext", "Head\n\ntext"),
        ("**bold** and *soft* and `code`", "bold and soft and code"),
        ("- a\n- b\n\ntext", "- a\n- b\n\ntext"),
        ("1. a\n2. b", "1. a\n2. b"),
        ("- a\n  - b\n- c", "- a\n  - b\n- c"),
        ("> quoted", "> quoted"),
        ("a\n\n---\n\nb", "a\n\n----\n\nb"),
        ("[here](https://x.example)", "here: https://x.example"),
        ("See [here](https://x.example).", "See here: https://x.example"),
        ("<https://x.example>", "https://x.example"),
        ("<help@x.example>", "help@x.example"),
        ("[Write]({{ links.contact }})", "Write: help@shop.example"),
        ("[Go](https://x.example){button}", "Go: https://x.example"),
        ("a [1](https://x.example/1){button} [2](https://x.example/2){button}\n\nb",
         "a\n1: https://x.example/1\n2: https://x.example/2\n\nb"),
        ("a <b>b</b> & c", "a <b>b</b> & c"),
        ("{# nobody sees this #}a", "a"),
        (r"{ \{ 1 } \{\{ x }}", "{ { 1 } {{ x }}"),
        ("a\n{% if order.id %}\nb\n{% endif %}\nc", "a\n\nb\n\nc"),
        ("a\n\n{% if order.service %}b{% endif %}\n\nc", "a\n\nc"),
        ("{% for item in order.items %}\n- {{ item.name }}\n{% endfor %}", "- Boots\n- s\n- Hat"),
        ("- first\n{% for item in order.items if item.quantity %}\n- {{ loop.index }} {{ item.name }}\n{% endfor %}\n- last",
         "- first\n- 1 Boots\n- 2 Hat\n- last"),
        ("{% set n = order.items | length %}{{ n }} {{ n | plural(one='thing', other='things') }}", "3 things"),
    ],
)  # fmt: skip
def test_plain_text(say: Say, body: str, said: str) -> None:
    """Plain text says what the Markdown says, without its marks."""
    assert say(body, FACTS) == said


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("[Go](https://x.example){button}", 'class="button"'),
        ("a <b>b</b> & c", "a &lt;b&gt;b&lt;/b&gt; &amp; c"),
        ("- a\n{% for item in order.items %}\n- {{ item.name }}\n{% endfor %}", "</li>\n<li"),
        ("**{{ order.number }}**", "<strong>1043</strong>"),
        ("{% if order.id %}a{% endif %}", ">a</p>"),
    ],
)
def test_html(shelf: Any, body: str, html: str) -> None:
    """HTML holds what the Markdown means; lists made in a loop are one list."""
    shelf.text(body)
    written = shelf.render(FACTS).html
    assert html in written
    assert written.count("<ul") in {0, 1}


def test_no_empty_paragraph(shelf: Any) -> None:
    """A paragraph that is not said leaves no gap in the HTML."""
    shelf.text("a\n\n{% if order.service %}b {% if order.eta %}c{% endif %}{% endif %}\n\nd")
    paragraphs = shelf.render().html.partition('class="card"')[2].partition("</td>")[0]
    assert paragraphs.count("<p") == 2


@pytest.mark.parametrize(
    ("code", "expression", "said"),
    [
        ("en", "order.eta | date", "March 13, 2026"),
        ("en", "order.eta | date('day')", "March 13"),
        ("en", "order.eta | date('weekday')", "Friday, March 13"),
        ("en", "order.promised_at | date('weekday')", "Thursday, March 12"),
        ("en", "order.eta | time", "12:30\u202fAM"),
        ("en-GB", "order.eta | date('weekday')", "Friday, 13 March"),
        ("de", "order.eta | date('weekday')", "Freitag, 13. März"),
        ("hu", "order.eta | date('weekday')", "március 13., péntek"),
        ("pl", "order.eta | date", "13 marca 2026"),
        ("ru", "order.eta | date('day')", "13 марта"),
        ("ms", "order.eta | date('day')", "13 Mac"),
        ("fa", "order.eta | date", "۲۲ اسفند ۱۴۰۴"),
        ("fa", "order.eta | date('weekday')", "جمعه ۲۲ اسفند"),
        ("fa", "order.eta | date('short')", "۱۴۰۴/۱۲/۲۲"),
        ("fa", "order.items | length", "۳"),
        ("en", "order.total | money", "€1,234.50"),
        ("de", "order.total | money('PLN')", "1.234,50\xa0PLN"),
        ("pl", "order.total | money('PLN')", "1\xa0234,50\xa0zł"),
        ("en", "order.total | number", "1,234.5"),
        ("hu", "order.total | number", "1\xa0234,5"),
        ("en", "order.items | list", "Boots, s, and Hat"),
        ("de", "order.items | list", "Boots, s und Hat"),
        ("en", "order.eta | relative", "in 11 hours"),
        ("pl", "order.promised_at | relative", "za 10 godzin"),
        ("ru", "order.items | length | plural(one='# вещь', few='# вещи', many='# вещей', other='# вещи')", "3 вещи"),
        ("pl", "(order.items | last).quantity | plural(one='rzecz', few='rzeczy', many='rzeczy!', other='x')", "rzeczy!"),
        ("en", "order.service | default('by post')", "by post"),
        ("en", "order.attributes.gift", "yes"),
        ("en", "order.attributes.none or 'no'", "no"),
        ("en", "order.shipping_address.city | upper", "ŁÓDŹ"),
        ("en", "(order.total * 2) | round | number", "2,469"),
        ("en", "'late' if order.eta > order.promised_at else 'in time'", "late"),
        ("en", "shop.name ~ ' & ' ~ order.number", "Example Shop & 1043"),
        ("en", "stock.name or 'nothing'", "nothing"),
    ],
)  # fmt: skip
def test_values(shelf: Any, code: str, expression: str, said: str) -> None:
    """Values are said as the language says them, in the customer's zone; a plain date stays that day."""
    shelf.text(f"{{{{ {expression} }}}}", code=code)
    text = shelf.render(FACTS, code=code, now=NOON).text
    assert text.translate({0x2068: None, 0x2069: None}).split("\n")[0] == said


def test_a_time_of_day_needs_an_instant(shelf: Any) -> None:
    """A plain date has no time of day, and none is made up."""
    shelf.text("{{ order.promised_at | time }}")
    with pytest.raises(Exception, match=r"4:1: \{\{ order.promised_at \| time \}\} is a day without a time of day"):
        shelf.render(FACTS)


def test_right_to_left(shelf: Any) -> None:
    """Right-to-left e-mails say so, use logical sides only, and hold numbers, names and links together."""
    shelf.text(
        "سفارش {{ order.number }} با {{ order.carrier }} {{ customer.first_name }} [پیگیری]({{ links.shop }})",
        code="fa",
    )
    facts = {"order": {"order.number": "A-1043", "order.carrier": "GLS"}, "customer": {"customer.first_name": "نرگس"}}
    written = shelf.render(facts, code="fa")
    assert '<html lang="fa" dir="rtl">' in written.html
    assert "<bdi>A-1043</bdi> با <bdi>GLS</bdi> نرگس" in written.html
    assert "\u2068A-1043\u2069 با \u2068GLS\u2069 نرگس پیگیری: \u2068https://shop.example\u2069" in written.text
    assert written.direction == "rtl"
    for side in ("margin-left", "margin-right", "padding-left", "padding-right", "text-align:left", "text-align:right"):
        assert side not in written.html


def test_left_to_right_has_no_isolates(shelf: Any) -> None:
    """Other languages carry no such characters."""
    shelf.text("{{ order.number }} [x]({{ links.shop }})")
    written = shelf.render()
    assert "\u2068" not in written.text
    assert "<bdi>" not in written.html


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("pt-BR", "pt"), ("pt_PT.UTF-8", "pt"), ("hu_HU", "hu-HU"), ("HU-hu", "hu-HU"), ("hu", "en"), ("de-AT", "en"),
        (None, "en"), ("", "en"), ("nonsense!", "en"), ("EN", "en"),
    ],
)  # fmt: skip
def test_fallback(shelf: Any, wanted: str | None, got: str) -> None:
    """A language falls back to its parent and then to the shop's."""
    for code in ("en", "pt", "hu-HU"):
        shelf.text("x", code=code)
    assert shelf.load().language("note", "email", wanted) == got


def test_fallback_goes_by_channel(shelf: Any) -> None:
    """A language without an SMS gets the shop's SMS; a channel that no language has is not there."""
    shelf.text("x", sms="x")
    shelf.text("x", code="pl")
    texts: Texts = shelf.load()
    assert texts.language("note", "sms", "pl") == "en"
    assert texts.carries("note", "sms")
    shelf.text("x")
    texts = shelf.load()
    assert not texts.carries("note", "sms")
    with pytest.raises(NoTranslation, match="templates/note: no sms in 'pl', nor in 'en'"):
        texts.language("note", "sms", "pl")


def test_sms_alone(shelf: Any) -> None:
    """A text of nothing but an SMS is whole."""
    shelf.write("note/en.md", "---\nsms: '{{ shop.name }}: {{ order.number }}'\n---\n")
    assert shelf.render(channel="sms").text == "Example Shop: 1043"
    assert not shelf.load().carries("note", "email")


@pytest.mark.parametrize(("tag", "normal"), [("hu_HU", "hu-HU"), ("ZH-hant_tw", "zh-Hant-TW"), ("", None), ("a", None)])
def test_normalised(tag: str, normal: str | None) -> None:
    """Language tags have one form, however they are typed."""
    assert normalised(tag) == normal


def test_links(shelf: Any) -> None:
    """Links are the language's own, else the shop's; what is made for the message wins; contact is never missing."""
    body = "{{ links.returns }} {{ links.contact }} {{ links.shop }} {{ links.survey or 'none' }}"
    for code in ("en", "pl", "ru"):
        shelf.text(body, code=code)
    end = "help@shop.example https://shop.example"
    assert shelf.render(code="pl").text.startswith(f"https://shop.example/zwroty {end} none")
    assert shelf.render(code="ru").text.startswith(f"https://shop.example/returns {end} none")
    given = {"links": {"survey": "https://n.example/s/1", "returns": None}}
    assert shelf.render(given).text.startswith(f"https://shop.example/returns {end} https://n.example/s/1")


def test_collected_matches(say: Say) -> None:
    """A collected message sees each match; one that is alone is its own list of one."""
    body = "{% for match in matches %}\n- {{ match.stock.name }}\n{% endfor %}"
    one = {"stock": {"stock.sku": "b", "stock.name": "Boots"}}
    assert say(body, one) == "- Boots"
    assert say(body, {**one, "matches": [one, {"stock": {"stock.sku": "hat"}}]}) == "- Boots\n- hat"


def test_what_a_report_lists(say: Say) -> None:
    """A report sees the rows of its list, each with whom it belongs to, and how many there are in all."""
    body = "{{ list.count }}:\n\n{% for row in list.rows %}\n- {{ row.order.number }} {{ row.customer.name | default('-') }}\n{% endfor %}"
    rows = [{"order": {"order.id": "1"}, "customer": {"customer.name": "Dana"}}, {"order": {"order.id": "2"}}]
    assert say(body, {"list": {"list.rows": rows, "list.count": 7}}) == "7:\n\n- 1 Dana\n- 2 -"


def test_own_html_takes_over(shelf: Any) -> None:
    """HTML beside a text is the whole HTML; subject and plain text stay the text's; attributes are safe."""
    shelf.text("plain {{ order.number }}")
    shelf.write("note/en.html.j2", '<i title="{{ order.number }}" lang="{{ language }}">{{ subject }} {{ order.number }}</i>'
                                   '<a href="{{ links.shop }}">x</a>')  # fmt: skip
    written = shelf.render({"order": {"order.number": '"><b>'}})
    assert written.html == (
        '<i title="&#34;&gt;&lt;b&gt;" lang="en">News &#34;&gt;&lt;b&gt;</i><a href="https://shop.example">x</a>'
    )
    assert written.text.startswith('plain "><b>\n')


def test_the_frame(shelf: Any) -> None:
    """The frame names the shop, says why one gets this, and hides the preheader."""
    shelf.text("x", preheader="Peek {{ order.number }}")
    written = shelf.render()
    assert '<html lang="en" dir="ltr">' in written.html
    assert "<title>News</title>" in written.html
    assert '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">Peek 1043' in written.html
    assert "because you ordered from Example Shop" in written.text
    assert "because you ordered from Example Shop" in written.html
    assert "Peek" not in written.text


def test_a_projects_own_frame(shelf: Any) -> None:
    """A project's own file of the frame wins over the starter's, file by file."""
    shelf.text("x")
    shelf.write("layout/email.txt.j2", "{{ body }}\n== {{ shop.name }} {{ links.unsubscribe or '' }}")
    assert shelf.render().text == "x\n\n== Example Shop\n"
    assert "<!doctype html>" in shelf.render().html


def test_subject_is_one_line(shelf: Any) -> None:
    """A subject is one line whatever its text looks like, and long names are cut."""
    shelf.write("note/en.md", "---\nsubject: |\n  Hi\n\n  {{ order.carrier }}\n---\nx")
    subject = shelf.render({"order": {"order.carrier": "c" * 200}}).subject
    assert subject == "Hi " + "c" * 57 + "..."


def test_subject_is_not_turned_round(shelf: Any) -> None:
    """Characters that turn the direction of what follows have no place in a subject, whoever typed them."""
    shelf.text("x", subject="Order \u202e{{ order.number }}\u2068 late")
    assert shelf.render().subject == "Order 1043 late"


def test_names_are_cut_between_characters(say: Say) -> None:
    """A long name is cut after forty characters as people count them."""
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    said = say("{{ customer.first_name }}", {"customer": {"customer.first_name": family * 60}})
    assert said == family * (len(said) // len(family))
    assert 0 < len(said) // len(family) <= 40


def test_long_sms_is_cut(shelf: Any) -> None:
    """An SMS takes three segments at most."""
    shelf.text("x", sms="word " * 200)
    assert sms.measure(shelf.render(channel="sms").text).segments == 3


@pytest.mark.parametrize("name", ["Dana 🎉🎉", "D" + "\u0301\u0302\u0303\u0304\u0305" * 40 + "ana", "🇵🇱 Dana 👩🏽‍🚀"])
def test_a_name_cannot_make_an_sms_dearer(shelf: Any, name: str) -> None:
    """Pictures and piled-up marks in a name leave the SMS what it costs with a plain one."""
    shelf.text("x", sms="{{ customer.first_name }}, your order is on its way. " + "More words. " * 8)
    plain = shelf.render({"customer": {"customer.first_name": "Dana"}}, channel="sms").text
    assert shelf.render({"customer": {"customer.first_name": name}}, channel="sms").text == plain
    assert sms.measure(plain) == ("GSM-7", 127, 1)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("1043", "1043"),
        ("A-1043", "A-1043"),
        ("1043-B", "\u20681043-B\u2069"),
        ("10 43", "\u206810 43\u2069"),
        ("سفارش 7", "سفارش 7"),
    ],
)
def test_an_sms_from_right_to_left_keeps_numbers_whole(shelf: Any, number: str, said: str) -> None:
    """What would be shown in another order is isolated; what would not, and links, cost nothing."""
    shelf.text("x", code="fa", sms="سفارش {{ order.number }} {{ links.shop }}")
    written = shelf.render({"order": {"order.number": number}}, channel="sms", code="fa")
    assert written.text == f"سفارش {said} https://shop.example"


def test_sms_is_plain(shelf: Any) -> None:
    """Typographic marks that would double the price of an SMS are made plain."""
    shelf.text("x", sms="It’s {{ order.eta | time }} – now")
    text = shelf.render(FACTS, channel="sms").text
    assert text == "It's 12:30 AM - now"
    assert sms.measure(text).encoding == "GSM-7"


def test_the_same_facts_make_the_same_message(shelf: Any) -> None:
    """Writing twice gives the same, and leaves the facts as they were."""
    shelf.text("{{ order.items | list }} {{ order.eta | date }}")
    texts = shelf.load()
    context = scope(FACTS, shelf.config.catalogue())
    zone = ZoneInfo("Europe/Warsaw")
    assert texts.render("note", "email", "en", context, zone) == texts.render("note", "email", "en", context, zone)


def test_a_projects_own_field(shelf: Any) -> None:
    """A field that the project declares is known to its texts."""
    declared = {"order.gift_date": {"type": "time", "description": "when it is given"}}
    shelf.config = Config.model_validate({"fields": declared})
    shelf.text("{{ order.gift_date | date('day') }}")
    assert shelf.render({"order": {"order.gift_date": date(2026, 12, 24)}}).text.startswith("December 24\n")
