"""`notifier check`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.terminal import complain, emit, flowed, plural, say, styled

if TYPE_CHECKING:
    from notifier.changeover import Change, Changeover
    from notifier.config import Config
    from notifier.core.rule import Rule
    from notifier.document import Document
    from notifier.errors import Problem
    from notifier.explain.example import Example
    from notifier.project import Project


def check(
    root: Root = HERE,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say each rule as a sentence, with three example dates.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find everything that is wrong with a project, all of it at once.

    Exits with 1 where something is wrong; warnings alone are not.

    Examples:
      notifier check
      notifier check --explain
    """
    found = examine(root)
    changed = _change_over(found.project) if found.project and not found.faults else None
    if as_json:
        for problem in found.problems:
            emit(_record(problem))
        if explain and found.project:
            _explain(found.project, as_json=True)
        if changed:
            for one in changed.changes:
                emit({"changed": one.rule, **_counts(one), "complete": changed.complete})
        emit({"summary": found.summary()})
    else:
        for problem in found.problems:
            complain(_coloured(_from_here(problem, root)))
        if explain and found.project:
            _explain(found.project, as_json=False)
        if changed:
            _tell_changes(changed)
        _conclude(found)
    if found.faults:
        raise typer.Exit(1)


@dataclass(frozen=True)
class Examination:
    """What was found; `project` is None where it cannot be used."""

    problems: tuple[Problem, ...]
    project: Project | None

    @property
    def faults(self) -> int:
        return sum(not one.warning for one in self.problems)

    def summary(self) -> dict[str, Any]:
        counts: dict[str, Any] = {"rules": None, "texts": None, "languages": None}
        if self.project is not None:
            templates = self.project.texts.templates.values()
            spoken = sorted({code for one in templates for code in one.languages})
            counts = {"rules": len(self.project.book.rules), "texts": len(templates), "languages": spoken}
        return {
            "ok": not self.faults, "faults": self.faults, "warnings": len(self.problems) - self.faults, **counts,
        }  # fmt: skip


def examine(root: Path) -> Examination:
    """Read the whole project, build every provider that it names, and gather what is wrong."""
    from notifier.cli.doubts import doubts
    from notifier.config import FILE, is_configured
    from notifier.document import Document, read
    from notifier.errors import Faults
    from notifier.project import load

    try:
        project = load(root)
    except Faults as faults:
        return Examination(tuple(sorted((*faults.problems, *_unusable_beside(root)))), None)
    document = read(root / FILE, FILE) if is_configured(root) else Document(FILE, (), None)
    problems = (
        *project.texts.warnings(),
        *_unusable_database(project.config, document),
        *_unusable_providers(project, document),
        *doubts(project, document),
        *_faulty_tests(project),
        *_outdated_schemas(project),
    )
    return Examination(tuple(sorted(problems)), project)


def _faulty_tests(project: Project) -> Iterator[Problem]:
    """What is wrong with the tests of the rules as they are written; they are run by `test`."""
    from notifier import ruletest
    from notifier.errors import Faults
    from notifier.rulebook import test_files

    try:
        ruletest.load(project, test_files(project.root))
    except Faults as faults:
        yield from faults.problems


def _outdated_schemas(project: Project) -> Iterator[Problem]:
    from notifier import editor
    from notifier.errors import Problem

    for file in editor.outdated(project):
        text = "does not know the project as it is now, and editors go by it: run 'notifier schema --write'"
        yield Problem(file, 0, 0, text, warning=True)


def _unusable_beside(root: Path) -> Iterator[Problem]:
    """What the configuration alone tells, where rules or texts are at fault; nothing where it is at fault itself."""
    from notifier.config import FILE, is_configured, load
    from notifier.document import read
    from notifier.errors import Faults

    if not is_configured(root):
        return
    try:
        config = load(root)
    except Faults:
        return
    yield from _unusable_database(config, read(root / FILE, FILE))


def _unusable_database(config: Config, document: Document) -> Iterator[Problem]:
    from notifier.errors import UsageError
    from notifier.store.dialect import address

    try:
        address(config.database)
    except UsageError as error:
        yield document.problem(("database",), str(error).removeprefix("database: "))


