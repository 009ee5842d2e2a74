"""backtest: what it counts, and what it says of the news of delays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("no_reports")


@pytest.fixture
def late(project: Path, history: list[dict[str, Any]]) -> Path:
    """An order that came the day after the promised one."""
    arrived = {"id": "1043", "delivered_at": "2026-03-17T14:00:00Z"}
    history.append(
        {**history[1], "id": "e3", "type": "order.delivered", "time": "2026-03-17T14:00:00Z", "data": arrived}
    )
    path = project / "history.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in history), encoding="utf-8")
    return path


def test_it_says_how_good_the_news_of_delays_was(notifier, late):
    """False alarms, misses and lead times, by rule."""
    said = notifier("backtest", "--events", "history.ndjson", "--until", "2026-03-25").out
    assert said.endswith(
        "\n1 customer written to. 0 subjects with times still to come.\n"
        "3 messages, 1 survey: e-mail 4; pl 4. Most go out between 09:00 and 09:59: 1.\n"
        "\n"
        "News of delays\n"
        "1 order with a promise that was kept or not; 1 came late, or not at all.\n"
        "\n"
        "rule              told  right  false alarm  in time  soon  not known\n"
        "promise-at-risk      1      1            0        0     0          0\n"
        "delivery-overdue     1      0            1        0     1          0\n"
        "\n"
        "1 false alarm, 50.0% of 2 messages: 0 about what came in time, 1 about what came within 12 hours of\n"
        "the message; for example order:1043.\n"
        "0 misses, 0.0% of the late orders.\n"
        "Lead time: the customer knew 30 hours before the promise broke (median; one in ten 30 hours before\n"
        "it or sooner, one in ten 30 hours before it or later).\n"
    )


def test_what_was_held_and_sent_counts_once(notifier, late, project):
    """A message that waits for the morning is one message, and it is said what became of it."""
    settings = project / "config" / "notifier.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("sms: 21:00-08:00", "email: 10:00-08:00"), encoding="utf-8")
    assert "10:00-08:00" in settings.read_text(encoding="utf-8")
    until = ["backtest", "--events", "history.ndjson", "--until", "2026-03-15T12:00"]
    assert "Of 1 message that was held, 1 was sent later, 0 dropped.\n" in notifier(*until).out
    summary = notifier(*until, "--json").records[-1]["summary"]
    assert (summary["send"], summary["hold"], summary["messages"]) == (1, 1, 1)
    assert summary["held_messages"] == {"sent": 1, "dropped": 0, "waiting": 0}
    assert summary["sent_by"]["hour"] == {"08": {"messages": 1, "surveys": 0, "staff": 0}}


def test_a_shop_whose_texts_say_nothing_is_told_how(notifier, late, project):
    """Without a topic `delay` there are no figures, and not a row of noughts that would look like perfection."""
    for path in (project / "templates").glob("*/message.yaml"):
        path.write_text(path.read_text(encoding="utf-8").replace("topic: delay\n", ""), encoding="utf-8")
    rules = "version: 1\nrules:\n  - {id: a, about: order, trigger: {event: order.shipped}, send: {template: delivery_late}}\n"
    for path in (project / "rules").glob("*.yaml"):
        path.unlink()
    (project / "rules" / "a.yaml").write_text(rules, encoding="utf-8")
    said = notifier("backtest", "--events", "history.ndjson").out
    assert "No rule here tells of a delay. One does whose text has 'topic: delay' in its message.yaml" in said
    assert "false alarm" not in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--soon", "2"], "notifier: --soon: '2' needs a unit, like '2m', '2h' or '2d'\n"),
        (
            ["--since", "2026-03-20", "--until", "2026-03-19"],
            "notifier: --since 2026-03-20 is not before --until 2026-03-19: nothing lies between them\n",
        ),
    ],
)
def test_a_stretch_that_is_none(notifier, late, options, said):
    """Options that cannot be meant are wrong usage."""
    ended = notifier("backtest", "--events", "history.ndjson", *options)
    assert (ended.code, ended.out, ended.err) == (2, "", said)


def test_without_a_file_it_replays_what_the_database_keeps(notifier, late):
    """The same events, taken in as they happened, give the same as the file; what became of messages is not told twice."""
    for line in late.read_bytes().splitlines():
        happened = json.loads(line)["time"]
        notifier("tick", now=happened)
        assert notifier("ingest", "-", stdin=line, now=happened).code == 0
    notifier("tick", now="2026-03-20T10:00:00Z")
    until = ["--until", "2026-03-25", "--json"]
    filed = notifier("backtest", "--events", "history.ndjson", *until).records
    kept = notifier("backtest", *until)
    assert (kept.code, kept.err) == (0, "")
    assert kept.records[:-1] == filed[:-1]
    figures = [printed[-1]["summary"] for printed in (kept.records, filed)]
    assert figures[0] == figures[1]
    since = notifier("backtest", "--since", "2026-03-15", *until).records
    assert [one["template"] for one in since[:-1]] == ["may_be_late", "delivery_late", "survey:csat_delivery"]
    since = notifier("backtest", "--since", "2026-03-15T18:01", *until).records
    assert [one["template"] for one in since[:-1]] == ["delivery_late", "survey:csat_delivery"]


def test_events_that_came_together_are_said_to_have(notifier, late):
    """A history that was ingested on one afternoon cannot show what would have been told in time."""
    notifier("ingest", "history.ndjson", now="2026-04-14T18:00:00Z")
    said = notifier("backtest").out
    assert (
        "What they tell of happened between Fri 2026-03-13 11:00 and Tue 2026-03-17 15:00, and they arrived\n"
        "together: nothing could be told in time. Replay the file from which they came, with --events.\n"
    ) in said
    assert "arrived\ntogether" not in notifier("backtest", "--events", "history.ndjson").out


def test_an_event_that_nobody_can_read_any_more_is_named(notifier, late, project):
    """Where a field was declared otherwise since, the event is told by its name, and the rest goes on."""
    first = json.loads(late.read_bytes().splitlines()[0])
    first["data"]["attributes"] = {"gift": "yes, of course"}
    late.write_text(json.dumps(first) + "\n", encoding="utf-8")
    settings = project / "config" / "notifier.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text + "\nfields: {order.gift: {type: text}}\n", encoding="utf-8")
    assert notifier("ingest", "history.ndjson").code == 0
    settings.write_text(text + "\nfields: {order.gift: {type: number}}\n", encoding="utf-8")
    ended = notifier("backtest")
    assert ended.code == 1
    assert ended.err.startswith("the database: event 1: /shop e1: ")
    assert ended.err.count("\n") == 1
