"""The rules of a project: `rules/**/*.yaml`, read whole, every problem with its place.

book = load(project, config.catalogue(), texts.templates, config.teams)
"""

from __future__ import annotations

import copy
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from notifier.core.catalogue import Catalogue
from notifier.core.condition import AllOf, Clause, Condition
from notifier.core.rule import Book, OnEvent, Rule
from notifier.document import Document, Loc, explain, leave_out, legible, parse, read, validate
from notifier.errors import Faults, Problem
from notifier.rulebook.audience import about_word
from notifier.rulebook.compiling import Surroundings, TemplateInfo, compile_rule
from notifier.rulebook.reading import Reading
from notifier.rulebook.schema import rules_schema
from notifier.rulebook.shape import RuleEntry, RulesFile
from notifier.rulebook.topics import topics_of

__all__ = ["Surroundings", "TemplateInfo", "files", "load", "recall", "rules_schema", "test_files"]

_FOLDER = "rules"
_TESTS = "tests"
_FIXTURES = "fixtures"
#: For what a rule must have and has not: enough to look at the rest of it.
_STAND_INS: Mapping[str, Any] = {"id": "-", "about": "", "trigger": {}, "send": {}}


def files(project: Path) -> list[Path]:
    """The project's rules files, sorted, those of linked folders too; what lies under `rules/tests/` is not one.

    Raises Faults where a folder cannot be read.
    """
    return _found(project, passing_over=_TESTS)


def test_files(project: Path) -> list[Path]:
    """The files of tests for them: those in folders `tests`, but for what lies in their `fixtures/`. Raises Faults."""
    found = _found(project, passing_over=_FIXTURES)
    return [path for path in found if _TESTS in path.relative_to(project / _FOLDER).parts[:-1]]


def _found(project: Path, passing_over: str) -> list[Path]:
    found: list[Path] = []

    def unreadable(error: OSError) -> None:
        # It must not pass for a folder without rules: what waits to be sent by them would be given up.
        if not isinstance(error, FileNotFoundError):
            shown = legible(Path(error.filename).relative_to(project).as_posix())
            raise Faults([Problem(shown, 0, 0, f"cannot be read: {error.strerror}")]) from error

    been = {os.path.realpath(project / _FOLDER)}
    for where, folders, names in os.walk(project / _FOLDER, onerror=unreadable, followlinks=True):
        inner = {name: os.path.realpath(Path(where, name)) for name in folders if name != passing_over}
        folders[:] = [name for name, real in inner.items() if real not in been]
        been.update(inner.values())
        found += (Path(where, name) for name in names if name.endswith((".yaml", ".yml")))
    return sorted(found)


def load(
    project: Path, catalogue: Catalogue, templates: Mapping[str, TemplateInfo | None], teams: Collection[str]
) -> Book:
    """All rules; raises Faults with every problem of every file."""
    problems: list[Problem] = []
    return _book(list(_readings(project, catalogue, problems)), Surroundings(catalogue, templates, teams), problems)


def recall(
    text: Mapping[str, str], catalogue: Catalogue, templates: Mapping[str, TemplateInfo | None], teams: Collection[str]
) -> Book:
    """Rules whose text was kept (`Book.text`), read again; raises Faults where it cannot be read any more."""
    readings = [Reading(parse(content, name), catalogue) for name, content in text.items()]
    return _book(readings, Surroundings(catalogue, templates, teams), [])


def _book(readings: Sequence[Reading], around: Surroundings, problems: list[Problem]) -> Book:
    written = {str(one["id"]): one for reading in readings for one in _written(reading) if "id" in one}
    about = {rule: about_word(one.get("about")) for rule, one in written.items()}
    topics = topics_of(readings, written)
    ranked = {name: one.strongest_first if one else None for name, one in topics.items()}
    rules: list[tuple[Rule, Document, int]] = []
    around = replace(around, topics=topics)
    ids: dict[str, Problem] = {}
    place = 0
    for reading in readings:
        reading.about, reading.topics = about, ranked
        for number in _numbers(reading):
            place += 1
            rule = _rule(reading, number, around, ids, place)
            if rule is not None:
                rules.append((rule, reading.document, number))
        problems += reading.problems
    if not problems:
        problems += _circles(rules)
    if not rules and not problems:
        problems.append(
            Problem(_FOLDER, 0, 0, "no rules found; write some, or copy the starter's with 'notifier init DIR'")
        )
    if problems:
        raise Faults(problems)
    book = Book.of((rule for rule, _, _ in rules), _digest(rule for rule, _, _ in rules))
    return replace(book, text={one.document.path: "\n".join(one.document.lines) for one in readings})


def _readings(project: Path, catalogue: Catalogue, problems: list[Problem]) -> Iterator[Reading]:
    """The files that can be read; of the others the problems."""
    for path in files(project):
        try:
            yield Reading(_document(path, path.relative_to(project).as_posix()), catalogue)
        except Faults as faults:
            problems += faults.problems


def _written(reading: Reading) -> Iterator[dict[str, Any]]:
    """What stands in the file under `rules:` and could be one."""
    data = reading.document.data
    written = data.get("rules") if isinstance(data, dict) else None
    return (one for one in (written if isinstance(written, list) else ()) if isinstance(one, dict))


def _digest(rules: Iterable[Rule]) -> str:
    digest = blake2b(digest_size=8)
    for rule in rules:
        digest.update(f"{rule.id}\0{rule.hash}\0{rule.topic or ''}\0".encode())
    return digest.hexdigest()


