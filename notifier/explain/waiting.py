"""What would come of messages that wait, if they were looked at now: asked of the gates, as the next look will."""

from __future__ import annotations

from collections.abc import Mapping

from notifier.cast import Cast
from notifier.core.decide import Answers, Hold, SendNow, decide, questions
from notifier.core.grounds import grounds
from notifier.core.match import Candidate
from notifier.decisions import policy_of
from notifier.explain.story import Story
from notifier.explain.words import end_words, reason_words
from notifier.project import Project
from notifier.store import Unit
from notifier.store.record import Match, Outgoing

__all__ = ["outlooks"]


def outlooks(project: Project, unit: Unit, cast: Cast, story: Story) -> Mapping[bytes, str]:
    """Message key -> what holds it now and until when, by the rules, pauses and hours of now; of what is held alone."""
    matches = {match.key: match for match, _ in story.matches}
    return {
        one.key: _outlook(project, unit, cast, story, one, matches[one.key])
        for one in story.messages
        if one.state == "held" and one.key in matches
    }


def _outlook(project: Project, unit: Unit, cast: Cast, story: Story, message: Outgoing, match: Match) -> str:  # noqa: PLR0917
    rule = project.rule(message.rule)
    send = rule.send_at(message.send) if rule else None
    if rule is None or send is None:
        return "its rule is gone: it will be dropped"
    if message.reason == "collecting" and message.due_at > story.scene.now:
        until = end_words(message.reason, message.due_at, message.stale_at, story.scene.zone)
        return f"{until} - {reason_words(message.reason)}"
    candidate = Candidate(rule, send, match.subject_key, match.occurrence, match.trigger_at, match.seen)
    subject, policy = cast[match.subject_key], policy_of(project, unit)
    scene = cast.scene_of(candidate, story.scene.now)
    answers = Answers(unit.answers(questions(candidate, subject, scene, policy, again=True)))
    decision = decide(
        candidate, subject, scene, answers, policy, again=True, taken_at=message.created_at, tried=message.tried,
        braked=message.reason == "brake",
    )  # fmt: skip
    outcome = decision.outcome
    if isinstance(outcome, SendNow):
        return "it goes out at the next look"
    why = reason_words(outcome.reason, grounds(decision, scene, policy, message.tried))
    if isinstance(outcome, Hold):
        return f"{end_words(outcome.reason, outcome.until, decision.stale_at, story.scene.zone)} - {why}"
    return f"at the next look it is dropped - {why}"
