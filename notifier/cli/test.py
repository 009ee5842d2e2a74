"""`notifier test`."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.terminal import complain, emit, plural, say, styled

if TYPE_CHECKING:
    from notifier.ruletest import Coverage, Item, Suite, Trial, Verdict

    Result = tuple[Trial, Verdict]

#: Seconds between looks at the files.
_PAUSE = 0.3


@dataclass(frozen=True)
class _Wish:
    """What was asked for on the command line."""

    root: Path
    paths: tuple[Path, ...]
    only: str
    coverage: bool
    junit: Path | None
    as_json: bool


def test(
    *,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Files of tests, or folders; all under rules/ where none is named."),
    ] = None,
    only: Annotated[str, typer.Option("-k", metavar="TEXT", help="Only tests with this in their name.")] = "",
    coverage: Annotated[bool, typer.Option("--coverage", help="Say what of the rules no test has tried.")] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the results there as JUnit XML.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Run them again whenever a file has changed.")] = False,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Run the tests of the rules.

    Each has a clock and a store of its own, and nothing is sent. Exits with 1 where one fails, or none is found, or with --coverage where something was not tried.

    Examples:
      notifier test
      notifier test rules/tests/delivery.yaml -k overdue
      notifier test --coverage --junit results.xml
    """
    wish = _Wish(root, tuple(paths or ()), only, coverage, junit, as_json)
    if watch:
        _watch(wish)
    elif not _run(wish):
        raise typer.Exit(1)


def _watch(wish: _Wish) -> None:
    """Again and again, until it is interrupted; a fault ends nothing, it is being mended."""
    from notifier.errors import NotifierError
    from notifier.footprint import footprint

    while True:
        seen = footprint(wish.root)
        try:
            _run(wish)
        except NotifierError as error:
            complain(str(error))
        sys.stdout.flush()
        complain("Waiting for a change; Ctrl-C ends it.")
        while footprint(wish.root) == seen:
            time.sleep(_PAUSE)


def _run(wish: _Wish) -> bool:
    from notifier import ruletest
    from notifier.project import load

    project = load(wish.root, sends=False)
    suites = ruletest.load(project, _files(wish))
    # What has been read stays: to look through it for garbage, again and again, would take a third of the time.
    gc.freeze()
    covered = ruletest.Coverage()
    tests = failed = 0
    results: list[Result] = []
    for suite, told in _results(suites, wish.only, covered):
        tests += len(told)
        failed += sum(not verdict.passed for _, verdict in told)
        results += told if wish.junit else ()
        if wish.as_json:
            for trial, verdict in told:
                emit(ruletest.record(trial, verdict))
        else:
            _tell(suite, told)
    if wish.junit:
        _write(wish.junit, ruletest.junit(results))
    books = [suite.project.book for suite in suites] if wish.paths else [project.book]
    rules = list({rule.id: rule for book in books for rule in book.rules}.values())
    gaps = covered.gaps(rules) if wish.coverage else []
    summary = {
        "ok": bool(tests and not failed and not gaps),
        "tests": tests,
        "failed": failed,
        "clauses": len(covered.items(rules)) if wish.coverage else None,
        "untried": len(gaps) if wish.coverage else None,
    }
    _conclude(wish, summary, gaps)
    return bool(summary["ok"])


def _files(wish: _Wish) -> list[Path]:
    """The files that are meant; raises UsageError where one is not there."""
    from notifier.errors import UsageError
    from notifier.rulebook import test_files

    if not wish.paths:
        return test_files(wish.root)
    found: dict[Path, None] = {}
    for path in (Path(one).absolute() for one in wish.paths):
        if path.is_dir():
            found |= dict.fromkeys(one for one in test_files(wish.root) if path in one.parents)
        elif path.is_file():
            found[path] = None
        else:
            raise UsageError(f"{path} is not there; name a file of tests, or a folder")
    return list(found)


def _results(suites: Sequence[Suite], only: str, covered: Coverage) -> Iterator[tuple[Suite, list[Result]]]:
    """File by file, those that have any."""
    from notifier.ruletest import Stand, judge

    for suite in suites:
        chosen = [case for case in suite.cases if only.casefold() in case.name.casefold()]
        if not chosen:
            continue
        stand = Stand(suite)
        told = []
        for case in chosen:
            trial = stand.run(case)
            covered.note(trial)
            told.append((trial, judge(trial)))
        yield suite, told


def _write(path: Path, content: bytes) -> None:
    from notifier.errors import UsageError

    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error


def _tell(suite: Suite, told: Sequence[Result]) -> None:
    passed = sum(verdict.passed for _, verdict in told)
    counts = [f"{passed} passed"] if passed else []
    counts += [f"{len(told) - passed} failed"] if passed < len(told) else []
    say(f"{suite.file}  {', '.join(counts)}")
    for trial, verdict in told:
        if not verdict.passed:
            _tell_failure(trial, verdict)


def _tell_failure(trial: Trial, verdict: Verdict) -> None:
    from notifier.ruletest import failure_lines, trace_lines

    place = trial.case.place
    say()
    say(styled(f"{place.file}:{place.line}:{place.column}: {trial.case.name}", fg="red", bold=True))
    for line in failure_lines(trial, verdict):
        say(f"  {line}")
    for line in trace_lines(trial, verdict):
        say(styled(f"  {line}", dim=True))
    say()


def _conclude(wish: _Wish, summary: dict[str, Any], gaps: Sequence[Item]) -> None:
    tests, failed, untried, clauses = (summary[name] for name in ("tests", "failed", "untried", "clauses"))
    if not tests:
        which = f" with '{wish.only}' in its name" if wish.only else ""
        complain(f"no test{which} was found; tests are files in rules/tests/")
    if wish.as_json:
        for gap in gaps:
            emit({"untried": {"place": gap.place, "rule": gap.rule, "what": gap.what, "never": gap.shown}})
        emit({"summary": summary})
        return
    if wish.coverage:
        for gap in gaps:
            say(str(gap))
        say(f"Tried: {clauses - untried:,} of {plural(clauses, 'thing')} that the rules can do.")
    if failed:
        say(f"{styled('FAILED', fg='red', bold=True)}: {failed:,} of {plural(tests, 'test')}")
    elif tests:
        but = ", but not all was tried" if gaps else ""
        say(f"{styled('OK', fg='yellow' if gaps else 'green', bold=True)}: {plural(tests, 'test')}{but}")
