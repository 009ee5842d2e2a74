"""Why something was sent, or was not: one subject's timeline, and how each rule about it stands.

explained = explain(project, unit, "order:1043", now)

Nothing is kept for the purpose: the stored events are folded again one by one, and what a rule would do now is asked of
the very gates that decide about messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from notifier.cast import Cast
from notifier.document import suggest
from notifier.explain.entry import Entry
from notifier.explain.standing import Standing, standings
from notifier.explain.story import read
from notifier.explain.timeline import attempt_record, timeline
from notifier.explain.waiting import outlooks
from notifier.explain.words import trigger_words
from notifier.project import Project
from notifier.store import Unit
from notifier.store.record import Outgoing

__all__ = ["Entry", "Explanation", "Standing", "attempt_record", "explain", "near", "trigger_words"]

#: Keys of a kind that are looked through for one like the one asked for.
_MOST_KEYS = 20_000


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that can be said about one subject. Its times are told on the clock of `zone`."""

    key: str
    zone: ZoneInfo
    entries: tuple[Entry, ...]
    messages: tuple[Outgoing, ...]
    #: Message key -> what holds it now, for those that are held.
    outlooks: Mapping[bytes, str]
    standings: tuple[Standing, ...]


def explain(project: Project, unit: Unit, key: str, now: datetime) -> Explanation | None:
    """The subject's timeline and how the rules about its kind stand; None where nothing was ever told about it."""
    cast = Cast(project, unit)
    subject = cast[key]
    if not subject.known and not unit.events(key):
        return None
    story = read(project, unit, cast, subject, now)
    return Explanation(
        key,
        story.scene.zone,
        tuple(timeline(project, story)),
        tuple(sorted(story.messages, key=lambda one: one.number)),
        outlooks(project, unit, cast, story),
        tuple(standings(project, unit, story)),
    )


def near(unit: Unit, key: str) -> str:
    """` - did you mean 'order:1043'?`, where something like it is known and not finished."""
    kind = f"{key.partition(':')[0]}:"
    known: list[str] = []
    after = kind
    while len(known) < _MOST_KEYS and (
        page := [one for one in unit.open_subjects(after, 1000) if one.startswith(kind)]
    ):
        known += page
        after = page[-1]
    return suggest(key, known)
