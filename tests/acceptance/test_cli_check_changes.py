from __future__ import annotations

import json

import pytest

from notifier import changeover

DELIVERY = "rules/delivery.yaml"
NEW = """
  - id: later-still
    about: order
    trigger: {moment: order.promised_at + 3d, at: 09:00}
    send: {template: delivery_late}
  - id: long-ago
    about: order
    trigger: {moment: order.placed_at + 1h}
    send: {template: order_shipped}
"""


@pytest.fixture
def running(notifier, project, history):
    """Two open orders and one that is delivered, and the rules in force for them."""
    orders = [
        {**one, "id": f"{one['id']}-{number}", "data": {**one["data"], "id": number}}
        for number in ("1043", "1044", "1045")
        for one in history
    ]
    arrived = {"id": "1045", "delivered_at": "2026-03-14T12:00:00Z"}
    orders.append(
        {**history[1], "id": "e9", "type": "order.delivered", "time": "2026-03-14T12:00:00Z", "data": arrived}
    )
    (project / "events.ndjson").write_text("".join(json.dumps(one) + "\n" for one in orders), encoding="utf-8")
    notifier("ingest", "events.ndjson")
    notifier("tick")

    def edit(old, new):
        text = (project / DELIVERY).read_text(encoding="utf-8")
        assert old in text
        (project / DELIVERY).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def changes(notifier):
    """What check says of armed times: the lines before the last."""
    found = notifier("check")
    assert (found.code, found.err) == (0, "")
    return found.out.splitlines()[:-1]


def test_rules_as_they_are_change_nothing(notifier, running):
    """Where the rules are in force already there is nothing to say."""
    assert changes(notifier) == []


def test_a_rule_that_is_renamed(notifier, running, project):
    """28: the times of the old one end, each that lies ahead is armed anew, and how many is told beforehand."""
    for path in (project / "rules" / "tests").glob("*.yaml"):
        path.unlink()
    running("delivery-overdue", "overdue")
    assert changes(notifier) == [
        "delivery-overdue: 2 armed times will end",
        "overdue: 2 times will be armed",
    ]
    notifier("tick")
    assert changes(notifier) == []


def test_a_rule_that_is_edited(notifier, running):
    """Its times keep their instant, and the new text decides."""
    running("moment: order.promised_at + 1d", "moment: order.promised_at + 2d")
    assert changes(notifier) == ["delivery-overdue: 2 armed times will be decided by the new text"]


def test_rules_that_are_new(notifier, running):
    """They are armed for open orders; what is past is counted apart, and sends nothing."""
    running("  - id: eta-slipped\n", f"{NEW}  - id: eta-slipped\n")
    assert changes(notifier) == ["later-still: 2 times will be armed", "long-ago: 2 already past and left untold"]


def test_a_rule_that_becomes_a_draft(notifier, running):
    """A draft is only checked: nothing comes of its times."""
    running("send: {template: delivery_late}", "state: draft\n    send: {template: delivery_late}")
    assert changes(notifier) == ["delivery-overdue: 2 armed times will end"]


def test_more_than_are_looked_at(notifier, running, monkeypatch):
    """check is never slow: of very many subjects some are looked at, and the numbers say so."""
    monkeypatch.setattr(changeover, "MOST", 1)
    running("moment: order.promised_at + 1d", "moment: order.promised_at + 2d")
    assert changes(notifier) == ["delivery-overdue: at least 1 armed time will be decided by the new text"]


def test_orders_are_not_hidden_behind_customers(notifier, running, monkeypatch):
    """Of each kind for which a rule waits as many are looked at, however many there are of others."""
    monkeypatch.setattr(changeover, "MOST", 3)
    running("  - id: eta-slipped\n", f"{NEW}  - id: eta-slipped\n")
    assert changes(notifier) == ["later-still: 2 times will be armed", "long-ago: 2 already past and left untold"]


def test_without_a_database_none_is_made(notifier, project):
    """check looks, and leaves everything as it was."""
    assert changes(notifier) == []
    assert not (project / "var" / "notifier.db").exists()


def test_a_database_that_cannot_be_read(notifier, project):
    """It is told, and is no fault of the rules."""
    (project / "var").mkdir()
    (project / "var" / "notifier.db").write_bytes(b"x" * 4096)
    found = notifier("check")
    assert found.code == 0
    assert found.err.startswith("notifier: what becomes of armed times cannot be said: ")
