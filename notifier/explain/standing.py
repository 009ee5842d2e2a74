"""How the rules about a subject stand towards it now: asked of the gates that decide about messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from notifier.core.condition import Finding
from notifier.core.decide import Answers, Decision, Drop, Hold, SendNow, decide, questions
from notifier.core.grounds import grounds
from notifier.core.listing import Selection
from notifier.core.local_time import rfc3339, shift, when
from notifier.core.match import FOLLOW_UP, ROUND, STILL, Candidate, with_event
from notifier.core.policy import Policy
from notifier.core.rule import Change, NoNews, OnEvent, Rule, Timed
from notifier.core.scene import Scene
from notifier.core.subject import SHOP, Armed
from notifier.core.topic import LastWord
from notifier.core.trigger import due
from notifier.decisions import policy_of
from notifier.explain.demand import reach_words
from notifier.explain.story import Story
from notifier.explain.verdict import Verdict, clauses_of, verdicts, why_never
from notifier.explain.versions import Versions
from notifier.explain.words import end_words, reason_words, trigger_words
from notifier.project import Project
from notifier.roster import gather
from notifier.store import Unit

__all__ = ["Standing", "standings"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one rule stands towards the subject now."""

    rule: Rule
    #: When it will next look; None for what no time is armed for.
    due: datetime | None
    #: What would come of it, or why it cannot go off, as a sentence.
    outlook: str
    #: The code of what stands in the way; empty where nothing does.
    reason: str
    clauses: tuple[tuple[str, Finding], ...]
    follow_up: str = ""
    #: Why it never went off, derived by replay; empty where it did.
    never: str = ""

    def record(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "record": "rule",
            "rule": self.rule.id,
            "state": self.rule.state,
            "trigger": trigger_words(self.rule.trigger),
            "due": rfc3339(self.due) if self.due else None,
            "outlook": self.outlook,
            "reason": self.reason or None,
            "follow_up": self.follow_up or None,
            "never": self.never or None,
            "clauses": [
                {"in": where, "clause": one.clause, "truth": one.truth, "seen": one.seen} for where, one in self.clauses
            ],
        }


@dataclass(frozen=True, slots=True)
class _Prospect:
    """A rule, and what would be decided about if it went off."""

    rule: Rule
    scene: Scene
    due: datetime | None
    #: None where it cannot go off, for the reason that `obstacle` says.
    candidate: Candidate | None
    obstacle: str = ""
    code: str = ""


def standings(project: Project, unit: Unit, story: Story) -> Iterator[Standing]:
    policy = policy_of(project, unit)
    concerned = [rule for rule in project.book.rules if story.subject.kind in (rule.about, rule.origin)]
    prospects = [_prospect(rule, story) if rule.audience is None else _reach(rule, story, unit) for rule in concerned]
    asked = [questions(one.candidate, story.subject, one.scene, policy) for one in prospects if one.candidate]
    answers = Answers(unit.answers(frozenset().union(*asked)))
    made = [
        decide(one.candidate, story.subject, one.scene, answers, policy) if one.candidate else None for one in prospects
    ]
    silenced = _silenced(prospects, made)
    went_off = {match.rule for match, _ in story.matches}
    quiet = [
        one.rule
        for one in prospects
        if one.rule.id not in went_off and one.rule.state != "draft" and one.rule.about == story.subject.kind
    ]
    # Of the shop no event tells anything: what comes by the calendar has not come yet.
    # Of an article, whom its news reached is told by themselves.
    here = [one for one in quiet if one.about == story.subject.kind != SHOP]
    never = _never(project, unit, story, here)
    for one, decision in zip(prospects, made, strict=True):
        outlook, reason = one.obstacle, one.code
        if decision is not None:
            outlook, reason = _outlook(one, decision, policy, story.scene.zone)
            if one.rule.listing is not None and (decision.name != "drop" or reason == "watching"):
                listed = gather(project, unit, one.rule.listing, one.scene.now)
                outlook, reason = _of_list(one, outlook, reason, listed, story.scene.zone)
        if one.rule.id in silenced:
            outlook, reason = _gives_way(one, silenced[one.rule.id], story.scene.zone), "topic_told"
        told = one.code != "superseded" and one.rule.audience is None
        clauses = tuple(clauses_of(one.rule, one.scene)) if told else ()
        yield Standing(
            one.rule, one.due, outlook, reason, clauses, _follow_up(one.rule, story), never.get(one.rule.id, "")
        )


