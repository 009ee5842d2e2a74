from __future__ import annotations

import html
import re
from datetime import timedelta
from urllib.parse import quote

import httpx
import orjson
import pytest

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def asked(shop):
    """A survey that has just been sent, and the path of its page."""
    message = shop.ask()
    return message, f"/s/{shop.engine.links.token('survey', message.number)}"


def answers(shop, message):
    return shop.told(message.recipient, "survey.answered")


def test_the_page_asks_in_the_language_of_the_message(shop, client):
    """The page is in the language that the message was written in, and says so to the browser."""
    page = client.get(shop.survey_link(locale="pl-PL"))
    assert page.status_code == 200
    assert '<html lang="pl" dir="ltr">' in page.text
    words = shop.engine.project.texts.survey_page("csat_delivery", "pl")
    for said in (words.question, words.lowest, words.highest, words.comment, words.send):
        assert html.escape(said) in page.text


def test_persian_reads_from_right_to_left_with_its_own_digits(shop, client):
    """The numbers on the page are those of the language; what is sent stays plain."""
    page = client.get(shop.survey_link(locale="fa"))
    assert '<html lang="fa" dir="rtl">' in page.text
    assert re.findall(r'value="(\d)"[^>]*><span>(.)</span>', page.text) == list(zip("12345", "۱۲۳۴۵", strict=True))


def test_a_link_with_a_score_preselects_it(client, asked):
    """`?r=4` chooses 4 beforehand; what was not offered chooses nothing."""
    _, path = asked
    chosen = [re.findall(r'value="(\d+)" checked', client.get(f"{path}?r={r}").text) for r in (4, 9, "x", "")]
    assert chosen == [["4"], [], [], []]


def test_looking_never_answers(shop, client, asked):
    """Scanners open every link, with GET and HEAD, all scores within a second: nothing is recorded."""
    message, path = asked
    before = shop.counts()
    for score in ["", *(f"?r={n}" for n in range(1, 6))]:
        assert client.get(path + score, headers={"Purpose": "prefetch"}).status_code == 200
        head = client.head(path + score)
        assert (head.status_code, head.content) == (200, b"")
    assert shop.counts() == before
    assert shop.answer_to(message) is None


def test_an_answer_reaches_the_rules(shop, client):
    """A bad answer becomes an event, alerts support at once, and apologises two hours later."""
    message = shop.ask()
    path = f"/s/{shop.engine.links.token('survey', message.number)}"
    shop.wakings.clear()
    answer = client.post(path, data={"score": "1", "comment": "It was left in the rain"})
    assert answer.status_code == 200
    assert shop.engine.project.texts.survey_page("csat_delivery", "en").thanks in answer.text
    assert shop.answer_to(message)[:2] == (1, "It was left in the rain")
    assert len(answers(shop, message)) == len(shop.wakings) == 1
    shop.engine.tick()
    followed = {one.template: one.state for one in shop.messages(message.recipient)}
    assert followed["low_score_alert"] == "accepted"
    assert followed.get("apology", "held") == "held"
    shop.now += timedelta(hours=2)
    shop.engine.tick()
    assert {one.template: one.state for one in shop.messages(message.recipient)}["apology"] == "accepted"


def test_a_good_answer_troubles_nobody(shop, client, asked):
    """A score above 2 alerts nobody."""
    message, path = asked
    client.post(path, data={"score": "5"})
    shop.engine.tick()
    assert len(answers(shop, message)) == 1
    assert shop.messages(message.recipient) == []


def test_the_same_answer_again_is_nothing_new(shop, client, asked):
    """Pressing the button twice is one answer and one event."""
    message, path = asked
    pages = [client.post(path, data={"score": "4", "comment": "Fine"}) for _ in range(3)]
    assert {page.status_code for page in pages} == {200}
    assert len({page.text for page in pages}) == 1
    assert len(answers(shop, message)) == 1


