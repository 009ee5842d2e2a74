"""What each event changed, found out by folding them all again from nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from notifier.core.event import Event
from notifier.core.local_time import rfc3339, when
from notifier.core.message import masked
from notifier.core.own_event import SOURCE
from notifier.core.promise import lead_of
from notifier.core.subject import Aggregate
from notifier.explain.entry import Entry
from notifier.explain.past import Past, facts_of
from notifier.explain.story import Story
from notifier.explain.words import plain, value_words
from notifier.project import Project
from notifier.store.record import Told

__all__ = ["event_entries"]

#: Events that arrive later than this are said to have.
_PROMPT = timedelta(minutes=2)
#: Events of our own that tell what no other line does.
_HEARD = ("survey.answered", "message.delivered", "message.bounced")
_CONSENT = "customer.consent@"

#: A field, what it was and what it is.
_Change = tuple[str, Any, Any]


def event_entries(project: Project, story: Story) -> Iterator[Entry]:
    """Each event with what it changed about the subject, and about what belongs to it."""
    past = Past(story)
    for told, event in story.events:
        before, known = past.take(told, event), past.known
        about = _concerned(story, event)
        changes = [
            change
            for key in dict.fromkeys([about, story.subject.key])
            for change in _changes(
                facts_of(project, before[key], defaults=False), facts_of(project, known[key], defaults=False)
            )
        ]
        yield _event_entry(project, story, told, event, about, changes, known[about])


def _concerned(story: Story, event: Event | None) -> str:
    """The subject of whose story the event is a part: the one asked about, else the order that it speaks of."""
    keys = [part.key for part in event.parts] if event else []
    if story.subject.kind != "customer":
        return story.subject.key
    orders = [key for key in keys if key in story.subjects and key.startswith("order:")]
    orders += [
        key for key, one in story.subjects.items() if one.kind == "order" and any(name in one.parts for name in keys)
    ]
    return (orders or [story.subject.key])[0]


def _reckoned(project: Project, subject: Aggregate) -> str:
    """How the promised day was come by, where the shop did not send it."""
    if subject.kind != "order" or "order.promised_at" in subject.facts:
        return ""
    lead = lead_of(project.leads, subject.facts)
    return f"reckoned from {lead}" if lead else ""


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[_Change]:
    for path in [*after, *(path for path in before if path not in after)]:
        old, new = before.get(path), after.get(path)
        if old != new and ("@" not in path or path.startswith(_CONSENT)) and not path.endswith("_key"):
            yield path, _private(path, old), _private(path, new)


def _private(path: str, value: Any) -> Any:
    return masked(value) if path.endswith((".email", ".phone")) and isinstance(value, str) else value


def _event_entry(  # noqa: PLR0917 - all that the line is made of
    project: Project,
    story: Story,
    told: Told,
    event: Event | None,
    about: str,
    changes: list[_Change],
    subject: Aggregate,
) -> Entry:
    zone = story.scene.zone
    reckoned = _reckoned(project, subject)
    parts = [", ".join(_news(event, changes, told.time, zone, reckoned))]
    if event is None:
        parts.append("(it would be refused today)")
    if told.received - told.time > _PROMPT:
        parts.append(f"(arrived {when(told.received, zone)})")
    news = " ".join(part for part in parts if part)
    record = {
        "record": "event", "at": rfc3339(told.time), "subject": about, "type": told.type, "source": told.source,
        "id": told.id, "received": rfc3339(told.received),
        "changes": [
            {"field": path, "before": plain(old), "after": plain(new)}
            | ({"reckoned": reckoned} if path == "order.promised_at" and reckoned else {})
            for path, old, new in changes
        ],
    }  # fmt: skip
    ours = told.source == SOURCE and told.type not in _HEARD
    name = told.type if about == story.subject.key else f"{told.type} of {about}"
    return Entry(told.time, "event", f"{name}{': ' if news else ''}{news}", record, told=not ours)


def _news(event: Event | None, changes: list[_Change], at: datetime, zone: ZoneInfo, reckoned: str) -> Iterator[str]:
    """What the event brought, in few words: neither its own time again nor the subject's name."""
    for path, old, new in changes:
        if path.endswith((".id", ".number")) or (old is None and new == at):
            continue
        before = f"{value_words(old, zone)} -> " if old is not None else ""
        how = f" ({reckoned})" if reckoned and path == "order.promised_at" else ""
        yield f"{_short(path)} {before}{value_words(new, zone)}{how}"
    kept = {path for part in event.parts for path in part.leaves} if event else set()
    for path, value in event.facts.items() if event else ():
        if path not in kept and not path.endswith("id") and not path.startswith("consent."):
            yield f"{path.partition('.')[2]} {value_words(_private(path, value), zone)}"


def _short(path: str) -> str:
    """`promised_at`; `consent to marketing by email`."""
    if path.startswith(_CONSENT):
        channel, _, purpose = path.removeprefix(_CONSENT).partition("/")
        return f"consent to {purpose} by {channel}"
    return path.partition(".")[2]
