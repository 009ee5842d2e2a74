"""Nothing that a person types, and nothing that a text's author types, does more than stand there as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.config import Config, load
from notifier.errors import RenderFailed
from notifier.render import Texts, scope

PROJECT = Path(__file__).parents[2]
ZONE = ZoneInfo("Europe/Warsaw")
BODY = "Hello{{ ', ' ~ customer.first_name if customer.first_name }}!\n\n- **{{ order.carrier or 'nobody' }}**\n"

#: What is typed as a name, and what is then said.
NAMES = [
    ("{{7*7}}", "Hello, {{7*7}}!"),
    ("{% for x in y %}", "Hello, {% for x in y %}!"),
    ("<script>alert(1)</script>", "Hello, <script>alert(1)</script>!"),
    ("<a href=//evil.example>", "Hello!"),
    ("[x](http://evil.example)", "Hello!"),
    ("http://evil.example", "Hello!"),
    ("www.evil.example", "Hello!"),
    ("evil.com", "Hello!"),
    ("me@evil.example", "Hello!"),
    ("Dana\u202e\u2066gnp", "Hello, Danagnp!"),
    ("Dana\r\nBcc: all", "Hello, Dana Bcc: all!"),
    ("Dana\u2028\u0085\x00x", "Hello, Dana x!"),
    ("**Dana** _x_ `y`", "Hello, **Dana** _x_ `y`!"),
    ("# Dana", "Hello, # Dana!"),
    ("x" * 10_000, f"Hello, {'x' * 40}!"),
    ("=HYPERLINK(1)", "Hello, =HYPERLINK(1)!"),
    ("Tag0E \x1e\x1f", "Hello, Tag0E!"),
    ("   ", "Hello!"),
    ("&amp;", "Hello, &amp;!"),
    ('" onload="x', 'Hello, " onload="x!'),
]


class _Read(HTMLParser):
    """What a browser makes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> _Read:
    parser = _Read()
    parser.feed(html)
    return parser


@pytest.mark.parametrize(("name", "said"), NAMES)
def test_a_name_is_only_a_name(shelf: Any, name: str, said: str) -> None:
    """A name can be neither code, markup, a link nor a second line; one that is a link is left out."""
    shelf.text(BODY, subject="Dear {{ customer.first_name or 'you' }}", sms="{{ customer.first_name or 'you' }}")
    plain = read(shelf.render({}).html)
    facts = {"customer": {"customer.first_name": name}}
    written = shelf.render(facts)
    assert written.text.split("\n")[0] == said
    seen = read(written.html)
    assert seen.tags == plain.tags
    assert said in seen.text
    assert "\n" not in written.subject
    assert "\n" not in shelf.render(facts, channel="sms").text


@pytest.mark.parametrize("field", ["order.carrier", "order.number", "order.tracking_number"])
def test_other_text_makes_no_links(shelf: Any, field: str) -> None:
    """Mail programs find no link in what a shop's customer or carrier typed elsewhere."""
    shelf.text(f"x {{{{ {field} }}}} y")
    written = shelf.render({"order": {"order.id": "1", field: "see https://evil.example or www.evil.example"}})
    assert "https://evil" not in written.text
    assert "www.evil" not in written.html


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://shop.example@example.com/",
        "https://user:word@example.com/",
        "data:text/html,x",
        "//evil.example",
        'https://x.example/"><script>',
        "ftp://x",
        " ",
        "x" * 9,
    ],
)
def test_only_true_links_are_followed(shelf: Any, url: str) -> None:
    """A tracking link that is no link to a page is not known."""
    shelf.text(
        "{% if links.track %}[Follow]({{ links.track }}){button}{% else %}none{% endif %} {{ order.tracking_url or 'no' }}"
    )
    text = shelf.render({"order": {"order.id": "1", "order.tracking_url": url}}).text
    assert text.startswith("none no\n")


