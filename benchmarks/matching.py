"""How fast an event finds its rules among very many.

    python benchmarks/matching.py [--rules N]

Rules about orders for twenty kinds of event, as a large shop might have them: most ask for a country (two thirds for the
same one) or a carrier, many for a sum, some exclude payment states or shipping services, a few compare times; five in a
hundred ask for nothing that could be looked up. Each event has been decoded and folded before; measured is how long it
takes from there to the ids of the rules that match. The floor is a scan of all rules, each compiled to one function with
its event type first. Every answer is compared with the explaining evaluator's. Times are CPU seconds; of five rounds the
fastest counts.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from workbench import project, yardstick
from workbench.table import Row, show

from notifier.core.event import Event
from notifier.core.match import admitted, step, with_event
from notifier.core.rule import Book, OnEvent
from notifier.core.scene import Scene
from notifier.core.subject import Aggregate
from notifier.project import load

_NOW = datetime(2026, 3, 13, 12, tzinfo=UTC)
_EVENTS = 2_000
_COMPARED = 40
_ROUNDS = 5
_GAIN, _GOAL = 250, 100_000

_KINDS = [f"order.kind_{number}" for number in range(20)]
_COUNTRIES = ["DE"] * 65 + ["AT", "FR", "IT", "NL", "PL"] * 4 + ["BE", "CZ", "DK", "ES", "FI", "HU", "IE", "PT", "RO", "SE", "SI", "SK", "GR", "HR", "LU"]  # fmt: skip
_CARRIERS = [f"carrier-{number}" for number in range(40)]
_CITIES = [f"city-{number}" for number in range(300)]
_SERVICES = ["standard", "express", "pickup", "freight", "night"]
_EQUAL = {
    "order.shipping_address.country": _COUNTRIES, "order.carrier": _CARRIERS, "order.shipping_address.city": _CITIES,
    "order.currency": ["EUR", "EUR", "EUR", "PLN", "CZK"],
}  # fmt: skip

Subject = tuple[Event, Aggregate, Scene]
Find = Callable[[Event, Aggregate, Scene], list[str]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A rule as this benchmark made it up."""

    id: str
    kind: str
    more_than: int
    equal: dict[str, str]
    late: bool
    barred: tuple[str, ...]

    @property
    def yaml(self) -> str:
        wants = [
            f"order.total: {{more_than: {self.more_than}}}",
            *(f"{path}: {value}" for path, value in self.equal.items()),
        ]
        wants += ["order.eta: {after: order.promised_at + 24h}"] if self.late else []
        bars = f", not_if: {{order.service: [{', '.join(self.barred)}]}}" if self.barred else ""
        return (
            f"  - {{id: {self.id}, about: order, trigger: {{event: {self.kind}}}, "
            f"only_if: {{{', '.join(wants)}}}{bars}, send: {{template: delivery_late}}}}\n"
        )

    @property
    def source(self) -> str:
        wants = [f"kind == {self.kind!r}"]
        wants += [f"o.get({path!r}) == {value!r}" for path, value in self.equal.items()]
        wants.append(f"(total := o.get('order.total')) is not None and total > {self.more_than}")
        wants += [f"o.get('order.service') not in {self.barred!r}"] if self.barred else []
        if self.late:
            wants.append("(e := o.get('order.eta')) and (p := o.get('order.promised_at')) and e > p + DAY")
        return f"lambda kind, o: {' and '.join(wants)}"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rules", type=int, default=10_000)
    chance = random.Random(7)
    rules = [_rule(number, chance) for number in range(asked.parse_args().rules)]
    with tempfile.TemporaryDirectory(prefix="notifier-benchmark-") as directory:
        book = _book(Path(directory), rules)
    subjects = [_subject(chance) for _ in range(_EVENTS)]
    scan = _scan(rules)
    _agree(book, scan, subjects)
    slow, found, stepped = _side_by_side(
        (scan, subjects[:_COMPARED]), (partial(_found, book), subjects), (partial(_stepped, book), subjects)
    )
    slowness = yardstick.loop() / yardstick.QUIET
    gain, quiet = slow / found, slowness / found
    matches = sum(len(_found(book, *one)) for one in subjects) / _EVENTS
    show([
        Row(f"scan of {len(rules):,} compiled rules", f"{1 / slow:,.0f} events/CPU s", "1"),
        Row("state to matched rules", f"{1 / found:,.0f} events/CPU s", f"{gain:,.0f} x the scan", f"{_GAIN} x", gain >= _GAIN),
        Row("the same on the quiet machine", f"{quiet:,.0f} events/CPU s", "", f"{_GOAL:,}", quiet >= _GOAL),
        Row("the engine's whole step: candidates and times as well", f"{1 / stepped:,.0f} events/CPU s",
            f"{slow / stepped:,.0f} x the scan"),
    ], [
        f"{matches:.1f} rules match an event; {_COMPARED} answers were compared with those of the explaining evaluator.",
        f"By the yardstick the machine was {slowness:.2f} times slower than when quiet, at its best moments.",
    ])  # fmt: skip


