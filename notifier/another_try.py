"""Another try for a message that failed, once what was in its way is mended: it is decided about anew, limits and all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from notifier.cast import Cast
from notifier.core.decide import Answers, Decision, Drop, Hold, decide, questions
from notifier.core.match import Candidate
from notifier.decisions import policy_of, row_of
from notifier.project import Project
from notifier.store import Unit
from notifier.store.record import Outgoing

__all__ = ["try_again"]


def try_again(project: Project, unit: Unit, outgoing: Outgoing, now: datetime) -> tuple[Outgoing, str]:
    """Put a failed message back among those that wait; as it is now, and why it stays failed, empty where it does not.

    When it failed it gave back its place in limits, and another may have taken that: so this is a first look, and the
    second follows before it leaves, as for every message.
    """
    rule, match = project.book.by_id.get(outgoing.rule), unit.match(outgoing.key)
    send = rule.send_at(outgoing.send) if rule else None
    if rule is None or send is None or match is None:
        return outgoing, "superseded"
    if outgoing.stale_at <= now:
        return outgoing, "stale"
    candidate = Candidate(rule, send, match.subject_key, match.occurrence, match.trigger_at, match.seen)
    decision = _first_look(project, unit, candidate, now)
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
    return waits, ""


def _first_look(project: Project, unit: Unit, candidate: Candidate, now: datetime) -> Decision:
    cast, policy = Cast(project, unit), policy_of(project, unit)
    subject = cast[candidate.subject_key]
    scene = cast.scene(subject, now)
    asked = questions(candidate, subject, scene, policy)
    return decide(candidate, subject, scene, Answers(unit.answers(asked) if asked else {}), policy)
