"""Another try for a message that failed, once what was in its way is mended: it is decided about anew, limits and all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from notifier.cast import Cast
from notifier.core.audience import PeopleWaiting
from notifier.core.decide import Answers, Decision, Drop, Hold, decide, questions
from notifier.core.match import Candidate
from notifier.core.policy import Policy
from notifier.decisions import brake, policy_of, row_of
from notifier.project import Project
from notifier.store import Unit
from notifier.store.record import Outgoing

__all__ = ["try_again"]


def try_again(project: Project, unit: Unit, outgoing: Outgoing, now: datetime) -> tuple[Outgoing, str]:
    """Put a failed message back among those that wait; as it is now, and why it stays failed, empty where it does not.

    When it failed it gave back its place in limits, and another may have taken that: so this is a first look, and the
    second follows before it leaves, as for every message.
    """
    rule, match = project.rule(outgoing.rule), unit.match(outgoing.key)
    send = rule.send_at(outgoing.send) if rule else None
    # Who waits for an article is back in the queue.
    if rule is None or send is None or match is None or isinstance(rule.audience, PeopleWaiting):
        return outgoing, "superseded"
    if outgoing.stale_at <= now:
        return outgoing, "stale"
    # Its window is over: it goes by itself.
    candidate = Candidate(
        rule, replace(send, collect=None), match.subject_key, match.occurrence, match.trigger_at, match.seen
    )
    cast, policy = Cast(project, unit), policy_of(project, unit)
    decision = _first_look(unit, cast, policy, candidate, now)
    outcome = decision.outcome
    if isinstance(outcome, Drop):
        return outgoing, outcome.reason
    waits = replace(outgoing, state="pending", reason="", due_at=now, tried=(), channel="", language="", address="")
    if isinstance(outcome, Hold):
        waits = replace(
            waits, state="held", reason=outcome.reason, due_at=outcome.until,
            channel=outcome.channel, language=outcome.language,
        )  # fmt: skip
        unit.add_decisions([row_of(outgoing.key, decision, now)])
    unit.put([waits])
    unit.take_slots([(decision.slot, outgoing.key)] if decision.slot else [])
    unit.add_uses((use, now, outgoing.key) for use in decision.uses)
    brake(project, unit, cast, [decision], now)
    return waits, ""


def _first_look(unit: Unit, cast: Cast, policy: Policy, candidate: Candidate, now: datetime) -> Decision:
    subject = cast[candidate.subject_key]
    scene = cast.scene_of(candidate, now)
    asked = questions(candidate, subject, scene, policy)
    return decide(candidate, subject, scene, Answers(unit.answers(asked) if asked else {}), policy)
