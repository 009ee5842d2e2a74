"""Reading the small languages inside a rules file: times, numbers, durations, conditions.

A reader notes what is wrong, with its place, and returns None; the file goes on to be read, so that all problems are
found at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import available_timezones

from notifier.core.catalogue import Catalogue, Field
from notifier.core.condition import BLOCKS, AllOf, AnyOf, Clause, Condition, Items, NoneOf, NumberRef, TimeRef, Told
from notifier.core.duration import Duration
from notifier.core.value import YEARS, country_codes, currency_codes
from notifier.document import Document, Loc, suggest
from notifier.errors import Problem
from notifier.rulebook.slips import block_said, compared, country_said, negated, operator_said

__all__ = ["ORDERED", "TAKES", "Reading"]


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a block of conditions can look at, and from where."""

    scopes: Collection[str]
    fields: Mapping[str, Field]
    #: Inside `not_if`.
    negated: bool
    depth: int = 1

    def inside(self, fields: Mapping[str, Field] | None = None) -> _Sight:
        return replace(self, fields=self.fields if fields is None else fields, depth=self.depth + 1)


_TIME = re.compile(
    r"(?P<base>now|[a-z_]+(?:\.[a-z0-9_]+)+|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?)"
    r"(?:\s*(?P<sign>[+-])\s*(?P<by>[^+\s-].*))?"
)
_NUMBER = re.compile(r"(?P<base>[a-z_]+(?:\.[a-z0-9_]+)+)(?:\s*(?P<sign>[+-])\s*(?P<by>\d+(?:\.\d+)?))?")
_DEEPEST = 5
#: So many names are all told where none is like the one that was written.
_FEW = 6

ORDERED = ("at_least", "at_most", "more_than", "less_than")
_TEXTUAL = ("is", "not", "contains", "starts_with", "exists")
_EQUAL = ("is", "not", "exists")
#: Which operators a type of field takes.
TAKES: Mapping[str, tuple[str, ...]] = {
    "text": _TEXTUAL, "locale": _TEXTUAL, "timezone": _TEXTUAL, "country": _EQUAL, "currency": _EQUAL,
    "choice": _EQUAL, "bool": _EQUAL, "number": ("is", "not", *ORDERED, "exists"),
    "money": ("is", "not", *ORDERED, "exists"), "time": ("before", "after", "in_last", "in_next", "exists"),
    "list": ("is", "not", "contains", "exists"), "items": ("any", "all", "none", "exists"),
}  # fmt: skip
_A = {
    "text": "text", "number": "a number", "money": "a number", "bool": "true or false", "time": "a time",
    "country": "a country", "currency": "a currency", "locale": "a language", "timezone": "a zone",
    "choice": "a choice", "list": "a list", "items": "a list of items",
}  # fmt: skip


