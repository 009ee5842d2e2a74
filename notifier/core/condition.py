"""What must be known to be true, in three values: True, False and None for unknown.

A clause on a field that is missing is unknown, and stays so under `not` and `none`; only `exists` sees absence. A list
that is missing is an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from notifier.core.catalogue import Field
from notifier.core.duration import NO_TIME, Duration
from notifier.core.local_time import shift, when
from notifier.core.message import masked
from notifier.core.scene import Scene

__all__ = [
    "BLOCKS",
    "OPERATORS",
    "AllOf",
    "AnyOf",
    "Clause",
    "Condition",
    "Finding",
    "Items",
    "NoneOf",
    "NumberRef",
    "TimeRef",
    "Truth",
]

Truth = bool | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One clause as it was found: for `explain`."""

    clause: str
    truth: Truth
    seen: str


class Condition(Protocol):
    def holds(self, scene: Scene) -> Truth: ...

    def findings(self, scene: Scene) -> Iterator[Finding]: ...

    def fields(self) -> Iterator[Field]: ...

    def by_clock(self) -> bool:
        """Whether it can turn by the mere passing of time."""
        ...


@dataclass(frozen=True, slots=True)
class TimeRef:
    """`now`, a field or a written time, give or take a duration."""

    text: str
    base: Field | datetime | date | None
    by: Duration = NO_TIME
    calendar: str = "shop"

    def resolve(self, scene: Scene) -> datetime | None:
        if self.base is None:
            moment: datetime | date | None = scene.now
        elif isinstance(self.base, Field):
            moment = scene.value(self.base.path)
        else:
            moment = self.base
        if moment is None:
            return None
        ends_day = isinstance(self.base, Field) and self.base.ends_day
        return scene.moved(moment, self.by, ends_day=ends_day, calendar=self.calendar)


@dataclass(frozen=True, slots=True)
class NumberRef:
    """A number, or a field give or take one."""

    text: str
    base: Field | None
    plus: float = 0

    def resolve(self, scene: Scene) -> float | None:
        if self.base is None:
            return self.plus
        value = scene.value(self.base.path)
        return None if value is None else value + self.plus


def _among(seen: Any, wanted: tuple[Any, ...]) -> bool:
    if isinstance(seen, list):
        return any(one in wanted for one in seen)
    return seen in wanted


_Test = Callable[[Any, Any], bool]

#: Operator -> how it compares what is seen with what is wanted. Times and numbers arrive resolved.
OPERATORS: Mapping[str, _Test] = {
    "is": _among,
    "not": lambda seen, wanted: not _among(seen, wanted),
    "at_least": lambda seen, wanted: seen >= wanted,
    "at_most": lambda seen, wanted: seen <= wanted,
    "more_than": lambda seen, wanted: seen > wanted,
    "less_than": lambda seen, wanted: seen < wanted,
    "before": lambda seen, wanted: seen < wanted,
    "after": lambda seen, wanted: seen > wanted,
    "in_last": lambda seen, span: span[0] <= seen <= span[1],
    "in_next": lambda seen, span: span[0] <= seen <= span[1],
    "contains": lambda seen, wanted: wanted in seen if isinstance(seen, list) else wanted.casefold() in seen.casefold(),
    "starts_with": lambda seen, wanted: seen.casefold().startswith(wanted.casefold()),
}
BLOCKS = ("all", "any", "none")


@dataclass(frozen=True, slots=True)
class Clause:
    """One field against one operand."""

    field: Field
    operator: str
    #: A tuple for `is` and `not`, a TimeRef, a NumberRef, a Duration, text, or a bool for `exists`.
    operand: Any
    text: str

    def holds(self, scene: Scene) -> Truth:
        seen = scene.value(self.field.path)
        if self.operator == "exists":
            return (seen is not None) is self.operand
        if seen is None:
            if self.field.type not in ("list", "items"):
                return None
            seen = []
        wanted = self.wanted(scene)
        if wanted is None:
            return None
        if isinstance(seen, date) and self.field.type == "time":
            seen = scene.instant(seen, ends_day=self.field.ends_day)
        return OPERATORS[self.operator](seen, wanted)

    def wanted(self, scene: Scene) -> Any:
        """What the field is compared with, of `in_last` and `in_next` both ends; None while that is unknown."""
        operand = self.operand
        if isinstance(operand, TimeRef | NumberRef):
            return operand.resolve(scene)
        if isinstance(operand, Duration):
            working = scene.working("shop")
            if self.operator == "in_last":
                return shift(scene.now, -operand, scene.zone, working), scene.now
            return scene.now, shift(scene.now, operand, scene.zone, working)
        return operand

    def findings(self, scene: Scene) -> Iterator[Finding]:
        seen = scene.value(self.field.path)
        yield Finding(self.text, self.holds(scene), f"{self.field.path} is {_shown(self.field, seen, scene)}")

    def fields(self) -> Iterator[Field]:
        yield self.field
        if isinstance(self.operand, TimeRef | NumberRef) and isinstance(self.operand.base, Field):
            yield self.operand.base

    def by_clock(self) -> bool:
        return isinstance(self.operand, Duration) or (isinstance(self.operand, TimeRef) and self.operand.base is None)