def _unusable_providers(project: Project, document: Document) -> Iterator[Problem]:
    from notifier.errors import NotifierError
    from notifier.provider import find

    for name, settings in project.config.providers.items():
        try:
            find(settings.type)(name, settings, project.root)
        except NotifierError as error:
            yield document.problem(("providers", name), str(error), on_key=True)
        except Exception as error:  # noqa: BLE001 - somebody else's code; what it says could hold a secret
            text = f"provider '{name}' ({settings.type}) cannot be made: {type(error).__name__}"
            yield document.problem(("providers", name), text, on_key=True)


def _explain(project: Project, *, as_json: bool) -> None:
    """Each rule in plain English, with examples on the shop's clock."""
    from notifier.clock import clock
    from notifier.explain.example import examples
    from notifier.explain.sentence import sentence

    now = clock()()
    for rule in project.book.rules:
        told, found = sentence(rule, project.policy), examples(rule, project, now)
        if as_json:
            emit(_explained(rule, told, found))
            continue
        say(f"{styled(rule.id, bold=True)} ({rule.where})")
        say(flowed(told))
        for one in found:
            say(f"  {one.words(project.zone)}")
        say()


def _explained(rule: Rule, told: str, found: Iterable[Example]) -> dict[str, Any]:
    from notifier.core.local_time import rfc3339

    listed = [
        {"given": one.given, "at": rfc3339(one.at) if one.at else None, "note": one.note or None} for one in found
    ]
    return {"rule": rule.id, "place": rule.where, "state": rule.state, "sentence": told, "examples": listed}


def _change_over(project: Project) -> Changeover | None:
    """What these rules will do to the times that are armed; None where there is no database, or it cannot be read."""
    from notifier.changeover import changeover
    from notifier.clock import clock
    from notifier.errors import NotifierError
    from notifier.store.sql import find_store

    try:
        store = find_store(project.config.database, project.root)
        if store is None:
            return None
        try:
            with store.read() as unit:
                return changeover(project, unit, clock()())
        finally:
            store.close()
    except NotifierError as error:
        complain(f"notifier: what becomes of armed times cannot be said: {error}")
        return None


def _tell_changes(changed: Changeover) -> None:
    """One line for each rule whose times change."""
    least = "" if changed.complete else "at least "
    for one in changed.changes:
        told = [
            (one.ends, "{} armed {times} will end"),
            (one.edited, "{} armed {times} will be decided by the new text"),
            (one.armed, "{} {times} will be armed"),
            (one.past, "{} already past and left untold"),
        ]
        say(f"{one.rule}: {'; '.join(_times(least, count, text) for count, text in told if count)}")


def _counts(one: Change) -> dict[str, int]:
    return {"ends": one.ends, "edited": one.edited, "armed": one.armed, "past": one.past}


def _times(least: str, count: int, text: str) -> str:
    return least + text.format(f"{count:,}", times="time" if count == 1 else "times")


def _conclude(found: Examination) -> None:
    summary = found.summary()
    if found.faults:
        warnings = f" and {plural(summary['warnings'], 'warning')}" if summary["warnings"] else ""
        complain(f"{plural(found.faults, 'fault')}{warnings}.")
        if found.project is None and not any(one.file.startswith(("rules", "templates")) for one in found.problems):
            complain("Rules and texts are looked at once the configuration can be read.")
        return
    rules, texts = plural(summary["rules"], "rule"), plural(summary["texts"], "text")
    ok = styled("OK", fg="green", bold=True)
    say(f"{ok}: {rules}, {texts} in {plural(len(summary['languages']), 'language')}")


def _record(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file, "line": problem.line, "column": problem.column, "text": problem.text,
        "warning": problem.warning,
    }  # fmt: skip


def _from_here(problem: Problem, root: Path) -> Problem:
    """With a path that an editor finds from the working directory; a setting of the environment stays a name."""
    path = root / problem.file
    return replace(problem, file=os.path.relpath(path)) if os.path.lexists(path) else problem


def _coloured(problem: Problem) -> str:
    text = str(problem)
    head, line_end, rest = text.partition("\n")
    place = head[: len(head) - len(problem.text)].removesuffix("warning: ")
    said = head[len(place) :]
    colour = "yellow" if problem.warning else "red"
    return styled(place, sys.stderr, bold=True) + styled(said, sys.stderr, fg=colour) + line_end + rest
