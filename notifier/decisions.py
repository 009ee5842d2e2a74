"""Candidates before the gates, in one transaction: asked about together, decided in order, written down."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from notifier.cast import Cast
from notifier.core import braking
from notifier.core.decide import Answers, Decision, Hold, SendNow, decide, decision_key, questions, recipient_of
from notifier.core.grounds import brake_words, grounds
from notifier.core.match import Candidate
from notifier.core.policy import Mute, Policy
from notifier.core.scene import Scene
from notifier.core.subject import Aggregate
from notifier.project import Project
from notifier.store import Unit
from notifier.store.record import DecisionRow, Match, Outgoing, State

__all__ = ["PRIORITIES", "brake", "decide_all", "policy_of", "row_of"]

_log = logging.getLogger(__name__)

#: Lower leaves first, so that a backlog of surveys holds up nothing that matters more.
PRIORITIES = {"critical": 0, "staff": 10, "transactional": 20, "requested": 30, "survey": 50, "marketing": 60}
#: What goes to many at once leaves after the single messages of its category.
_CROWD = 5


def policy_of(project: Project, unit: Unit) -> Policy:
    """The project's policy and what operators have said since."""
    mutes = unit.mutes()
    return project.policy.with_mutes(mutes) if mutes else project.policy


@dataclass(frozen=True, slots=True)
class _Case:
    candidate: Candidate
    subject: Aggregate
    scene: Scene
    key: bytes
    recipient: str


def decide_all(
    project: Project, unit: Unit, cast: Cast, candidates: Sequence[Candidate], now: datetime
) -> list[Decision]:
    """Decide what fired, once each however often it comes, and write matches, decisions and messages; what was decided."""
    cases = _new_cases(unit, cast, candidates, now)
    if not cases:
        return []
    policy = policy_of(project, unit)
    asked = [questions(one.candidate, one.subject, one.scene, policy) for one in cases]
    answers = Answers(unit.answers(frozenset().union(*asked)))
    made: dict[bytes, Decision] = {}
    for one in sorted(cases, key=_weakness):
        made[one.key] = decide(one.candidate, one.subject, one.scene, answers, policy)
        answers.note(made[one.key], now)
    decided = [(one, made[one.key]) for one in cases]
    rows = [
        row_of(one.key, decision, now, grounds(decision, one.scene, policy))
        for one, decision in decided
        if decision.name != "send"
    ]
    _write(unit, decided, rows, now)
    brake(project, unit, cast, made.values(), now)
    return [decision for _, decision in decided]


def brake(project: Project, unit: Unit, cast: Cast, decisions: Iterable[Decision], now: datetime) -> None:
    """Hold from now on all that a rule sends of which too much came, and tell its team, once."""
    held = {one.candidate.rule.id: one for one in decisions if one.name == "hold" and one.reason == "brake"}
    if not held:
        return
    policy = policy_of(project, unit)
    told = []
    for name, decision in held.items():
        last = policy.braking(name)
        if last is not None and last.until is None:
            continue
        why = brake_words(policy.brake_of(decision.candidate.rule, decision.candidate.send))
        unit.add_mute(Mute("brake", f"rule:{name}", None, why), now)
        _log.warning("rule %s is braked: %s; 'notifier outbox approve %s' lets it go on", name, why, name)
        notice = project.rule(braking.notice_name(name))
        if notice is not None:
            told.append(braking.telling(notice, now))
    if told:
        decide_all(project, unit, cast, told, now)


def _weakness(case: _Case) -> int:
    """Of those that come together the strongest is decided first: the others see that it tells."""
    topic = case.candidate.rule.topic
    return topic.strongest_first.index(case.candidate.rule.id) if topic else 0


def _new_cases(unit: Unit, cast: Cast, candidates: Iterable[Candidate], now: datetime) -> list[_Case]:
    cases: dict[bytes, _Case] = {}
    for candidate in candidates:
        subject = cast[candidate.subject_key]
        scene = cast.scene_of(candidate, now)
        recipient = recipient_of(candidate, subject, scene)
        key = decision_key(candidate, recipient)
        cases.setdefault(key, _Case(candidate, subject, scene, key, recipient))
    known = unit.known_matches(cases.keys()) if cases else set()
    return [one for key, one in cases.items() if key not in known]


def _write(unit: Unit, decided: Sequence[tuple[_Case, Decision]], rows: Sequence[DecisionRow], now: datetime) -> None:
    unit.add_matches(_match(one, now) for one, _ in decided)
    unit.add_decisions(rows)
    leads = _gather(unit, decided)
    unit.enqueue(
        _message(one.key, decision, now, leads.get(one.key)) for one, decision in decided if decision.name != "drop"
    )
    unit.take_slots((decision.slot, one.key) for one, decision in decided if decision.slot)
    unit.add_uses((use, now, one.key) for one, decision in decided for use in decision.uses)


def _gather(unit: Unit, decided: Sequence[tuple[_Case, Decision]]) -> dict[bytes, bytes]:
    """Match -> the one as a part of whose message it goes: that which opened its window."""
    collecting = [(one.key, decision) for one, decision in decided if decision.window]
    if not collecting:
        return {}
    known = dict(unit.windows({decision.window for _, decision in collecting}))
    opened: dict[bytes, tuple[bytes, datetime, bytes]] = {}
    leads: dict[bytes, bytes] = {}
    for key, decision in collecting:
        window, until = decision.window, decision.until
        if window not in known or known[window][0] != until:
            known[window] = (until, key)
            opened[window] = (window, until, key)
        leads[key] = known[window][1]
    unit.open_windows(opened.values())
    return leads


def _match(one: _Case, now: datetime) -> Match:
    candidate = one.candidate
    return Match(
        key=one.key,
        subject_key=candidate.subject_key,
        rule=candidate.rule.id,
        rule_hash=candidate.rule.hash,
        send=candidate.send.index,
        recipient=one.recipient,
        occurrence=candidate.occurrence,
        trigger_at=candidate.trigger_at,
        at=now,
        seen=candidate.seen,
    )


def row_of(match_key: bytes, decision: Decision, now: datetime, detail: str = "") -> DecisionRow:
    """A decision as it is kept, with its grounds."""
    outcome, send = decision.outcome, decision.candidate.send
    return DecisionRow(
        match_key=match_key,
        at=now,
        outcome=decision.name,
        reason="" if isinstance(outcome, SendNow) else outcome.reason,
        detail=detail,
        until=outcome.until if isinstance(outcome, Hold) else None,
        channel=outcome.channel,
        language=outcome.language if isinstance(outcome, SendNow | Hold) else "",
        template=send.label,
        category=send.category,
    )


def _message(key: bytes, decision: Decision, now: datetime, lead: bytes | None) -> Outgoing:
    candidate, outcome = decision.candidate, decision.outcome
    state: State = "collected" if lead and lead != key else "held" if isinstance(outcome, Hold) else "pending"
    return Outgoing(
        key=key,
        subject_key=candidate.subject_key,
        rule=candidate.rule.id,
        send=candidate.send.index,
        recipient=decision.recipient,
        category=candidate.send.category,
        priority=PRIORITIES[candidate.send.category] + (_CROWD if candidate.rule.audience else 0),
        state=state,
        due_at=outcome.until if isinstance(outcome, Hold) else now,
        stale_at=decision.stale_at,
        template=candidate.send.label,
        created_at=now,
        reason=outcome.reason if isinstance(outcome, Hold) and state == "held" else "",
        channel=outcome.channel,
        language=outcome.language if isinstance(outcome, SendNow | Hold) else "",
        lead=lead,
    )