def _shown(field: Field, value: Any, scene: Scene) -> str:
    """A value as people may read it: an explanation can be passed on, and addresses in it are masked."""
    if value is None:
        return "unknown"
    if isinstance(value, datetime):
        return when(value, scene.zone)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "empty"
    return masked(str(value)) if field.path.endswith((".email", ".phone")) else str(value)


@dataclass(frozen=True, slots=True)
class _Group:
    parts: tuple[Condition, ...]

    def holds(self, scene: Scene) -> Truth:
        """Nothing holds of a group as such; each kind says what does."""
        raise TypeError(f"{type(self).__name__} of {scene.now}")

    def findings(self, scene: Scene) -> Iterator[Finding]:
        for part in self.parts:
            yield from part.findings(scene)

    def fields(self) -> Iterator[Field]:
        for part in self.parts:
            yield from part.fields()

    def by_clock(self) -> bool:
        return any(part.by_clock() for part in self.parts)


class AllOf(_Group):
    def holds(self, scene: Scene) -> Truth:
        unknown = False
        for part in self.parts:
            truth = part.holds(scene)
            if truth is False:
                return False
            unknown |= truth is None
        return None if unknown else True


class AnyOf(_Group):
    def holds(self, scene: Scene) -> Truth:
        unknown = False
        for part in self.parts:
            truth = part.holds(scene)
            if truth:
                return True
            unknown |= truth is None
        return None if unknown else False


class NoneOf(_Group):
    def holds(self, scene: Scene) -> Truth:
        truth = AnyOf(self.parts).holds(scene)
        return None if truth is None else not truth


@dataclass(frozen=True, slots=True)
class Items:
    """Over the entries of a list of items: `any`, `all` or `none` of them meet a condition."""

    field: Field
    quantifier: str
    condition: Condition

    def holds(self, scene: Scene) -> Truth:
        found = [self.condition.holds(_of_item(scene, item)) for item in scene.value(self.field.path) or ()]
        if self.quantifier == "all":
            return False if False in found else None if None in found else True
        truth: Truth = True if True in found else None if None in found else False
        return truth if self.quantifier == "any" or truth is None else not truth

    def findings(self, scene: Scene) -> Iterator[Finding]:
        count = len(scene.value(self.field.path) or ())
        inner = " and ".join(finding.clause for finding in self.condition.findings(scene))
        yield Finding(f"{self.quantifier} of {self.field.path}: {inner}", self.holds(scene), f"{count} items")

    def fields(self) -> Iterator[Field]:
        yield self.field

    def by_clock(self) -> bool:
        return self.condition.by_clock()


@dataclass(frozen=True, slots=True)
class Told:
    """Whether one of these rules told about the subject, in the time up to now of this length."""

    rules: tuple[str, ...]
    in_last: Duration
    text: str

    def holds(self, scene: Scene) -> Truth:
        since = shift(scene.now, -self.in_last, scene.zone, scene.working("shop"))
        return any(at > since for _, at in self._when(scene))

    def findings(self, scene: Scene) -> Iterator[Finding]:
        last = max(self._when(scene), key=lambda one: one[1], default=None)
        seen = f"{last[0]} told {when(last[1], scene.zone)}" if last else "nothing was told"
        yield Finding(self.text, self.holds(scene), seen)

    def fields(self) -> Iterator[Field]:
        return iter(())

    def by_clock(self) -> bool:
        return True

    def _when(self, scene: Scene) -> list[tuple[str, datetime]]:
        told = [(rule, scene.value(f"told.{rule}")) for rule in self.rules]
        return [(rule, at) for rule, at in told if at is not None]


def asks_of(condition: Condition) -> Iterator[str]:
    """The rules of which it asks what they told."""
    if isinstance(condition, Told):
        yield from condition.rules
    elif isinstance(condition, _Group):
        for part in condition.parts:
            yield from asks_of(part)


def _of_item(scene: Scene, item: Mapping[str, Any]) -> Scene:
    """Entries of a list have short names, which are scopes of their own: `backordered`."""
    facts = {**scene.facts, **{name: {name: value} for name, value in item.items()}}
    return scene._replace(facts=facts)
