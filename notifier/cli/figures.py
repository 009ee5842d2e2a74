"""What a backtest found, in lines for people."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from notifier.cli.terminal import columns, plural, shown, styled, width

if TYPE_CHECKING:
    from notifier.backtest import Backtest, Delays, Summary
    from notifier.project import Project

__all__ = ["figures", "lead_words", "soon_words"]

_WAYS = {"email": "e-mail", "sms": "SMS"}
_MOST_NAMED = 10
_MOST_EXAMPLES = 3
#: Hours beyond which a lead time is told in days.
_DAYS_FROM = 48


def figures(result: Backtest, project: Project) -> Iterator[str]:
    """How much was taken in; each rule with what it sent; to whom and how; and how good the news of delays was."""
    summary, zone = result.summary, project.zone
    counted = [plural(summary.events, "event")]
    counted += [
        f"{count:,} {word}"
        for count, word in ((summary.duplicates, "duplicate"), (summary.rejected, "rejected"))
        if count
    ]
    yield ", ".join(counted)
    if summary.start and summary.end:
        yield f"from {shown(summary.start, zone)} to {shown(summary.end, zone)} ({zone})"
    if summary.came_at_once and summary.earliest and summary.latest:
        yield from _flowed(
            f"What they tell of happened between {shown(summary.earliest, zone)} and {shown(summary.latest, zone)}, and they "
            "arrived together: nothing could be told in time. Replay the file from which they came, with --events."
        )
    yield ""
    yield from _table(summary)
    awake = [rule.id for rule in project.book.rules if rule.state != "draft"]
    if summary.by_rule and (quiet := [rule for rule in awake if rule not in summary.by_rule]):
        yield from _flowed(f"Never went off: {', '.join(quiet)}.")
    if braked := {rule: counts["hold: brake"] for rule, counts in summary.by_rule.items() if counts["hold: brake"]}:
        named = ", ".join(f"{rule} ({plural(count, 'message')})" for rule, count in braked.items())
        what = "Where so much is right, give the rule a 'brake' of its own."
        yield from _flowed(f"Braked, and here nobody approves: {named}. {what}")
    yield ""
    yield f"{plural(summary.customers, 'customer')} written to. {plural(summary.armed, 'subject')} with times still to come."
    yield from _sent(summary)
    if summary.by_rule:
        yield from _delays(result.delays)
    if summary.ignored:
        named = ", ".join(f"{name} ({count:,})" for name, count in list(summary.ignored.items())[:_MOST_NAMED])
        yield f"Nothing here knows these (declare them, or mend the name): {named}"


def _table(summary: Summary) -> Iterator[str]:
    """Each rule with its counts, and under it why it held or dropped."""
    rules = sorted(summary.by_rule.items())
    counted = [[rule, *(f"{_sum(counts, what):,}" for what in ("send", "hold", "drop"))] for rule, counts in rules]
    if not rules:
        yield "No rule went off."
        return
    head, *lines = columns([["rule", "sent", "held", "dropped"], *counted], numbers=(1, 2, 3))
    yield styled(head, bold=True)
    for line, (_, counts) in zip(lines, rules, strict=True):
        yield line
        yield from _reasons(counts)


def _sum(counts: Mapping[str, int], outcome: str) -> int:
    return sum(count for what, count in counts.items() if what.partition(":")[0] == outcome)


def _reasons(counts: Counter[str]) -> Iterator[str]:
    from notifier.core.decide import REASONS

    for what, count in counts.most_common():
        outcome, _, reason = what.partition(": ")
        if reason:
            yield f"  {count:>6,} {'held' if outcome == 'hold' else 'dropped'}: {reason} - {REASONS[reason]}"


def _sent(summary: Summary) -> Iterator[str]:
    """What was sent by kind, way, language and hour, and what became of what was held."""
    kinds = summary.kinds
    if not kinds:
        return
    parts = [plural(kinds["messages"], "message")]
    parts += [plural(kinds["surveys"], "survey")] if kinds["surveys"] else []
    parts += [f"{kinds['staff']:,} to staff"] if kinds["staff"] else []
    by = summary.sent_by
    ways = _counts((_WAYS.get(name, name), counts.total()) for name, counts in by["channel"].items())
    languages = _counts((name, counts.total()) for name, counts in by["language"].items())
    hour, most = max(sorted(by["hour"].items()), key=lambda one: one[1].total())
    yield from _flowed(
        f"{', '.join(parts)}: {ways}; {languages}. Most go out between {hour}:00 and {hour}:59: {most.total():,}."
    )
    if held := summary.held_because.total():
        after = summary.after_hold
        waits = f", {summary.waiting:,} still {'waits' if summary.waiting == 1 else 'wait'}" if summary.waiting else ""
        yield (
            f"Of {plural(held, 'message')} that {'was' if held == 1 else 'were'} held, "
            f"{after['sent']:,} {'was' if after['sent'] == 1 else 'were'} sent later, {after['dropped']:,} dropped{waits}."
        )


def _counts(found: Iterable[tuple[str, int]]) -> str:
    most = sorted(found, key=lambda one: -one[1])
    more = f", {len(most) - _MOST_NAMED} more" if len(most) > _MOST_NAMED else ""
    return ", ".join(f"{name} {count:,}" for name, count in most[:_MOST_NAMED]) + more


def _delays(delays: Delays) -> Iterator[str]:
    """False alarms, misses and lead times."""
    yield ""
    yield styled("News of delays", bold=True)
    if not delays.rules:
        yield from _flowed(
            "No rule here tells of a delay. One does whose text has 'topic: delay' in its message.yaml, or that has this "
            "topic itself."
        )
        return
    if not delays.orders:
        yield "Of no order is it known whether it was late: that takes a promised day, and that it came or the day is over."
        return
    yield f"{plural(delays.orders, 'order')} with a promise that was kept or not; {delays.late:,} came late, or not at all."
    yield from _alarms(delays)
    misses = delays.misses.total()
    why = f": {_because(delays.misses)}" if misses else ""
    yield from _flowed(
        f"{misses:,} {_miss(misses)}, {_share(misses, delays.late)} of the late orders{why}{_such_as(delays, 'miss')}."
    )
    if len(delays.leads):
        early, median, late = (lead_words(delays.leads.quantile(part) or 0.0) for part in (0.9, 0.5, 0.1))
        yield from _flowed(
            f"Lead time: the customer knew {median} the promise broke (median; one in ten {early} it or sooner, one in ten "
            f"{late} it or later)."
        )


def _alarms(delays: Delays) -> Iterator[str]:
    total, soon = delays.total, soon_words(delays)
    if not total.told:
        yield from _flowed(f"Nobody was told of a delay. The rules that would: {', '.join(delays.rules)}.")
        return
    head = ["rule", "told", "right", "false alarm", "in time", "soon", "not known"]
    rows = [
        [rule, *(f"{n:,}" for n in (one.told, one.right, one.false_alarms, one.in_time, one.soon, one.open))]
        for rule, one in delays.rules.items()
        if one.told
    ]
    first, *lines = columns([head, *rows], numbers=range(1, len(head)))
    yield ""
    yield styled(first, bold=True)
    yield from lines
    yield ""
    yield from _flowed(
        f"{plural(total.false_alarms, 'false alarm')}, {_share(total.false_alarms, total.told)} of {total.told:,} messages: "
        f"{total.in_time:,} about what came in time, {total.soon:,} about what came within {soon} of the message"
        f"{_such_as(delays, 'in_time', 'soon')}."
    )


def _such_as(delays: Delays, *kinds: str) -> str:
    """`; for example order:1021, order:1022`: what to look up with `explain`."""
    orders = dict.fromkeys(one.order for kind in kinds for one in delays.examples[kind])
    return f"; for example {', '.join(list(orders)[:_MOST_EXAMPLES])}" if orders else ""


def soon_words(delays: Delays) -> str:
    """How soon is soon: `12 hours`."""
    hours = delays.soon.total_seconds() / 3600
    return f"{hours:g} {'hour' if hours == 1 else 'hours'}"


def lead_words(hours: float) -> str:
    """`15 hours before`, `3.2 days after`."""
    length = abs(hours)
    said = f"{length / 24:.1f} days" if length >= _DAYS_FROM else f"{length:.0f} hours"
    return f"{said} {'before' if hours >= 0 else 'after'}"


def _miss(count: int) -> str:
    return "miss" if count == 1 else "misses"


def _because(misses: Counter[str]) -> str:
    return ", ".join(
        f"{count:,} {what.replace('drop: ', 'dropped: ').replace('hold: ', 'held: ')}"
        for what, count in misses.most_common()
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def _flowed(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, width(), break_long_words=False, break_on_hyphens=False)