def test_the_last_answer_stands(shop, client, asked):
    """An answer may be changed while the survey is open: each change is an event, the last one is kept."""
    message, path = asked
    words = shop.engine.project.texts.survey_page("csat_delivery", "en")
    said = [client.post(path, data={"score": score}).text for score in "454"]
    assert [words.changed in page for page in said] == [False, True, True]
    assert shop.answer_to(message)[:2] == (4, "")
    assert len(answers(shop, message)) == 3


def test_an_earlier_answer_is_there_to_be_changed(client, asked):
    """Whoever comes back finds what they said; a score in the link wins."""
    _, path = asked
    client.post(path, data={"score": "2", "comment": "Late & wet"})
    page = client.get(path).text
    assert re.findall(r'value="(\d)" checked', page) == ["2"]
    assert "Late &amp; wet</textarea>" in page
    assert re.findall(r'value="(\d)" checked', client.get(f"{path}?r=5").text) == ["5"]


@pytest.mark.parametrize(
    "body",
    ["", "comment=Hello", "score=", "score=0", "score=6", "score=-1", "score=NaN", "score=4.0", "score=+4", "score=1_0",
     "score=%DB%B4", "score=4&score=5", "score[]=4", "score=4%00"],
)  # fmt: skip
def test_without_a_choice_the_page_asks_again(shop, client, asked, body):
    """What is not exactly one of the offered scores is no answer: 422, and the page says what is missing."""
    message, path = asked
    page = client.post(path, content=body, headers=FORM)
    assert page.status_code == 422
    assert shop.engine.project.texts.survey_page("csat_delivery", "en").missing in page.text
    assert 'role="alert"' in page.text
    assert shop.answer_to(message) is None
    assert answers(shop, message) == []


def test_a_comment_is_not_lost_where_the_choice_was_forgotten(client, asked):
    """What somebody wrote stands there again, as text and nothing else."""
    _, path = asked
    page = client.post(path, data={"comment": "</textarea><script>alert(1)</script>"}).text
    assert "&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;</textarea>" in page
    assert "<script" not in page


def test_a_comment_is_cleaned_and_cut(shop, client, asked):
    """4,000 characters are kept; what is invisible, or turns text around, is not. Lines stay lines."""
    message, path = asked
    wild = "Zażółć 😀\r\nگ\x00\x1b[31m\u202eevil\u2066\r" + "x" * 10_000
    assert client.post(path, data={"score": "3", "comment": wild}).status_code == 200
    comment = shop.answer_to(message)[1]
    assert comment.startswith("Zażółć 😀\nگ[31mevil\nxxx")
    assert len(comment) == 4000
    (event,) = answers(shop, message)
    assert orjson.loads(event.body)["data"]["comment"] == comment


def test_a_closed_survey_takes_nothing(shop, client, asked):
    """Thirty days after it was sent the page says that it is closed, whatever is posted to it."""
    message, path = asked
    closed = shop.engine.project.texts.survey_page("csat_delivery", "en").closed
    shop.now += timedelta(days=30, hours=-1, seconds=-1)  # days are the shop's, and its clocks went ahead meanwhile
    assert closed not in client.get(path).text
    shop.now += timedelta(seconds=1)
    for page in (client.get(path), client.post(path, data={"score": "1"})):
        assert page.status_code == 200
        assert closed in page.text
        assert "<form" not in page.text
    assert answers(shop, message) == []


@pytest.mark.parametrize("ending", [".", "=", "==", ">", ")", '"', "%20", "%0A", ".%3E", ","])
def test_what_mail_programs_add_to_a_link_does_no_harm(client, asked, ending):
    """Marks that stand behind a link in a text are taken off it."""
    assert client.get(f"{asked[1]}{ending}").status_code == 200


