"""How a history of one order, or a few, is judged: told in vain, not told, and how long before the promise broke."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier import backtest, starter
from notifier.backtest import Backtest, Stretch
from notifier.backtest.delays import Leads
from notifier.project import Project, load

DANA = {"id": "c-77", "first_name": "Dana", "email": "dana@example.com", "locale": "en", "timezone": "Europe/Warsaw"}
NOBODY = {"id": "c-78"}
MONDAY = "2026-03-16"
Replay = Callable[..., Backtest]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The starter in English: it tells at 18:00 of the evening before the promised day, and at 9:00 after it."""
    root = tmp_path_factory.mktemp("delays") / "shop"
    starter.copy(root)
    for code in ("de", "fa", "hu", "ms", "pl", "ru"):
        for text in (root / "templates").glob(f"[!l]*/{code}.*"):
            text.unlink()
    return load(root)


@pytest.fixture
def replay(shop: Project, tmp_path: Path) -> Replay:
    """Replays what happened to one order: (type, time, data) each, later ones about the same order."""

    def run(*happened: tuple[str, str, dict[str, Any]], **stretch: Any) -> Backtest:
        lines = []
        for place, (type_, time, data) in enumerate(happened):
            more = {"receivedat": data.pop("receivedat")} if "receivedat" in data else {}
            envelope = {"specversion": "1.0", "id": f"e{place}", "source": "/shop", "type": type_, "time": time}
            lines.append(json.dumps({**envelope, **more, "data": {"id": "1", **data}}))
        path = tmp_path / "history.ndjson"
        path.write_text("\n".join(lines), encoding="utf-8")
        return backtest.run(shop, path, Stretch(**stretch))

    return run


def placed(promise: str = MONDAY, time: str = "2026-03-10T10:00:00Z", **more: Any) -> tuple[str, str, dict[str, Any]]:
    return "order.placed", time, {"promised_at": promise, "customer": DANA, **more}


def came(time: str, **more: Any) -> tuple[str, str, dict[str, Any]]:
    return "order.delivered", time, {"delivered_at": time, **more}


def clock(day: int, hour: int) -> datetime:
    """On the wall clock of Warsaw in March 2026, which is an hour ahead."""
    return datetime.fromisoformat(f"2026-03-{day:02}T{hour:02}:00:00+01:00")


def verdicts(result: Backtest) -> dict[str, list[str]]:
    """Rule -> what became of its messages."""
    return {
        rule: [name for name in ("right", "in_time", "soon", "open") for _ in range(getattr(one, name))]
        for rule, one in result.delays.rules.items()
        if one.told
    }


