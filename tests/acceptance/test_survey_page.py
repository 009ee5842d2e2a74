"""The survey as people meet it: a link in a mail, a browser, a keyboard."""

from __future__ import annotations

import email
import re
from contextlib import contextmanager
from datetime import UTC, datetime
from email import policy

import pytest

from notifier import daemon
from notifier.core.local_time import rfc3339

RULES = """
version: 1
rules:
  - {id: ask, about: order, trigger: {event: order.delivered}, send: {survey: csat_delivery}}
"""


@pytest.fixture
def project(project):
    for file in (project / "rules").glob("*.yaml"):
        file.unlink()
    (project / "rules" / "ask.yaml").write_text(RULES, encoding="utf-8")
    (project / "config" / "notifier.yaml").write_text(
        "shop: {name: Example Shop, postal_address: Harbour Street 1}\n", encoding="utf-8"
    )
    return project


@contextmanager
def asked(project, locale):
    """The daemon, and the mail that it sent to somebody who was just delivered something."""
    with daemon.opened(project, port=0) as running:
        customer = {"id": "7", "email": "dana@example.com", "first_name": "Dana", "locale": locale}
        event = {
            "specversion": "1.0", "id": "1", "source": "/shop", "type": "order.delivered",
            "time": rfc3339(datetime.now(UTC)), "data": {"id": "1043", "number": "1043", "customer": customer},
        }  # fmt: skip
        running._engine.ingest([event])
        running._engine.tick()
        (file,) = (project / "var" / "outbox" / "email" / "new").iterdir()
        with running:
            yield running._engine, email.message_from_bytes(file.read_bytes(), policy=policy.default)


def link_for(mail, score):
    """Where the button with a score leads."""
    page = mail.get_body(("html",)).get_content()
    return re.search(rf'href="(http://127\.0\.0\.1:\d+/s/[^"]+\?r={score})"', page)[1]


@contextmanager
def browser(program, **how):
    """A page of a browser in which no script runs."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = chromium.new_context(java_script_enabled=False, **how).new_page()
        page.set_default_timeout(30_000)
        yield page
        chromium.close()


def test_somebody_answers_by_keyboard(project, needs):
    """From the button in the mail to the thanks, without a script and without a mouse; focus can always be seen."""
    chromium = needs("chromium")
    with asked(project, "en") as (engine, mail):
        with browser(chromium) as page:
            page.goto(link_for(mail, 4))
            assert page.get_by_role("group", name="How satisfied are you with the delivery?").is_visible()
            assert page.get_by_role("radio", name="4").is_checked()
            page.keyboard.press("Tab")
            page.keyboard.press("ArrowLeft")
            focused = page.get_by_role("radio", name="3")
            assert focused.is_checked()
            assert (
                page.locator("input:focus-visible + span").evaluate("span => getComputedStyle(span).outlineStyle")
                == "solid"
            )
            page.keyboard.press("Tab")
            page.keyboard.type("Left at the wrong door")
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            page.get_by_role("heading", name="Thank you. We read every answer.").wait_for()
        with engine.store.read() as unit:
            (message,) = unit.find_messages()
            assert unit.answer_to(message.key)[:2] == (3, "Left at the wrong door")


def test_a_forgotten_choice_is_said_and_nothing_is_lost(project, needs):
    """Sending without a number leads back to the same page, which says so and keeps what was written."""
    chromium = needs("chromium")
    with asked(project, "pl") as (engine, mail), browser(chromium) as page:
        page.goto(link_for(mail, 4).partition("?")[0])
        page.get_by_role("textbox").fill("Zażółć gęślą jaźń")
        page.get_by_role("button").click()
        words = engine.project.texts.survey_page("csat_delivery", "pl")
        assert page.get_by_role("alert").inner_text() == words.missing
        assert page.get_by_role("textbox").input_value() == "Zażółć gęślą jaźń"
        page.get_by_role("radio", name="5").check()
        page.get_by_role("button").click()
        page.get_by_role("heading", name=words.thanks).wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_is_enough(project, needs, scheme):
    """At 320 pixels nothing is cut off, in Persian from right to left, and every target is large enough for a thumb."""
    chromium = needs("chromium")
    how = {"viewport": {"width": 320, "height": 560}, "color_scheme": scheme}
    with asked(project, "fa") as (_, mail), browser(chromium, **how) as page:
        page.goto(link_for(mail, 2))
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        boxes = [page.get_by_role("radio").nth(place).bounding_box() for place in range(5)]
        assert all(box["width"] >= 44 and box["height"] >= 44 for box in boxes)
        assert [box["x"] for box in boxes] == sorted((box["x"] for box in boxes), reverse=True)
        dark, light = (sum(map(int, re.findall(r"\d+", style))) for style in page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        ))  # fmt: skip
        assert (dark < light) == (scheme == "dark")


def test_somebody_leaves(project, needs):
    """The link under the mail leads to one button, and the button to the end of it."""
    chromium = needs("chromium")
    with asked(project, "en") as (engine, mail):
        with browser(chromium) as page:
            page.goto(mail["List-Unsubscribe"].strip("<>"))
            page.get_by_role("button", name="Yes, unsubscribe").click()
            page.get_by_role("heading", name="Done. You are unsubscribed.").wait_for()
        with engine.store.read() as unit:
            assert [one.type for one in unit.events("customer:7")].count("consent.changed") == 1
