"""What happened to a subject, and what is to come, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from notifier.backtest import decision_record
from notifier.core.event import Event
from notifier.core.local_time import rfc3339, when
from notifier.core.message import masked
from notifier.core.own_event import SOURCE
from notifier.core.rule import Book
from notifier.core.subject import Aggregate, adopt, fold
from notifier.explain.story import Story
from notifier.explain.words import end_words, plain, reason_words, value_words
from notifier.store.record import Attempt, DecisionRow, Match, Outgoing, Told

__all__ = ["Entry", "attempt_record", "timeline"]

_FOLLOW_UP = "/follow_up"
#: Events that arrive later than this are said to have.
_PROMPT = timedelta(minutes=2)

Kind = Literal["event", "match", "decision", "attempt", "answer", "armed"]
#: Of what fell together: first what was told, last what is to come.
_PLACES: Mapping[Kind, int] = {"event": 0, "armed": 2}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened, or is to come: as a sentence for people and as a record for scripts."""

    at: datetime
    kind: Kind
    text: str
    record: Mapping[str, Any]
    #: False for what only scripts want: that a message was accepted is told by its attempt.
    told: bool = True


def timeline(book: Book, story: Story) -> list[Entry]:
    """Everything in order of time. What fell together goes from cause to effect, one match after the other."""
    zone = story.scene.zone
    entries = [*_event_entries(story, zone), *_decision_entries(book, story), *_to_come(book, story)]
    return sorted(entries, key=lambda one: (one.at, _PLACES.get(one.kind, 1)))


def _event_entries(story: Story, zone: ZoneInfo) -> Iterator[Entry]:
    """Each event with what it changed, by folding them again from nothing."""
    subject = Aggregate(story.subject.key)
    parts: dict[str, Aggregate] = {}
    for told, event in story.events:
        before = subject
        for part in event.parts if event else ():
            if part.key == subject.key:
                subject = fold(subject, part, (told.time, told.source, told.id))
            elif part.key in story.subject.parts:
                shipment = parts.get(part.key, Aggregate(part.key))
                parts[part.key] = fold(shipment, part, (told.time, told.source, told.id))
                subject = adopt(subject, parts[part.key])
        yield _event_entry(told, event, list(_changes(before.facts, subject.facts)), zone)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for path in [*after, *(path for path in before if path not in after)]:
        old, new = before.get(path), after.get(path)
        if old != new and "@" not in path and not path.endswith("_key"):
            yield path, _private(path, old), _private(path, new)


def _private(path: str, value: Any) -> Any:
    return masked(value) if path.endswith((".email", ".phone")) and isinstance(value, str) else value


def _event_entry(told: Told, event: Event | None, changes: list[tuple[str, Any, Any]], zone: ZoneInfo) -> Entry:
    parts = [", ".join(_news(event, changes, told.time, zone))]
    if event is None:
        parts.append("(it would be refused today)")
    if told.received - told.time > _PROMPT:
        parts.append(f"(arrived {when(told.received, zone)})")
    news = " ".join(part for part in parts if part)
    record = {
        "record": "event", "at": rfc3339(told.time), "type": told.type, "source": told.source, "id": told.id,
        "received": rfc3339(told.received),
        "changes": [{"field": path, "before": plain(old), "after": plain(new)} for path, old, new in changes],
    }  # fmt: skip
    ours = told.source == SOURCE and told.type != "survey.answered"
    return Entry(told.time, "event", f"{told.type}{': ' if news else ''}{news}", record, told=not ours)


def _news(event: Event | None, changes: list[tuple[str, Any, Any]], at: datetime, zone: ZoneInfo) -> Iterator[str]:
    """What the event brought, in few words: neither its own time again nor the subject's name."""
    for path, old, new in changes:
        if path.endswith((".id", ".number")) or (old is None and new == at):
            continue
        before = f"{value_words(old, zone)} -> " if old is not None else ""
        yield f"{path.partition('.')[2]} {before}{value_words(new, zone)}"
    kept = {path for part in event.parts for path in part.leaves} if event else set()
    for path, value in event.facts.items() if event else ():
        if path not in kept and not path.endswith("id"):
            yield f"{path.partition('.')[2]} {value_words(_private(path, value), zone)}"


def _decision_entries(book: Book, story: Story) -> Iterator[Entry]:
    """Each match, and what came of it: decisions, calls, an answer."""
    zone = story.scene.zone
    messages = {one.key: one for one in story.messages}
    attempts: dict[bytes, list[Attempt]] = {}
    for attempt in story.attempts:
        attempts.setdefault(attempt.message_key, []).append(attempt)
    before = None
    for match, rows in story.matches:
        message = messages.get(match.key)
        # A rule that sends two things went off once.
        occasion = (match.rule, match.occurrence, match.subject_key)
        yield replace(_match_entry(book, match, zone), told=occasion != before)
        before = occasion
        for row in rows:
            record = {"record": "decision", **decision_record(match, row), "detail": row.detail or None}
            yield Entry(row.at, "decision", _decided(story, match, row, message), record)
        if message is not None:
            yield from (_attempt_entry(message, one) for one in attempts.get(match.key, ()))
            if match.key in story.answers:
                yield _answer_entry(message, *story.answers[match.key])


def _match_entry(book: Book, match: Match, zone: ZoneInfo) -> Entry:
    seen = match.seen
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
    return Entry(match.at, "match", f"{match.rule} {'follows up' if follows else 'went off'}: {cause}", record)


def _answer_entry(message: Outgoing, score: int, comment: str, at: datetime) -> Entry:
    text = f"message {message.number} was answered: {score}{f', “{comment}”' if comment else ''}"
    record = {"record": "answer", "at": rfc3339(at), "message": message.id, "score": score, "comment": comment}
    return Entry(at, "answer", text, record)


def _decided(story: Story, match: Match, row: DecisionRow, message: Outgoing | None) -> str:
    label = f"message {message.number}" if message else row.template
    if row.at != match.at:
        label = f"{match.rule}, {label},"
    if row.outcome == "send":
        return f"{label} goes to {match.recipient} by {row.channel} in '{row.language}' ({row.template})"
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


def _to_come(book: Book, story: Story) -> Iterator[Entry]:
    for timer, armed in story.subject.memory.armed.items():
        rule_id, after = timer.removesuffix(_FOLLOW_UP), timer.endswith(_FOLLOW_UP)
        gone = "" if rule_id in book.by_id else " - but the rule is gone, and nothing will come of it"
        text = f"{rule_id} {'follows up' if after else 'is due'}{gone}"
        record = {"record": "armed", "at": rfc3339(armed.due), "rule": rule_id, "follow_up": after}
        yield Entry(armed.due, "armed", text, record)
