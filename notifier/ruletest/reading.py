"""From files of rule tests to tests that can be run; every fault of a file at once, with its place."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from notifier import rulebook
from notifier.core.cloudevent import EventReader
from notifier.core.decide import REASONS
from notifier.core.event import Event
from notifier.core.local_time import end_of_day
from notifier.core.rule import Book
from notifier.core.subject import SHOP
from notifier.core.value import time_reader
from notifier.document import Document, Loc, explain, leave_out, legible, read, suggest, validate
from notifier.errors import EventRefused, Faults, Problem
from notifier.project import Project
from notifier.render.language import language
from notifier.ruletest.case import Case, Expected, Suite, WhyNot
from notifier.ruletest.shape import CaseEntry, ExpectEntry, StepEntry, SuiteFile
from notifier.ruletest.staging import KINDS, Facts, Stage, lifted, merged, nested

__all__ = ["STANDINGS", "load"]

#: For what a test must have and has not: enough to look at the rest of it.
_STAND_INS: Mapping[str, Any] = {"name": "-", "expect": []}
#: How long before its end a test begins in which nothing happens.
_QUIET = timedelta(days=365)
#: Where a test has no time that could be read; what it says is looked at all the same.
_SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)
#: Faults of one event that are told.
_MOST_WRONG = 20
#: Why a rule did not even come to be decided about.
STANDINGS = ("draft", "not_armed", "fired", "past")
#: Keys of an expectation that are compared as they are written.
_PLAIN = ("rule", "outcome", "channel")


def load(project: Project, paths: Iterable[Path]) -> list[Suite]:
    """Read files of tests; raises Faults with every problem of each."""
    problems: list[Problem] = []
    suites: list[Suite] = []
    books: dict[frozenset[str], Project] = {}
    for path in paths:
        try:
            suites.append(_suite(project, path, books))
        except Faults as faults:
            problems += faults.problems
    if problems:
        raise Faults(problems)
    return suites


def _suite(project: Project, path: Path, books: dict[frozenset[str], Project]) -> Suite:
    shown = legible(os.path.relpath(path, project.root))
    document = read(path, shown)
    if document.data is None:
        raise Faults([Problem(shown, 0, 0, "no tests in it; delete the file or write 'tests:'")])
    entry = validate(document, SuiteFile)
    script = _Script(project, document, path.parent, entry)
    loaded = script.rule_files()
    if loaded not in books:
        chosen = (rule for rule in project.book.rules if rule.where.rpartition(":")[0] in loaded)
        books[loaded] = replace(project, book=Book.of(chosen, project.book.hash))
    script.book = books[loaded].book
    cases = script.cases()
    if script.problems:
        raise Faults(script.problems)
    return Suite(shown, books[loaded], tuple(cases))


@dataclass
class _Script:
    """One file that is being read."""

    project: Project
    document: Document
    folder: Path
    entry: SuiteFile
    problems: list[Problem] = field(default_factory=list)
    book: Book = field(default_factory=lambda: Book(()))

    @cached_property
    def reader(self) -> EventReader:
        return self.project.reader()

    def wrong(self, loc: Loc, text: str, *, on_key: bool = False) -> None:
        self.problems.append(self.document.problem(loc, text, on_key=on_key))

    def known(self, loc: Loc, word: str, choices: Iterable[str], what: str, *, on_key: bool = False) -> bool:
        names = list(choices)
        if word in names:
            return True
        listed = f"; there are {', '.join(names)}" if 0 < len(names) <= 12 else ""
        self.wrong(loc, f"no {what} '{word}'{suggest(word, names) or listed}", on_key=on_key)
        return False

    # what is loaded -------------------------------------------------------------------------------------------------

    def rule_files(self) -> frozenset[str]:
        """The files whose rules are in force, as the rules name them."""
        root = self.project.root
        there = [legible(path.relative_to(root).as_posix()) for path in rulebook.files(root)]
        if self.entry.rules is None:
            return frozenset(there)
        found: set[str] = set()
        if not self.entry.rules:
            self.wrong(("rules",), "no file is named here; delete 'rules' to have all rules in force, or name some")
        for number, text in enumerate(self.entry.rules):
            pattern = Path(os.path.relpath(self.folder / text, root)).as_posix()
            matching = [name for name in there if fnmatchcase(name, pattern)]
            if not matching:
                here = [Path(os.path.relpath(root / name, self.folder)).as_posix() for name in there]
                loc: Loc = ("rules", number) if isinstance(self.document.data["rules"], list) else ("rules",)
                hint = suggest(text, here) or "; seen from here there are " + ", ".join(here)
                self.wrong(loc, f"no file of rules '{text}'{hint}")
            found.update(matching)
        return frozenset(found or there)

    @cached_property
    def fixtures(self) -> Facts:
        """What every test is given."""
        facts: dict[str, Any] = {}
        for kind, told in self.entry.fixtures.items():
            loc = ("fixtures", kind)
            if not self.known(loc, kind, KINDS, "kind of subject", on_key=True):
                continue
            if isinstance(told, dict):
                facts[kind] = told
                self.check(self.document, loc, kind, told)
                continue
            path = self.folder / told
            if not path.resolve().is_relative_to(self.project.root.resolve()):
                self.wrong(loc, f"'{told}' lies outside of the project; fixtures are files below it")
                continue
            try:
                document = read(path, legible(os.path.relpath(path, self.project.root)))
            except Faults as faults:
                missing = not path.exists()
                self.wrong(loc, f"no file '{told}' beside this one") if missing else self.problems.extend(
                    faults.problems
                )
                continue
            if isinstance(document.data, dict):
                facts[kind] = document.data
                self.check(document, (), kind, document.data)
            else:
                self.problems.append(document.problem((), f"must be what is known of the {kind}: field: value"))
        return lifted(facts)

    # facts and events -----------------------------------------------------------------------------------------------

    def check(self, document: Document, loc: Loc, kind: str, told: Mapping[str, Any]) -> None:
        """Note what no event could tell about such a subject."""
        self.event(document, loc, Stage({}, ()).event(KINDS[kind], told, _SOME_TIME), _SOME_TIME)

    def event(self, document: Document, loc: Loc, envelope: dict[str, Any], at: datetime) -> Event | None:
        """The event as the engine reads it; `loc` is where its data stands, for what is wrong with it."""
        self.reader.ignored.clear()
        event = None
        way: Loc
        for _ in range(_MOST_WRONG):
            try:
                event = self.reader.read(envelope, at)
                break
            except EventRefused as error:
                way = tuple(error.where.split(".")[1:])
                reason = error.reason.replace("a JSON object", "a mapping (key: value)")
                told = f"'{'.'.join(map(str, way))}' {reason}" if way else reason
            except TypeError:
                way, told = (), "holds a number that no event could tell"
            self._note(document, (*loc, *way), told)
            # What cannot be read is left out, so that the rest is looked at as well.
            rest = deepcopy(envelope)
            leave_out(rest, ("data", *way))
            if not way or rest == envelope:
                return None
            envelope = rest
        for way in self._unknown(envelope):
            name = ".".join(step for step in way if isinstance(step, str))
            hint = suggest(str(way[-1]), {path.rpartition(".")[2] for path in self._names_known(way)})
            self._note(document, (*loc, *way), f"unknown field '{name}'{hint}", on_key=True)
        return event

    def _note(self, document: Document, loc: Loc, text: str, *, on_key: bool = False) -> None:
        problem = document.problem(loc, text, on_key=on_key)
        if problem not in self.problems:
            self.problems.append(problem)

    def _unknown(self, envelope: Mapping[str, Any]) -> list[Loc]:
        """Keys of the data that nobody knows, by where they stand."""
        fields, data = self.project.catalogue.fields, envelope["data"]
        found: list[Loc] = [tuple(name.split(".")[1:]) for name in self.reader.ignored]
        family = envelope["type"].partition(".")[0]
        if family not in ("order", "shipment", "stock", "customer", "waitlist", "consent"):
            also = ("order_id", "customer_id")
            found += [(name,) for name in data if f"{family}.{name}" not in fields and name not in also]
        if (items := fields.get(f"{family}.items")) is not None:
            for number, entry in enumerate(data.get("items") or ()):
                found += [("items", number, name) for name in entry if name not in items.items]
        return found

    def _names_known(self, way: Loc) -> Iterable[str]:
        """What could be meant by the last step of a way that leads nowhere."""
        fields = self.project.catalogue.fields
        return fields["order.items"].items if way[0] == "items" else fields

    # the tests ------------------------------------------------------------------------------------------------------

    def cases(self) -> list[Case]:
        found = []
        names: dict[str, int] = {}
        for number in range(len(self.entry.tests)):
            loc: Loc = ("tests", number)
            entry = self._entry(loc)
            if entry is None:
                continue
            line = self.document.problem((*loc, "name"), "").line
            if entry.name in names:
                self.wrong((*loc, "name"), f"line {names[entry.name]} has a test of this name; give it another")
            names.setdefault(entry.name, line)
            case = self.case(loc, entry)
            if case is not None:
                found.append(case)
        return found

    def _entry(self, loc: Loc) -> CaseEntry | None:
        """The test as it is written. What is misshapen is reported and left out, so that the rest is looked at as well."""
        written = self.document.data[loc[0]][loc[1]]
        try:
            return CaseEntry.model_validate(written)
        except ValidationError as error:
            found = explain(self.document, error, CaseEntry, loc)
        self.problems += [problem for _, problem in found]
        rest = deepcopy(written)
        for path, _ in found:
            leave_out(rest, path[len(loc) :])
        try:
            return CaseEntry.model_validate({**_STAND_INS, **rest})
        except ValidationError:
            return None

    def case(self, loc: Loc, entry: CaseEntry) -> Case | None:
        before = len(self.problems)
        given = merged(self.fixtures, lifted(self._given(loc, entry)))
        steps = [self._step((*loc, "timeline", at), step) for at, step in enumerate(entry.timeline)]
        times = self._times(loc, entry)
        place = self.document.problem((*loc, "name"), "")
        start, moments, until = times or (_SOME_TIME, [_SOME_TIME] * len(steps), _SOME_TIME)
        span = (start, until) if times else None
        told = [one for step in steps for one in step]
        stage = Stage(given, ((type_, data) for _, type_, data in told))
        # What is wrong with a layer of the facts has been said where it stands.
        told_well = not self.problems
        opening = [self.event(self.document, (*loc, "given"), one, start) for one in stage.opening(start) if told_well]
        timeline = [
            self.event(self.document, where, stage.event(type_, data, at), at)
            for at, step in zip(moments, steps, strict=True)
            for where, type_, data in step
        ]
        case = Case(
            place=place,
            name=entry.name,
            start=start,
            given=tuple(one for one in opening if one),
            timeline=tuple(one for one in timeline if one),
            until=until,
            expected=tuple(self._expected((*loc, "expect", at), one, span) for at, one in enumerate(entry.expect)),
            why_not=tuple(self._why_not((*loc, "why_not", at), one) for at, one in enumerate(entry.why_not)),
        )
        return case if len(self.problems) == before else None

    def _given(self, loc: Loc, entry: CaseEntry) -> dict[str, Any]:
        facts = {}
        for kind, told in entry.given.items():
            where = (*loc, "given", kind)
            if self.known(where, kind, KINDS, "kind of subject", on_key=True):
                facts[kind] = told
                self.check(self.document, where, kind, told)
        return facts

    def _step(self, loc: Loc, step: StepEntry) -> list[tuple[Loc, str, Mapping[str, Any]]]:
        """The events of one step: where its data stands, type and data; none where it cannot be read."""
        if (step.event is None) == (step.set_ is None):
            self.wrong(loc, "a step of the timeline has 'event' or 'set', one of the two")
            return []
        if step.event is not None:
            known = self.known((*loc, "event"), step.event, self.project.catalogue.events, "event")
            return [((*loc, "data"), step.event, step.data)] if known else []
        fields = step.set_ or {}
        if step.data:
            self.wrong((*loc, "data"), "'data' belongs to an event; say all of it under 'set'", on_key=True)
        if not fields:
            self.wrong((*loc, "set"), "nothing is set here; write field: value")
        settable = [path for path, one in self.project.catalogue.fields.items() if not one.derived]
        # One by one, so that what is wrong is told at the path that it stands under.
        good = {
            path: value for path, value in fields.items() if self._can_set((*loc, "set", path), path, value, settable)
        }
        return [((*loc, "set"), KINDS[kind], told) for kind, told in nested(good).items()]

    def _can_set(self, loc: Loc, path: str, value: Any, settable: Collection[str]) -> bool:
        if path not in settable and path in self.project.catalogue.fields:
            self.wrong(loc, f"'{path}' comes with an event and cannot be set; write 'event' and 'data'", on_key=True)
            return False
        if not self.known(loc, path, settable, "field", on_key=True):
            return False
        kind, told = next(iter(nested({path: value}).items()))
        try:
            self.reader.read(Stage({}, ()).event(KINDS[kind], told, _SOME_TIME), _SOME_TIME)
        except EventRefused as error:
            self.wrong(loc, f"'{path}' {error.reason}")
            return False
        return True

    # times ----------------------------------------------------------------------------------------------------------

    def instant(self, loc: Loc, text: str, *, ends: bool = False) -> datetime | None:
        """A time on the shop's clock or another; where it `ends` something a day will do, which is over then."""
        try:
            value = time_reader(self.project.zone)(text)
        except ValueError as error:
            self.wrong(loc, f"'{loc[-1]}' {error}")
            return None
        if isinstance(value, datetime):
            return value
        if ends:
            return end_of_day(value, self.project.zone)
        self.wrong(loc, f"'{loc[-1]}' needs a time of day, like {text}T09:00 on the shop's clock")
        return None

    def _times(self, loc: Loc, entry: CaseEntry) -> tuple[datetime, Sequence[datetime], datetime] | None:
        """The start, the instants of the timeline and the end; None where one cannot be read."""
        read_ = [self.instant((*loc, "timeline", at, "at"), one.at) for at, one in enumerate(entry.timeline)]
        moments = [one for one in read_ if one is not None]
        start = self.instant((*loc, "start"), entry.start) if entry.start else None
        until = self.instant((*loc, "run_until"), entry.run_until, ends=True) if entry.run_until else None
        if len(moments) < len(read_) or (entry.start and start is None) or (entry.run_until and until is None):
            return None
        if until is None and not moments:
            self.wrong((*loc, "name"), "nothing happens in this test; give it a 'timeline' or 'run_until'")
            return None
        until = until or moments[-1]
        start = start or (moments[0] if moments else until - _QUIET)
        for number, (before, moment) in enumerate(zip([start, *moments], moments, strict=False)):
            if moment < before:
                than = "the step before it" if number else "'start'"
                self.wrong((*loc, "timeline", number, "at"), f"this is earlier than {than}; put steps in order of time")
        if until < max([start, *moments]):
            than = "it starts" if until < start else "the last step"
            self.wrong((*loc, "run_until"), f"the clock would stop before {than}; put it later")
        return start, moments, until

    # what is to come ------------------------------------------------------------------------------------------------

    def _rule(self, loc: Loc, name: str) -> None:
        if name in self.project.book.by_id and name not in self.book.by_id:
            self.wrong(loc, f"the rule '{name}' is in none of the files that 'rules' names")
        else:
            self.known(loc, name, self.book.by_id, "rule")

    def _expected(self, loc: Loc, entry: ExpectEntry, span: tuple[datetime, datetime] | None) -> Expected:
        wanted: dict[str, Any] = {name: getattr(entry, name) for name in _PLAIN if getattr(entry, name) is not None}
        if entry.rule is not None:
            self._rule((*loc, "rule"), entry.rule)
        if entry.at is not None and (at := self.instant((*loc, "at"), entry.at)):
            wanted["at"] = at
            if span and not span[0] <= at <= span[1]:
                self.wrong(
                    (*loc, "at"),
                    "the test is over by then; see 'run_until'" if at > span[1] else "the test begins later",
                )
        if entry.until is not None and (until := self.instant((*loc, "until"), entry.until)):
            wanted["until"] = until
        if entry.reason is not None and self.known((*loc, "reason"), entry.reason, REASONS, "reason"):
            wanted["reason"] = entry.reason
        wanted |= self._names(loc, entry)
        self._fitting(loc, entry)
        texts = (entry.subject, entry.contains, entry.not_contains)
        return Expected(self.document.problem(loc, ""), wanted, *(tuple(one) for one in texts))

    def _names(self, loc: Loc, entry: ExpectEntry) -> dict[str, str]:
        wanted: dict[str, str] = {}
        texts = self.project.texts.templates
        if entry.template is not None:
            name = entry.template.removeprefix("survey:")
            self.known((*loc, "template"), name, texts, "template")
            wanted["template"] = entry.template
        if entry.survey is not None:
            surveys = [name for name, one in texts.items() if one.survey]
            self.known((*loc, "survey"), entry.survey, surveys, "survey")
            wanted["template"] = f"survey:{entry.survey}"
        if entry.locale is not None:
            try:
                # Whether there is a text in it shows when the test is run: languages come and go.
                language(entry.locale)
            except ValueError as error:
                self.wrong((*loc, "locale"), str(error))
            wanted["locale"] = entry.locale
        if entry.about is not None:
            self.known((*loc, "about"), entry.about.partition(":")[0], (*KINDS, SHOP), "kind of subject")
            wanted["about"] = entry.about
        if entry.to is not None:
            wanted["to"] = self._recipient((*loc, "to"), entry.to)
        return wanted

    def _recipient(self, loc: Loc, text: str) -> str:
        """`customer` for whoever it is, `customer:ID` or `team:NAME`."""
        kind, name = text[: (end := len(text.replace(":", ".").partition(".")[0]))], text[end + 1 :]
        if kind == "team":
            self.known(loc, name, self.project.config.teams, "team")
            return f"team:{name}"
        self.known(loc, kind, ("customer", "team"), "recipient")
        return text

    def _fitting(self, loc: Loc, entry: ExpectEntry) -> None:
        """What can be said of some outcomes only."""
        if entry.outcome == "send" and entry.reason is not None:
            self.wrong(
                (*loc, "reason"), "what is sent has no reason; add 'outcome: hold' or 'outcome: drop'", on_key=True
            )
        if entry.until is not None and entry.outcome != "hold":
            self.wrong((*loc, "until"), "only what is held has an 'until'; add 'outcome: hold'", on_key=True)
        for name in ("subject", "contains", "not_contains"):
            if getattr(entry, name) and entry.outcome != "send":
                self.wrong((*loc, name), f"only what is sent has a text; delete '{name}'", on_key=True)
        if entry.template is not None and entry.survey is not None:
            self.wrong((*loc, "survey"), "a message is a template or a survey; say one of the two", on_key=True)

    def _why_not(self, loc: Loc, entry: Any) -> WhyNot:
        self._rule((*loc, "rule"), entry.rule)
        self.known((*loc, "reason"), entry.reason, _reasons(), "reason")
        return WhyNot(self.document.problem(loc, ""), entry.rule, entry.reason)


def _reasons() -> Collection[str]:
    return (*REASONS, *STANDINGS)
