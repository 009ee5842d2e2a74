"""How a subject and what belongs to it stood before and after each event: all folded again from nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from notifier.core.event import Event
from notifier.core.promise import promised
from notifier.core.subject import Aggregate, adopt, fold
from notifier.explain.story import Story
from notifier.project import Project
from notifier.store.record import Told

__all__ = ["Past", "facts_of"]


class Past:
    """The subjects of a story, as they were told so far."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self.known = {key: Aggregate(key) for key in story.subjects}

    def take(self, told: Told, event: Event | None) -> Mapping[str, Aggregate]:
        """Take in one event, and give everybody as they were before it; None changes nothing."""
        before, known = dict(self.known), self.known
        for part in event.parts if event else ():
            if part.key in known:
                known[part.key] = fold(known[part.key], part, (told.time, told.source, told.id))
                if part.kind == "shipment":
                    self._tell_orders(known[part.key])
        return before

    def _tell_orders(self, shipment: Aggregate) -> None:
        for key, one in self._story.subjects.items():
            if one.kind == "order" and shipment.key in one.parts:
                self.known[key] = adopt(self.known[key], shipment)


def facts_of(project: Project, subject: Aggregate, *, defaults: bool = True) -> Mapping[str, Any]:
    """What is known of it, with what the project adds: a promised day that it reckons, and defaults of its own fields."""
    facts = subject.facts
    if not subject.known or project.adds_nothing:
        return facts
    own = project.defaults.get(subject.kind, {}) if defaults else {}
    more = {path: value for path, value in own.items() if path not in facts}
    if subject.kind == "order" and project.leads and "order.promised_at" not in facts:
        day = promised(project.leads, facts, project.zone, partial(project.working_for, facts))
        if day is not None:
            more["order.promised_at"] = day
    return {**facts, **more}
