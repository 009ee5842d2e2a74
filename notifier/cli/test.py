"""`notifier test`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.terminal import complain, emit, plural, say, styled

if TYPE_CHECKING:
    from notifier.ruletest import Suite, Trial, Verdict

    Result = tuple[Trial, Verdict]


def test(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Files of tests, or folders; all under rules/ where none is named."),
    ] = None,
    only: Annotated[str, typer.Option("-k", metavar="TEXT", help="Only tests with this in their name.")] = "",
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Run the tests of the rules.

    Each has a clock and a store of its own, and nothing is sent. Exits with 1 where one fails, or none is found.

    Examples:
      notifier test
      notifier test rules/tests/delivery.yaml -k overdue
    """
    if not _run(root, paths or [], only, as_json):
        raise typer.Exit(1)


def _run(root: Path, paths: Sequence[Path], only: str, as_json: bool) -> bool:
    from notifier import ruletest
    from notifier.project import load

    project = load(root, sends=False)
    suites = ruletest.load(project, _files(root, paths))
    results = _results(suites, only)
    failed = total = 0
    for suite, group in results:
        told = list(group)
        total += len(told)
        failed += sum(not verdict.passed for _, verdict in told)
        if as_json:
            for trial, verdict in told:
                emit(ruletest.record(trial, verdict))
        else:
            _tell(suite, told)
    if as_json:
        emit({"summary": {"ok": bool(total and not failed), "tests": total, "failed": failed}})
    else:
        _conclude(total, failed, only)
    return bool(total and not failed)


def _files(root: Path, paths: Sequence[Path]) -> list[Path]:
    """The files that are meant; raises UsageError where one is not there."""
    from notifier.errors import UsageError
    from notifier.rulebook import test_files

    if not paths:
        return test_files(root)
    found: dict[Path, None] = {}
    for path in (Path(one).absolute() for one in paths):
        if path.is_dir():
            found |= dict.fromkeys(one for one in test_files(root) if path in one.parents)
        elif path.is_file():
            found[path] = None
        else:
            raise UsageError(f"{path} is not there; name a file of tests, or a folder")
    return list(found)


def _results(suites: Sequence[Suite], only: str) -> Iterator[tuple[Suite, Iterator[Result]]]:
    from notifier.ruletest import Stand, judge

    for suite in suites:
        chosen = [case for case in suite.cases if only.casefold() in case.name.casefold()]
        if chosen:
            stand = Stand(suite)
            trials = map(stand.run, chosen)
            yield suite, ((trial, judge(trial)) for trial in trials)


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


def _conclude(total: int, failed: int, only: str) -> None:
    if not total:
        which = f" with '{only}' in its name" if only else ""
        complain(f"no test{which} was found; tests are files in rules/tests/")
    elif failed:
        say(f"{styled('FAILED', fg='red', bold=True)}: {failed:,} of {plural(total, 'test')}")
    else:
        say(f"{styled('OK', fg='green', bold=True)}: {plural(total, 'test')}")