def _never(project: Project, unit: Unit, story: Story, quiet: Sequence[Rule]) -> Mapping[str, str]:
    """Rule -> why it never went off, for rules of which no match is kept."""
    found: dict[str, list[Verdict]] = {rule.id: [] for rule in quiet}
    for one in verdicts(project, story, Versions(project, unit), list(found)):
        found[one.rule].append(one)
    return {rule.id: why_never(rule, found[rule.id], story.scene.zone) for rule in quiet}


def _silenced(prospects: Sequence[_Prospect], made: Sequence[Decision | None]) -> Mapping[str, LastWord]:
    """Of rules of one topic whose times will come: who will have told before a weaker one may."""
    words: dict[str, LastWord] = {}
    found: dict[str, LastWord] = {}
    coming = [
        (one.due, topic.strongest_first.index(one.rule.id), one)
        for one, decision in zip(prospects, made, strict=True)
        if (topic := one.rule.topic) and one.due and decision and not isinstance(decision.outcome, Drop)
    ]
    for at, strength, one in sorted(coming, key=lambda three: three[:2]):
        topic = one.rule.topic
        assert topic is not None
        word = words.get(topic.name)
        within = word is not None and shift(word.at, topic.every, one.scene.zone, one.scene.working("shop")) > at
        if word is not None and within and topic.strongest_first.index(word.rule) <= strength:
            found[one.rule.id] = word
        else:
            words[topic.name] = LastWord(one.rule.id, at)
    return found


def _gives_way(prospect: _Prospect, word: LastWord, zone: ZoneInfo) -> str:
    assert prospect.due is not None
    assert prospect.rule.topic is not None
    return (
        f"due {when(prospect.due, zone)}; then, as things are now, it would not be sent - topic_told: {word.rule} will have told "
        f"of {prospect.rule.topic.name} {when(word.at, zone)}"
    )


def _prospect(rule: Rule, story: Story) -> _Prospect:
    subject, scene, trigger = story.subject, story.scene, rule.trigger
    if rule.state == "draft":
        return _Prospect(rule, scene, None, None, "it cannot go off: it is a draft, which is only checked", "draft")
    if subject.closed and not rule.spans_the_end:
        status = subject.facts.get(f"{subject.kind}.status")
        return _Prospect(rule, scene, None, None, f"it cannot go off: the {subject.kind} is {status}", "superseded")
    if isinstance(trigger, Timed):
        return _prospect_of_time(rule, trigger, story)
    if (waiting := subject.memory.armed.get(rule.id + STILL)) is not None:
        return _prospect_when(rule, waiting, story)
    if rule.id in subject.memory.spent:
        return _Prospect(rule, scene, None, None, "it went off, and waits until it is ready again", "fired")
    seen = _last_seen(trigger, story) if isinstance(trigger, OnEvent) else {}
    # Of a change that nobody knows yet it cannot be asked whether it lasts.
    asked = replace(rule, still_true_after=None) if isinstance(trigger, Change) else rule
    candidate = Candidate(asked, rule.sends[0], subject.key, "explain", scene.now, seen)
    return _Prospect(rule, with_event(scene, seen), None, candidate)


def _reach(rule: Rule, story: Story, unit: Unit) -> _Prospect:
    """Of a rule by which an article's news reaches others: whom, or by which article's."""
    if rule.state == "draft" or story.subject.closed:
        return _prospect(rule, story)
    due = None
    if story.subject.kind == rule.origin:
        timers = (story.subject.memory.armed.get(rule.id + kind) for kind in (STILL, ROUND))
        due = next((one.due for one in timers if one is not None), None)
    outlook, code = reach_words(rule, story, unit, due)
    return _Prospect(rule, story.scene, due, None, outlook, code)


