"""Two years of a real marketplace's orders, from `../shared/data` beside the project."""

from __future__ import annotations

import csv
import json
import random
import statistics
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifier import backtest, starter
from notifier.backtest import decision_record
from notifier.engine import Engine
from notifier.project import Project, load
from notifier.store.sql import open_store

ROOT = Path(__file__).parents[2]
START = datetime(2016, 1, 1, tzinfo=UTC)

RULE = """
version: 1
rules:
  - id: late
    about: order
    trigger: {{moment: {moment}}}
    send: {{template: delivery_late, channels: [email]}}
    limit: {{once_per: order}}
"""


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory, needs_data: Callable[[str], Path]) -> Callable[[int | None], Path]:
    """`orders(3000)` writes the events of the first 3,000 delivered orders to a file; None of all."""
    data = needs_data("olist")
    folder = tmp_path_factory.mktemp("orders")

    def write(limit: int | None) -> Path:
        path = folder / f"{limit}.ndjson"
        if not path.exists():
            tool = data.parents[1] / "tools" / "olist_events.py"
            command = [sys.executable, str(tool), str(data), "--delivered-only"]
            command += ["--limit", str(limit)] if limit else []
            with path.open("wb") as file:
                subprocess.run(command, stdout=file, check=True)
        return path

    return write


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., Path]:
    """A project with one rule, e-mail, and no quiet hours."""

    def make(moment: str) -> Path:
        root = tmp_path / "shop"
        starter.copy(root)
        for path in (root / "rules").rglob("*.yaml"):
            path.unlink()
        (root / "rules" / "late.yaml").write_text(RULE.format(moment=moment))
        (root / "config" / "notifier.yaml").write_text("shop: {timezone: America/Sao_Paulo}\n")
        return root

    return make


@pytest.mark.parametrize(("moment", "sends"), [("order.promised_at + 1d", 1116), ("order.promised_at", 1325)])
def test_a_backtest_counts_the_late(orders: Any, shop: Any, moment: str, sends: int) -> None:
    """66,470 events: 1,116 orders came after the promised day, 209 more after its midnight but on that very day."""
    result = backtest.run(load(shop(moment)), orders(None))
    assert result.summary.events == 66_470
    assert (result.summary.sends, result.summary.drops, result.summary.rejected) == (sends, 0, 0)
    decisions = list(result.decisions())
    assert len(decisions) == sends
    assert decisions == sorted(decisions, key=lambda one: one["at"])


def test_news_of_delays_is_judged_as_the_tables_say(orders: Any, shop: Any, needs_data: Callable[[str], Path]) -> None:
    """By the starter's two rules: false alarms, misses and lead times are those that the bare tables give."""
    project = shop("order.promised_at")
    starter_rules = (ROOT / "rules" / "delivery.yaml").read_text(encoding="utf-8")
    (project / "rules" / "late.yaml").write_text(starter_rules, encoding="utf-8")
    delays = backtest.run(load(project), orders(None)).delays
    told, in_time, soon, leads = _reckoned(needs_data("olist") / "orders.csv")
    assert (delays.orders, delays.late, delays.misses.total()) == (16_618, 1116, 0)
    assert (delays.total.told, delays.total.in_time, delays.total.soon) == (told, in_time, soon)
    assert (told, in_time, soon) == (2534, 321, 91)
    assert [delays.leads.quantile(part) for part in (0.1, 0.5, 0.9)] == [
        pytest.approx(statistics.quantiles(leads, n=10, method="inclusive")[place]) for place in (0, 4, 8)
    ]


def _reckoned(table: Path) -> tuple[int, int, int, list[float]]:
    """Of delivered orders: news sent at 18:00 the day before the promised one or at 9:00 the day after, of that what came in
    time, what came within 12 hours of the second, and how many hours the late ones' customers knew beforehand.
    """
    zone = ZoneInfo("America/Sao_Paulo")

    def wall(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)

    told = in_time = soon = 0
    leads = []
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["order_purchase_timestamp"]]
    for row in rows:
        if not row["order_delivered_customer_date"]:
            continue
        placed, came = wall(row["order_purchase_timestamp"]), wall(row["order_delivered_customer_date"])
        day = datetime.fromisoformat(row["order_estimated_delivery_date"][:10])
        before, after = (wall(f"{day + timedelta(days=shift):%F}T{at}") for shift, at in ((-1, "18:00"), (1, "09:00")))
        broken = wall(f"{day + timedelta(days=1):%F}T00:00")
        warned = placed <= before < came
        told += warned + (came > after)
        in_time += warned and came < broken
        soon += after < came <= after + timedelta(hours=12)
        if came >= broken:
            leads.append((broken - before).total_seconds() / 3600)
            assert warned
    return told, in_time, soon, leads


