"""What came, held against what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from notifier.ruletest.case import Expected, WhyNot
from notifier.ruletest.trial import Actual, Trial

__all__ = ["Difference", "Missing", "OtherReason", "Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a decision is not what was expected."""

    name: str
    expected: Any
    actual: Any


@dataclass(frozen=True, slots=True)
class Missing:
    """A decision that was expected and did not come, and the one that came nearest; None where nothing did."""

    expected: Expected
    nearest: Actual | None
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class OtherReason:
    """A rule that sent all the same, or did not for another reason than the one expected."""

    why_not: WhyNot
    sent: bool
    #: The reasons that it had, if any.
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything in which a test went other than it should have."""

    missing: tuple[Missing, ...] = ()
    #: Messages that nothing was said about.
    unexpected: tuple[Actual, ...] = ()
    other_reasons: tuple[OtherReason, ...] = ()
    #: What nobody was to get in a test that expects nothing: it came to nothing for that alone.
    unaddressed: tuple[Actual, ...] = ()

    @property
    def passed(self) -> bool:
        return not (self.missing or self.unexpected or self.other_reasons or self.unaddressed)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that are to be looked into."""
        named = [one.expected.rule for one in self.missing]
        named += [one.nearest.match.rule for one in self.missing if one.nearest and not one.expected.rule]
        named += [one.match.rule for one in self.unexpected]
        named += [one.why_not.rule for one in self.other_reasons]
        named += [one.match.rule for one in self.unaddressed]
        return tuple(dict.fromkeys(name for name in named if name))


def judge(trial: Trial) -> Verdict:
    """Each expectation takes one decision; a message that none has taken should not have been sent."""
    expected, came = trial.case.expected, trial.decisions
    taken = _pairs(expected, came)
    left = [one for place, one in enumerate(came) if place not in taken.values()]
    return Verdict(
        tuple(_missing(one, left) for place, one in enumerate(expected) if place not in taken),
        tuple(one for one in left if one.row.outcome == "send"),
        tuple(found for one in trial.case.why_not if (found := _other_reason(one, trial))),
        () if expected else tuple(_unaddressed(trial)),
    )


def _unaddressed(trial: Trial) -> Iterator[Actual]:
    """What would have been sent if anybody were known to send it to, where the test does not say that this is meant."""
    meant = {one.rule for one in trial.case.why_not if one.reason == "no_address"}
    for one in trial.decisions:
        if one.row.reason == "no_address" and not one.match.recipient and one.match.rule not in meant:
            yield one


def _pairs(expected: Sequence[Expected], came: Sequence[Actual]) -> dict[int, int]:
    """Expectation -> decision, as many as can be: one that fits several leaves the only one of another to that."""
    fitting = [[place for place, one in enumerate(came) if not _differences(wish, one)] for wish in expected]
    holders: dict[int, int] = {}

    def place_of(wish: int, tried: set[int]) -> bool:
        for decision in fitting[wish]:
            if decision not in tried:
                tried.add(decision)
                if decision not in holders or place_of(holders[decision], tried):
                    holders[decision] = wish
                    return True
        return False

    for wish in range(len(expected)):
        place_of(wish, set())
    return {wish: decision for decision, wish in holders.items()}


def _differences(expected: Expected, actual: Actual) -> tuple[Difference, ...]:
    wanted = expected.wanted
    found = [
        Difference(name, wanted[name], value)
        for name, value in actual.said.items()
        if name in wanted
        and wanted[name] != value
        and not (name == "to" and wanted[name] == "customer" and _to_customer(actual))
    ]
    if actual.message is not None:
        found += [Difference("subject", one, actual.subject) for one in expected.subject if one not in actual.subject]
        found += [Difference("contains", one, actual.text) for one in expected.contains if one not in actual.text]
        found += [Difference("not_contains", one, actual.text) for one in expected.not_contains if one in actual.text]
    return tuple(found)


def _to_customer(actual: Actual) -> bool:
    return actual.match.recipient.startswith("customer:")


def _missing(expected: Expected, left: Sequence[Actual]) -> Missing:
    """With the nearest of what nothing else accounts for: of the same rule before all, then alike in most."""
    near = [(one, _differences(expected, one)) for one in left]
    if expected.rule:
        near = [(one, found) for one, found in near if one.match.rule == expected.rule] or near
    if not near:
        return Missing(expected, None, ())
    nearest, differences = min(near, key=lambda pair: (len(pair[1]), pair[0].row.outcome != "send"))
    return Missing(expected, nearest, differences)


def _other_reason(why_not: WhyNot, trial: Trial) -> OtherReason | None:
    of_rule = [one for one in trial.decisions if one.match.rule == why_not.rule]
    sent = any(one.row.outcome == "send" for one in of_rule)
    reasons = tuple(dict.fromkeys(_reasons(why_not.rule, of_rule, trial)))
    return OtherReason(why_not, sent, reasons) if sent or why_not.reason not in reasons else None


def _reasons(rule: str, decisions: Sequence[Actual], trial: Trial) -> Iterator[str]:
    """Why the rule did not send: by what was decided, by what its conditions found, or by how it stands in the end."""
    told = [one.row.reason for one in decisions if one.row.reason]
    told += [one.refuses for one in trial.asked if one.rule == rule and one.refuses]
    yield from told
    if not told:
        kind = trial.suite.project.book.by_id[rule].about
        for explanation in trial.explanations(kind):
            yield from (one.reason for one in explanation.standings if one.rule.id == rule and one.reason)
