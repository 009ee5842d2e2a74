"""What is told of a test: its failures field by field, and the story behind them; for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from notifier.backtest import decision_record
from notifier.core.local_time import rfc3339, when
from notifier.errors import Problem
from notifier.explain import Explanation, trigger_words
from notifier.ruletest.trial import Actual, Trial
from notifier.ruletest.verdict import Difference, Missing, OtherReason, Verdict
from notifier.ruletest.witness import Asked

__all__ = ["failure_lines", "record", "trace_lines"]

_LONGEST = 300
_TRUTHS = {True: "true", False: "false", None: "unknown"}


def failure_lines(trial: Trial, verdict: Verdict) -> Iterator[str]:
    """Everything that is other than it should be, a few lines each."""
    zone = trial.suite.project.zone
    shown = []
    for missing in verdict.missing:
        yield from _missing_lines(missing, zone)
        shown += [missing.nearest]
    for actual in verdict.unexpected:
        if actual not in shown:
            yield "this was sent, and nothing in 'expect' is like it:"
            yield f"    {_sentence(actual, zone)}"
    for other in verdict.other_reasons:
        yield _other_reason_line(other)
    for actual in verdict.unaddressed:
        yield "nothing was sent only because nobody is known to whom: give a customer in 'given',"
        yield f"or say that it is meant with why_not: [{{rule: {actual.match.rule}, reason: no_address}}]"
        yield f"    {_sentence(actual, zone)}"


def _missing_lines(missing: Missing, zone: ZoneInfo) -> Iterator[str]:
    place, nearest = missing.expected.place, missing.nearest
    if nearest is None:
        yield f"{_at(place)}: this did not come, nor anything like it"
        yield from (f"    {name:<13}{_value(value, zone)}" for name, value in missing.expected.wanted.items())
        return
    yield f"{_at(place)}: this did not come; the nearest that came:"
    yield f"    {_sentence(nearest, zone)}"
    for one in missing.differences:
        yield from _difference_lines(one, zone)


def _difference_lines(one: Difference, zone: ZoneInfo) -> Iterator[str]:
    if one.name == "contains":
        yield f"    contains     '{one.expected}' is not in it: {_quoted(one.actual)}"
    elif one.name == "not_contains":
        yield f"    not_contains '{one.expected}' is in it: {_quoted(one.actual)}"
    else:
        yield f"    {one.name:<12} expected {_value(one.expected, zone)}"
        yield f"    {'':<12} came     {_value(one.actual, zone)}"


def _other_reason_line(other: OtherReason) -> str:
    why_not = other.why_not
    if other.sent:
        return f"{_at(why_not.place)}: {why_not.rule} was not to send ({why_not.reason}), and did"
    found = f"its reason was {' and '.join(other.reasons)}" if other.reasons else "nothing set it off"
    return f"{_at(why_not.place)}: {why_not.rule} did not send, but not for {why_not.reason}: {found}"


def _at(place: Problem) -> str:
    return f"{place.file}:{place.line}:{place.column}"


def _sentence(actual: Actual, zone: ZoneInfo) -> str:
    match, row = actual.match, actual.row
    head = f"{when(row.at, zone)}  {match.rule}, {match.subject_key}:"
    if row.outcome == "send":
        subject = f" “{actual.subject or _quoted(actual.text.strip())}”"
        return f"{head} {row.template} to {match.recipient} by {row.channel} in '{row.language}'{subject}"
    until = f" until {when(row.until, zone)}" if row.until else ""
    outcome = f"held{until}" if row.outcome == "hold" else "dropped"
    return f"{head} {row.template} was {outcome} - {row.reason}{f': {row.detail}' if row.detail else ''}"


def _value(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return f"{when(value, zone)} ({rfc3339(value)})"
    return "nothing" if value is None else str(value)


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


# --- the story ------------------------------------------------------------------------------------------------------


def trace_lines(trial: Trial, verdict: Verdict) -> Iterator[str]:
    """How the rules in question came to what they did: events, times and decisions, and each clause with what it saw."""
    book, rules = trial.suite.project.book, verdict.rules
    kinds = dict.fromkeys(book.by_id[name].about for name in rules)
    for kind in kinds:
        for explanation in trial.explanations(kind):
            yield f"{explanation.key}, on the clock of {explanation.zone}:"
            yield from (f"    {line}" for line in _story(explanation, rules))
    for name in rules:
        yield f"{name} ({trigger_words(book.by_id[name].trigger)}):"
        asked = (
            line for one in trial.asked if one.rule == name for line in _clause_lines(one, trial.suite.project.zone)
        )
        # A message is decided about more than once, and mostly finds the same.
        yield from (f"    {line}" for line in dict.fromkeys(asked))
        for explanation in trial.explanations(book.by_id[name].about):
            yield from (f"    {line}" for line in _outlook(explanation, name))


def _story(explanation: Explanation, rules: tuple[str, ...]) -> Iterator[str]:
    for entry in explanation.entries:
        if entry.told and entry.kind not in ("attempt", "answer") and entry.record.get("rule", rules[0]) in rules:
            inset = "" if entry.kind in ("event", "armed") else "  "
            yield f"{when(entry.at, explanation.zone)}  {inset}{entry.text}"


def _clause_lines(asked: Asked, zone: ZoneInfo) -> Iterator[str]:
    for one in asked.findings:
        yield f"{when(asked.at, zone)}  {asked.where} {one.clause} - {_TRUTHS[one.truth]}: {one.seen}"


def _outlook(explanation: Explanation, rule: str) -> Iterator[str]:
    for one in explanation.standings:
        if one.rule.id == rule:
            yield f"in the end: {one.outlook}"


# --- for scripts ----------------------------------------------------------------------------------------------------


def record(trial: Trial, verdict: Verdict) -> dict[str, Any]:
    """A test as `--json` prints it."""
    place = trial.case.place
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "name": trial.case.name,
        "ok": verdict.passed,
        "failures": list(failure_lines(trial, verdict)),
        "trace": [] if verdict.passed else list(trace_lines(trial, verdict)),
        "decisions": [decision_record(one.match, one.row) for one in trial.decisions],
    }
