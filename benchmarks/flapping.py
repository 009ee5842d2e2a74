"""What stock that goes up and down about a line costs in messages, and what `ready_again` and `still_true_after` save.

    python benchmarks/flapping.py [--counts FILE] [--articles N]

FILE is a CSV, gzipped or not, of units on hand by store, item and day (STORE_NUM, ITEM_ID, GREGORIAN_DATE, ON_HAND_QTY);
without one it is ../shared/data/retail-inventory/inventory.csv.gz beside the project. Each item of a store becomes an article, each
count that differs from the one before a `stock.changed` at noon. One backtest replays them under the rules below, and counts
what each would have sent; `hasty` are those after which the stock was over the line again within two days.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
import tempfile
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

import orjson
from workbench import project
from workbench.table import Row, show

from notifier import backtest
from notifier.project import load

_COUNTS = Path(__file__).parents[2] / "shared" / "data" / "retail-inventory" / "inventory.csv.gz"
_LINE, _HASTE = 5, timedelta(days=2)
_READY, _LASTS = "ready_again: {above: 8}", "still_true_after: 2d"

#: What a rule is called here -> its trigger, and what stands beside it.
_RULES: Mapping[str, tuple[str, str]] = {
    "low": (f"{{change: stock.available, falls_below: {_LINE}}}", ""),
    "low-ready": (f"{{change: stock.available, falls_below: {_LINE}, {_READY}}}", ""),
    "low-lasts": (f"{{change: stock.available, falls_below: {_LINE}}}", _LASTS),
    "low-both": (f"{{change: stock.available, falls_below: {_LINE}, {_READY}}}", _LASTS),
    "back": ("{change: stock.available, rises_above: 0}", ""),
    "back-lasts": ("{change: stock.available, rises_above: 0}", _LASTS),
}
_WORDS = {
    "low": f"falls below {_LINE}", "low-ready": f"  with {_READY}", "low-lasts": f"  with {_LASTS}",
    "low-both": "  with both", "back": "rises above 0", "back-lasts": f"  with {_LASTS}",
}  # fmt: skip

_Counts = dict[str, list[tuple[datetime, float]]]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--counts", type=Path, default=_COUNTS, help="units on hand by store, item and day")
    asked.add_argument("--articles", type=int, default=0, help="only the first so many; 0 is all")
    options = asked.parse_args()
    if not options.counts.exists():
        print(f"{options.counts} is not there; name a file of counts with --counts", file=sys.stderr)
        return
    counts = _read(options.counts, options.articles)
    with tempfile.TemporaryDirectory(prefix="notifier-benchmark-") as directory:
        _measure(Path(directory), counts)


def _read(file: Path, articles: int) -> _Counts:
    """Article -> its counts by day, without those that say what the day before said."""
    counts: _Counts = defaultdict(list)
    opened: Any = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8", newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: row["GREGORIAN_DATE"])
    for row in rows:
        name = f"{row['ITEM_ID']}-{row['STORE_NUM']}"
        units = float(row["ON_HAND_QTY"])
        if articles and name not in counts and len(counts) >= articles:
            continue
        days = counts[name]
        if not days or days[-1][1] != units:
            days.append((datetime.fromisoformat(f"{row['GREGORIAN_DATE']}T12:00:00+00:00"), units))
    return counts


def _measure(directory: Path, counts: _Counts) -> None:
    root = project.lay_out(directory / "project")
    (root / "rules" / "late.yaml").write_text("version: 1\nrules:\n" + "".join(map(_rule, _RULES)), encoding="utf-8")
    history = directory / "history.ndjson"
    events = sorted((at, name, units) for name, days in counts.items() for at, units in days)
    history.write_bytes(b"\n".join(_event(number, *event) for number, event in enumerate(events)))
    began = process_time()
    run = backtest.run(load(root), history)
    sent, hasty = Counter[str](), Counter[str]()
    for one in run.decisions():
        if one["outcome"] == "send":
            sent[one["rule"]] += 1
            hasty[one["rule"]] += _taken_back(counts[one["subject"].removeprefix("stock:")], one)
    seconds = process_time() - began
    rows = [
        Row(_WORDS[name], f"{sent[name]:,} messages", f"{hasty[name]:,} hasty", "", None)
        for name in _RULES
    ]  # fmt: skip
    span = f"{events[0][0]:%Y-%m-%d} to {events[-1][0]:%Y-%m-%d}"
    show(rows, [
        f"{len(counts):,} articles, {len(events):,} counts that differ from the one before, {span}; {seconds:.0f} CPU s.",
        f"hasty: the stock was over the line again within {_HASTE.days} days.",
    ])  # fmt: skip


def _rule(name: str) -> str:
    trigger, beside = _RULES[name]
    more = f"    {beside}\n" if beside else ""
    return (
        f"  - id: {name}\n    about: stock\n    trigger: {trigger}\n{more}"
        "    send: {template: low_stock, to: team.purchasing}\n"
    )


def _event(number: int, at: datetime, name: str, units: float) -> bytes:
    return orjson.dumps({
        "specversion": "1.0", "id": str(number), "source": "/counts", "type": "stock.changed", "time": at,
        "data": {"sku": name, "available": units},
    })  # fmt: skip


def _taken_back(days: list[tuple[datetime, float]], sent: Mapping[str, Any]) -> bool:
    """Whether what was told was no longer so within two days."""
    told = datetime.fromisoformat(sent["at"])
    low = sent["rule"].startswith("low")
    return any(units >= _LINE if low else units <= 0 for units in _after(days, told))


def _after(days: list[tuple[datetime, float]], told: datetime) -> Iterator[float]:
    first = bisect_right(days, told, key=lambda day: day[0])
    return (units for at, units in days[first:] if at <= told + _HASTE)


if __name__ == "__main__":
    main()