@dataclass(slots=True)
class Reading:
    """One file being read, against the catalogue; `problems` is what was found so far."""

    document: Document
    catalogue: Catalogue
    #: Rule -> what it is about; topic -> its rules: of all files.
    about: Mapping[str, str] = field(default_factory=dict)
    topics: Mapping[str, Collection[str] | None] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, loc: Loc, text: str, *, on_key: bool = False, part: str | None = None) -> None:
        self.problems.append(self.document.problem(loc, text, on_key=on_key, part=part))

    # names ----------------------------------------------------------------------------------------------------------

    def known(self, loc: Loc, word: str, choices: Iterable[str], what: str, *, on_key: bool = False) -> bool:
        names = list(choices)
        if word in names:
            return True
        few = f"; there are {', '.join(names) or 'none'}" if len(names) <= _FEW else ""
        self.wrong(loc, f"{what} '{word}'{suggest(word, names) or few}", on_key=on_key, part=None if on_key else word)
        return False

    def field(self, loc: Loc, path: str, scopes: Collection[str], *, on_key: bool = False) -> Field | None:
        """A field of the catalogue that is at hand here."""
        found = self.catalogue.fields.get(path)
        part = None if on_key else path
        if found is None:
            near = [name for name, one in self.catalogue.fields.items() if one.scope in scopes]
            hint = self._of_an_item(path) or suggest(path, near) or self._elsewhere(path)
            self.wrong(loc, f"unknown field '{path}'{hint}", on_key=on_key, part=part)
        elif found.scope not in scopes:
            self.wrong(loc, f"'{path}' is not known here: {_reach(scopes)}", on_key=on_key, part=part)
            return None
        return found

    def _of_an_item(self, path: str) -> str:
        """What was meant by a path that goes on inside a list of items."""
        whole, _, name = path.rpartition(".")
        found = self.catalogue.fields.get(whole)
        return f"; write {whole}: {{any: {{{name}: …}}}}" if found is not None and name in found.items else ""

    def _elsewhere(self, path: str) -> str:
        """The same name under another scope: `customer.tags` for `order.tags`."""
        named = [one for one in self.catalogue.fields if one.partition(".")[2] == path.partition(".")[2]]
        return f" - did you mean '{named[0]}'?" if len(named) == 1 else suggest(path, self.catalogue.fields)

    # times and numbers ----------------------------------------------------------------------------------------------

    def duration(self, loc: Loc, text: Any) -> Duration | None:
        try:
            found = Duration.parse(text)
        except ValueError as error:
            self.wrong(loc, str(error), part=text if isinstance(text, str) else None)
            return None
        if not found:
            self.wrong(loc, f"'{text}' is no time at all")
        return found

    def clock(self, loc: Loc, text: Any) -> time | None:
        found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text) if isinstance(text, str) else None
        if found is None:
            self.wrong(loc, f"'{text}' is not a time of day; write it like 09:00")
            return None
        return time(int(found[1]), int(found[2]))

    def time_ref(self, loc: Loc, text: Any, scopes: Collection[str], *, with_now: bool = True) -> TimeRef | None:
        """`now`, a time field or a date, plus or minus a duration."""
        if not isinstance(text, str):
            self.wrong(loc, f"a time is a field, a date or now, give or take a duration; got {_typed(text)}")
            return None
        found = _TIME.fullmatch(text.strip())
        if found is None:
            hint = suggest(text.split()[0] if text.split() else "", [*self.catalogue.fields, "now"])
            self.wrong(loc, f"'{text}' is not a time; write it like order.promised_at + 1d, or 2026-12-01{hint}")
            return None
        bases = self._time_base(loc, found["base"], scopes, with_now=with_now)
        by: Duration | None = Duration()
        if found["sign"]:
            by = self.duration(loc, found["by"])
            by = -by if by and found["sign"] == "-" else by
        return TimeRef(text, bases[0], by) if bases and by is not None else None

    def _time_base(
        self, loc: Loc, text: str, scopes: Collection[str], *, with_now: bool
    ) -> tuple[Field | datetime | date | None, ...]:
        """What a time starts from, alone in a tuple (None is now); empty where it cannot be read."""
        if text == "now":
            if with_now:
                return (None,)
            self.wrong(loc, "'now' has no moment of its own here; name a field or a date", part="now")
            return ()
        if not text[0].isdigit():
            found = self.field(loc, text, scopes)
            if found is not None and found.type != "time":
                self.wrong(loc, f"'{text}' is {_A[found.type]}, not a time", part=text)
                return ()
            return (found,) if found else ()
        try:
            moment = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
        except ValueError:
            self.wrong(loc, f"there is no {text}", part=text)
            return ()
        if moment.year not in YEARS:
            self.wrong(loc, f"{text} is too far away; years are {YEARS[0]} to {YEARS[-1]}", part=text)
            return ()
        if isinstance(moment, datetime) and moment.tzinfo is None:
            self.wrong(loc, f"{text} has no zone; add Z or +01:00, or write the date alone", part=text)
            return ()
        return (moment.astimezone(UTC) if isinstance(moment, datetime) else moment,)

    def number_ref(self, loc: Loc, value: Any, scopes: Collection[str], of: str) -> NumberRef | None:
        """A number, or a number field plus or minus one."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return NumberRef(str(value), None, value)
        found = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
        if found is None:
            self.wrong(loc, f"{of} is a number, got {_typed(value)}")
            return None
        base = self.field(loc, found["base"], scopes)
        if base is None:
            return None
        if base.type not in ("number", "money"):
            self.wrong(loc, f"'{base.path}' is {_A[base.type]}, not a number", part=base.path)
            return None
        plus = float(found["by"] or 0) * (-1 if found["sign"] == "-" else 1)
        return NumberRef(value, base, plus)

    # conditions -----------------------------------------------------------------------------------------------------

    def condition(self, loc: Loc, block: Any, scopes: Collection[str], *, negated: bool = False) -> Condition | None:
        """A mapping of fields and blocks, all of which must hold."""
        if block is None:
            return None
        fields = {path: one for path, one in self.catalogue.fields.items() if one.scope in scopes}
        return self._block(loc, block, _Sight(scopes, fields, negated))

    def _block(self, loc: Loc, block: Any, sight: _Sight) -> Condition | None:
        if not isinstance(block, dict):
            self.wrong(loc, "conditions are written as field: what it must be")
            return None
        if not block:
            self.wrong(loc, "no condition is written here; delete the key or add one")
        if sight.depth > _DEEPEST:
            self.wrong(loc, f"conditions stand inside one another at most {_DEEPEST} deep")
            return None
        parts = [part for key, value in block.items() for part in self._entry((*loc, key), key, value, sight)]
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts)) if parts else None

    def _entry(self, loc: Loc, key: str, value: Any, sight: _Sight) -> list[Condition]:
        if key in BLOCKS:
            return self._group(loc, key, value, sight)
        if key == "told":
            return self._told(loc, value, sight)
        found = sight.fields.get(key)
        if found is None and "." in key:
            found = self.field(loc, key, sight.scopes, on_key=True)
        elif found is None:
            meant = block_said(key, value, sight.scopes) or suggest(key, [*sight.fields, *BLOCKS])
            self.wrong(loc, f"unknown field '{key}'{meant}", on_key=True)
        if found is None:
            return []
        if found.type == "items" and isinstance(value, dict):
            return self._items(loc, found, value, sight)
        return self._clauses(loc, found, value, sight)

    def _group(self, loc: Loc, name: str, value: Any, sight: _Sight) -> list[Condition]:
        if isinstance(value, dict) and value:
            # Each key is one of them; in a list the keys of an entry belong together.
            read = [self._block(loc, {key: block}, sight.inside()) for key, block in value.items()]
        else:
            blocks = enumerate(value) if isinstance(value, list) else [(None, value)]
            read = [self._block(loc if at is None else (*loc, at), block, sight.inside()) for at, block in blocks]
        if not read:
            self.wrong(loc, "no condition is written here; delete the key or add one")
        inner = tuple(one for one in read if one is not None)
        kinds: Mapping[str, Callable[[tuple[Condition, ...]], Condition]] = {"all": AllOf, "any": AnyOf, "none": NoneOf}
        return [kinds[name](inner)] if inner else []

    def _told(self, loc: Loc, value: Any, sight: _Sight) -> list[Condition]:
        """What was told before: `{topic: delay, in_last: 14d}`, or one `rule`."""
        keys = value.keys() if isinstance(value, dict) else set()
        if keys not in ({"topic", "in_last"}, {"rule", "in_last"}):
            self.wrong(loc, "write it like {topic: delay, in_last: 14d}, or {rule: delivery-overdue, in_last: 2d}")
            return []
        kind = "topic" if "topic" in keys else "rule"
        name = value[kind]
        known: Collection[str] = self.topics if kind == "topic" else self.about
        span = self.duration((*loc, "in_last"), value["in_last"])
        if not isinstance(name, str) or not self.known((*loc, kind), str(name), known, f"no {kind}") or span is None:
            return []
        subject = next(iter(sight.scopes))
        named = self.topics[name] if kind == "topic" else [name]
        if named is None:
            return []  # the topic cannot be read: that has been said
        rules = [one for one in named if self.about.get(one) == subject]
        if not rules:
            self.wrong((*loc, kind), f"'{name}' tells nothing about the {subject} itself", part=name)
            return []
        return [Told(tuple(rules), span, f"told: {{{kind}: {name}, in_last: {value['in_last']}}}")]

    def _items(self, loc: Loc, of: Field, value: Mapping[str, Any], sight: _Sight) -> list[Condition]:
        found: list[Condition] = []
        for name, block in value.items():
            if name == "exists":
                found += self._clauses(loc, of, {"exists": block}, sight)
            elif name not in BLOCKS:
                hint = suggest(name, BLOCKS)
                self.wrong((*loc, name), f"items take any, all or none, not '{name}'{hint}", on_key=True)
            elif (inner := self._block((*loc, name), block, sight.inside(of.items))) is not None:
                found.append(Items(of, name, inner))
        return found

    def _clauses(self, loc: Loc, of: Field, value: Any, sight: _Sight) -> list[Condition]:
        written = isinstance(value, dict)
        tests = value if written else {"is": value}
        clauses: list[Condition] = []
        if not tests:
            self.wrong(loc, f"{of.path} is compared with nothing; delete it or say what it must be")
        takes = TAKES[of.type]
        for operator, operand in tests.items():
            at = (*loc, operator) if written else loc
            if operator not in takes:
                text = f"is {_A[of.type]}; compare it with {', '.join(takes)}"
                if written:
                    text = f"takes {', '.join(takes)}, not '{operator}'{operator_said(operator, takes) or suggest(operator, takes)}"
                self.wrong(at, f"{of.path} {text}", on_key=written)
            elif operator == "not" and sight.negated:
                self.wrong(at, "'not' inside not_if is a double no; turn it round or move it to only_if", on_key=True)
            elif (read := self._operand(at, of, operator, operand, sight.scopes)) is not None:
                clauses.append(Clause(of, operator, read, _said(of, operator, operand)))
        return clauses

    def _operand(self, loc: Loc, of: Field, operator: str, operand: Any, scopes: Collection[str]) -> Any:
        if operator == "exists":
            if not isinstance(operand, bool):
                self.wrong(loc, f"exists is true or false, got {_typed(operand)}")
                return None
            return operand
        if operator in ("before", "after"):
            return self.time_ref(loc, operand, scopes)
        if operator in ("in_last", "in_next"):
            return self.duration(loc, operand)
        if operator in ORDERED:
            return self.number_ref(loc, operand, scopes, of.path)
        if operator in ("contains", "starts_with"):
            return self._value(loc, of, operand, str)
        return self.values(loc, of, operand)

    def values(self, loc: Loc, of: Field, operand: Any) -> tuple[Any, ...] | None:
        """One value or a list of them, any of which will do."""
        listed = operand if isinstance(operand, list) else [operand]
        read = [
            self._value((*loc, number) if isinstance(operand, list) else loc, of, one, None)
            for number, one in enumerate(listed)
        ]
        if not read:
            self.wrong(loc, "an empty list is never met")
        return None if not read or None in read else tuple(read)

    def _value(self, loc: Loc, of: Field, value: Any, kind: type | None) -> Any:
        """One plain value that a field of this type can have."""
        problem = _misfit(of, value)
        if kind is not None and not isinstance(value, kind):
            problem = f"{of.path} is compared with text, got {_typed(value)}"
        if problem:
            self.wrong(loc, problem)
            return None
        return value.upper() if of.type in ("country", "currency") else value


def _misfit(of: Field, value: Any) -> str:
    """Why a field can never have this value; empty where it can."""
    if value is None:
        return f"nothing stands here; to ask whether {of.path} is known, write {{exists: true}} or {{exists: false}}"
    if of.type in ("number", "money"):
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if fits else f"{of.path} is a number, got {_typed(value)}{compared(value)}"
    if of.type == "bool":
        return "" if isinstance(value, bool) else f"{of.path} is true or false, got {_typed(value)}"
    if not isinstance(value, str):
        return f"{of.path} is {_A[of.type]}, got {_typed(value)}; put quotes round it if it is meant"
    if of.type == "choice" and value not in of.choices:
        meant = negated(value, of.choices) or suggest(value, of.choices)
        return f"{of.path} is never '{value}'{meant or '; it is one of ' + ', '.join(of.choices)}"
    if of.type == "country" and value.upper() not in country_codes():
        return f"'{value}' is not a two-letter country code (ISO 3166){country_said(value)}"
    if of.type == "currency" and value.upper() not in currency_codes():
        return f"'{value}' is not a currency code (ISO 4217){suggest(value, currency_codes())}"
    if of.type == "timezone" and value not in available_timezones():
        return f"'{value}' is not a zone{suggest(value, available_timezones())}"
    return ""


def _typed(value: Any) -> str:
    """A value about as its author typed it."""
    return str(value).lower() if isinstance(value, bool) or value is None else repr(value)


def _said(of: Field, operator: str, operand: Any) -> str:
    shown = (
        ", ".join(map(str, operand))
        if isinstance(operand, list)
        else str(operand).lower()
        if isinstance(operand, bool)
        else str(operand)
    )
    return f"{of.path}: {shown}" if operator == "is" else f"{of.path}: {{{operator}: {shown}}}"


def _reach(scopes: Collection[str]) -> str:
    return (
        f"only {', '.join(f'{scope}.…' for scope in scopes)} can be looked at" if scopes else "nothing can be looked at"
    )
