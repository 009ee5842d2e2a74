"""From an event, or a time that has come, to the rules that fired: `step`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from notifier.core.audience import PeopleWaiting
from notifier.core.condition import Condition
from notifier.core.event import Event
from notifier.core.local_time import rfc3339, shift
from notifier.core.rule import Book, Calendar, Change, Rule, Send, Timed
from notifier.core.scene import Scene
from notifier.core.subject import Aggregate, Armed, Memory, Run
from notifier.core.trigger import changed, due, follow_up_due, ready_again, silence, stands

__all__ = [
    "FOLLOW_UP", "ROUND", "STILL", "Candidate", "Due", "Step", "admitted", "after_sending", "arm", "concerned",
    "go_on_at", "go_on_runs", "next_wave", "outlived", "rearm", "rule_of", "step", "without_run",
]  # fmt: skip

#: What follows a rule's id in the name of a timer that is not its trigger's own.
FOLLOW_UP, STILL, ROUND = "/follow_up", "/still", "/round"


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
    #: Rules whose news goes on to the next of those whom it concerns.
    rounds: tuple[Rule, ...] = ()


def concerned(book: Book, before: Aggregate, after: Aggregate, event: Event) -> bool:
    """Whether an event that took a subject from before to after could set a rule off, or move a time: few do."""
    kind = after.kind
    if (kind, event.type) in book.on_event or after.memory.left or after.memory.runs:
        return True
    if before.closed != after.closed or not before.known:
        return kind in book.timed or kind in book.turning
    old, new = before.facts, after.facts
    return any(old.get(path) != new.get(path) for path in book.watched.get(kind, ()))


def step(book: Book, before: Aggregate, after: Aggregate, stimulus: Event | Due, scene: Scene) -> Step:
    """Take a subject from before to after a stimulus: what fired, and what its armed times are now.

    `before` and `after` are the same for `Due`. `scene.now` is when the stimulus reached us.
    """
    if isinstance(stimulus, Due):
        return _come_due(book, after, scene)
    spent = _spent(book, after, scene)
    memory = after.memory if spent == after.memory.spent else after.memory._replace(spent=spent)
    candidates: list[Candidate] = []
    for rule, sends, seen in _fired(book, before, after, stimulus, scene):
        if rule.id in memory.spent or (after.closed and not rule.spans_the_end):
            continue
        if rule.turns:
            memory = memory._replace(spent=memory.spent | {rule.id})
        occurrence = f"{stimulus.source}#{stimulus.id}"
        found = [Candidate(rule, send, after.key, occurrence, stimulus.time, seen) for send in sends]
        if found and rule.still_true_after is not None:
            memory = _wait(rule, found[0], memory, scene)
        elif found and rule.audience is not None:
            memory = _open_run(rule, found[0], memory, scene.now)
        else:
            candidates += found
    if memory.runs:
        memory = go_on_runs(book, memory, scene)
    if memory is not after.memory:
        after = after.remembering(memory)
    return Step(arm(book, before, after, scene), tuple(candidates))


def _spent(book: Book, subject: Aggregate, scene: Scene) -> frozenset[str]:
    """Of the rules that have fired and wait to be ready again, those that still do."""
    spent = subject.memory.spent
    rules = book.by_id
    return spent and frozenset(id_ for id_ in spent if id_ not in rules or not ready_again(rules[id_].trigger, scene))


#: A rule that went off, what its conditions let it send, and what it sees of the event.
_Firing = tuple[Rule, list[Send], Mapping[str, Any]]


def _fired(book: Book, before: Aggregate, after: Aggregate, event: Event, scene: Scene) -> list[_Firing]:
    """What an event, or a change that it made, sets off, by the place of the rule.

    What becomes true is spent even where the conditions let nothing through; all else goes off only where they do.
    """
    kind = after.kind
    told = {"event.type": event.type}
    found: list[_Firing] = []
    awaiting = book.on_event.get((kind, event.type))
    if awaiting is not None:
        seen = {**told, **event.facts}
        sight = with_event(scene, seen)
        found += ((rule, sends, seen) for rule in awaiting.met(sight) if (sends := _let_through(rule, sight)))
    for path, watching in book.on_change.get(kind, _NOBODY).items():
        old, new = before.facts.get(path), after.facts.get(path)
        if old is None or new is None or old == new:
            continue
        seen = {**told, "change.field": path, "change.before": old, "change.after": new}
        sight = with_event(scene, seen)
        found += (
            (rule, sends, seen)
            for rule in watching.met(sight)
            if changed(_change(rule), old, new, scene) and (sends := _let_through(rule, sight))
        )
    if kind in book.on_truth:
        # What was true before is spent: of a subject that is known, each truth is told or was passed over.
        sight = with_event(scene, told)
        found += ((rule, _admitted_sends(rule, sight), told) for rule in book.on_truth[kind].met(scene))
    return sorted(found, key=lambda one: one[0].place) if len(found) > 1 else found


_NOBODY: Mapping[str, Any] = {}


def _admitted_sends(rule: Rule, scene: Scene) -> list[Send]:
    """The sends that the conditions of the rule and their own let through; of an audience each is asked by itself."""
    if rule.audience is not None:
        return list(rule.sends)
    return [send for send in rule.sends if admitted(rule, send, scene)]


def _let_through(rule: Rule, scene: Scene) -> list[Send]:
    """The same where the rule's conditions are known to hold."""
    if rule.audience is not None:
        return list(rule.sends)
    return [send for send in rule.sends if refusal(send.only_if, send.not_if, rule, scene) is None]


