"""The figures of a backtest as one HTML file that needs nothing beside it: no network, no script, no other file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from notifier.backtest import KINDS, Backtest, Summary
from notifier.backtest.plot import columns
from notifier.comparison import Comparison, Difference
from notifier.core.decide import REASONS
from notifier.project import Project

__all__ = ["html"]

#: Of what a rule sends, and of each kind of difference.
_EXAMPLES = 3
#: Days, and then weeks, that are still told apart in a plot; beyond them it has months.
_MOST_COLUMNS = 40
#: Hours beyond which a lead time is told in days.
_DAYS_FROM = 48
_KIND_NAMES = ("messages", "surveys", "to staff")


def html(result: Backtest, project: Project, comparison: Comparison | None = None) -> str:
    """The page, in UTF-8. Times are on the shop's clock."""
    environment = Environment(
        loader=PackageLoader("notifier.backtest", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"n": _number, "when": _when(project), "percent": _percent, "hours": hours_words}
    summary, delays = result.summary, result.delays
    return environment.get_template("report.html.j2").render(
        style=Markup(files("notifier.backtest").joinpath("pages", "report.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        shop=project.config.shop.name,
        zone=str(project.zone),
        summary=summary,
        delays=delays,
        kind_names=dict(zip(KINDS, _KIND_NAMES, strict=True)),
        series={kind: place for place, kind in enumerate(KINDS)},
        soon=delays.soon.total_seconds() / 3600,
        time_plot=_over_time(summary),
        hour_plot=_by_hour(summary),
        lead_plot=_leads(result),
        rules=_rules(result, project),
        quiet=[rule.id for rule in project.book.rules if rule.state != "draft" and rule.id not in summary.by_rule],
        ways=[(side, _most(summary.sent_by[side])) for side in ("channel", "language")],
        reasons=REASONS,
        comparison=comparison,
        changed=_changed(comparison) if comparison else None,
    )


def _number(value: float) -> str:
    return f"{value:,}"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def hours_words(hours: float | None) -> str:
    """`30 h before`, `3.2 days after`."""
    if hours is None:
        return "–"
    length = abs(hours)
    said = f"{length / 24:.1f} days" if length >= _DAYS_FROM else f"{length:.0f} h"
    return f"{said} {'before' if hours >= 0 else 'after'}"


def _when(project: Project) -> Any:
    def when(moment: datetime | str | None) -> str:
        if moment is None:
            return "–"
        at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return f"{at.astimezone(project.zone):%a %Y-%m-%d %H:%M}"

    return when


def _plot(title: str, found: Mapping[str, Mapping[str, int]]) -> Markup:
    """Messages, surveys and what went to staff, by name."""
    names = list(found)
    return columns(
        title,
        names,
        {said: [found[name].get(kind, 0) for name in names] for kind, said in zip(KINDS, _KIND_NAMES, strict=True)},
    )


def _over_time(summary: Summary) -> tuple[str, Markup]:
    """By day where they are few, else by week or by month; days without anything are there too."""
    found = {date.fromisoformat(day): counts for day, counts in summary.sent_by["day"].items()}
    if not found:
        return "day", Markup()
    first, last = min(found), max(found)
    days = [first + timedelta(days=more) for more in range((last - first).days + 1)]
    if len(days) <= _MOST_COLUMNS:
        unit, name = "day", "%d %b"
    elif len(days) <= _MOST_COLUMNS * 7:
        unit, name = "week", "%d %b"
        days = [day - timedelta(days=day.weekday()) for day in days]
    else:
        unit, name = "month", "%b %y"
        days = [day.replace(day=1) for day in days]
    stretches: dict[date, Counter[str]] = {day: Counter() for day in days}
    for day, counts in found.items():
        start = {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[unit]
        stretches[start].update(counts)
    return unit, _plot(f"What was sent, by {unit}", {f"{day:{name}}": counts for day, counts in stretches.items()})


def _by_hour(summary: Summary) -> Markup:
    hours = summary.sent_by["hour"]
    return _plot("What was sent, by hour of the day", {f"{hour:02}": hours.get(f"{hour:02}", {}) for hour in range(24)})


def _leads(result: Backtest) -> Markup:
    classes = result.delays.leads.classes()
    filled = [place for place, one in enumerate(classes) if one[2]]
    if not filled:
        return Markup()
    part = classes[max(filled[0] - 1, 0) : filled[-1] + 2]
    return columns(
        "Late orders, by how long before the promise broke their customers knew",
        [_class_words(low, high) for low, high, _ in part],
        {
            "orders, told before": [count if low is not None and low >= 0 else 0 for low, _, count in part],
            "orders, told after": [0 if low is not None and low >= 0 else count for low, _, count in part],
        },
    )


def _class_words(low: int | None, high: int | None) -> str:
    """`6–12 h`, `2–3 d`, `> 7 d`; after the promise broke with a minus."""
    edges = [one for one in (low, high) if one is not None]
    days = all(one % 24 == 0 for one in edges) and max(map(abs, edges)) > 24
    unit = "d" if days else "h"
    said = [f"{one // 24 if days else one}".replace("-", "−") for one in edges]
    if low is None or high is None:
        return f"{'<' if low is None else '>'} {said[0]} {unit}"
    return f"{said[0]}…{said[1]} {unit}"


@dataclass(frozen=True, slots=True)
class _Row:
    """One rule in the table."""

    rule: str
    about: str
    sent: int
    held: int
    dropped: int
    #: (`held` or `dropped`, reason, how many decisions)
    reasons: Sequence[tuple[str, str, int]]
    examples: Sequence[Mapping[str, Any]]


def _rules(result: Backtest, project: Project) -> list[_Row]:
    examples: dict[str, list[Mapping[str, Any]]] = {rule: [] for rule in result.summary.by_rule}
    wanting = set(examples)
    for one in result.decisions() if wanting else ():
        if one["outcome"] == "send" and one["rule"] in wanting:
            examples[one["rule"]].append(one)
            if len(examples[one["rule"]]) == _EXAMPLES:
                wanting.discard(one["rule"])
                if not wanting:
                    break
    return [_row(rule, counts, project, examples[rule]) for rule, counts in sorted(result.summary.by_rule.items())]


def _row(rule: str, counts: Counter[str], project: Project, examples: Sequence[Mapping[str, Any]]) -> _Row:
    words = {"hold": "held", "drop": "dropped"}
    reasons = [
        (words[what.partition(": ")[0]], what.partition(": ")[2], count)
        for what, count in counts.most_common()
        if ": " in what
    ]
    held, dropped = (sum(count for word, _, count in reasons if word == kind) for kind in words.values())
    return _Row(rule, project.book.by_id[rule].description, counts["send"], held, dropped, reasons, examples)


def _most(found: Mapping[str, Counter[str]]) -> list[tuple[str, Counter[str]]]:
    return sorted(found.items(), key=lambda one: -one[1].total())


def _changed(comparison: Comparison) -> list[tuple[str, str, list[Difference]]]:
    """(kind, how it is said, examples)."""
    kinds: Iterable[tuple[str, str]] = (("added", "more"), ("removed", "fewer"), ("changed", "otherwise"))
    return [
        (kind, said, [one for one in comparison.differences if one.kind == kind][:_EXAMPLES]) for kind, said in kinds
    ]
