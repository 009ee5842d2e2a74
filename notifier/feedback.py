"""What customers say back: an answer to a survey, and "no more of these".

Both become events in the transaction that keeps them, so that rules can watch them. Asking what there is to answer, or
to leave, writes nothing: mail scanners follow every link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from notifier.core.duration import Duration
from notifier.core.event import Event
from notifier.core.local_time import rfc3339, shift
from notifier.core.own_event import SOURCE, survey_answered
from notifier.engine import Engine
from notifier.ingest import absorb
from notifier.links import PURPOSES, Purpose
from notifier.render.survey import SurveyForm, SurveyWords
from notifier.store import Unit
from notifier.store.record import Outgoing

__all__ = ["LONGEST_COMMENT", "Asked", "Change", "Leaving", "answer", "leaving", "survey", "unsubscribe"]

#: Characters of a comment that are kept.
LONGEST_COMMENT = 4_000

#: What an answer did. `same`: it was there already, so that nobody is told twice.
Change = Literal["new", "changed", "same", "closed"]

#: Control characters but tabs and line ends, what turns the direction of text, and halves of characters.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Asked:
    """A survey as it was sent to one person."""

    outgoing: Outgoing
    name: str
    form: SurveyForm
    words: SurveyWords
    #: True where answers are no longer taken.
    closed: bool
    #: Score and comment, where they answered before.
    previous: tuple[int, str] | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """What somebody would no longer get."""

    #: The message whose link it was.
    outgoing: Outgoing
    #: Of `email` and `sms`.
    channels: tuple[str, ...]
    #: Of `survey` and `marketing`.
    purposes: tuple[str, ...]


def survey(engine: Engine, token: str, now: datetime) -> Asked | None:
    """What a token from a survey's link asks; None where we gave out no such link, or the survey is gone."""
    with engine.store.read() as unit:
        return _asked(engine, unit, token, now)


def answer(engine: Engine, token: str, score: int, comment: str, now: datetime) -> Change | None:
    """Keep an answer and tell the rules, in one transaction; None where we gave out no such link.

    The last answer before the close stands. Raises ValueError where the score is not one that was offered.
    """
    said = _clean(comment)
    with engine.store.begin() as unit:
        asked = _asked(engine, unit, token, now)
        if asked is None:
            return None
        if not asked.form.lowest <= score <= asked.form.highest:
            raise ValueError(f"{score} is not from {asked.form.lowest} to {asked.form.highest}")
        if asked.closed:
            return "closed"
        if asked.previous == (score, said):
            return "same"
        event = _answered(engine, unit, asked, (score, said), now)
        unit.answer(asked.outgoing.key, score, said, now)
        absorb(engine.project, unit, [event], now)
        return "new" if asked.previous is None else "changed"


def leaving(engine: Engine, token: str) -> Leaving | None:
    """What a token from an unsubscribe link would end; None where we gave out no such link."""
    with engine.store.read() as unit:
        return _leaving(engine, unit, token)


def unsubscribe(engine: Engine, token: str, now: datetime) -> Leaving | None:
    """End it: a `consent.changed` for each channel and purpose that is not ended yet. Doing it twice does no more.

    Works for every message that ever was; None where we gave out no such link.
    """
    with engine.store.begin() as unit:
        ended = _leaving(engine, unit, token)
        if ended is None:
            return None
        customer = ended.outgoing.recipient
        facts = unit.load([customer])[customer].facts
        events = [
            engine.reader.read(_revoked(ended.outgoing, channel, purpose, now), now)
            for channel in ended.channels
            for purpose in ended.purposes
            if facts.get(f"customer.consent@{channel}/{purpose}") != "revoked"
        ]
        absorb(engine.project, unit, events, now)
        return ended


def _message(engine: Engine, unit: Unit, purpose: Purpose, token: str) -> Outgoing | None:
    """The message that a link was made for; only customers get such links."""
    number = engine.links.number(purpose, token)
    outgoing = unit.message_numbered(number) if number is not None else None
    return outgoing if outgoing is not None and outgoing.recipient.startswith("customer:") else None


def _asked(engine: Engine, unit: Unit, token: str, now: datetime) -> Asked | None:
    outgoing = _message(engine, unit, "survey", token)
    name = outgoing.template.removeprefix("survey:") if outgoing is not None else ""
    template = engine.project.texts.templates.get(name)
    if outgoing is None or template is None or template.survey is None:
        return None
    words = engine.project.texts.survey_page(name, outgoing.language)
    project = engine.project
    open_for = template.survey.closes_after or Duration.parse(project.config.surveys.closes_after)
    closes = shift(_asked_at(unit, outgoing), open_for, project.zone, project.working("shop", ""))
    kept = unit.answer_to(outgoing.key)
    return Asked(outgoing, name, template.survey, words, now >= closes, kept[:2] if kept else None)


def _asked_at(unit: Unit, outgoing: Outgoing) -> datetime:
    """When it was sent: a survey that was held for days is open no shorter for it."""
    attempts = unit.attempts(outgoing.key)
    return attempts[-1].started_at if attempts else outgoing.created_at


def _answered(engine: Engine, unit: Unit, asked: Asked, said: tuple[int, str], now: datetime) -> Event:
    outgoing, (score, comment) = asked.outgoing, said
    before = f"{outgoing.id}-answer-"
    told = [one for one in unit.events(outgoing.recipient) if one.source == SOURCE and one.id.startswith(before)]
    envelope = survey_answered(
        message=outgoing.id,
        name=asked.name,
        question=asked.words.question,
        score=score,
        comment=comment,
        rule=outgoing.rule,
        subject_key=outgoing.subject_key,
        recipient=outgoing.recipient,
        at=now,
        no=len(told) + 1,
    )
    return engine.reader.read(envelope, now)


def _leaving(engine: Engine, unit: Unit, token: str) -> Leaving | None:
    outgoing = _message(engine, unit, "unsubscribe", token)
    if outgoing is None:
        return None
    purposes = (outgoing.category,) if outgoing.category in PURPOSES else PURPOSES
    channels = (outgoing.channel,) if outgoing.channel else ("email", "sms")
    return Leaving(outgoing, channels, purposes)


def _revoked(outgoing: Outgoing, channel: str, purpose: str, now: datetime) -> dict[str, Any]:
    """Named by the instant too: whoever agrees again later must be able to leave again by the same link."""
    who = outgoing.recipient.partition(":")[2]
    at = rfc3339(now)
    return {
        "specversion": "1.0",
        "id": f"{outgoing.id}-{channel}-{purpose}-revoked-{at}",
        "source": SOURCE,
        "type": "consent.changed",
        "time": at,
        "data": {"customer_id": who, "channel": channel, "purpose": purpose, "state": "revoked"},
    }


def _clean(comment: str) -> str:
    return _UNWANTED.sub("", comment.replace("\r\n", "\n").replace("\r", "\n")).strip()[:LONGEST_COMMENT]
