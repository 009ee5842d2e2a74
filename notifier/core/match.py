"""From an event, or a time that has come, to the rules that fired: `step`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from notifier.core.condition import Condition
from notifier.core.event import Event
from notifier.core.local_time import rfc3339
from notifier.core.rule import Book, Change, Moment, OnEvent, Rule, Send
from notifier.core.scene import Scene
from notifier.core.subject import Aggregate, Armed, Memory
from notifier.core.trigger import changed, due, follow_up_due

__all__ = ["Candidate", "Due", "Step", "after_sending", "arm", "concerned", "step"]

_FOLLOW_UP = "/follow_up"


@dataclass(frozen=True, slots=True)
class Due:
    """The stimulus that some time of a subject has come."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One send of one rule that fired for one subject: what the gates decide about."""

    rule: Rule
    send: Send
    subject_key: str
    #: What "once" counts.
    occurrence: str
    #: The trigger's own instant: the due time, or when the event happened. Staleness counts from here.
    trigger_at: datetime
    #: What belongs to the event alone, and stays as it was: `survey.score`, `change.before`, `event.type`.
    seen: Mapping[str, Any] = field(default_factory=dict)


class Step(NamedTuple):
    """What a stimulus made of a subject."""

    aggregate: Aggregate
    candidates: tuple[Candidate, ...] = ()
    #: Rules whose armed time came when they were no longer there: (timer, what was armed).
    cancelled: tuple[tuple[str, Armed], ...] = ()


def concerned(book: Book, before: Aggregate, after: Aggregate, event: Event) -> bool:
    """Whether an event that took a subject from before to after could set a rule off, or move a time: few do."""
    kind = after.kind
    if (kind, event.type) in book.on_event or after.memory.left:
        return True
    if before.closed != after.closed or not before.known:
        return kind in book.moments
    old, new = before.facts, after.facts
    return any(old.get(path) != new.get(path) for path in book.watched.get(kind, ()))


def step(book: Book, before: Aggregate, after: Aggregate, stimulus: Event | Due, scene: Scene) -> Step:
    """Take a subject from before to after a stimulus: what fired, and what its armed times are now.

    `before` and `after` are the same for `Due`. `scene.now` is when the stimulus reached us.
    """
    if isinstance(stimulus, Due):
        return _come_due(book, after, scene)
    fired = _fired(book, before, after, stimulus, scene)
    candidates = tuple(_candidates(fired, after, stimulus, scene)) if fired else ()
    return Step(arm(book, before, after, scene), candidates)


def _fired(
    book: Book, before: Aggregate, after: Aggregate, event: Event, scene: Scene
) -> list[tuple[Rule, Mapping[str, Any]]]:
    """Rules whose trigger an event is, or a change that it made; with what they see of it."""
    kind = after.kind
    found: list[tuple[Rule, Mapping[str, Any]]] = [
        (rule, {"event.type": event.type, **event.facts}) for rule in book.on_event.get((kind, event.type), ())
    ]
    for path, rules in book.on_change.get(kind, {}).items():
        old, new = before.facts.get(path), after.facts.get(path)
        if old is None or new is None or old == new:
            continue
        told = {"event.type": event.type, "change.field": path, "change.before": old, "change.after": new}
        found += ((rule, told) for rule in rules if changed(_change(rule), old, new, scene))
    return found


def _candidates(
    fired: list[tuple[Rule, Mapping[str, Any]]], after: Aggregate, event: Event, scene: Scene
) -> Iterator[Candidate]:
    for rule, seen in sorted(fired, key=lambda one: one[0].place):
        if after.closed and not rule.spans_the_end:
            continue
        sight = with_event(scene, seen)
        for send in rule.sends:
            if admitted(rule, send, sight):
                yield Candidate(rule, send, after.key, f"{event.source}#{event.id}", event.time, seen)


def _change(rule: Rule) -> Change:
    assert isinstance(rule.trigger, Change)
    return rule.trigger


def with_event(scene: Scene, seen: Mapping[str, Any]) -> Scene:
    """The scene with what belongs to the event alone, scope by scope.

    Of an answer to a survey the last one stands: who has thought better of it is not taken at the first word.
    """
    scopes: dict[str, dict[str, Any]] = {}
    for path, value in seen.items():
        scopes.setdefault(path.partition(".")[0], {})[path] = value
    if "survey.id" in seen:
        last = scene.value(f"customer.answered@{seen['survey.id']}")
        if last is not None:
            scopes["survey"]["survey.score"] = last
    return scene._replace(facts={**scene.facts, **scopes}) if scopes else scene


def admitted(rule: Rule, send: Send, scene: Scene) -> bool:
    """Whether the conditions of the rule and of the send let it through."""
    return all(
        verdict is None
        for verdict in (
            refusal(rule.only_if, rule.not_if, rule, scene),
            refusal(send.only_if, send.not_if, rule, scene),
        )
    )


def refusal(only_if: Condition | None, not_if: Condition | None, rule: Rule, scene: Scene) -> str | None:
    """Why conditions refuse: `condition_false`, `condition_unknown`, or None where they do not."""
    if only_if is not None:
        truth = only_if.holds(scene)
        if truth is not True:
            return "condition_false" if truth is False else "condition_unknown"
    if not_if is not None:
        truth = not_if.holds(scene)
        if truth is True:
            return "condition_false"
        if truth is None and rule.if_unknown_skip:
            return "condition_unknown"
    return None