def _open_run(rule: Rule, fired: Candidate, memory: Memory, now: datetime) -> Memory:
    """With the news on its way to the rule's audience; what is under way already is of older news and gives way."""
    run = Run(fired.occurrence, rule.hash, fired.trigger_at, fired.seen)
    if (before := memory.runs.get(rule.id)) is not None:
        # A wave is one wave, however often the news comes anew.
        run = run._replace(wave=before.wave, began=before.began, served=before.served)
    return go_on_at(rule, run, memory, now)


def go_on_at(rule: Rule, run: Run, memory: Memory, moment: datetime) -> Memory:
    """With the run as it is now, and its next round at `moment`."""
    timer = rule.id + ROUND
    armed = {**memory.armed, timer: Armed(moment, run.occurrence, run.rule_hash)}
    return memory._replace(armed=armed, runs={**memory.runs, rule.id: run})


def go_on_runs(book: Book, memory: Memory, scene: Scene) -> Memory:
    """With what has changed taken to those who still wait: runs go on, but for those whose news is no longer so."""
    for rule_id, run in memory.runs.items():
        rule = book.by_id.get(rule_id)
        if rule is None or not isinstance(rule.audience, PeopleWaiting):
            continue
        if not stands(rule.trigger, run.seen, scene):
            memory = without_run(rule_id, memory)
            continue
        moment, timer = next_wave(rule.audience, run, scene), memory.armed.get(rule_id + ROUND)
        if timer is None or moment < timer.due:
            memory = go_on_at(rule, run, memory, moment)
    return memory


def next_wave(audience: PeopleWaiting, run: Run, scene: Scene) -> datetime:
    """From when on more people may be reached: at once, while the wave is not full."""
    if run.began is None or run.served < audience.size:
        return scene.now
    return max(scene.now, shift(run.began, audience.every, scene.zone, scene.working("shop")))


def without_run(rule_id: str, memory: Memory) -> Memory:
    armed = {timer: one for timer, one in memory.armed.items() if timer != rule_id + ROUND}
    return memory._replace(armed=armed, runs={name: run for name, run in memory.runs.items() if name != rule_id})


def _wait(rule: Rule, fired: Candidate, memory: Memory, scene: Scene) -> Memory:
    """With a wait whether what set the rule off lasts; one that runs already goes on."""
    timer = rule.id + STILL
    if timer in memory.armed:
        return memory
    assert rule.still_true_after is not None
    moment = shift(scene.now, rule.still_true_after, scene.zone, scene.working("shop"))
    return memory._replace(armed={**memory.armed, timer: Armed(moment, fired.occurrence, rule.hash, fired.seen)})


def _lasts(rule: Rule, subject: Aggregate, seen: Mapping[str, Any], scene: Scene) -> bool:
    """Whether what set the rule off is still so, and its conditions let something through."""
    if subject.closed and not rule.spans_the_end:
        return False
    if not stands(rule.trigger, seen, scene):
        return False
    sight = with_event(scene, seen)
    return rule.audience is not None or any(admitted(rule, send, sight) for send in rule.sends)


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
    return Scene({**scene.facts, **scopes}, scene.now, scene.zone, scene.working) if scopes else scene


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
    memory = after.memory
    anew = before.closed != after.closed or not before.known
    for rule in book.timed.get(after.kind, ()):
        if anew or any(before.facts.get(one.path) != after.facts.get(one.path) for one in rule.trigger.fields):
            memory = _armed(rule, memory, _due(rule, after, scene), scene)
    if memory.left:
        memory = _arm_follow_ups(book, memory, scene)
    if any(timer.endswith(STILL) for timer in memory.armed):
        memory = _end_waits(book, after, memory, scene)
    return after if memory is after.memory else after.remembering(memory)


