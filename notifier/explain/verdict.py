"""Why a rule did not go off: what it made of each event, derived by replay with the rules as they were then.

Nothing is kept for this but the events and the texts of the rules. Who a customer is and what they agreed to is as of today.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from notifier.core.condition import Finding
from notifier.core.event import Event
from notifier.core.local_time import rfc3339, when
from notifier.core.match import admitted, with_event
from notifier.core.rule import BecomesTrue, Change, OnEvent, Rule, Timed
from notifier.core.scene import Scene
from notifier.core.subject import Aggregate
from notifier.core.trigger import changed, due
from notifier.explain.past import Past, facts_of
from notifier.explain.story import Story
from notifier.explain.versions import Versions
from notifier.explain.words import trigger_words, value_words
from notifier.project import Project
from notifier.store.record import Told

__all__ = ["Verdict", "clauses_of", "verdicts", "why_never"]

#: `fired`: it went off; `refused`: conditions stood in the way; `not_met`: it was not what the trigger waits for;
#: `set`: its time was set, moved or taken away; `rules`: the rule itself came, was edited or went.
Outcome = Literal["fired", "refused", "not_met", "set", "rules"]
_TRUTHS = {True: "true", False: "false", None: "unknown"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one event came to for one rule."""

    at: datetime
    rule: str
    subject: str
    #: What happened: the event's type; empty where the rules changed.
    event: str
    outcome: Outcome
    text: str
    clauses: tuple[tuple[str, Finding], ...] = ()

    def record(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "record": "verdict", "at": rfc3339(self.at), "rule": self.rule, "subject": self.subject,
            "event": self.event or None, "outcome": self.outcome, "text": self.text,
            "clauses": [
                {"in": where, "clause": one.clause, "truth": one.truth, "seen": one.seen} for where, one in self.clauses
            ],
        }  # fmt: skip


def clauses_of(rule: Rule, scene: Scene) -> Iterator[tuple[str, Finding]]:
    """Each clause of the rule and of its sends, with where it stands and what it found."""
    conditions = [("only_if", rule.only_if), ("not_if", rule.not_if)]
    for send in rule.sends:
        conditions += [
            (f"only_if of send {send.index + 1}", send.only_if),
            (f"not_if of send {send.index + 1}", send.not_if),
        ]
    for name, condition in conditions:
        if condition is not None:
            yield from ((name, finding) for finding in condition.findings(scene))


def verdicts(project: Project, story: Story, versions: Versions, ids: Sequence[str]) -> list[Verdict]:
    """What each event came to for these rules, in order of arrival."""
    past, found = Past(story), list[Verdict]()
    # Rule -> the hash of its text, nothing where it was not there, or why that is not known.
    hashes: dict[str, str] = {}
    for told, event in sorted(story.events, key=lambda one: (one[0].received, one[0].time, one[0].source, one[0].id)):
        before = past.take(told, event)
        version = versions.at(told.received)
        named = {part.key for part in event.parts} if event else set()
        touched = [key for key, one in past.known.items() if key in named or before[key] is not one]
        look = _Look(project, story, told, event, before, past.known, touched)
        for id_ in ids:
            rule = version.book.by_id.get(id_)
            found += look.at_rules(id_, rule, version.since, version.fault, hashes)
            if rule is not None and rule.state != "draft" and event is not None:
                found += look.at_event(rule)
    return found