def _side_by_side(*ways: tuple[Find, list[Subject]]) -> list[float]:
    """CPU seconds an event, of each way in turn, round by round: what disturbs one disturbs the others."""
    rounds: list[list[float]] = [[] for _ in ways]
    with yardstick.uncollected():
        for _ in range(_ROUNDS + 1):  # in the first, what is asked for the first time is written
            for (find, subjects), seconds in zip(ways, rounds, strict=True):
                seconds.append(yardstick.spent(lambda: [find(*one) for one in subjects]).cpu / len(subjects))  # noqa: B023
    return [min(seconds[1:]) for seconds in rounds]


def _book(directory: Path, rules: list[_Asked]) -> Book:
    """The rules, read from files as a shop's are."""
    root = project.lay_out(directory / "project")
    (root / "rules" / "late.yaml").unlink()
    declared = "".join(f"  {kind}: {{}}\n" for kind in _KINDS)
    with (root / "config" / "notifier.yaml").open("a", encoding="utf-8") as config:
        config.write(f"\nevents:\n{declared}")
    for start in range(0, len(rules), 500):
        text = "".join(rule.yaml for rule in rules[start : start + 500])
        (root / "rules" / f"part-{start:05}.yaml").write_text(f"version: 1\nrules:\n{text}", encoding="utf-8")
    return load(root).book


def _rule(number: int, chance: random.Random) -> _Asked:
    equal = {}
    if chance.random() >= 0.05:
        for path, values in chance.sample(list(_EQUAL.items()), chance.choice([1, 2, 2, 3])):
            equal[path] = chance.choice(values)
    barred = tuple(chance.sample(_SERVICES, 2)) if chance.random() < 0.3 else ()
    late = chance.random() < 0.1
    return _Asked(f"r{number}", chance.choice(_KINDS), chance.randrange(50, 500), equal, late, barred)


def _subject(chance: random.Random) -> Subject:
    order = {
        "order.id": "1", "order.number": "1", "order.status": "paid", "order.total": round(chance.lognormvariate(3.9, 0.9), 2),
        "order.currency": chance.choice(["EUR", "EUR", "EUR", "PLN", "CZK"]), "order.carrier": chance.choice(_CARRIERS), "order.service": chance.choice(_SERVICES),
        "order.shipping_address.country": chance.choice(_COUNTRIES), "order.shipping_address.city": chance.choice(_CITIES),
        "order.promised_at": _NOW, "order.eta": _NOW + timedelta(hours=chance.randrange(60)),
    }  # fmt: skip
    customer = {"customer.id": "1", "customer.country": order["order.shipping_address.country"]}
    event = Event("/shop", "1", chance.choice(_KINDS), _NOW, _NOW, (), {}, b"", b"", b"")
    subject = Aggregate("order:1", leaves=order, facts=order)
    return event, subject, Scene({"order": order, "customer": customer}, _NOW, ZoneInfo("Europe/Berlin"))


def _found(book: Book, event: Event, _: Aggregate, scene: Scene) -> list[str]:
    awaiting = book.on_event.get(("order", event.type))
    return [rule.id for rule in awaiting.met(with_event(scene, {"event.type": event.type}))] if awaiting else []


def _stepped(book: Book, event: Event, subject: Aggregate, scene: Scene) -> list[str]:
    return [one.rule.id for one in step(book, subject, subject, event, scene).candidates]


def _scan(rules: list[_Asked]) -> Find:
    """All rules, one by one, each a lambda."""
    compiled = [(eval(rule.source, {"DAY": timedelta(days=1)}), rule.id) for rule in rules]

    def scan(event: Event, subject: Aggregate, _: Scene) -> list[str]:
        kind, facts = event.type, subject.facts
        return [name for matches, name in compiled if matches(kind, facts)]

    return scan


def _agree(book: Book, scan: Find, subjects: list[Subject]) -> None:
    """The ways of finding the rules must agree."""
    for event, subject, scene in subjects[:_COMPARED]:
        asked = (rule for rule in book.rules if isinstance(rule.trigger, OnEvent) and event.type in rule.trigger.types)
        told = [rule.id for rule in asked if admitted(rule, rule.sends[0], scene)]
        if (
            not told
            == _found(book, event, subject, scene)
            == scan(event, subject, scene)
            == _stepped(book, event, subject, scene)
        ):
            raise SystemExit(f"the ways of matching do not agree on {event.type}")


if __name__ == "__main__":
    main()
