"""What is kept about one subject, gathered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

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
    """What is kept about one subject."""

    subject: Aggregate
    scene: Scene
    told: Sequence[Told]
    matches: Sequence[tuple[Match, list[DecisionRow]]]
    messages: Sequence[Outgoing]
    attempts: Sequence[Attempt]
    #: By the key of the survey that was sent: score, comment and when.
    answers: Mapping[bytes, tuple[int, str, datetime]]
    events: list[tuple[Told, Event | None]] = field(default_factory=list)


def read(project: Project, unit: Unit, scene: Scene, subject: Aggregate) -> Story:
    messages = unit.find_messages(subject_key=subject.key, limit=_MOST_MESSAGES)
    matches = list(unit.matches_of(subject.key))
    told = {(one.source, one.id): one for key in (subject.key, *subject.parts) for one in unit.events(key)}
    if subject.kind == "order" and subject.customer_key:
        # Answers are kept with who gave them, and so is what rules about people made of them.
        mine = [one for one in unit.matches_of(subject.customer_key) if _speaks_of(one[0].seen, subject.id)]
        matches += mine
        messages += unit.messages([match.key for match, _ in mine]).values()
        told |= {(one.source, one.id): one for one in unit.events(subject.customer_key)}
    attempts = [attempt for one in messages for attempt in unit.attempts(one.key)]
    asked = [one for one in messages if one.template.startswith("survey:")]
    answers = {one.key: answer for one in asked if (answer := unit.answer_to(one.key))}
    story = Story(subject, scene, tuple(told.values()), matches, messages, attempts, answers)
    return replace(story, events=list(_events_about(project, story)))


def _speaks_of(seen: Mapping[str, Any], order_id: str) -> bool:
    return any(path.endswith(".order_id") and value == order_id for path, value in seen.items())


def _events_about(project: Project, story: Story) -> Iterator[tuple[Told, Event | None]]:
    """The events that concern the subject, as they are read today; None for one that would be refused today."""
    reader = project.reader()
    keys = {story.subject.key, *story.subject.parts}
    for told in sorted(story.told, key=lambda one: (one.time, one.source, one.id)):
        try:
            event = reader.read(decode(told.body), told.received)
        except EventRefused:
            yield told, None
            continue
        if not event.parts or keys & {part.key for part in event.parts}:
            yield told, event
