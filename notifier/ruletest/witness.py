"""Rules that are watched: what each of their conditions was asked, and what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from notifier.core.condition import AllOf, Condition, Finding, Truth
from notifier.core.rule import BecomesTrue, Book, Change, Rule, Send, Trigger
from notifier.core.scene import Scene

__all__ = ["Asked", "Notebook", "conditions", "watched"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition of a rule was looked at."""

    at: datetime
    rule: str
    #: `becomes_true`, `list`, `only_if`, `not_if of send 2`, `only_if of the follow-up`.
    where: str
    truth: Truth
    findings: tuple[Finding, ...]

    @property
    def refuses(self) -> str:
        """The reason that it gives for not sending; empty where it lets pass."""
        if self.where.startswith("not_if"):
            return "condition_false" if self.truth else "condition_unknown" if self.truth is None else ""
        if not self.where.startswith("only_if"):
            return ""
        return "" if self.truth else "condition_unknown" if self.truth is None else "condition_false"


@dataclass(slots=True)
class Notebook:
    """What was asked since the last test began."""

    asked: list[Asked] = field(default_factory=list)

    def note(self, one: Asked) -> None:
        if one not in self.asked[-1:]:
            self.asked.append(one)


@dataclass(frozen=True)
class _Observed(AllOf):
    """A condition that writes down each time that it is looked at. Who looks into it still finds its parts."""

    of: Condition
    rule: str
    where: str
    notebook: Notebook

    def holds(self, scene: Scene) -> Truth:
        asked = Asked(scene.now, self.rule, self.where, self.of.holds(scene), tuple(self.of.findings(scene)))
        self.notebook.note(asked)
        return asked.truth


def watched(rules: Iterable[Rule], notebook: Notebook) -> Book:
    """The same rules, each of whose conditions is written down as it is looked at; those that only watch are tried as live."""
    return Book.of(_watched(rule, notebook) for rule in rules)


def _watched(rule: Rule, notebook: Notebook) -> Rule:
    def seen(where: str, condition: Condition | None) -> Condition | None:
        if condition is None:
            return None
        parts = condition.parts if isinstance(condition, AllOf) else (condition,)
        return _Observed(parts, condition, rule.id, where, notebook)

    def send(one: Send) -> Send:
        of = f" of {_place(rule, one)}"
        return replace(one, only_if=seen(f"only_if{of}", one.only_if), not_if=seen(f"not_if{of}", one.not_if))

    return replace(
        rule,
        # A test says what a rule does once it is in force: it must not fail on the day on which that comes.
        state="live" if rule.state == "watch" else rule.state,
        trigger=_watched_trigger(rule.trigger, seen),
        only_if=seen("only_if", rule.only_if),
        not_if=seen("not_if", rule.not_if),
        listing=replace(rule.listing, condition=seen("list", rule.listing.condition)) if rule.listing else None,
        sends=tuple(send(one) for one in rule.sends),
        follow_up=replace(rule.follow_up, send=send(rule.follow_up.send)) if rule.follow_up else None,
    )


def _watched_trigger(trigger: Trigger, seen: Callable[[str, Condition | None], Condition | None]) -> Trigger:
    if isinstance(trigger, BecomesTrue):
        condition = seen("becomes_true", trigger.condition)
        assert condition is not None
        return replace(trigger, condition=condition)
    if isinstance(trigger, Change):
        return replace(trigger, ready_again=seen("ready_again", trigger.ready_again))
    return trigger


def conditions(rule: Rule) -> Iterator[tuple[str, Condition]]:
    """All conditions of a rule, by the names that they are written down under."""
    trigger = rule.trigger
    pairs: list[tuple[str, Condition | None]] = []
    if isinstance(trigger, BecomesTrue):
        pairs.append(("becomes_true", trigger.condition))
    if isinstance(trigger, Change):
        pairs.append(("ready_again", trigger.ready_again))
    pairs += [("only_if", rule.only_if), ("not_if", rule.not_if)]
    pairs += [("list", rule.listing.condition)] if rule.listing else []
    for one in [*rule.sends, *([rule.follow_up.send] if rule.follow_up else [])]:
        pairs += [(f"only_if of {_place(rule, one)}", one.only_if), (f"not_if of {_place(rule, one)}", one.not_if)]
    yield from ((where, condition) for where, condition in pairs if condition is not None)


def _place(rule: Rule, send: Send) -> str:
    return "the follow-up" if rule.follows_up(send) else f"send {send.index + 1}"