@dataclass(frozen=True, slots=True)
class _Look:
    """One event, and everybody before and after it."""

    project: Project
    story: Story
    told: Told
    event: Event | None
    before: Mapping[str, Aggregate]
    after: Mapping[str, Aggregate]
    #: Keys of those whom it concerns.
    touched: Sequence[str]

    def at_rules(
        self, id_: str, rule: Rule | None, since: datetime | None, fault: str, hashes: dict[str, str]
    ) -> Iterator[Verdict]:
        """Whether the rule was new, or another, when this event came."""
        now, before = rule.hash if rule else fault, hashes.get(id_)
        hashes[id_] = now
        if now == before:
            return
        on = f" on {when(since, self.story.scene.zone)}" if since else ""
        if rule is None and fault:
            text = f"the rules of then cannot be read any more: {fault}"
        elif before is None:
            text = "" if rule else "there was no such rule yet"
        else:
            said = (
                "was taken out" if rule is None else "was edited" if before and " " not in before else "came into force"
            )
            text = f"the rule {said}{on}"
        if text:
            yield Verdict(self.told.received, id_, self.story.subject.key, "", "rules", text)

    def at_event(self, rule: Rule) -> Iterator[Verdict]:
        if rule.origin != rule.about:
            return
        for key in self.touched:
            if self.after[key].kind == rule.about:
                yield from self._verdicts(rule, self.before[key], self.after[key])

    def _verdicts(self, rule: Rule, before: Aggregate, after: Aggregate) -> Iterator[Verdict]:
        scene = self._scene(after)
        trigger = rule.trigger
        if isinstance(trigger, Timed):
            yield from self._of_time(rule, trigger, before, after)
            return
        cause, seen, met = "", dict[str, Any](), False
        if isinstance(trigger, OnEvent):
            assert self.event is not None
            seen = {"event.type": self.event.type, **self.event.facts}
            cause, met = ("it is what the rule waits for", True) if self.event.type in trigger.types else ("", False)
        elif isinstance(trigger, Change):
            cause, met = self._change(trigger, before, after, scene)
        elif isinstance(trigger, BecomesTrue):
            cause, met = self._turn(trigger, self._scene(before), scene)
        if not cause:
            return
        if met and after.closed and not rule.spans_the_end:
            status = after.facts.get(f"{after.kind}.status")
            yield self._verdict(rule, after, "refused", f"{cause}, but the {after.kind} is {status}")
        elif met:
            yield self._of_clauses(rule, after, with_event(scene, seen), cause)
        else:
            clauses = self._findings(trigger, scene)
            yield self._verdict(rule, after, "not_met", cause, clauses)

    def _of_clauses(self, rule: Rule, after: Aggregate, sight: Scene, cause: str) -> Verdict:
        clauses = tuple(clauses_of(rule, sight))
        if not any(admitted(rule, send, sight) for send in rule.sends):
            return self._verdict(rule, after, "refused", f"{cause}, but its conditions stood in the way", clauses)
        occurrence = f"{self.told.source}#{self.told.id}"
        kept = any(
            match.rule == rule.id and match.subject_key == after.key and match.occurrence == occurrence
            for match, _ in self.story.matches
        )
        if kept:
            return self._verdict(rule, after, "fired", f"{cause}: it went off", clauses)
        if rule.still_true_after is not None:
            return self._verdict(
                rule, after, "set", f"{cause}: it waited whether that lasts {rule.still_true_after}", clauses
            )
        if rule.turns:
            return self._verdict(
                rule, after, "refused", f"{cause}, but it had gone off and was not ready again", clauses
            )
        return self._verdict(rule, after, "refused", f"{cause}, and nothing is kept of what came of it", clauses)

    def _change(self, trigger: Change, before: Aggregate, after: Aggregate, scene: Scene) -> tuple[str, bool]:
        path, zone = trigger.field.path, self.story.scene.zone
        old, new = (facts_of(self.project, one).get(path) for one in (before, after))
        if old == new:
            return "", False
        said = f"{path} went from {value_words(old, zone)} to {value_words(new, zone)}"
        if old is None or new is None:
            return f"{said}: {'from' if old is None else 'to'} unknown it never goes off", False
        if changed(trigger, old, new, scene):
            return said, True
        return f"{said}, and it waits for '{trigger_words(trigger).partition(' ')[2]}'", False

    def _turn(self, trigger: BecomesTrue, then: Scene, now: Scene) -> tuple[str, bool]:
        was, is_ = trigger.condition.holds(then), trigger.condition.holds(now)
        if was is is_:
            return "", False
        return f"what must become true ({trigger.text}) was {_TRUTHS[was]} and is {_TRUTHS[is_]} now", is_ is True

    @staticmethod
    def _findings(trigger: Any, scene: Scene) -> tuple[tuple[str, Finding], ...]:
        """Of conditions that had to become true, how each stands."""
        if not isinstance(trigger, BecomesTrue):
            return ()
        return tuple(("becomes_true", finding) for finding in trigger.condition.findings(scene))

    def _of_time(self, rule: Rule, trigger: Timed, before: Aggregate, after: Aggregate) -> Iterator[Verdict]:
        """Where its time was set, moved or taken away."""
        zone, now = self.story.scene.zone, self.told.received
        open_ended = rule.spans_the_end
        if before.closed and after.closed and not open_ended:
            return
        old, new = (due(trigger, self._scene(one)) if one.known else None for one in (before, after))
        finished = after.closed and not open_ended
        if before.known and old == new and not finished:
            return
        outcome: Outcome = "not_met"
        if finished:
            falls = f"its time, {when(old, zone)}, falls away" if old is not None and old > now else "no time is set"
            text = f"{falls}: the {after.kind} is {after.facts.get(f'{after.kind}.status')}"
        elif new is None:
            names = [one.path for one in trigger.fields]
            text = f"no time is set: {' and '.join(names)} {'is' if len(names) == 1 else 'are'} not known"
        elif new > now:
            outcome = "set"
            moved = f"moved from {when(old, zone)}" if old is not None and before.known else "set"
            text = f"its time is {moved} to {when(new, zone)}"
        elif (old is None and rule.send_if_already_past) or (old is not None and (old > now or new > old)):
            outcome, text = "set", f"its time is moved to {when(new, zone)}, which is past: it is due at once"
        else:
            text = f"its time, {when(new, zone)}, was past already: it is passed over"
        yield self._verdict(rule, after, outcome, text)

    def _scene(self, subject: Aggregate) -> Scene:
        """What a rule about it saw then; the customer is today's."""
        story, project = self.story, self.project
        facts: dict[str, Mapping[str, Any]] = {
            scope: found for scope, found in story.scene.facts.items() if scope == "customer" != subject.kind
        }
        order = subject
        if subject.kind == "shipment":
            of = [
                one
                for key, one in self.after.items()
                if one.kind == "order" and subject.key in story.subjects[key].parts
            ]
            order = of[0] if of else subject
            facts |= {"order": facts_of(project, order)} if of else {}
        facts[subject.kind] = facts_of(project, subject)
        now = self.told.received
        left = {
            f"told.{one.rule}": one.created_at
            for one in story.messages
            if one.subject_key == subject.key and one.state in ("accepted", "delivered") and one.created_at <= now
        }
        return Scene({**facts, "told": left}, now, story.scene.zone, partial(project.working_for, order.facts))

    def _verdict(
        self, rule: Rule, subject: Aggregate, outcome: Outcome, text: str, clauses: tuple[tuple[str, Finding], ...] = ()
    ) -> Verdict:
        return Verdict(self.told.received, rule.id, subject.key, self.told.type, outcome, text, clauses)