@pytest.mark.parametrize(
    "damage",
    [
        lambda token: token[:-4], lambda token: "0" + token, lambda token: token.swapcase(), lambda token: token + "x",
        lambda token: token.replace(".", "%252E"), lambda token: "", lambda token: "../events", lambda token: "é" * 500,
        lambda token: token.partition(".")[0],
    ],
    ids=["cut", "other number", "case", "longer", "encoded twice", "none", "path", "strange", "unsigned"],
)  # fmt: skip
def test_a_damaged_link_is_answered_kindly(client, asked, damage):
    """A token that we never gave out leads to a short page in plain words, for looking and for posting."""
    path = "/s/" + quote(damage(asked[1].removeprefix("/s/")), safe="%/.")
    for page in (client.get(path), client.post(path, data={"score": "1"})):
        if page.url.path == "/events":
            continue  # the client itself resolved the dots
        assert page.status_code == 404
        assert "This link does not work" in page.text


def test_a_link_is_for_one_purpose(shop, client, asked):
    """The token of an unsubscribe link opens no survey, nor the other way round."""
    message, path = asked
    other = shop.engine.links.token("unsubscribe", message.number)
    assert client.get(f"/s/{other}").status_code == 404
    assert client.get(path.replace("/s/", "/u/")).status_code == 404


def test_a_message_that_is_no_survey_has_no_page(shop, client):
    """A signed number of another message opens nothing."""
    message = shop.ask(event="order.shipped", rule="shipped")
    assert client.get(f"/s/{shop.engine.links.token('survey', message.number)}").status_code == 404


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (FORM, b"comment=" + b"x" * 70_000, 413),
        (FORM, b"&".join(b"f%d=1" % n for n in range(101)), 413),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        ({**FORM, "Content-Encoding": "gzip"}, b"", 415),
    ],
    ids=["large", "many fields", "multipart", "compressed"],
)
def test_forms_have_limits(shop, client, asked, headers, body, status):
    """A form that no browser of ours would send is refused, with a page, before anything is looked up."""
    message, path = asked
    page = client.post(path, content=body, headers=headers)
    assert page.status_code == status
    assert "<h1>" in page.text
    assert shop.answer_to(message) is None


def test_every_page_keeps_to_itself(shop, client, asked):
    """No page is stored, indexed, framed or scripted, nor tells anybody where its reader came from."""
    message, path = asked
    out = f"/u/{shop.engine.links.token('unsubscribe', message.number)}"
    pages = [
        client.get(path), client.post(path, data={}), client.post(path, data={"score": "3"}), client.get("/s/x"),
        client.get(out), client.post(out), client.get("/u/x"), client.post(path, content=b"x" * 70_000, headers=FORM),
    ]  # fmt: skip
    for page in pages:
        assert page.headers["Content-Security-Policy"] == (
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
        assert "noindex" in page.headers["X-Robots-Tag"]
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "server" not in page.headers
        assert "set-cookie" not in page.headers
        assert not re.search(r"<script|style=|\bon\w+=|https?://", page.text)


def test_the_stylesheet_is_where_the_pages_look(client, asked):
    """The page's only other file is there, under a name that changes with its content."""
    _, path = asked
    place = re.search(r'href="(\.\./static/page\.css\?[0-9a-f]{12})"', client.get(path).text)[1]
    style = client.get(httpx.URL(path).join(place))
    assert (style.status_code, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in style.headers["Cache-Control"]


def test_a_page_without_a_database_says_when_to_come_back(shop, client, asked):
    """Where the database does not answer the reader is told so, and nothing breaks."""
    _, path = asked
    with shop.down():
        page = client.post(path, data={"score": "1"})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "10")
    assert "The fault is ours" in page.text


def test_no_token_is_logged(shop, client, asked, caplog):
    """What the log says of a page that failed does not let its reader answer in somebody's name."""
    _, path = asked
    with shop.down():
        client.get(path)
    assert "GET /s/…: the disk is full" in caplog.text
    assert path not in caplog.text


def test_an_answer_and_its_event_are_one(shop, client, asked, monkeypatch):
    """Where the event cannot be kept the answer is not kept either, and the reader may try again."""
    message, path = asked
    with monkeypatch.context() as broken:
        broken.setattr("notifier.feedback.absorb", lambda *_: (_ for _ in ()).throw(RuntimeError("no")))
        page = client.post(path, data={"score": "1"})
    assert page.status_code == 500
    assert "The fault is ours" in page.text
    assert shop.answer_to(message) is None