def _document(path: Path, shown: str) -> Document:
    """A rules file that has something in it; raises Faults."""
    if legible(shown) != shown:
        raise Faults([Problem(legible(shown), 0, 0, "has a name that is not UTF-8; rename it")])
    document = read(path, shown)
    if document.data is None:
        text = "no rules in it; delete the file or write 'version: 1' and 'rules:'"
        raise Faults([Problem(shown, 0, 0, text)])
    return document


def _numbers(reading: Reading) -> Iterable[int]:
    """Which entries of the file are rules. What is wrong with the file itself is reported and hides none of them."""
    try:
        return range(len(validate(reading.document, RulesFile).rules))
    except Faults as faults:
        reading.problems += faults.problems
    data = reading.document.data
    written = data.get("rules") if isinstance(data, dict) else None
    return [number for number, one in enumerate(written if isinstance(written, list) else ()) if isinstance(one, dict)]


def _rule(reading: Reading, number: int, around: Surroundings, ids: dict[str, Problem], place: int) -> Rule | None:
    """One rule, or None and its problems in `reading`."""
    before = len(reading.problems)
    entry = _entry(reading, number)
    if entry is None:
        return None
    _refuse_nothing(reading, number)
    if entry.id == reading.document.data["rules"][number].get("id"):
        _note_id(reading, number, entry.id, ids)
    rule = compile_rule(reading, ("rules", number), entry, around, place)
    return rule if len(reading.problems) == before else None


def _entry(reading: Reading, number: int) -> RuleEntry | None:
    """The rule as it is written. What is misshapen is reported and left out, so that the rest is looked at as well."""
    document, loc = reading.document, ("rules", number)
    written = document.data["rules"][number]
    try:
        return RuleEntry.model_validate(written)
    except ValidationError as error:
        found = explain(document, error, RuleEntry, loc)
    reading.problems += [problem for _, problem in found]
    rest = copy.deepcopy(written)
    for path, _ in found:
        leave_out(rest, path[len(loc) :])
    without_send = "send" not in rest
    try:
        entry = RuleEntry.model_validate({**_STAND_INS, **rest})
    except ValidationError:
        return None
    return entry.model_copy(update={"send": []}) if without_send else entry


def _refuse_nothing(reading: Reading, number: int) -> None:
    """A key with nothing behind it is one whose lines were taken out: to take it for "no condition" would tell everybody."""
    loc = ("rules", number)
    written = reading.document.data["rules"][number]
    blocks: list[tuple[Loc, Any]] = [(loc, written)]
    for key in ("limit", "follow_up", "brake", "send"):
        inner = written.get(key)
        listed = enumerate(inner) if isinstance(inner, list) else [(None, inner)]
        blocks += [((*loc, key) if at is None else (*loc, key, at), block) for at, block in listed]
    for place, block in blocks:
        for key, value in block.items() if isinstance(block, dict) else ():
            if value is None or (key == "channels" and value == []):
                text = f"'{key}' has nothing behind it; delete it or write what it is"
                problem = reading.document.problem((*place, key), text, on_key=True)
                if all((one.line, one.column) != (problem.line, problem.column) for one in reading.problems):
                    reading.problems.append(problem)


def _note_id(reading: Reading, number: int, id_: str, ids: dict[str, Problem]) -> None:
    loc = ("rules", number, "id")
    if id_ in ids:
        first = ids[id_]
        reading.wrong(loc, f"duplicate rule id '{id_}' (first at {first.file}:{first.line})")
    ids.setdefault(id_, reading.document.problem(loc, ""))


def _circles(rules: list[tuple[Rule, Document, int]]) -> Iterator[Problem]:
    """Rules that would set themselves off for ever: a survey whose answer sends it again, a message about messages."""
    listening = [one for one in rules if _listens(one[0])]
    feeds = {rule.id: [other.id for other, _, _ in listening if _feeds(rule, other)] for rule, _, _ in listening}
    for rule, document, number in listening:
        circle = _way_back(rule.id, feeds)
        if circle:
            way = " -> ".join(circle)
            yield document.problem(("rules", number, "trigger"), f"this rule sets itself off: {way}")


def _way_back(start: str, feeds: Mapping[str, list[str]]) -> list[str]:
    ways = [[start, next_] for next_ in feeds[start]]
    seen = set()
    while ways:
        way = ways.pop(0)
        if way[-1] == start:
            return way
        if way[-1] not in seen:
            seen.add(way[-1])
            ways += [[*way, next_] for next_ in feeds[way[-1]]]
    return []


def _listens(rule: Rule) -> bool:
    """Whether it waits for events that sending makes: nothing else can be on a circle."""
    types = rule.trigger.types if isinstance(rule.trigger, OnEvent) else ()
    return any(name.startswith(("message.", "survey.")) for name in types)


def _feeds(rule: Rule, other: Rule) -> bool:
    """Whether what `rule` sends can make an event that `other` waits for."""
    if not isinstance(other.trigger, OnEvent):
        return False
    sends = [*rule.sends, *([rule.follow_up.send] if rule.follow_up else [])]
    if any(name.startswith("message.") for name in other.trigger.types):
        return any(send.to == "customer" for send in sends)
    surveys = {send.template for send in sends if send.survey}
    waits = {"survey.sent", "survey.answered"} & set(other.trigger.types)
    return bool(waits and surveys & (_asked_for(other.only_if) or surveys))


def _asked_for(condition: Condition | None) -> set[str]:
    """The surveys that a condition on `survey.name` lets through; empty where it names none."""
    parts = condition.parts if isinstance(condition, AllOf) else (condition,)
    for part in parts:
        if isinstance(part, Clause) and part.field.path == "survey.name" and part.operator == "is":
            return set(part.operand)
    return set()
