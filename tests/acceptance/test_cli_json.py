"""docs/json.md is a promise to scripts: every key that is printed stands there, with its type, and no other."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from notifier import feedback
from notifier.cli.opening import open_engine
from notifier.core.policy import Mute

pytestmark = pytest.mark.usefixtures("no_reports")

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
#: Sections that begin with "All keys of ...".
BESIDES = {
    "explain: a decision": "backtest: a decision",
    "explain: a message": "outbox list: a message",
    "status: a pause or a mute": "pause, resume, mute, unmute",
    "status: a brake": "status: a pause or a mute",
    "outbox dropped": "backtest: a decision",
    "outbox show": "outbox list: a message",
    "outbox retry": "outbox list: a message",
}


def documented(section: str) -> dict[str, tuple[str, str]]:
    """key -> (type, meaning) of a section's table, and of the one that it builds on."""
    found = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/json.md has no section '{section}'"
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+?) \| (.+) \|$", found[1], re.MULTILINE)
    base = documented(BESIDES[section]) if section in BESIDES else {}
    return {**base, **{key: (type_, meaning) for key, type_, meaning in rows}}


def is_time(value: Any) -> bool:
    return isinstance(value, str) and value.endswith("Z") and datetime.fromisoformat(value).tzinfo is not None


TYPES = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "true/false": lambda value: isinstance(value, bool),
    "time": is_time,
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def conforms(record: dict[str, Any], section: str) -> None:
    keys = documented(section)
    required = {key for key, (_, meaning) in keys.items() if not meaning.startswith("only for")}
    assert required <= record.keys() <= keys.keys(), f"{section}: {sorted(record.keys() ^ keys.keys())}"
    for key, value in record.items():
        kinds = keys[key][0].split(" or ")
        assert any(TYPES[kind](value) for kind in kinds), f"{section}: {key} is {value!r}, not {keys[key][0]}"


@pytest.fixture
def told_and_answered(notifier, project, history):
    """A late order: shipped, late, delivered, asked about and answered; and one that nobody can be told about."""
    late = {"id": "1043", "delivered_at": "2026-03-17T12:00:00Z"}
    history.append({**history[1], "id": "e3", "type": "order.delivered", "time": "2026-03-17T12:00:00Z", "data": late})
    history.append({**history[1], "id": "e4", "data": {"id": "1044", "gift_wrap": True}})
    path = project / "events.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in history if one["id"] != "e3"), encoding="utf-8")
    notifier("ingest", "events.ndjson")
    notifier("tick")
    notifier("tick", now="2026-03-17T08:00:00Z")
    notifier("ingest", "-", stdin=json.dumps(history[2]).encode(), now="2026-03-17T12:00:00Z")
    notifier("tick", now="2026-03-19T12:00:00Z")
    with open_engine(project, sends=False) as engine:
        now = datetime.fromisoformat("2026-03-19T13:00:00Z")
        assert feedback.answer(engine, engine.links.token("survey", 3), 2, "late", now) == "new"


def test_what_explain_prints(notifier, told_and_answered):
    """Every kind of record is printed, and each is as documented."""
    records = (
        notifier("explain", "order:1043", "--json").records + notifier("explain", "customer:c-77", "--json").records
    )
    article = {"event": "an event", "armed": "an armed time", "attempt": "an attempt", "answer": "an answer"}
    for record in records:
        kind = record["record"]
        conforms(record, f"explain: {article.get(kind, f'a {kind}')}")
    kinds = {record["record"] for record in records}
    assert kinds == {"event", "match", "decision", "attempt", "answer", "message", "rule"}
    told = notifier("explain", "order:1043", "--rule", "delivery-overdue", "--json").records
    for record in told:
        kind = record["record"]
        conforms(record, f"explain: {article.get(kind, f'a {kind}')}")
    assert {record["record"] for record in told} >= {"verdict", "match", "decision", "attempt", "rule"}


def test_what_explain_prints_of_what_is_to_come(notifier, events):
    """An armed time is a record of its own."""
    notifier("ingest", "events.ndjson")
    armed = [one for one in notifier("explain", "order:1043", "--json").records if one["record"] == "armed"]
    assert [(one["rule"], one["at"]) for one in armed] == [
        ("promise-at-risk", "2026-03-15T17:00:00Z"),
        ("delivery-overdue", "2026-03-17T08:00:00Z"),
        ("very-late", "2026-03-21T09:00:00Z"),
    ]
    for record in armed:
        conforms(record, "explain: an armed time")


