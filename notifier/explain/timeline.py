"""What happened to a subject, and what is to come, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from notifier.backtest import decision_record
from notifier.core.local_time import rfc3339, when
from notifier.core.match import FOLLOW_UP, ROUND, STILL
from notifier.core.rule import Book
from notifier.explain.entry import Entry, Kind
from notifier.explain.news import event_entries
from notifier.explain.story import Story
from notifier.explain.words import end_words, reason_words, value_words
from notifier.project import Project
from notifier.store.record import Attempt, DecisionRow, Match, Outgoing

__all__ = ["attempt_record", "timeline"]

#: Of what fell together: first what was told, last what is to come.
_PLACES: Mapping[Kind, int] = {"event": 0, "armed": 2}


def timeline(project: Project, story: Story) -> list[Entry]:
    """Everything in order of time. What fell together goes from cause to effect, one match after the other."""
    book = project.book
    entries = [*event_entries(project, story), *_decision_entries(book, story), *_to_come(book, story)]
    return sorted(entries, key=lambda one: (one.at, _PLACES.get(one.kind, 1)))


def _decision_entries(book: Book, story: Story) -> Iterator[Entry]:
    """Each match, and what came of it: decisions, calls, an answer."""
    messages = {one.key: one for one in story.messages}
    attempts: dict[bytes, list[Attempt]] = {}
    for attempt in story.attempts:
        attempts.setdefault(attempt.message_key, []).append(attempt)
    before = None
    for match, rows in story.matches:
        message = messages.get(match.key)
        # A rule that sends two things went off once.
        occasion = (match.rule, match.occurrence, match.subject_key)
        yield replace(_match_entry(book, story, match), told=occasion != before)
        before = occasion
        for row in rows:
            record = {"record": "decision", **decision_record(match, row), "detail": row.detail or None}
            yield Entry(row.at, "decision", _decided(story, match, row, message), record)
        if message is not None:
            yield from (_attempt_entry(message, one) for one in attempts.get(match.key, ()))
            if match.key in story.answers:
                yield _answer_entry(message, *story.answers[match.key])


def _match_entry(book: Book, story: Story, match: Match) -> Entry:
    seen, zone = match.seen, story.scene.zone
    if "change.field" in seen:
        cause = f"{seen['change.field']} went from {value_words(seen['change.before'], zone)} to {value_words(seen['change.after'], zone)}"
    elif "event.type" in seen:
        cause = str(seen["event.type"])
    else:
        cause = f"due {when(match.trigger_at, zone)}"
    record = {
        "record": "match", "at": rfc3339(match.at), "rule": match.rule, "send": match.send, "subject": match.subject_key,
        "occurrence": match.occurrence, "due": rfc3339(match.trigger_at), "to": match.recipient or None,
    }  # fmt: skip
    rule = book.by_id.get(match.rule)
    send = rule.send_at(match.send) if rule else None
    follows = rule is not None and send is not None and rule.follows_up(send)
    text = f"{match.rule}{_whose(story, match.subject_key)} {'follows up' if follows else 'went off'}: {cause}"
    return Entry(match.at, "match", text, record)


def _whose(story: Story, key: str) -> str:
    """`, about shipment:Z1,` where it is of what belongs to the subject."""
    return f", about {key}," if key != story.subject.key and key in story.subjects else ""


def _answer_entry(message: Outgoing, score: int, comment: str, at: datetime) -> Entry:
    text = f"message {message.number} was answered: {score}{f', “{comment}”' if comment else ''}"
    record = {"record": "answer", "at": rfc3339(at), "message": message.id, "score": score, "comment": comment}
    return Entry(at, "answer", text, record)


def _decided(story: Story, match: Match, row: DecisionRow, message: Outgoing | None) -> str:
    label = f"message {message.number}" if message else row.template
    if row.at != match.at:
        label = f"{match.rule}, {label},"
    if row.reason == "collected":
        return f"{label} goes out together with others, {row.detail}"
    if row.outcome == "send":
        listed = f": {row.detail}" if row.detail else ""
        return f"{label} goes to {match.recipient} by {row.channel} in '{row.language}' ({row.template}){listed}"
    if row.outcome == "hold":
        return f"{label} is held {_end(story, row, message)} - {reason_words(row.reason, row.detail)}"
    return f"{label} is not sent - {reason_words(row.reason, row.detail or _earlier(story, match, row))}"


def _end(story: Story, row: DecisionRow, message: Outgoing | None) -> str:
    """Until when it is held: by this decision, or as it stands now where it still is."""
    if row.until is None or message is None:
        return "until further notice"
    until = message.due_at if message.state == "held" and message.reason == row.reason else row.until
    if message.state == "held" and until <= story.scene.now:
        return "until the next tick"
    return end_words(row.reason, until, message.stale_at, story.scene.zone)


def _earlier(story: Story, match: Match, row: DecisionRow) -> str:
    """What came before the message that came once too often, and where that one stands."""
    if row.reason != "already_sent":
        return ""
    same = {one.key for one, _ in story.matches if (one.rule, one.send) == (match.rule, match.send)} - {match.key}
    before = [one for one in story.messages if one.key in same and one.created_at <= row.at and one.state != "dropped"]
    return f"the rule has told this with message {before[-1].number}, which is {before[-1].state}" if before else ""


_OUTCOMES = {
    "accepted": "took it",
    "retry": "did not take it and may be asked again",
    "refused": "refused it",
    "unknown": "may have taken it",
    "": "is being asked",
}


def _attempt_entry(message: Outgoing, attempt: Attempt) -> Entry:
    detail = f": {attempt.detail}" if attempt.detail and attempt.outcome != "accepted" else ""
    text = f"message {message.number}: {attempt.provider or 'the provider'} {_OUTCOMES.get(attempt.outcome, attempt.outcome)}{detail}"
    record = {"record": "attempt", "message": message.id, **attempt_record(attempt)}
    return Entry(attempt.started_at, "attempt", text, record)


def attempt_record(attempt: Attempt) -> dict[str, Any]:
    """One call to a provider, as scripts see it."""
    return {
        "at": rfc3339(attempt.started_at), "ended": rfc3339(attempt.ended_at) if attempt.ended_at else None,
        "no": attempt.no, "provider": attempt.provider, "outcome": attempt.outcome or None,
        "detail": attempt.detail or None,
    }  # fmt: skip


_NEXT = {STILL: "is looked at again", ROUND: "goes on to the next"}


def _to_come(book: Book, story: Story) -> Iterator[Entry]:
    for key, subject in story.subjects.items():
        for timer, armed in subject.memory.armed.items():
            rule_id, after = timer.partition("/")[0], timer.endswith(FOLLOW_UP)
            what = "follows up" if after else _NEXT.get(timer.removeprefix(rule_id), "is due")
            gone = "" if rule_id in book.by_id else " - but the rule is gone, and nothing will come of it"
            text = f"{rule_id}{_whose(story, key)} {what}{gone}"
            record = {"record": "armed", "at": rfc3339(armed.due), "rule": rule_id, "subject": key, "follow_up": after}
            yield Entry(armed.due, "armed", text, record)
