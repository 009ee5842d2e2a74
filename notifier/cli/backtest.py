"""`notifier backtest`."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.figures import figures
from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.terminal import columns, complain, emit, meter, plural, say, shown, styled

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from notifier.backtest import Backtest, Stretch
    from notifier.comparison import Comparison, Difference, Kind
    from notifier.project import Project

_MOST_TOLD = 20
#: Of each kind of difference.
_EXAMPLES = 3


def backtest(  # noqa: PLR0917 - each is an option
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CloudEvents: NDJSON, a JSON array or one JSON object; - is standard input. Without it, what the project's "
            "own database keeps.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Where the clock stops; the last event where it is not given."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Where counting begins: what came before is taken in, and what came of it is not told."
        ),
    ] = None,
    soon: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            help="News of a delay is a false alarm where it comes so soon after, as where it is in time.",
        ),
    ] = "12h",
    against: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Another copy of the project, or of its rules: what do these rules change?"),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all of it to one HTML file as well, with plots; it opens offline."),
    ] = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Replay a history: what would have been sent, what not, and why.

    Nothing is sent and nothing is kept. Exits with 1 where an event was refused.

    Examples:
      notifier backtest --events history.ndjson
      notifier backtest --events history.ndjson --until 2026-03-31 --json
      notifier backtest --since 2026-03-01 --soon 24h
      notifier backtest --events history.ndjson --against ../shop-as-it-is --report march.html
    """
    from notifier.project import load

    project = load(root, sends=False)
    other = _other(project, against) if against else None
    if report is not None:
        _require_room(report)
    stretch = _stretch(since, until, soon, project.zone)
    with _from_file(events, stretch) if events else _from_store(project, stretch) as replayed:
        result = replayed(project, "Replaying")
        before = replayed(other, f"Replaying by {against}") if other else None
    _tell_rejects(result, _name(events))
    _tell_result(result, project, as_json=as_json)
    comparison = _compared(before, result, str(against)) if before is not None else None
    if comparison is not None:
        _tell_differences(comparison, project.zone, as_json=as_json)
    if report is not None:
        _write(report, result, project, comparison)
        if not as_json:
            say("")
            say(f"The report is in {report}.")
    if result.rejects:
        raise typer.Exit(1)


def _tell_result(result: Backtest, project: Project, *, as_json: bool) -> None:
    if as_json:
        for decision in result.lines():
            say(decision.decode().rstrip("\n"))
        emit({"summary": result.record()})
    else:
        for line in figures(result, project):
            say(line)


def _stretch(since: str | None, until: str | None, soon: str, zone: ZoneInfo) -> Stretch:
    """What the options say; raises UsageError."""
    from notifier.backtest import Stretch
    from notifier.cli.opening import beginning, instant
    from notifier.core.duration import Duration
    from notifier.errors import UsageError

    try:
        shortly = Duration.parse(soon).longest
    except ValueError as error:
        raise UsageError(f"--soon: {error}") from None
    begin = beginning(since, zone) if since else None
    end = instant(until, zone) if until else None
    if begin and end and begin >= end:
        raise UsageError(f"--since {since} is not before --until {until}: nothing lies between them")
    return Stretch(begin, end, shortly)


def _other(project: Project, directory: Path) -> Project:
    """The project to compare with; where there are only rules, this one under those."""
    from notifier import rulebook
    from notifier.errors import UsageError
    from notifier.project import load

    if (directory / "config").is_dir():
        # Both must know the same customers by the same name.
        return replace(load(directory, sends=False), secret=project.secret)
    if not (directory / "rules").is_dir():
        raise UsageError(
            f"{directory}: there is no project here, and no rules/ either; name the directory above rules/"
        )
    teams = tuple(project.config.teams)
    return replace(project, book=rulebook.load(directory, project.catalogue, project.texts.templates, teams))


def _compared(before: Backtest, after: Backtest, name: str) -> Comparison:
    from notifier.comparison import Comparison, compare

    return Comparison(name, before, after, *compare(before.decisions(), after.decisions()))


def _require_room(report: Path) -> None:
    """Said before the history is replayed, which may take minutes. Raises UsageError."""
    from notifier.errors import UsageError

    if report.is_dir():
        raise UsageError(f"--report {report}: this is a directory; name a file in it, like {report / 'report.html'}")
    if not report.parent.is_dir():
        raise UsageError(f"--report {report}: there is no directory {report.parent}")


def _write(report: Path, result: Backtest, project: Project, comparison: Comparison | None) -> None:
    from notifier.backtest.report import html
    from notifier.errors import Unreachable

    try:
        report.write_text(html(result, project, comparison), encoding="utf-8")
    except OSError as error:
        raise Unreachable(f"{report}: cannot be written: {error.strerror}") from error