def test_what_messages_print(notifier, told_and_answered):
    """The outbox, whole and one by one."""
    listed = notifier("outbox", "list", "--json").records
    assert [one["number"] for one in listed] == [5, 4, 3, 2, 1]
    for record in listed:
        conforms(record, "outbox list: a message")
    dropped = notifier("outbox", "dropped", "--since", "2026-03-01", "--json").records
    assert dropped
    for record in dropped:
        conforms(record, "outbox dropped")
    shown = notifier("outbox", "show", "2", "--json").records[0]
    conforms(shown, "outbox show")
    attempt = documented("explain: an attempt").keys() - {"record", "message"}
    assert shown["attempts"][0].keys() == attempt
    for part, section in (("decisions", "decisions"), ("message", "message")):
        value = shown[part][0] if isinstance(shown[part], list) else shown[part]
        meaning = documented("outbox show")[section][1]
        assert value.keys() == set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]+)`", meaning)))) - {"null"}


def test_what_ingest_and_backtest_print(notifier, told_and_answered, project):
    """Refused events, decisions and summaries."""
    with (project / "events.ndjson").open("a", encoding="utf-8") as file:
        file.write("7\n")
    *refused, summary = notifier("ingest", "events.ndjson", "--json").records
    conforms(refused[0], "ingest: a refused event")
    conforms(summary["summary"], "ingest: the summary")
    *decisions, summary = notifier("backtest", "--events", "events.ndjson", "--until", "2026-03-20", "--json").records
    assert {one["outcome"] for one in decisions} == {"send", "drop"}
    for record in decisions:
        conforms(record, "backtest: a decision")
    conforms(summary["summary"], "backtest: the summary")
    conforms(summary["summary"]["delays"], "backtest: news of delays")
    rules = project / "old" / "rules"
    shutil.copytree(project / "rules", rules)
    delivery = (rules / "delivery.yaml").read_text(encoding="utf-8")
    (rules / "delivery.yaml").write_text(delivery.replace("promised_at + 1d", "promised_at + 2d"), encoding="utf-8")
    against = ["--until", "2026-03-20", "--against", str(rules.parent), "--json"]
    *_, difference, comparison = notifier("backtest", "--events", "events.ndjson", *against).records
    conforms(difference, "backtest: a difference")
    conforms(comparison["comparison"], "backtest: the comparison")
    conforms(comparison["comparison"]["before"], "backtest: the summary")


def test_what_test_prints(notifier, project):
    """A test that passed, one that failed, and the summary."""
    (project / "rules" / "tests").mkdir(exist_ok=True)
    (project / "rules" / "tests" / "some.yaml").write_text(
        "tests:\n"
        "  - {name: nobody, timeline: [{at: 2026-03-09T10:00, event: order.shipped}], expect: [], why_not: [{rule: order-shipped, reason: no_address}]}\n"
        "  - {name: somebody, timeline: [{at: 2026-03-09T10:00, event: order.shipped}], expect: [{to: customer}]}\n"
    )
    printed = notifier("test", "rules/tests/some.yaml", "--coverage", "--json").records
    told, untried, summary = printed[:2], printed[2:-1], printed[-1]
    assert [(one["line"], one["name"], one["ok"]) for one in told] == [(2, "nobody", True), (3, "somebody", False)]
    assert told[1]["failures"]
    for one in told:
        conforms(one, "test: a test")
        conforms(one["decisions"][0], "backtest: a decision")
    assert [one["untried"]["never"] for one in untried if one["untried"]["rule"] == "low-stock"] == ["sent", "reached"]
    conforms(untried[0]["untried"], "test: what was not tried")
    assert summary["summary"].items() >= {"ok": False, "tests": 2, "failed": 1, "untried": len(untried)}.items()
    conforms(summary["summary"], "test: the summary")
    summary = notifier("test", "rules/tests/some.yaml", "--json").records[-1]["summary"]
    assert (summary["clauses"], summary["untried"]) == (None, None)


def test_what_the_rest_prints(notifier, project, tmp_path):
    """init, check, tick, preview, pauses and the database."""
    conforms(notifier("init", "new", "--json", inside=tmp_path).records[0], "init")
    *rules, summary = notifier("check", "--explain", "--json").records
    assert len(rules) == summary["summary"]["rules"]
    for record in rules:
        conforms(record, "check: a rule")
        assert [one.keys() for one in record["examples"]] == [{"given", "at", "note"}] * 3
    conforms(summary["summary"], "check: the summary")
    conforms(notifier("tick", "--json").records[0], "tick")
    for channel in ("email", "sms"):
        conforms(notifier("preview", "delivery_late", "--channel", channel, "--json").records[0], "preview")
    for command in (["pause", "--until", "2h"], ["mute"], ["unmute"], ["resume"]):
        for record in notifier(*command, "--all", "--json").records:
            conforms(record, "pause, resume, mute, unmute")
    notifier("mute", "--sku", "X")
    notifier("ingest", "-", stdin=b"[7]")
    with open_engine(project, sends=False) as engine, engine.store.begin() as unit:
        unit.add_mute(Mute("brake", "rule:order-shipped"), datetime.fromisoformat("2026-03-14T18:00:00Z"))
    conforms(notifier("status", "--json").records[0], "status: a brake")
    (let_go,) = notifier("outbox", "approve", "--all", "--json").records
    conforms(let_go, "outbox approve, outbox discard")
    silenced, refused, summary = notifier("status", "--json").records
    conforms(silenced, "status: a pause or a mute")
    conforms(refused, "status: a refused event")
    conforms(summary["summary"], "status: the summary")
    conforms(notifier("db", "upgrade", "--json").records[0], "db upgrade")
    conforms(notifier("db", "status", "--json").records[0], "db status")
    (project / "rules" / "stock.yaml").write_text("x: 1\n", encoding="utf-8")
    problem, summary = notifier("check", "--json").records[0], notifier("check", "--json").records[-1]
    conforms(problem, "check: a problem")
    conforms(summary["summary"], "check: the summary")


def test_what_check_prints_of_armed_times(notifier, events, project):
    """What an edit will do to them, rule by rule."""
    notifier("ingest", "events.ndjson")
    notifier("tick")
    rules = project / "rules" / "delivery.yaml"
    text = rules.read_text(encoding="utf-8").replace("order.promised_at + 1d", "order.promised_at + 2d")
    rules.write_text(text, encoding="utf-8")
    changed, summary = notifier("check", "--json").records
    conforms(changed, "check: a changed rule")
    assert (changed["changed"], changed["edited"], changed["complete"]) == ("delivery-overdue", 1, True)
    conforms(summary["summary"], "check: the summary")


def test_what_outbox_retry_prints(notifier, told_and_answered):
    """A message with whether it is tried again."""
    (told,) = notifier("outbox", "retry", "1", "--json").records
    conforms(told, "outbox retry")