def _end_waits(book: Book, subject: Aggregate, memory: Memory, scene: Scene) -> Memory:
    """Without the waits for what is no longer so; their rules may fire anew."""
    for timer, one in memory.armed.items():
        rule = rule_of(book, timer) if timer.endswith(STILL) else None
        if rule is not None and (outlived(rule, timer) or not _lasts(rule, subject, one.seen, scene)):
            armed = {name: kept for name, kept in memory.armed.items() if name != timer}
            memory = memory._replace(armed=armed, spent=memory.spent - {rule.id})
    return memory


def rearm(book: Book, aggregate: Aggregate, scene: Scene) -> Aggregate:
    """The subject under a new set of rules: times that lie ahead are armed, what is past or so already stays untold."""
    memory = aggregate.memory
    for rule in book.timed.get(aggregate.kind, ()):
        moment = _due(rule, aggregate, scene)
        moves = rule.id not in memory.armed or (
            # Nothing but the rule says when: an edit counts at once. What has come and was not told comes as it was.
            isinstance(rule.trigger, Calendar) and memory.armed[rule.id].due > scene.now
        )
        if moves and moment is not None and moment > scene.now:
            memory = _armed(rule, memory, moment, scene)
    truths = book.on_truth.get(aggregate.kind)
    so_already = frozenset(rule.id for rule in truths.met(scene)) if truths else frozenset()
    spent = _spent(book, aggregate, scene) | so_already
    if spent != memory.spent:
        memory = memory._replace(spent=spent)
    if any(timer.endswith(STILL) for timer in memory.armed):
        memory = _end_waits(book, aggregate, memory, scene)
    for rule_id in memory.runs:
        if rule_id not in book.by_id or outlived(book.by_id[rule_id], rule_id + ROUND):
            memory = without_run(rule_id, memory)
    return aggregate if memory is aggregate.memory else aggregate.remembering(memory)


def _due(rule: Rule, aggregate: Aggregate, scene: Scene) -> datetime | None:
    if aggregate.closed and not rule.spans_the_end:
        return None
    return due(_timed(rule), scene)


def _timed(rule: Rule) -> Timed:
    assert isinstance(rule.trigger, Timed)
    return rule.trigger


def _armed(rule: Rule, memory: Memory, moment: datetime | None, scene: Scene) -> Memory:
    """Arm, move or disarm one rule's time. What was passed over or has fired only fires again for a later instant."""
    current, fired = memory.armed.get(rule.id), memory.fired.get(rule.id)
    if moment is not None and current is not None and current.due == moment:
        return memory
    armed = {timer: one for timer, one in memory.armed.items() if timer != rule.id}
    if moment is None or (fired is not None and moment <= fired):
        return memory if current is None else memory._replace(armed=armed)
    if moment < scene.now and current is None and fired is None and not rule.send_if_already_past:
        return memory._replace(fired={**memory.fired, rule.id: moment})
    armed[rule.id] = Armed(moment, rfc3339(silence(rule.trigger, scene) or moment), rule.hash)
    return memory._replace(armed=armed)


def _arm_follow_ups(book: Book, memory: Memory, scene: Scene) -> Memory:
    for rule_id, (left, message) in memory.left.items():
        rule = book.by_id.get(rule_id)
        if rule is None or rule.follow_up is None:
            continue
        timer = rule_id + FOLLOW_UP
        moment = follow_up_due(rule.follow_up, left, scene)
        current = memory.armed.get(timer)
        if (current.due if current else None) == moment:
            continue
        armed = {name: one for name, one in memory.armed.items() if name != timer}
        if moment is not None:
            armed[timer] = Armed(moment, message, rule.hash)
        memory = memory._replace(armed=armed)
    return memory


