"""What is kept about one subject and what belongs to it, gathered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifier.cast import Cast
from notifier.core.cloudevent import decode
from notifier.core.event import Event
from notifier.core.scene import Scene
from notifier.core.subject import Aggregate
from notifier.errors import EventRefused
from notifier.project import Project
from notifier.store import Unit
from notifier.store.record import Attempt, DecisionRow, Match, Outgoing, Told

__all__ = ["Story", "read"]

_MOST_MESSAGES = 1_000


@dataclass(frozen=True, slots=True)
class Story:
    """What is kept about one subject and what belongs to it: an order's parcels, a customer's orders and their parcels."""

    subject: Aggregate
    scene: Scene
    #: By key, the subject itself among them.
    subjects: Mapping[str, Aggregate]
    matches: Sequence[tuple[Match, list[DecisionRow]]]
    messages: Sequence[Outgoing]
    attempts: Sequence[Attempt]
    #: By the key of the survey that was sent: score, comment and when.
    answers: Mapping[bytes, tuple[int, str, datetime]]
    #: In order of time; None for an event that would be refused today.
    events: Sequence[tuple[Told, Event | None]]


def read(project: Project, unit: Unit, cast: Cast, subject: Aggregate, now: datetime) -> Story:
    subjects = _belonging(unit, cast, subject)
    told = {(one.source, one.id): one for key in subjects for one in unit.events(key)}
    matches = [one for key in subjects for one in unit.matches_of(key)]
    messages = [one for key in subjects for one in unit.find_messages(subject_key=key, limit=_MOST_MESSAGES)]
    if subject.kind == "order" and subject.customer_key:
        # Answers are kept with who gave them, and so is what rules about people made of them.
        mine = [one for one in unit.matches_of(subject.customer_key) if _speaks_of(one[0].seen, subject.id)]
        matches += mine
        messages += unit.messages([match.key for match, _ in mine]).values()
        told |= {(one.source, one.id): one for one in unit.events(subject.customer_key)}
    return Story(
        subject,
        cast.scene(subject, now),
        subjects,
        sorted(matches, key=lambda one: one[0].at),
        messages,
        [attempt for one in messages for attempt in unit.attempts(one.key)],
        {
            one.key: answer
            for one in messages
            if one.template.startswith("survey:") and (answer := unit.answer_to(one.key))
        },
        list(_events_about(project, told.values(), subjects)),
    )


def _belonging(unit: Unit, cast: Cast, subject: Aggregate) -> dict[str, Aggregate]:
    found = {subject.key: subject}
    if subject.kind == "customer":
        found |= {key: cast[key] for key in unit.subjects_of(subject.key)}
    for order in [one for one in found.values() if one.kind == "order"]:
        found |= {key: cast[key] for key in order.parts}
    return found


def _speaks_of(seen: Mapping[str, Any], order_id: str) -> bool:
    return any(path.endswith(".order_id") and value == order_id for path, value in seen.items())


def _events_about(project: Project, told: Iterable[Told], keys: Collection[str]) -> Iterator[tuple[Told, Event | None]]:
    """The events that concern these subjects, as they are read today; None for one that would be refused today."""
    reader = project.reader()
    for one in sorted(told, key=lambda one: (one.time, one.source, one.id)):
        try:
            event = reader.read(decode(one.body), one.received)
        except EventRefused:
            yield one, None
            continue
        if not event.parts or any(part.key in keys for part in event.parts):
            yield one, event
