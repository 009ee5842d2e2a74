from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from notifier.web.page import _all_words

ONE_CLICK = "List-Unsubscribe=One-Click"
MULTIPART = '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'


def link(shop, message):
    return f"/u/{shop.engine.links.token('unsubscribe', message.number)}"


def ended(shop, message):
    """(channel, purpose, state) of each consent that changed, in order of time."""
    data = [orjson.loads(one.body)["data"] for one in shop.told(message.recipient, "consent.changed")]
    return [(one["channel"], one["purpose"], one["state"]) for one in data]


def test_looking_ends_nothing(shop, client):
    """The page says what would end, and writes nothing: mail scanners open this link too."""
    message = shop.ask()
    before = shop.counts()
    page = client.get(link(shop, message))
    assert client.head(link(shop, message)).status_code == page.status_code == 200
    assert "Surveys by e-mail" in page.text
    assert "<button" in page.text
    assert shop.counts() == before


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded"}, ONE_CLICK),
        ({"Content-Type": "multipart/form-data; boundary=x"}, MULTIPART),
        ({"Content-Type": "application/x-www-form-urlencoded"}, ""),
        ({}, ""),
        ({"Cookie": "session=1", "Content-Type": "text/plain"}, "anything"),
    ],
    ids=["one-click", "multipart", "form", "empty", "other"],
)
def test_every_kind_of_post_ends_it(shop, client, headers, body):
    """A person's button, and one click in a mail program in each of its forms, end it at once and without a redirect."""
    message = shop.ask()
    page = client.post(link(shop, message), content=body, headers=headers)
    assert (page.status_code, page.history) == (200, [])
    assert "You are unsubscribed" in page.text
    assert ended(shop, message) == [("email", "survey", "revoked")]


def test_twice_is_once(shop, client):
    """Ending it again shows the same page and changes nothing."""
    message = shop.ask()
    pages = []
    for _ in range(3):
        pages.append(client.post(link(shop, message)))
        shop.now += timedelta(minutes=1)
    assert len({(page.status_code, page.text) for page in pages}) == 1
    assert len(ended(shop, message)) == 1


def test_after_it_nobody_is_asked_again(shop, client):
    """The next survey to the same person is dropped, with the reason."""
    message = shop.ask()
    client.post(link(shop, message))
    customer = message.recipient.partition(":")[2]
    order = f"{customer}-again"
    shop.engine.ingest([shop.event("order.delivered", {"id": order, "customer": {"id": customer}})])
    shop.engine.tick()
    with shop.engine.store.read() as unit:
        decided = [row for match, rows in unit.matches_of(f"order:{order}") if match.rule == "ask" for row in rows]
    assert [(row.outcome, row.reason) for row in decided] == [("drop", "no_consent")]


def test_a_message_about_an_order_ends_surveys_and_news(shop, client):
    """News of one's own order cannot be ended; by its link everything else is."""
    message = shop.ask(event="order.shipped", rule="shipped")
    assert "Surveys, news and offers by e-mail" in client.get(link(shop, message)).text
    client.post(link(shop, message))
    assert sorted(ended(shop, message)) == [("email", "marketing", "revoked"), ("email", "survey", "revoked")]


def test_whoever_agrees_again_can_leave_again(shop, client):
    """The same old link works a second time, after the person had agreed anew."""
    message = shop.ask()
    client.post(link(shop, message))
    shop.now += timedelta(minutes=1)
    customer = message.recipient.partition(":")[2]
    agreed = {"customer_id": customer, "channel": "email", "purpose": "survey", "state": "granted"}
    shop.engine.ingest([shop.event("consent.changed", agreed)])
    shop.now += timedelta(minutes=1)
    client.post(link(shop, message))
    assert [state for *_, state in ended(shop, message)] == ["revoked", "granted", "revoked"]


def test_a_link_lasts(shop, client):
    """A year later the link still works."""
    message = shop.ask()
    shop.now += timedelta(days=365)
    assert client.post(link(shop, message)).status_code == 200
    assert len(ended(shop, message)) == 1


def test_a_mail_program_learns_nothing(shop, client):
    """A post is answered with 200 and the same page whether the link was ours or not; a look is answered kindly."""
    message = shop.ask()
    good, bad = client.post(link(shop, message)), client.post("/u/1.nonsense")
    assert bad.status_code == good.status_code == 200
    assert "You are unsubscribed" in bad.text
    assert client.get("/u/1.nonsense").status_code == 404


def test_staff_have_no_way_out(shop, client):
    """A message to a team has no such link, so a token for it opens nothing."""
    survey = shop.ask()
    client.post(f"/s/{shop.engine.links.token('survey', survey.number)}", data={"score": "1"})
    shop.engine.tick()
    alert = next(one for one in shop.messages(survey.recipient) if one.template == "low_score_alert")
    assert client.get(link(shop, alert)).status_code == 404


@pytest.mark.parametrize(
    ("locale", "said"), [("fa-IR", "نظرسنجی با ایمیل"), ("hu", "e-mailben"), ("de-AT", "Umfragen")]
)
def test_the_page_speaks_the_language_of_the_message(shop, client, locale, said):
    """The page is in the language of the message."""
    page = client.get(link(shop, shop.ask(locale=locale)))
    assert f'<html lang="{locale[:2]}"' in page.text
    assert said in page.text


def test_every_language_says_all_of_it():
    """No language of the page lacks a sentence that another has."""

    def keys(words):
        return {(name, *sorted(value)) if isinstance(value, dict) else name for name, value in words.items()}

    assert set(_all_words()) == {"en", "de", "hu", "pl", "ru", "ms", "fa"}
    assert {frozenset(keys(words)) for words in _all_words().values()} == {frozenset(keys(_all_words()["en"]))}


def test_a_large_body_is_refused(shop, client):
    """Nobody needs 64 KB to leave."""
    assert client.post(link(shop, shop.ask()), content=b"x" * 70_000).status_code == 413