def test_a_link_of_ours_is_whole(shelf: Any) -> None:
    """A true link is in both parts, escaped where HTML asks for it."""
    shelf.text("[Follow]({{ order.tracking_url }}&v=1) [by number](https://t.example/?n={{ order.number }})")
    facts = {"order": {"order.number": "a b&c/d", "order.tracking_url": "https://t.example/?a=1&b=2"}}
    written = shelf.render(facts)
    assert "Follow: https://t.example/?a=1&b=2&v=1" in written.text
    assert 'href="https://t.example/?a=1&amp;b=2&amp;v=1"' in written.html
    assert "https://t.example/?n=a%20b%26c%2Fd" in written.text


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ("a\n\n{{ order.eta | date }}",
         "templates/note/en.md:6:1: order.eta is not known: put {% if order.eta %} round it"),
        ("Hi {{ 'Dear ' ~ customer.name }}",
         "templates/note/en.md:4:4: customer.name is not known: put {% if customer.name %} round it"),
        ("{% for item in order.items %}{{ item.name }} {{ item.quantity }}{% endfor %}",
         "templates/note/en.md:4:46: item.quantity is not known: put {% if item.quantity %} round it"),
        ("{% if order.eta > order.paid_at %}x{% endif %}",
         "templates/note/en.md:4:1: order.eta is not known: put {% if order.eta %} round it"),
        ("[x]({{ links.track }})", "templates/note/en.md:4:5: links.track is not known: put {% if links.track %} round it"),
        ("{{ order.eta | default(order.paid_at) | relative }}",
         "templates/note/en.md:4:1: {{ order.eta | default(order.paid_at) | relative }} "
         "cannot be said relative to now: the time of writing is not known here"),
        ("{{ 1 / (order.total - order.total) }}",
         "templates/note/en.md:4:1: {{ 1 / (order.total - order.total) }} fails: division by zero"),
        ("{{ 'x' * 50000000 }}",
         "templates/note/en.md:4:1: {{ 'x' * 50000000 }} uses * on something that is no number; "
         "texts are put together with ~"),
        ("{{ order.total * 1000000 * 1000000 * 1000000 }}",
         "templates/note/en.md:4:1: {{ order.total * 1000000 * 1000000 * 1000000 }} makes too large a number"),
        ("{% set a = 'x' %}\n" + "{% set a = a ~ a %}" * 60,
         "templates/note/en.md:5:267: {% set a = a ~ a %} puts together more than 20,000 characters"),
        ("{% for a in order.items %}{% for b in order.items %}{% for c in order.items %}{% for d in order.items %}"
         "{% for e in order.items %}{% for f in order.items %}{% for g in order.items %}x"
         + "{% endfor %}" * 7, "templates/note/en.md:4:157: {% for g in order.items %} goes round more than 10,000 times"),
        ("{{ order.items[7].name }}", "templates/note/en.md:4:1: {{ order.items[7].name }} fails: "),
    ],
)  # fmt: skip
def test_what_cannot_be_written_says_why(shelf: Any, body: str, failure: str) -> None:
    """A hole or a bomb stops this one message, with the place in the text and what to do; nothing is sent half."""
    shelf.text(body)
    items = [{"sku": str(number)} for number in range(5)]
    facts = {
        "order": {
            "order.id": "1",
            "order.items": items,
            "order.total": 12,
            "order.paid_at": datetime(2026, 3, 1, tzinfo=UTC),
        }
    }
    with pytest.raises(RenderFailed) as failed:
        shelf.render(facts)
    assert str(failed.value).startswith(failure)
    assert "\n" not in str(failed.value)


def test_a_message_has_a_largest_size(shelf: Any) -> None:
    """More than half a million characters are no message."""
    shelf.text("{% for a in order.items %}{% for b in order.items %}" + "x" * 400 + "{% endfor %}{% endfor %}")
    with pytest.raises(
        RenderFailed, match=re.escape("templates/note/en.md: the message is larger than 500,000 characters")
    ):
        shelf.render({"order": {"order.id": "1", "order.items": [{"sku": "x"}] * 60}})


@pytest.mark.parametrize(
    ("front", "failure"),
    [
        ({"subject": "{% if order.eta %}x{% endif %}"}, "templates/note/en.md: the subject is empty"),
        ({"subject": "{{ order.eta | date }}"},
         "templates/note/en.md:2:14: order.eta is not known: put {% if order.eta %} round it"),
    ],
)  # fmt: skip
def test_no_empty_subject(shelf: Any, front: dict[str, str], failure: str) -> None:
    """A subject that comes out empty, or cannot come out, is not sent."""
    shelf.text("x", **front)
    with pytest.raises(RenderFailed) as failed:
        shelf.render()
    assert str(failed.value) == failure


def test_no_empty_text(shelf: Any) -> None:
    """Nor is a blank e-mail or SMS."""
    shelf.text("{% if order.eta %}x{% endif %}", sms="{% if order.eta %}x{% endif %}")
    for channel, what in (("email", "text"), ("sms", "SMS")):
        with pytest.raises(RenderFailed, match=f"the {what} is empty"):
            shelf.render(channel=channel)


def test_surveys_offer_a_way_out(shelf: Any) -> None:
    """A survey or advertising without a known way out of it is not written; with one it is in both parts."""
    shelf.settings("category: marketing")
    shelf.text("x")
    with pytest.raises(RenderFailed, match=r"links\.unsubscribe is not known: a marketing needs a way out of it"):
        shelf.render()
    written = shelf.render({"links": {"unsubscribe": "https://n.example/u/1"}})
    assert "Do not send me such messages: https://n.example/u/1" in written.text
    assert 'href="https://n.example/u/1"' in written.html


@pytest.fixture(scope="module")
def starter() -> tuple[Texts, Config]:
    config = load(PROJECT, {})
    return Texts.load(PROJECT, config, config.catalogue()), config


@given(name=st.text(max_size=60), comment=st.text(max_size=300), code=st.sampled_from(["en", "fa"]))
def test_any_text_at_all(starter: tuple[Texts, Config], name: str, comment: str, code: str) -> None:
    """Whatever is typed, the e-mail has the same tags, one line a subject, and no control or turning characters."""
    texts, config = starter

    def write(customer: dict[str, Any], survey: dict[str, Any]) -> Any:
        context = scope({"customer": customer, "survey": {"survey.score": 1, **survey}}, config.catalogue())
        return texts.render("low_score_alert", "email", code, context, ZONE)

    typed = write({"customer.id": "1", "customer.name": name}, {"survey.comment": comment})
    calm = write({"customer.id": "1"}, {})
    assert [tag for tag in read(typed.html).tags if tag != "bdi"] == [
        tag for tag in read(calm.html).tags if tag != "bdi"
    ]
    assert (
        re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", typed.text + typed.html + typed.subject)
        is None
    )
    assert typed.text.count("\n") == calm.text.count("\n")
    assert typed.text.count("\u2068") == typed.text.count("\u2069")