def _tell_differences(comparison: Comparison, zone: tzinfo, *, as_json: bool) -> None:
    from notifier.comparison import counted

    differences, same, name = comparison.differences, comparison.same, comparison.name
    rules = counted(differences)
    if as_json:
        for one in differences:
            emit(one.record())
        counted_by_rule = {rule: dict(counts) for rule, counts in rules.items()}
        emit({"comparison": {"same": same, "rules": counted_by_rule, "before": comparison.before.record()}})
        return
    say("")
    kinds: Mapping[Kind, str] = {"added": "more", "removed": "fewer", "changed": "otherwise"}
    total = Counter(one.kind for one in differences)
    said = ", ".join(f"{total[kind]:,} {word}" for kind, word in kinds.items())
    say(f"Against {name}: {plural(same, 'message')} the same, {said}.")
    if not differences:
        return
    was, is_ = comparison.before.delays, comparison.after.delays
    if was.rules and is_.rules:
        say(
            f"False alarms: {was.total.false_alarms:,} before, {is_.total.false_alarms:,} with these rules. "
            f"Misses: {was.misses.total():,} before, {is_.misses.total():,}."
        )
    rows = [[rule, *(f"{counts[kind]:,}" for kind in kinds)] for rule, counts in rules.items()]
    head, *lines = columns([["rule", *kinds.values()], *rows], numbers=(1, 2, 3))
    say("")
    say(styled(head, bold=True))
    for line in lines:
        say(line)
    for kind, word in kinds.items():
        examples = [one for one in differences if one.kind == kind][:_EXAMPLES]
        if examples:
            say("")
            say(styled(f"{word}, for example:", bold=True))
        for one in examples:
            say(f"  {_example(one, zone)}")


def _example(one: Difference, zone: tzinfo) -> str:
    """`order:1021  Sun 2026-11-15 09:00  late: delivery_late to customer:c-21 by email in 'pl'`"""
    now, then = one.message, one.before or one.message
    told = f"{now['rule']}: {now['template']} to {now['to']} by {now['channel']} in '{now['locale']}'"
    if one.kind != "changed":
        return f"{now['subject']}  {shown(one.at, zone)}  {told}"
    was = [shown(datetime.fromisoformat(then["at"]), zone)] if then["at"] != now["at"] else []
    was += [f"by {then['channel']}"] if then["channel"] != now["channel"] else []
    was += [f"in '{then['locale']}'"] if then["locale"] != now["locale"] else []
    return f"{now['subject']}  {shown(one.at, zone)}  {told} (before: {', '.join(was)})"


#: By which rules, and what is said meanwhile.
_Replay = Callable[["Project", str], "Backtest"]


@contextmanager
def _from_file(events: Path, stretch: Stretch) -> Iterator[_Replay]:
    from notifier.backtest import run

    with _as_file(events) as path:

        def replay(project: Project, words: str) -> Backtest:
            with meter(words, _size(path)) as advance:
                return run(project, path, stretch, advance)

        yield replay


@contextmanager
def _from_store(project: Project, stretch: Stretch) -> Iterator[_Replay]:
    """Raises UsageError where there is no database yet."""
    from notifier.backtest import run_kept
    from notifier.errors import UsageError
    from notifier.store.sql import find_store

    store = find_store(project.config.database, project.root)
    if store is None:
        raise UsageError("there is no database yet whose events could be replayed; name a file with --events FILE")

    def replay(by: Project, words: str) -> Backtest:
        with store.read() as unit:
            total = unit.counts()["events"]
        with meter(words, total) as advance:
            return run_kept(by, store, stretch, advance)

    try:
        yield replay
    finally:
        store.close()


def _name(events: Path | None) -> str:
    return "the database" if events is None else "standard input" if str(events) == "-" else str(events)


@contextmanager
def _as_file(path: Path) -> Iterator[Path]:
    """What flows is written down first: a history may have to be read twice."""
    if str(path) != "-":
        yield path
        return
    from notifier.event_file import opened

    with opened(path) as flowing, tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
        shutil.copyfileobj(flowing, file)
        file.flush()
        yield Path(file.name)


def _size(path: Path) -> int | None:
    """Bytes to go through; None where they are no measure: a whole document is read at once."""
    from notifier.event_file import head, is_document

    try:
        with path.open("rb") as file:
            return None if is_document(head(file)) else path.stat().st_size
    except OSError:
        return None


def _tell_rejects(result: Backtest, name: str) -> None:
    for one in result.rejects[:_MOST_TOLD]:
        complain(f"{one.place.of(name)}: {one.reason}")
    if len(result.rejects) > _MOST_TOLD:
        complain(f"{name}: {plural(len(result.rejects) - _MOST_TOLD, 'more event was', 'more events were')} refused")
