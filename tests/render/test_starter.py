"""Every text of the starter, in every language and by every channel, whatever is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from markdown_it import MarkdownIt

from notifier.config import Config, load
from notifier.core import sms
from notifier.render import Texts, sample_context, scope

PROJECT = Path(__file__).parents[2]
TEXTS = [(path.parent.name, path.stem) for path in sorted(PROJECT.glob("templates/*/*.md"))]
ZONE = ZoneInfo("Europe/Warsaw")

every_text = pytest.mark.parametrize(("name", "code"), TEXTS)


@pytest.fixture(scope="module")
def config() -> Config:
    return load(PROJECT, {})


@pytest.fixture(scope="module")
def texts(config: Config) -> Texts:
    return Texts.load(PROJECT, config, config.catalogue())


def least(full: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What is known of anything that a rule can be about, an answer's score, a brake, and the links made for the message."""
    keys = {
        "order": "order.id", "shipment": "shipment.id", "customer": "customer.id", "stock": "stock.sku", "survey": "survey.score",
    }  # fmt: skip
    known = {part: {key: full[part][key]} for part, key in keys.items()}
    rows = {"list.rows": [known], "list.count": 1, "list.left_out": 0}
    return {**known, "brake": full["brake"], "links": full["links"], "list": rows}


def test_there_is_something_to_test() -> None:
    """All texts are there in English."""
    assert len([code for _, code in TEXTS if code == "en"]) == 21


def test_the_starter_has_no_doubts(texts: Texts) -> None:
    """The starter is checked without a warning."""
    assert texts.warnings() == ()


@every_text
@pytest.mark.parametrize("much", ["everything", "little"])
def test_email_is_written(texts: Texts, config: Config, name: str, code: str, much: str) -> None:
    """An e-mail has a subject, a text and HTML, with no hole and no Markdown left in it."""
    full = sample_context(name, config, config.catalogue(), code)
    facts = full if much == "everything" else least(full)
    written = texts.render(name, "email", code, scope(facts, config.catalogue()), ZONE)
    assert written.subject
    assert "\n" not in written.subject
    assert f'lang="{code}" dir="{written.direction}"' in written.html
    assert written.html.count("<p") == written.html.count("</p>")
    for left in ("None", "{{", "{%", "{button}", "**", "](", "\x1e", "\x1f", "<p></p>"):
        assert left not in written.text, left
        assert left not in written.html, left


@every_text
@pytest.mark.parametrize("much", ["everything", "little"])
def test_sms_is_written(texts: Texts, config: Config, name: str, code: str, much: str) -> None:
    """An SMS is one line and fills two segments at most, with the sample's names."""
    if texts.template(name).texts[code].declines_sms:
        return
    full = sample_context(name, config, config.catalogue(), code)
    facts = full if much == "everything" else least(full)
    written = texts.render(name, "sms", code, scope(facts, config.catalogue()), ZONE)
    assert "\n" not in written.text
    assert (written.subject, written.html) == ("", "")
    assert sms.measure(written.text).segments <= 2, written.text


@every_text
def test_customers_know_where_to_turn(texts: Texts, config: Config, name: str, code: str) -> None:
    """Whatever is known, a customer's e-mail holds a link to follow and the shop's own address."""
    facts = least(sample_context(name, config, config.catalogue(), code))
    written = texts.render(name, "email", code, scope(facts, config.catalogue()), ZONE)
    assert "help@shop.example" in written.text
    assert "Harbour Street 1" in written.text
    if texts.template(name).category != "staff":
        assert 'class="button"' in written.html


@pytest.mark.parametrize("code", sorted({code for _, code in TEXTS}))
def test_survey_page_has_words(texts: Texts, code: str) -> None:
    """The survey's page speaks every language that the survey is sent in."""
    words = texts.survey_page("csat_delivery", code)
    assert words.language == code
    assert all((words.question, words.lowest, words.highest, words.send, words.missing, words.thanks, words.closed))


def test_what_a_text_is(texts: Texts) -> None:
    """A template tells its category, its survey and what it names."""
    survey = texts.template("csat_delivery")
    assert (survey.category, survey.about) == ("survey", "order")
    assert survey.survey is not None
    assert (survey.survey.kind, survey.survey.lowest, survey.survey.highest) == ("csat", 1, 5)
    assert survey.survey.closes_after is None
    assert {"order.number", "links.survey", "customer.first_name"} <= survey.variables
    assert texts.template("low_stock").category == "staff"


def test_text_and_html_say_the_same(texts: Texts, config: Config) -> None:
    """Both parts of an e-mail come from one source: each sentence of the text is in the HTML."""
    facts = sample_context("delivery_late", config, config.catalogue(), "en")
    written = texts.render("delivery_late", "email", "en", scope(facts, config.catalogue()), ZONE)
    plain = MarkdownIt("zero", {"html": True})
    for sentence in ("It is now expected by Friday, March 13.", "We are sorry.", "https://track.example/ZX81-204455"):
        assert sentence in written.text
        assert sentence in plain.render(written.html).replace("<strong>", "").replace("</strong>", "")