def why_never(rule: Rule, found: Sequence[Verdict], zone: Any) -> str:
    """Why a rule of which no match is kept never went off, in one sentence: by the event at which it came nearest."""
    # Of a time the last word counts; of what happens, when it was nearest to going off.
    rank = {"rules": 0} if isinstance(rule.trigger, Timed) else {"refused": 3, "set": 2, "not_met": 1, "rules": 0}
    nearest = max(found, key=lambda one: (rank.get(one.outcome, 1), one.at), default=None)
    if nearest is None:
        return f"it never went off: {_nothing(rule)}"
    against = "; ".join(
        f"{where} {one.clause} was {_TRUTHS[one.truth]}, {one.seen}"
        for where, one in nearest.clauses
        if nearest.outcome == "refused" and _stands_in_the_way(where, one, rule)
    )
    what = f"{when(nearest.at, zone)}, {nearest.event}: " if nearest.event else ""
    return f"it never went off; {what}{nearest.text}{f': {against}' if against else ''}"


def _stands_in_the_way(where: str, finding: Finding, rule: Rule) -> bool:
    if where.startswith("only_if"):
        return finding.truth is not True
    return finding.truth is True or (finding.truth is None and rule.if_unknown_skip)


def _nothing(rule: Rule) -> str:
    if rule.origin != rule.about:
        return f"what sets it off is news about an article, and none reached this {rule.about}"
    if isinstance(rule.trigger, OnEvent):
        return f"no {' or '.join(rule.trigger.types)} arrived"
    if isinstance(rule.trigger, Change):
        return f"{rule.trigger.field.path} never changed"
    if isinstance(rule.trigger, BecomesTrue):
        return f"it never became true that {rule.trigger.text}"
    return "nothing was heard that would set its time"
