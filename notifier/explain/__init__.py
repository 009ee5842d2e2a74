"""Why something was sent, or was not: one subject's timeline, and how each rule about it stands.

explained = explain(project, unit, "order:1043", now)

Nothing is kept for the purpose: the stored events are folded again one by one, and what a rule would do now is asked of
the very gates that decide about messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from notifier.cast import Cast
from notifier.core.rule import Rule, Timed
from notifier.core.subject import SHOP
from notifier.document import suggest
from notifier.errors import UsageError
from notifier.explain.demand import Demand, demand
from notifier.explain.entry import Entry
from notifier.explain.standing import Standing, standings
from notifier.explain.story import Story, read
from notifier.explain.timeline import attempt_record, timeline
from notifier.explain.verdict import Verdict, verdicts
from notifier.explain.versions import Versions
from notifier.explain.waiting import outlooks
from notifier.explain.words import trigger_words
from notifier.project import Project
from notifier.store import Unit
from notifier.store.record import Outgoing

__all__ = [
    "Account", "Entry", "Explanation", "Standing", "account", "attempt_record", "explain", "near", "trigger_words",
]  # fmt: skip

#: Keys of a kind that are looked through for one like the one asked for.
_MOST_KEYS = 20_000
_KINDS = {"order": "an order", "shipment": "a parcel", "stock": "an article", "customer": "a person", SHOP: "the shop"}


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
    #: Who waits for the article and what was promised to whom, or what a customer waits for and was promised.
    demand: tuple[Demand, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """What one rule made of everything that happened to a subject. Its times are told on the clock of `zone`."""

    key: str
    zone: ZoneInfo
    #: As it is now, or was last.
    rule: Rule
    #: What it made of each event, and what came of it.
    entries: tuple[Entry, ...]
    #: How it stands now; None where it is gone, or is about what only belongs to the subject.
    standing: Standing | None
    #: Since when it is known which rules were in force, where things happened before that.
    known_since: datetime | None = None


def account(project: Project, unit: Unit, key: str, id_: str, now: datetime) -> Account | None:
    """What the rule of this name made of the subject; None where nothing was ever told about that.

    Raises UsageError where there never was such a rule.
    """
    versions = Versions(project, unit)
    rule = versions.rule(id_)
    if rule is None:
        raise UsageError(f"there is no rule '{id_}', and never was{suggest(id_, versions.names())}")
    cast = Cast(project, unit)
    subject = cast[key]
    if not subject.known and key != SHOP and not unit.events(key):
        return None
    story = read(project, unit, cast, subject, now)
    if not any(one.kind in (rule.about, rule.origin) for one in story.subjects.values()):
        there = subject.customer_key if rule.about == "customer" else ""
        hint = f"; try 'notifier explain {there} --rule {id_}'" if there else ""
        raise UsageError(f"rule '{id_}' is about {_KINDS[rule.about]}, and {key} has none{hint}")
    found = verdicts(project, story, versions, [id_])
    mine = [Entry(one.at, "verdict", verdict_words(one, key), one.record()) for one in found]
    mine += [
        # That it went off is told by the verdict.
        replace(one, told=one.told and (one.kind != "match" or isinstance(rule.trigger, Timed)))
        for one in timeline(project, story)
        if _is_of(one, id_, story)
    ]
    order = {"verdict": 0}
    first = min((told.received for told, _ in story.events), default=now)
    standing = next((one for one in standings(project, unit, story) if one.rule.id == id_), None)
    return Account(
        key,
        story.scene.zone,
        rule,
        tuple(sorted(mine, key=lambda one: (one.at, order.get(one.kind, 1)))),
        standing,
        versions.first if versions.first and versions.first > first else None,
    )


def _is_of(entry: Entry, id_: str, story: Story) -> bool:
    """Whether it is about this rule, or about a message of its."""
    if entry.kind in {"attempt", "answer"}:
        return entry.record["message"] in {one.id for one in story.messages if one.rule == id_}
    return entry.record.get("rule") == id_


def verdict_words(verdict: Verdict, key: str) -> str:
    about = f" of {verdict.subject}" if verdict.subject != key else ""
    return f"{verdict.event}{about}: {verdict.text}" if verdict.event else verdict.text


def explain(project: Project, unit: Unit, key: str, now: datetime) -> Explanation | None:
    """The subject's timeline and how the rules about its kind stand; None where nothing was ever told about it."""
    cast = Cast(project, unit)
    subject = cast[key]
    if not subject.known and key != SHOP and not unit.events(key):
        return None
    story = read(project, unit, cast, subject, now)
    return Explanation(
        key,
        story.scene.zone,
        tuple(timeline(project, story)),
        tuple(sorted(story.messages, key=lambda one: one.number)),
        outlooks(project, unit, cast, story),
        tuple(standings(project, unit, story)),
        tuple(demand(unit, story)),
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
