"""`notifier pause`, `resume`, `mute` and `unmute`: an operator's word against what the rules say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.terminal import emit, plural, say, shown
from notifier.errors import UsageError

if TYPE_CHECKING:
    from notifier.core.policy import Mute
    from notifier.store import Unit

Everything = Annotated[bool, typer.Option("--all", help="Everything that is sent.")]
Rules = Annotated[list[str] | None, typer.Option("--rule", metavar="ID", help="What this rule sends.")]
Carriers = Annotated[
    list[str] | None, typer.Option("--carrier", metavar="NAME", help="What is about parcels of this carrier.")
]
Skus = Annotated[list[str] | None, typer.Option("--sku", metavar="SKU", help="What is about this article.")]
Until = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="When it ends by itself: 2h, 3d, 2026-03-13 (until that day is over) or a time."),
]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="For those who find it later.")]


def pause(
    *,
    everything: Everything = False,
    rule: Rules = None,
    carrier: Carriers = None,
    sku: Skus = None,
    until: Until = None,
    reason: Why = "",
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Hold messages back for the time being.

    They wait until the pause ends. What waits too long to be of use is dropped. Doing it twice is doing it once.

    Examples:
      notifier pause --all --until 2h --reason "the mail server moves"
      notifier pause --rule delivery-overdue
    """
    _put("pause", root, _scopes(everything, rule, carrier, sku), until, reason, as_json=as_json)


def resume(
    *,
    everything: Everything = False,
    rule: Rules = None,
    carrier: Carriers = None,
    sku: Skus = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """End a pause; the next tick looks again at what waited.

    Examples:
      notifier resume --all
      notifier resume --rule delivery-overdue
    """
    _lift("pause", root, _scopes(everything, rule, carrier, sku), as_json=as_json)


def mute(
    *,
    everything: Everything = False,
    rule: Rules = None,
    carrier: Carriers = None,
    sku: Skus = None,
    until: Until = None,
    reason: Why = "",
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Drop messages instead of sending them.

    What was dropped is not made up for later.

    Examples:
      notifier mute --carrier GLS --until 2026-03-13 --reason "their scans are wrong"
      notifier mute --sku BOOT-42
    """
    _put("mute", root, _scopes(everything, rule, carrier, sku), until, reason, as_json=as_json)


def unmute(
    *,
    everything: Everything = False,
    rule: Rules = None,
    carrier: Carriers = None,
    sku: Skus = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """End a mute.

    What was dropped meanwhile stays dropped.

    Examples:
      notifier unmute --carrier GLS
    """
    _lift("mute", root, _scopes(everything, rule, carrier, sku), as_json=as_json)


Kind = Literal["pause", "mute"]
_DONE = {"pause": "paused", "mute": "muted", "brake": "braked"}


def _scopes(everything: bool, rules: Rules, carriers: Carriers, skus: Skus) -> list[str]:
    named = (("rule", rules), ("carrier", carriers), ("sku", skus))
    scopes = ["all"] * everything + [f"{kind}:{name}" for kind, names in named for name in names or ()]
    if not scopes:
        raise UsageError(
            "say what is meant: --all, --rule ID, --carrier NAME or --sku SKU; status says what is in force"
        )
    return scopes


def _put(kind: Kind, root: Path, scopes: list[str], until: str | None, reason: str, *, as_json: bool) -> None:
    from notifier.cli.opening import instant, open_records
    from notifier.clock import clock
    from notifier.core.policy import Mute

    now = clock()()
    _know_rules(root, scopes)
    zone, store = open_records(root)
    try:
        end = instant(until, zone, now) if until else None
        if end is not None and end <= now:
            raise UsageError(f"--until {until} is past already")
        with store.begin() as unit:
            for scope in scopes:
                _lift_same(unit, kind, scope)
                unit.add_mute(Mute(kind, scope, end, reason), now)
            # A pause that ends sooner than it did lets go sooner what it holds.
            unit.wake("paused", now)
            mutes = unit.mutes()
    finally:
        store.close()
    _tell(mutes, now, zone, as_json=as_json)


def _lift(kind: Kind, root: Path, scopes: list[str], *, as_json: bool) -> None:
    from notifier.cli.opening import open_records
    from notifier.clock import clock

    now = clock()()
    zone, store = open_records(root)
    try:
        with store.begin() as unit:
            missing = [scope for scope in scopes if not _lift_same(unit, kind, scope)]
            woken = unit.wake("paused", now) if kind == "pause" and len(missing) < len(scopes) else 0
            mutes = unit.mutes()
    finally:
        store.close()
    if not as_json:
        for scope in missing:
            say(f"{_words(scope)} was not {_DONE[kind]}.")
        if woken:
            say(f"{plural(woken, 'message')} that waited will be looked at again.")
    _tell(mutes, now, zone, as_json=as_json)


def _lift_same(unit: Unit, kind: Kind, scope: str) -> bool:
    """Lift what means the same, however it was spelt; whether there was any."""
    from notifier.core.policy import folded

    standing = {one.scope for one in unit.mutes() if one.kind == kind and folded(one.scope) == folded(scope)}
    lifted = [unit.lift_mute(kind, one) for one in standing]
    return any(lifted)


def _know_rules(root: Path, scopes: list[str]) -> None:
    """Refuse a rule that is not there. Nothing else needs the rules, and so nothing else minds if they are broken."""
    from notifier.document import suggest
    from notifier.project import load

    rules = [scope.removeprefix("rule:") for scope in scopes if scope.startswith("rule:")]
    known = load(root, sends=False).book.by_id if rules else {}
    for name in rules:
        if name not in known:
            raise UsageError(f"no rule '{name}'{suggest(name, known) or '; the rules are ' + ', '.join(sorted(known))}")


def in_force(mutes: Iterable[Mute], now: datetime) -> list[Mute]:
    """Those that have not ended by themselves."""
    return [one for one in mutes if one.until is None or one.until > now]


def mute_record(one: Mute) -> dict[str, Any]:
    """A pause, a mute or a brake, as scripts see it."""
    return {
        "kind": one.kind, "scope": one.scope, "since": one.at, "until": one.until, "reason": one.reason or None,
    }  # fmt: skip


def mute_sentence(one: Mute, zone: tzinfo) -> str:
    """`Rule delivery-overdue is paused since Fri 2026-03-13 09:00, until you say resume: new text`."""
    since = f" since {shown(one.at, zone)}," if one.at else ""
    end = f"until {shown(one.until, zone)}" if one.until else f"until you say {_END[one.kind]}"
    return f"{_words(one.scope)} is {_DONE[one.kind]}{since} {end}{f': {one.reason}' if one.reason else ''}"


def _tell(mutes: list[Mute], now: datetime, zone: tzinfo, *, as_json: bool) -> None:
    """What is in force now."""
    standing = [one for one in in_force(mutes, now) if one.kind != "brake"]
    if as_json:
        for one in standing:
            emit(mute_record(one))
        return
    if not standing:
        say("Nothing is paused or muted.")
    for one in standing:
        say(mute_sentence(one, zone))


_END = {"pause": "resume", "mute": "unmute", "brake": "outbox approve or outbox discard"}


def _words(scope: str) -> str:
    """`Rule delivery-overdue`."""
    kind, _, name = scope.partition(":")
    return "Everything" if kind == "all" else f"SKU {name}" if kind == "sku" else f"{kind.capitalize()} {name}"