CASES = {
    "it came in time": ([came("2026-03-16T19:00:00Z")], {"promise-at-risk": ["in_time"]}, (1, 0, {})),
    "the day after, soon after the second message": (
        [came("2026-03-17T14:00:00Z")],
        {"promise-at-risk": ["right"], "delivery-overdue": ["soon"]},
        (1, 1, {}),
    ),
    "twelve hours after the second message to the second": (
        [came("2026-03-17T20:00:00Z")],
        {"promise-at-risk": ["right"], "delivery-overdue": ["soon"]},
        (1, 1, {}),
    ),
    "days after": (
        [came("2026-03-19T14:00:00Z")],
        {"promise-at-risk": ["right"], "delivery-overdue": ["right"]},
        (1, 1, {}),
    ),
    "it never came": (
        [("order.updated", "2026-04-10T10:00:00Z", {"total": 1})],
        {"promise-at-risk": ["right"], "delivery-overdue": ["right"]},
        (1, 1, {}),
    ),
    "called off while the promise stood": (
        [("order.cancelled", "2026-03-16T10:00:00Z", {})],
        {"promise-at-risk": ["open"]},
        (0, 0, {}),
    ),
    "called off because it did not come": (
        [("order.cancelled", "2026-03-18T10:00:00Z", {})],
        {"promise-at-risk": ["right"], "delivery-overdue": ["right"]},
        (1, 1, {}),
    ),
    "still on its way": ([("order.updated", "2026-03-16T10:00:00Z", {"total": 1})], {"promise-at-risk": ["open"]}, (0, 0, {})),
    "it came in time, and word of that came late": (
        [came("2026-03-16T17:00:00Z", receivedat="2026-03-17T11:00:00Z")],
        {"promise-at-risk": ["in_time"], "delivery-overdue": ["in_time"]},
        (1, 0, {}),
    ),
    "the promise was moved, and kept": (
        [("order.updated", "2026-03-14T10:00:00Z", {"promised_at": "2026-03-20"}), came("2026-03-19T10:00:00Z")],
        {},
        (1, 0, {}),
    ),
    "the expected day slipped, but not past the promise": (
        [
            ("order.updated", "2026-03-11T10:00:00Z", {"eta": "2026-03-12"}),
            ("order.updated", "2026-03-11T11:00:00Z", {"eta": "2026-03-16"}),
            came("2026-03-15T10:00:00Z"),
        ],
        {},
        (1, 0, {}),
    ),
    "the expected day slipped past the promise": (
        [
            ("order.updated", "2026-03-11T10:00:00Z", {"eta": "2026-03-12"}),
            ("order.updated", "2026-03-11T11:00:00Z", {"eta": "2026-03-17"}),
            came("2026-03-15T10:00:00Z"),
        ],
        {"eta-slipped": ["in_time"]},
        (1, 0, {}),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("happened", "told", "found"), CASES.values(), ids=CASES)
def test_how_news_of_a_delay_turns_out(replay: Replay, happened: Any, told: Any, found: Any) -> None:
    """Told in vain where it came in time or soon after; orders, late ones and misses are counted by the order."""
    delays = (result := replay(placed(), *happened)).delays
    assert verdicts(result) == told
    assert (delays.orders, delays.late, dict(delays.misses)) == found
    assert delays.late == delays.warned + delays.misses.total()


@pytest.mark.parametrize(
    ("order", "end", "why"),
    [
        (placed(customer=NOBODY), came("2026-03-19T14:00:00Z"), "drop: no_address"),
        (placed(time="2026-03-16T19:00:00Z"), came("2026-03-17T07:00:00Z"), "no rule went off"),
        (
            placed(time="2026-03-16T19:00:00Z"),
            came("2026-03-17T07:00:00Z", receivedat="2026-03-17T12:00:00Z"),
            "told after it came",
        ),
    ],
    ids=["nobody can be told", "placed too late for it", "it was there already"],
)
def test_who_was_not_told_is_a_miss_with_a_reason(replay: Replay, order: Any, end: Any, why: str) -> None:
    """Late and not told before it came: why is said."""
    assert dict(replay(order, end).delays.misses) == {why: 1}


@pytest.mark.parametrize(
    ("promise", "late"),
    [
        (MONDAY, 0),
        ("2026-03-16T00:00:00+01:00", 0),
        ("2026-03-15T23:00:00Z", 0),
        ("2026-03-16T00:01:00+01:00", 1),
        ("2026-03-16T20:00:00+01:00", 0),
        ("2026-03-16T19:59:59+01:00", 1),
    ],
)
def test_what_a_promise_means(replay: Replay, promise: str, late: int) -> None:
    """A day, or its midnight, lasts until it is over where the customer is; any other instant is that instant."""
    assert replay(placed(promise), came("2026-03-16T20:00:00+01:00")).delays.late == late


def test_lead_times_count_from_the_first_news(replay: Replay) -> None:
    """Told at 18:00 on the evening before a day that is over thirty hours later."""
    leads = replay(placed(), came("2026-03-19T14:00:00Z")).delays.leads
    assert leads.record()["median"] == 30
    assert [one for one in leads.classes() if one[2]] == [(24, 36, 1)]


def test_a_later_beginning_counts_what_came_later(replay: Replay) -> None:
    """What was told before is known to the customer, and not counted as a message."""
    whole = replay(placed(), came("2026-03-19T14:00:00Z"))
    part = replay(placed(), came("2026-03-19T14:00:00Z"), since=clock(16, 12))
    assert verdicts(part) == {"delivery-overdue": ["right"]}
    assert (part.delays.late, part.delays.warned) == (1, 1)
    assert list(part.decisions()) == [one for one in whole.decisions() if one["at"] > "2026-03-16T12"]
    after = replay(placed(), came("2026-03-19T14:00:00Z"), since=clock(18, 12))
    assert (after.delays.late, after.summary.customers) == (0, 0)


def test_how_soon_is_soon_can_be_said(replay: Replay) -> None:
    """With an hour, what comes five hours after the message was told for a reason."""
    result = replay(placed(), came("2026-03-17T14:00:00Z"), soon=timedelta(hours=1))
    assert verdicts(result)["delivery-overdue"] == ["right"]


@given(st.lists(st.integers(-100_000, 100_000), min_size=1))
def test_classes_hold_each_lead_once(minutes: list[int]) -> None:
    """Each lead time is in the class whose bounds enclose it, and the tenths lie in order."""
    leads = Leads()
    for one in minutes:
        leads.add(timedelta(minutes=one))
    for low, high, count in leads.classes():
        inside = [one for one in minutes if (low is None or one >= low * 60) and (high is None or one < high * 60)]
        assert count == len(inside)
    tenths = [leads.quantile(part) or 0.0 for part in (0, 0.1, 0.5, 0.9, 1)]
    assert tenths == sorted(tenths)
    assert tenths[0] * 60 == pytest.approx(min(minutes))
    assert tenths[-1] * 60 == pytest.approx(max(minutes))