def test_a_file_in_any_order_gives_the_same(orders: Any, shop: Any, tmp_path: Path) -> None:
    """A history need not be sorted, and an array of events does as well as lines."""
    project, history = load(shop("order.promised_at + 1d")), orders(1500)
    lines = history.read_bytes().splitlines(keepends=True)
    random.Random(7).shuffle(lines)
    (tmp_path / "shuffled.ndjson").write_bytes(b"".join(lines))
    (tmp_path / "array.json").write_bytes(b"[" + b",".join(lines) + b"]")
    expected = list(backtest.run(project, history).lines())
    assert expected
    assert list(backtest.run(project, tmp_path / "shuffled.ndjson").lines()) == expected
    assert list(backtest.run(project, tmp_path / "array.json").lines()) == expected


class _Live:
    """The engine on a file and a clock that the test moves."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = START
        self.project: Project = load(root)
        self.engine = self._open()

    def _open(self) -> Engine:
        return Engine(self.project, open_store(self.project.config.database, self.root, create=True), lambda: self.now)

    def restart(self) -> None:
        self.engine.close()
        self.engine = self._open()

    def decisions(self) -> list[dict[str, Any]]:
        with self.engine.store.read() as unit:
            subjects = {one.subject_key for one in unit.find_messages(limit=100_000)}
            found = [
                decision_record(match, row) for key in subjects for match, rows in unit.matches_of(key) for row in rows
            ]
            assert unit.counts()["matches"] == len({(one["subject"], one["occurrence"]) for one in found})
        return sorted(found, key=lambda one: (one["at"], one["subject"]))


def _between(events: list[dict[str, Any]], instants: list[datetime]) -> Iterator[tuple[datetime, list[dict[str, Any]]]]:
    """The events of each stretch that ends with a decision, the last stretch without one."""
    end = max(datetime.fromisoformat(one["time"]) for one in events)
    ends = [*instants, max([end, *instants]) + timedelta(seconds=1)]

    def stretch(event: dict[str, Any]) -> datetime:
        return ends[bisect_left(ends, datetime.fromisoformat(event["time"]))]

    grouped = {instant: list(group) for instant, group in groupby(events, key=stretch)}
    yield from ((instant, grouped.get(instant, [])) for instant in ends)


@pytest.mark.parametrize("disturbed", [False, True])
def test_live_decides_as_the_backtest_did(orders: Any, shop: Any, disturbed: bool) -> None:
    """The same history, live: with restarts, repeats, odd batches, and shuffled between decisions, it decides the same."""
    chance = random.Random(11)
    history = orders(3000)
    events = [json.loads(line) for line in history.read_bytes().splitlines()]
    live = _Live(shop("order.promised_at + 1d"))
    expected = sorted(backtest.run(live.project, history).decisions(), key=lambda one: (one["at"], one["subject"]))
    assert len(expected) > 50
    instants = sorted({datetime.fromisoformat(one["at"]) for one in expected})
    for instant, stretch in _between(events, instants):
        live.now = instant
        arriving = list(stretch)
        if disturbed:
            arriving += chance.sample(stretch, len(stretch) // 4)
            chance.shuffle(arriving)
            if chance.random() < 0.1:
                live.restart()
        while arriving:
            size = chance.randint(1, 150) if disturbed else 100
            live.engine.ingest(arriving[:size])
            arriving = arriving[size:]
        live.engine.tick()
    assert live.decisions() == expected
    live.engine.close()


def test_the_second_time_everything_is_known(orders: Any, shop: Any) -> None:
    """Every event of a file that was taken before is a duplicate, and nothing is sent for it."""
    live = _Live(shop("order.promised_at + 1d"))
    live.now = datetime(2019, 1, 1, tzinfo=UTC)
    lines = orders(None).read_bytes().splitlines()
    taken: list[set[str]] = []
    for _ in range(2):
        receipts = [
            receipt.status for at in range(0, len(lines), 500) for receipt in live.engine.ingest(lines[at : at + 500])
        ]
        assert len(receipts) == len(lines)
        taken.append(set(receipts))
        live.engine.tick()
    assert taken == [{"accepted"}, {"duplicate"}]
    with live.engine.store.read() as unit:
        counts = unit.counts()
    assert (counts["events"], counts["matches"]) == (66_470, 0)
    live.engine.close()
