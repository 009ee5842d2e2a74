"""Which of many conditions hold: an index by what must be equal, and a generated function for the rest.

`Condition.holds` walks a tree and can tell why; here only the answer counts, for ten thousand rules at hardly more cost
than for ten. Each entry is filed under the rarest of the equalities that it needs; those filed together, and those that
need none, are asked by one function, written as Python when it is first called. Both ways of asking agree, in all three
values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeGuard, TypeVar

from notifier.core.catalogue import Field
from notifier.core.condition import AllOf, AnyOf, Clause, Condition, NoneOf, NumberRef
from notifier.core.duration import Duration
from notifier.core.scene import Facts, Scene

__all__ = ["Guard", "Matcher"]

T = TypeVar("T")

_SIGNS = {"at_least": ">=", "at_most": "<=", "more_than": ">", "less_than": "<"}
_TIMES = {
    "before": "{seen} < {wanted}",
    "after": "{seen} > {wanted}",
    "in_last": "{wanted}[0] <= {seen} <= {wanted}[1]",
    "in_next": "{wanted}[0] <= {seen} <= {wanted}[1]",
}
#: Of these a value is one thing, which a table can be asked for.
_SINGLE = frozenset({"text", "locale", "timezone", "country", "currency", "choice", "bool", "number", "money"})

#: Appends the places of the entries that are met, given the values of all fields that the matcher's guards look at.
_Ask = Callable[..., None]


class Guard(NamedTuple):
    """What lets something through: `only_if` must be known to be true, `not_if` must not."""

    only_if: Condition | None = None
    not_if: Condition | None = None
    #: `not_if` must be known to be false.
    unknown_bars: bool = False


class Matcher(Generic[T]):
    """Things with their guards, asked all at once."""

    def __init__(self, guarded: Iterable[tuple[Guard, T]]) -> None:
        entries = list(guarded)
        self._things = [thing for _, thing in entries]
        guards = [guard for guard, _ in entries]
        paths = dict.fromkeys(one.path for guard in guards for part in guard[:2] if part for one in part.fields())
        variables = {path: f"value{number}" for number, path in enumerate(paths)}
        self._read = _reading(paths)
        self._rest = _Bucket(variables)
        tables: dict[str, dict[Any, _Bucket]] = {}
        for place, (guard, key) in enumerate(_filed(guards)):
            if key is None:
                self._rest.add(_Entry(place, guard, None))
                continue
            table = tables.setdefault(key.field.path, {})
            for value in set(key.operand):
                table.setdefault(value, _Bucket(variables)).add(_Entry(place, guard, key))
        #: Where the value that a table is asked for stands among all values, and the table.
        self._tables = [(list(paths).index(path), table) for path, table in tables.items()]

    def __iter__(self) -> Iterator[T]:
        return iter(self._things)

    def met(self, scene: Scene) -> list[T]:
        """Those whose guards let them through, in the order in which they were given."""
        found: list[int] = []
        values = self._read(scene.facts)
        for number, table in self._tables:
            bucket = table.get(values[number])
            if bucket is not None:
                bucket.ask(scene, found, *values)
        self._rest.ask(scene, found, *values)
        if len(found) > 1:
            found.sort()
        things = self._things
        return [things[place] for place in found]


def _reading(paths: Iterable[str]) -> Callable[[Facts], tuple[Any, ...]]:
    """A function that reads the values of these fields, None where one is unknown."""
    scopes: dict[str, str] = {}
    reads = [f"{scopes.setdefault(path.partition('.')[0], f'scope{len(scopes)}')}.get({path!r})" for path in paths]
    scenery = "".join(f"    {name} = facts.get({scope!r}, NONE)\n" for scope, name in scopes.items())
    read: Callable[[Facts], tuple[Any, ...]] = _written(
        f"def read(facts):\n{scenery}    return ({''.join(f'{read}, ' for read in reads)})", "read", {"NONE": {}}
    )
    return read


def _written(text: str, name: str, names: dict[str, Any]) -> Any:
    """What a text that was written here defines. It holds names, operators and literals; what people wrote is in quotes."""
    exec(compile(text, "<matcher>", "exec"), names)  # noqa: S102 - see above
    return names[name]


def _filed(guards: Sequence[Guard]) -> Iterator[tuple[Guard, Clause | None]]:
    """Each guard with the equality that it is filed under: of those that it needs, the one that fewest others need."""
    needed = [list(_equalities(guard.only_if)) for guard in guards]
    common = Counter((one.field.path, value) for clauses in needed for one in clauses for value in set(one.operand))

    def crowd(clause: Clause) -> int:
        return sum(common[clause.field.path, value] for value in set(clause.operand))

    for guard, clauses in zip(guards, needed, strict=True):
        yield guard, min(clauses, key=crowd, default=None)


def _equalities(condition: Condition | None) -> Iterator[Clause]:
    """The clauses without which it cannot be true, that name the values which a field may have."""
    for part in _parts(condition):
        if isinstance(part, Clause) and part.operator == "is" and part.field.type in _SINGLE:
            yield part


def _parts(condition: Condition | None) -> Iterator[Condition]:
    """What must all be true for it to be true. Of a kind that is not its own (one that is watched) it is asked itself."""
    if type(condition) is AllOf:
        for part in condition.parts:
            yield from _parts(part)
    elif condition is not None:
        yield condition


class _Entry(NamedTuple):
    place: int
    guard: Guard
    #: The equality under which it is filed: where it is asked, that one holds.
    key: Clause | None


class _Bucket:
    """Entries that are asked together."""

    __slots__ = ("_entries", "_variables", "ask")

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._entries: list[_Entry] = []
        self.ask: _Ask = _silent

    def add(self, entry: _Entry) -> None:
        self._entries.append(entry)
        self.ask = self._first

    def _first(self, scene: Scene, found: list[int], *values: Any) -> None:
        """Writing takes far longer than asking, and most of many are never asked."""
        self.ask = _Writer(self._variables).function(self._entries)
        self.ask(scene, found, *values)


def _silent(*_: Any) -> None:
    """Nothing is filed here."""


class _Writer:
    """Writes one function."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        #: Field path -> the parameter that holds its value.
        self._variables = variables
        self._names: dict[str, Any] = {"UNASKED": object()}
        #: A time as written -> the variable that holds it once somebody asked.
        self._worked_out: dict[str, str] = {}

    def function(self, entries: Iterable[_Entry]) -> _Ask:
        tests: list[str] = []
        ladders: dict[tuple[str, bool], list[tuple[Clause, _Entry]]] = {}
        for entry in entries:
            bound = next((one for one in _parts(entry.guard.only_if) if _is_bound(one)), None)
            if bound is None:
                tests.append(f"    if {self._passes(entry.guard, entry.key)}: found({entry.place})")
            else:
                ladders.setdefault((bound.field.path, _rises(bound)), []).append((bound, entry))
        for rungs in ladders.values():
            tests += self._ladder(rungs)
        lines = [f"def ask(scene, found, {', '.join(self._variables.values())}):", "    found = found.append"]
        lines += [f"    {name} = UNASKED" for name in self._worked_out.values()]
        ask: _Ask = _written("\n".join(lines + tests), "ask", self._names)
        return ask

    def _ladder(self, rungs: list[tuple[Clause, _Entry]]) -> Iterator[str]:
        """Entries that a number must pass a bound for, easiest first: the first that is not passed ends it."""
        value = self._value(rungs[0][0].field)
        yield f"    while {value} is not None:"
        for bound, (place, guard, key) in sorted(rungs, key=lambda rung: _height(rung[0])):
            yield f"        if not {value} {_SIGNS[bound.operator]} {_literal(bound.operand.plus)}: break"
            yield f"        if {self._passes(guard, key, bound)}: found({place})"
        yield "        break"

    def _passes(self, guard: Guard, *settled: Clause | None) -> str:
        needs = [self._true(one) for one in _parts(guard.only_if) if all(one is not clause for clause in settled)]
        if guard.not_if is not None:
            needs.append(self._false(guard.not_if) if guard.unknown_bars else f"not {self._true(guard.not_if)}")
        return " and ".join(needs) or "True"

    def _true(self, condition: Condition) -> str:
        """Whether it is known to be true."""
        if type(condition) is AllOf:
            return self._joined(" and ", self._true, condition.parts, "True")
        if type(condition) is AnyOf:
            return self._joined(" or ", self._true, condition.parts, "False")
        if type(condition) is NoneOf:
            return self._joined(" and ", self._false, condition.parts, "True")
        if isinstance(condition, Clause) and (test := self._test(condition)):
            return f"({' and '.join(test)})"
        return f"({self._constant(condition.holds)}(scene) is True)"

    def _false(self, condition: Condition) -> str:
        """Whether it is known to be false."""
        if type(condition) is AllOf:
            return self._joined(" or ", self._false, condition.parts, "False")
        if type(condition) is AnyOf:
            return self._joined(" and ", self._false, condition.parts, "True")
        if type(condition) is NoneOf:
            return self._joined(" or ", self._true, condition.parts, "False")
        if isinstance(condition, Clause) and (test := self._test(condition)):
            *known, comparison = test
            return f"({' and '.join([*known, f'not {comparison}'])})"
        return f"({self._constant(condition.holds)}(scene) is False)"

    @staticmethod
    def _joined(word: str, write: Callable[[Condition], str], parts: Iterable[Condition], none: str) -> str:
        return f"({word.join(write(part) for part in parts) or none})"

    def _test(self, clause: Clause) -> list[str]:
        """What must be known, then the comparison itself; nothing for what is better asked of the clause."""
        operator, operand = clause.operator, clause.operand
        if operator == "exists":
            return [f"({self._value(clause.field)} is {'not ' if operand else ''}None)"]
        if clause.field.type not in _SINGLE and operator not in _TIMES:
            return []
        value = self._value(clause.field)
        known = [f"{value} is not None"]
        if operator in _TIMES:
            return [*known, *self._timely(clause, value)]
        if operator in ("is", "not"):
            sign = "in" if operator == "is" else "not in"
            return [*known, f"({value} {sign} {{{', '.join(map(_literal, operand))}}})"]
        if operator in _SIGNS and isinstance(operand, NumberRef):
            line = _literal(operand.plus)
            if operand.base is not None:
                base = self._value(operand.base)
                known, line = [*known, f"{base} is not None"], f"{base} + {line}"
            return [*known, f"({value} {_SIGNS[operator]} {line})"]
        if operator == "contains":
            return [*known, f"({_literal(operand.casefold())} in {value}.casefold())"]
        if operator == "starts_with":
            return [*known, f"({value}.casefold().startswith({_literal(operand.casefold())}))"]
        return []

    def _timely(self, clause: Clause, value: str) -> list[str]:
        """A comparison of times, which cost much more than others: each is worked out once, and only if it is needed."""
        field, operator, operand = clause.field, clause.operator, clause.operand
        what = f"{operator} {operand}" if isinstance(operand, Duration) else f"{operand.text} {operand.calendar}"
        wanted, ask_wanted = self._once(what, lambda scene, _: clause.wanted(scene), "None")
        _, ask_seen = self._once(field.path, lambda scene, at: scene.instant(at, ends_day=field.ends_day), value)
        return [f"{ask_wanted} is not None", f"({_TIMES[operator].format(seen=ask_seen, wanted=wanted)})"]

    def _once(self, what: str, work_out: Callable[[Scene, Any], Any], value: str) -> tuple[str, str]:
        """The variable for something, and the words that work it out where nobody has asked for it yet."""
        if what not in self._worked_out:
            self._worked_out[what] = f"once{len(self._worked_out)}"
        name = self._worked_out[what]
        return name, f"({name} if {name} is not UNASKED else ({name} := {self._constant(work_out)}(scene, {value})))"

    def _value(self, field: Field) -> str:
        return self._variables[field.path]

    def _constant(self, value: Any) -> str:
        name = f"CONSTANT{len(self._names)}"
        self._names[name] = value
        return name


def _literal(value: str | float) -> str:
    """A text, a number, a yes or no as Python writes it."""
    assert type(value) in (str, int, float, bool)
    return repr(value)


def _is_bound(condition: Condition) -> TypeGuard[Clause]:
    """Whether it compares a field with a plain number."""
    return (
        isinstance(condition, Clause)
        and condition.operator in _SIGNS
        and isinstance(condition.operand, NumberRef)
        and condition.operand.base is None
    )


def _rises(bound: Clause) -> bool:
    return _SIGNS[bound.operator].startswith(">")


def _height(bound: Clause) -> tuple[float, bool]:
    """Whoever passes a bound passes all that are lower: `at_least: 5` is just below `more_than: 5`."""
    line = bound.operand.plus
    return (line if _rises(bound) else -line), not _SIGNS[bound.operator].endswith("=")
