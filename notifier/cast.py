"""Everybody whom a batch of work concerns: loaded together, changed in memory, saved together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from notifier.core import braking
from notifier.core.audience import ARTICLE
from notifier.core.match import Candidate
from notifier.core.promise import promised
from notifier.core.scene import Scene, zone_of
from notifier.core.subject import Aggregate
from notifier.project import Project
from notifier.store import Unit

__all__ = ["Cast"]


class Cast:
    """Subjects by key, as they are in this transaction."""

    def __init__(self, project: Project, unit: Unit) -> None:
        self._project = project
        self._unit = unit
        self._completes = not project.adds_nothing
        self._subjects: dict[str, Aggregate] = {}
        self._changed: dict[str, Aggregate] = {}
        self._before: list[Aggregate] = []

    def __getitem__(self, key: str) -> Aggregate:
        found = self._subjects.get(key)
        if found is None:
            self.bring([key])
            found = self._subjects[key]
        return found

    def bring(self, keys: Iterable[str]) -> None:
        """Load subjects that are not here yet, and whom they belong to: a shipment's order, an order's customer."""
        wanted = [key for key in dict.fromkeys(keys) if key and key not in self._subjects]
        while wanted:
            found = self._unit.load(wanted)
            if self._completes:
                found = {key: self._complete(aggregate) for key, aggregate in found.items()}
            self._subjects.update(found)
            wanted = [key for key in self._owners(found.values()) if key not in self._subjects]

    def _owners(self, aggregates: Iterable[Aggregate]) -> Iterator[str]:
        seen = set()
        for one in aggregates:
            for owner in self.orders_of(one) if one.kind == "shipment" else [one.customer_key]:
                if owner and owner not in seen:
                    seen.add(owner)
                    yield owner

    def put(self, aggregate: Aggregate) -> Aggregate:
        """Take in a changed subject."""
        before = self[aggregate.key]
        if aggregate is not before:
            if self._completes:
                aggregate = self._complete(aggregate)
            self._before.append(before)
            self._subjects[aggregate.key] = self._changed[aggregate.key] = aggregate
        return aggregate

    def begin(self) -> None:
        """From here on, `undo` takes everybody back to how they are now."""
        self._before.clear()

    def undo(self) -> None:
        for before in reversed(self._before):
            self._subjects[before.key] = self._changed[before.key] = before

    def save(self) -> None:
        if self._changed:
            self._unit.save(self._changed.values())
            self._changed = {}

    @staticmethod
    def orders_of(shipment: Aggregate) -> list[str]:
        """The keys of a shipment's orders: the one that it names, and all that were ever told its number."""
        order_id = shipment.facts.get("shipment.order_id")
        named = [f"order:{order_id}"] if order_id else []
        return list(dict.fromkeys([*named, *sorted(shipment.parts)]))

    def scene(self, aggregate: Aggregate, now: datetime) -> Scene:
        """What a rule about this subject sees."""
        facts: dict[str, Mapping[str, Any]] = {aggregate.kind: aggregate.facts}
        order = aggregate
        if aggregate.kind == "shipment":
            for order_key in self.orders_of(aggregate)[:1]:
                order = self[order_key]
                facts["order"] = order.facts
        customer_key = order.customer_key
        if customer_key and "customer" not in facts:
            facts["customer"] = self[customer_key].facts
        if aggregate.kind == braking.KIND:
            facts["brake"] = self._braking(aggregate.id)
        if aggregate.memory.sent:
            facts["told"] = {f"told.{rule}": at for rule, at in aggregate.memory.sent.items()}
        project = self._project
        zone = zone_of(facts.get("customer", {}), project.zone)
        return Scene(facts, now, zone, partial(project.working_for, order.facts))

    def scene_of(self, candidate: Candidate, now: datetime) -> Scene:
        """What is looked at for one message: the scene of its subject, and the article whose news it is."""
        scene = self.scene(self[candidate.subject_key], now)
        article = candidate.seen.get(ARTICLE)
        return scene if article is None else scene._replace(facts={**scene.facts, "stock": self[article].facts})

    def _braking(self, rule_id: str) -> Mapping[str, Any]:
        rule = self._project.book.by_id.get(rule_id)
        brake = (rule and rule.brake) or self._project.policy.brake
        return braking.facts(rule_id, brake, self._unit.held_for("brake").get(rule_id, 0))

    def _complete(self, aggregate: Aggregate) -> Aggregate:
        """The subject with what the project adds: defaults of its own fields, a promised date."""
        project = self._project
        if not aggregate.known:
            return aggregate
        facts = aggregate.facts
        more = {path: value for path, value in project.defaults.get(aggregate.kind, {}).items() if path not in facts}
        if project.leads and aggregate.kind == "order" and "order.promised_at" not in facts:
            day = promised(project.leads, facts, project.zone, partial(project.working_for, facts))
            if day is not None:
                more["order.promised_at"] = day
        return aggregate.seeing({**facts, **more}) if more else aggregate
