"""What an operator sees of a rule that sends too much, and what becomes of it by a word."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def braked(notifier, project):
    """Four orders left, of a rule that may send two messages an hour."""
    config = project / "config" / "notifier.yaml"
    text = config.read_text()
    config.write_text(text.replace("{hold_all_if_over: 1000, in: 1h}", "{hold_all_if_over: 2, in: 1h}"))
    events = [
        {
            "specversion": "1.0", "id": f"{kind}-{number}", "source": "/shop", "type": kind,
            "time": "2026-03-14T17:00:00Z",
            "data": {"id": str(number), "customer": {"id": f"c{number}", "email": f"c{number}@example.com"}},
        }
        for number in range(1, 5)
        for kind in ("order.placed", "order.shipped")
    ]  # fmt: skip
    (project / "many.ndjson").write_text("\n".join(map(json.dumps, events)))
    notifier("ingest", "many.ndjson")
    notifier("tick")


def _states(notifier):
    listed = notifier("outbox", "list", "--json").records
    return [(one["state"], one["reason"]) for one in reversed(listed) if one["rule"] == "order-shipped"]


def test_what_is_braked_is_told(notifier, braked):
    """status names the rule, since when, why and how many wait; the list and explain say it of each message."""
    told = notifier("status").out.splitlines()[0]
    assert told == (
        "Rule order-shipped is braked since Sat 2026-03-14 19:00, until you say outbox approve or outbox discard: "
        "it sends more than 2 messages in 1h; 2 messages wait"
    )
    record = notifier("status", "--json").records[0]
    assert (record["kind"], record["scope"], record["waiting"]) == ("brake", "rule:order-shipped", 2)
    assert _states(notifier) == [("accepted", None)] * 2 + [("held", "brake")] * 2
    assert "held: brake" in notifier("outbox", "list").out
    assert "held until approved, or dropped" in notifier("explain", "order:4").out


def test_approve(notifier, braked):
    """Single messages go while the rest waits; with the last of them, or by the rule's name, the brake is off."""
    assert notifier("outbox", "approve", "3").out == (
        "Rule order-shipped: 1 message approved, to be looked at with the next tick; the rest still waits.\n"
    )
    records = notifier("outbox", "approve", "order-shipped", "--json").records
    assert records == [{"rule": "order-shipped", "approved": 1, "braked": False}]
    notifier("tick")
    assert _states(notifier) == [("accepted", None)] * 4
    assert notifier("status").out.startswith("Nothing is paused or muted.\n")


def test_discard(notifier, braked):
    """What is discarded is dropped, and its reason stays."""
    assert notifier("outbox", "discard", "--all").out == (
        "Rule order-shipped: 2 messages discarded; the brake is off.\n"
    )
    notifier("tick")
    assert _states(notifier) == [("accepted", None)] * 2 + [("dropped", "discarded")] * 2
    explained = " ".join(notifier("explain", "order:4").out.split())
    assert "discarded: an operator discarded what the brake had held" in explained
    assert notifier("outbox", "discard", "--all").out == "The brake holds nothing.\n"


def test_approving_the_last_single_one_takes_the_brake_off(notifier, braked):
    """Where nothing of a rule waits any more, it is not braked any more."""
    assert notifier("outbox", "approve", "3", "4").out.endswith("; the brake is off.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say what is meant: a RULE, messages by ID, or --all; status says what is braked"),
        (["order-shipped", "--all"], "say what is meant: a RULE, messages by ID, or --all; status says what is braked"),
        (["low-stock"], "no rule 'low-stock' is braked (braked are order-shipped), and no message 'low-stock'; "
         "give its number or 4 letters or more of its id, from 'notifier outbox list'"),
        (["1"], "message 1 (order-shipped) is not held by the brake: it is accepted"),
    ],
)  # fmt: skip
def test_what_cannot_be_approved(notifier, braked, arguments, said):
    """One line says why, and nothing changes."""
    refused = notifier("outbox", "approve", *arguments)
    assert (refused.code, refused.out, refused.err) == (2, "", f"notifier: {said}\n")
    assert _states(notifier).count(("held", "brake")) == 2


def test_a_backtest_says_what_would_have_been_braked(notifier, project, braked):
    """How many, of which rule, and what to do where so much is right."""
    told = notifier("backtest", "--events", "many.ndjson")
    assert (
        "Braked, and here nobody approves: order-shipped (2 messages). "
        "Where so much is right, give the rule a 'brake' of its own."
    ) in " ".join(told.out.split())


def test_a_brake_of_which_nobody_hears(notifier, project):
    """check says so, where the brake is configured: no team is named, or there is no text to tell it with."""
    config = project / "config" / "notifier.yaml"
    text = config.read_text()
    config.write_text(text.replace("  tell: support ", "  # tell: support "))
    warned = notifier("check").err
    assert "nobody hears of it when rule " in warned
    assert "is braked; name a team: 'tell: TEAM' here, or as its owner" in warned
    config.write_text(text)
    for path in (project / "templates" / "rule_braked").iterdir():
        path.unlink()
    (project / "templates" / "rule_braked").rmdir()
    assert "there is no text templates/rule_braked; copy the starter's" in notifier("check").err
    config.write_text(text.replace("  tell: support ", "  tell: suport "))
    assert "'tell' names no team: 'suport'; there are support, purchasing" in notifier("check").err