def arm(book: Book, before: Aggregate, after: Aggregate, scene: Scene) -> Aggregate:
    """The subject with its armed times moved to where its facts now put them."""
    rules = book.moments.get(after.kind, ())
    memory = after.memory
    anew = before.closed != after.closed or not before.known
    for rule in rules:
        watched = _moment(rule).field
        path = watched.path if watched else ""
        if anew or before.facts.get(path) != after.facts.get(path):
            memory = _armed(rule, memory, _due(rule, after, scene), scene.now)
    if memory.left:
        memory = _arm_follow_ups(book, memory, scene)
    return after if memory is after.memory else after.remembering(memory)


def rearm(book: Book, aggregate: Aggregate, scene: Scene) -> Aggregate:
    """The subject under a new set of rules: times that lie ahead are armed, what is past stays past."""
    memory = aggregate.memory
    for rule in book.moments.get(aggregate.kind, ()):
        moment = _due(rule, aggregate, scene)
        if rule.id not in memory.armed and moment is not None and moment > scene.now:
            memory = _armed(rule, memory, moment, scene.now)
    return aggregate if memory is aggregate.memory else aggregate.remembering(memory)


def _due(rule: Rule, aggregate: Aggregate, scene: Scene) -> datetime | None:
    if aggregate.closed and not rule.spans_the_end:
        return None
    return due(_moment(rule), scene)


def _moment(rule: Rule) -> Moment:
    assert isinstance(rule.trigger, Moment)
    return rule.trigger


def _armed(rule: Rule, memory: Memory, moment: datetime | None, now: datetime) -> Memory:
    """Arm, move or disarm one rule's moment. What was passed over or has fired only fires again for a later instant."""
    current, fired = memory.armed.get(rule.id), memory.fired.get(rule.id)
    if moment is not None and current is not None and current.due == moment:
        return memory
    armed = {timer: one for timer, one in memory.armed.items() if timer != rule.id}
    if moment is None or (fired is not None and moment <= fired):
        return memory if current is None else memory._replace(armed=armed)
    if moment < now and current is None and fired is None and not rule.send_if_already_past:
        return memory._replace(fired={**memory.fired, rule.id: moment})
    armed[rule.id] = Armed(moment, rfc3339(moment), rule.hash)
    return memory._replace(armed=armed)


def _arm_follow_ups(book: Book, memory: Memory, scene: Scene) -> Memory:
    for rule_id, (left, message) in memory.left.items():
        rule = book.by_id.get(rule_id)
        if rule is None or rule.follow_up is None:
            continue
        timer = rule_id + _FOLLOW_UP
        moment = follow_up_due(rule.follow_up, left, scene)
        current = memory.armed.get(timer)
        if (current.due if current else None) == moment:
            continue
        armed = {name: one for name, one in memory.armed.items() if name != timer}
        if moment is not None:
            armed[timer] = Armed(moment, message, rule.hash)
        memory = memory._replace(armed=armed)
    return memory


def after_sending(book: Book, aggregate: Aggregate, rule: Rule, message: str, scene: Scene) -> Aggregate:
    """The subject once a rule's message about it has left at `scene.now`: its follow-up waits from here."""
    if rule.follow_up is None:
        return aggregate
    memory = aggregate.memory._replace(left={**aggregate.memory.left, rule.id: (scene.now, message)})
    return aggregate.remembering(_arm_follow_ups(book, memory, scene))


def _come_due(book: Book, aggregate: Aggregate, scene: Scene) -> Step:
    """Fire what has come due; what has moved meanwhile (a customer's zone) is armed anew instead."""
    memory = aggregate.memory
    candidates: list[Candidate] = []
    cancelled = []
    come = [(timer, one) for timer, one in memory.armed.items() if one.due <= scene.now]
    for timer, one in sorted(come, key=lambda pair: (pair[1].due, _place(book, pair[0]))):
        rule = book.by_id.get(timer.removesuffix(_FOLLOW_UP))
        memory = memory._replace(armed={name: kept for name, kept in memory.armed.items() if name != timer})
        if rule is None or rule.state == "draft" or (timer.endswith(_FOLLOW_UP) and rule.follow_up is None):
            cancelled.append((timer, one))
        elif timer.endswith(_FOLLOW_UP):
            left = {name: kept for name, kept in memory.left.items() if name != rule.id}
            memory = memory._replace(left=left)
            assert rule.follow_up is not None
            candidates.append(_candidate(rule, rule.follow_up.send, aggregate, one))
        elif isinstance(rule.trigger, OnEvent | Change):
            cancelled.append((timer, one))
        else:
            moment = _due(rule, aggregate, scene)
            if moment is not None and moment > scene.now:
                memory = _armed(rule, memory, moment, scene.now)
                continue
            memory = memory._replace(fired={**memory.fired, rule.id: one.due})
            candidates += (_candidate(rule, send, aggregate, one) for send in rule.sends)
    return Step(aggregate.remembering(memory), tuple(candidates), tuple(cancelled))


def _candidate(rule: Rule, send: Send, aggregate: Aggregate, armed: Armed) -> Candidate:
    return Candidate(rule, send, aggregate.key, armed.occurrence, armed.due)


def _place(book: Book, timer: str) -> int:
    rule = book.by_id.get(timer.removesuffix(_FOLLOW_UP))
    return rule.place if rule else -1