def _prospect_when(rule: Rule, armed: Armed, story: Story) -> _Prospect:
    """Once the time that is armed has come."""
    then = with_event(story.scene._replace(now=max(armed.due, story.scene.now)), armed.seen)
    candidate = Candidate(rule, rule.sends[0], story.subject.key, armed.occurrence, armed.due, armed.seen)
    return _Prospect(rule, then, armed.due, candidate)


def _prospect_of_time(rule: Rule, trigger: Timed, story: Story) -> _Prospect:
    subject, scene = story.subject, story.scene
    armed, fired = subject.memory.armed.get(rule.id), subject.memory.fired.get(rule.id)
    moment = due(trigger, scene)
    if armed is not None:
        # An edit may have made it later: it then moves there when its time comes.
        return _prospect_when(rule, armed._replace(due=max(armed.due, moment or armed.due)), story)
    if moment is None:
        names = " or ".join(one.path for one in trigger.fields) or "its time"
        unknown = f"it cannot go off: {names} is not known"
        return _Prospect(rule, scene, None, None, unknown, "condition_unknown")
    if fired is None:
        return _Prospect(
            rule, scene, None, None, "its time is armed at the next tick, if it still lies ahead", "not_armed"
        )
    went_off = any(match.rule == rule.id and match.trigger_at == fired for match, _ in story.matches)
    instant = when(fired, scene.zone)
    if went_off:
        again = "after the next news" if isinstance(trigger, NoNews) else "for a later time"
        why = f"it went off for {instant}, and does so again only {again}"
        return _Prospect(rule, scene, None, None, why, "fired")
    return _Prospect(rule, scene, None, None, f"its time, {instant}, was past when it first became known", "past")


def _last_seen(trigger: OnEvent, story: Story) -> dict[str, Any]:
    """What the newest event of the kind brought with it: conditions may ask for that."""
    found = [event for _, event in story.events if event is not None and event.type in trigger.types]
    return {"event.type": found[-1].type, **found[-1].facts} if found else {}


def _outlook(prospect: _Prospect, decision: Decision, policy: Policy, zone: ZoneInfo) -> tuple[str, str]:
    then = f"due {when(prospect.due, zone)}; then, as things are now, it" if prospect.due else "if it went off now, it"
    outcome = decision.outcome
    if isinstance(outcome, SendNow):
        return f"{then} would be sent by {outcome.channel} in '{outcome.language}'", ""
    # What conditions find is told clause by clause beside this.
    found = "" if outcome.reason.startswith("condition_") else grounds(decision, prospect.scene, policy)
    why = reason_words(outcome.reason, found)
    if isinstance(outcome, Hold):
        return (
            f"{then} would be held {end_words(outcome.reason, outcome.until, decision.stale_at, zone)} - {why}",
            outcome.reason,
        )
    return f"{then} would not be sent - {why}", outcome.reason


def _of_list(prospect: _Prospect, outlook: str, reason: str, listed: Selection, zone: ZoneInfo) -> tuple[str, str]:
    """The outlook of a report, by what it would list."""
    if not listed.is_needless or reason == "watching":
        return f"{outlook}; it would list {listed}", reason
    then = f"due {when(prospect.due, zone)}; " if prospect.due else ""
    return f"{then}as things are now, it would not be sent - {reason_words('list_empty')}", "list_empty"


def _follow_up(rule: Rule, story: Story) -> str:
    """Where what follows the rule's message stands; empty where nothing was sent that it could follow."""
    if rule.follow_up is None:
        return ""
    memory, label = story.subject.memory, rule.follow_up.send.label
    armed = memory.armed.get(rule.id + FOLLOW_UP)
    if armed is not None:
        return f"{label} follows {when(armed.due, story.scene.zone)}"
    if rule.id in memory.left and rule.follow_up.counted_from is not None:
        return f"{label} waits until {rule.follow_up.counted_from.path} is known"
    return ""