def after_sending(book: Book, aggregate: Aggregate, sent: Candidate, message: str, scene: Scene) -> Aggregate:
    """The subject once a message about it has left at `scene.now`: what follows up waits from here."""
    memory, rule = aggregate.memory, sent.rule
    if rule.id in book.asked_of and sent.send.to == "customer":
        memory = memory._replace(sent={**memory.sent, rule.id: scene.now})
    if rule.follow_up is not None:
        memory = memory._replace(left={**memory.left, rule.id: (scene.now, message)})
        memory = _arm_follow_ups(book, memory, scene)
    return aggregate if memory is aggregate.memory else aggregate.remembering(memory)


def _come_due(book: Book, aggregate: Aggregate, scene: Scene) -> Step:
    """Fire what has come due; what has moved meanwhile (a customer's zone) is armed anew instead."""
    memory = aggregate.memory
    candidates: list[Candidate] = []
    cancelled = []
    rounds = []
    come = [(timer, one) for timer, one in memory.armed.items() if one.due <= scene.now]
    for timer, one in sorted(come, key=lambda pair: (pair[1].due, _place(book, pair[0]))):
        rule = rule_of(book, timer)
        memory = memory._replace(armed={name: kept for name, kept in memory.armed.items() if name != timer})
        if rule is None or outlived(rule, timer):
            cancelled.append((timer, one))
            memory = without_run(timer.removesuffix(ROUND), memory) if timer.endswith(ROUND) else memory
        elif timer.endswith(ROUND):
            rounds.append(rule)
        elif timer.endswith(STILL):
            memory, fired = _come_true(rule, aggregate, one, memory, scene)
            candidates += fired
        elif timer.endswith(FOLLOW_UP):
            left = {name: kept for name, kept in memory.left.items() if name != rule.id}
            memory = memory._replace(left=left)
            assert rule.follow_up is not None
            candidates.append(_candidate(rule, rule.follow_up.send, aggregate, one))
        elif isinstance(rule.trigger, Calendar):
            memory = _armed(rule, memory, _due(rule, aggregate, scene), scene)
            candidates += _come_again(rule, rule.trigger, aggregate, one, scene)
        else:
            moment = _due(rule, aggregate, scene)
            if moment is not None and moment > scene.now:
                memory = _armed(rule, memory, moment, scene)
                continue
            memory = memory._replace(fired={**memory.fired, rule.id: one.due})
            memory, fired = _come_true(rule, aggregate, one, memory, scene)
            candidates += fired
    return Step(aggregate.remembering(memory), tuple(candidates), tuple(cancelled), tuple(rounds))


def _come_true(
    rule: Rule, aggregate: Aggregate, armed: Armed, memory: Memory, scene: Scene
) -> tuple[Memory, list[Candidate]]:
    """What comes of an armed time: messages about the subject itself, or news on its way to the rule's audience."""
    fired = [_candidate(rule, send, aggregate, armed) for send in rule.sends]
    if rule.audience is None:
        return memory, fired
    return _open_run(rule, fired[0], memory, scene.now), []


def _come_again(rule: Rule, calendar: Calendar, aggregate: Aggregate, armed: Armed, scene: Scene) -> list[Candidate]:
    """Of what came by the calendar since it was armed the last: who was away for a week is not told five times."""
    came = calendar.latest(scene.now, armed.due, scene.zone, scene.working("shop"))
    if came is None:  # an edit put it elsewhere
        return []
    fired = Armed(came.at, came.wall, rule.hash, {"event.time": came.at})
    return [_candidate(rule, send, aggregate, fired) for send in rule.sends]


def outlived(rule: Rule, timer: str) -> bool:
    """Whether nothing comes of one of its armed times any more: it is a draft, or does not wait like that."""
    if rule.state == "draft":
        return True
    if timer.endswith(FOLLOW_UP):
        return rule.follow_up is None
    if timer.endswith(STILL):
        return rule.still_true_after is None
    if timer.endswith(ROUND):
        return rule.audience is None
    return not isinstance(rule.trigger, Timed)


def _candidate(rule: Rule, send: Send, aggregate: Aggregate, armed: Armed) -> Candidate:
    return Candidate(rule, send, aggregate.key, armed.occurrence, armed.due, armed.seen)


def rule_of(book: Book, timer: str) -> Rule | None:
    """Whose armed time it is."""
    return book.by_id.get(timer.partition("/")[0])


def _place(book: Book, timer: str) -> int:
    rule = rule_of(book, timer)
    return rule.place if rule else -1
