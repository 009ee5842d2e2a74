"""`notifier outbox approve` and `discard`: what becomes of messages that the brake holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.outbox import find
from notifier.cli.terminal import emit, plural, say
from notifier.errors import UsageError

if TYPE_CHECKING:
    from notifier.store import Unit
    from notifier.store.record import Outgoing

Named = Annotated[
    list[str] | None,
    typer.Argument(metavar="RULE|ID", help="All that the brake holds of this rule, or one message: its number or id."),
]
All = Annotated[bool, typer.Option("--all", help="Whatever the brake holds, of every rule.")]


def approve(named: Named = None, all_: All = False, root: Root = HERE, as_json: AsJson = False) -> None:
    """Let messages go that the brake has held.

    Each is decided about anew and goes out with the next tick, if it is still of use; it is not braked again. For a rule,
    or where none of it waits any more, the brake is off, and its messages are counted from now on.

    Examples:
      notifier outbox approve delivery-overdue
      notifier outbox approve 12 13
    """
    _end(root, named or [], everything=all_, approved=True, as_json=as_json)


def discard(named: Named = None, all_: All = False, root: Root = HERE, as_json: AsJson = False) -> None:
    """Drop messages that the brake has held.

    For a rule, or where none of it waits any more, the brake is off; what was sent still counts, so that it holds again
    at once while too much comes. Mend or pause the rule first.

    Examples:
      notifier outbox discard delivery-overdue
      notifier outbox discard --all
    """
    _end(root, named or [], everything=all_, approved=False, as_json=as_json)


def _end(root: Path, named: list[str], *, everything: bool, approved: bool, as_json: bool) -> None:
    from notifier import release
    from notifier.cli.opening import open_records
    from notifier.clock import clock

    if bool(named) == everything:
        raise UsageError("say what is meant: a RULE, messages by ID, or --all; status says what is braked")
    now = clock()()
    _zone, store = open_records(root)
    done: dict[str, int] = {}
    try:
        with store.begin() as unit:
            braked = release.braked(unit)
            rules = list(braked) if everything else [one for one in dict.fromkeys(named) if one in braked]
            singles = _singles(unit, [one for one in dict.fromkeys(named) if one not in braked], braked)
            chosen = [one for rule in rules for one in release.held(unit, rule)]
            chosen += [one for one in singles if one.rule not in rules]
            (release.approve if approved else release.discard)(unit, chosen, now)
            done = dict.fromkeys(rules, 0) | _counted(chosen)
            off = {rule for rule in done if rule in rules or not unit.held_for("brake").get(rule)}
            for rule in off:
                release.let_go(unit, rule, now, approved=approved)
    finally:
        store.close()
    for rule, count in done.items():
        if as_json:
            emit({"rule": rule, "approved" if approved else "discarded": count, "braked": rule not in off})
        else:
            said = "approved, to be looked at with the next tick" if approved else "discarded"
            state = "the brake is off" if rule in off else "the rest still waits"
            say(f"Rule {rule}: {plural(count, 'message')} {said}; {state}.")
    if not done and not as_json:
        say("The brake holds nothing.")


def _counted(messages: Iterable[Outgoing]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in messages:
        counts[one.rule] = counts.get(one.rule, 0) + 1
    return counts


def _singles(unit: Unit, ids: Iterable[str], braked: Iterable[str]) -> list[Outgoing]:
    """Single messages, each of which the brake holds."""
    found = []
    for name in ids:
        try:
            one = find(unit, name)
        except UsageError as error:
            rules = f"braked are {', '.join(braked)}" if braked else "no rule is"
            raise UsageError(f"no rule '{name}' is braked ({rules}), and {error}") from None
        if one.state != "held" or one.reason != "brake":
            raise UsageError(f"message {one.number} ({one.rule}) is not held by the brake: it is {one.state}")
        found.append(one)
    return found
