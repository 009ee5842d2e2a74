"""`notifier status`: what is silenced, what waits and what was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.silence import in_force, mute_record, mute_sentence
from notifier.cli.terminal import emit, plural, say, shown, styled

if TYPE_CHECKING:
    from notifier.core.policy import Mute
    from notifier.store.record import Quarantined

_STATES = "messages."
#: More than this are not counted.
_MOST_DROPPED = 100_000
#: Of the names in a refused event so many characters are told.
_LONGEST_NAME = 128
#: States that wait for something, in the order in which they are told.
_WAITING = ("held", "pending", "claimed", "posting", "unknown")


def status(
    refused: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, max=1_000_000, help="At most so many events of the quarantine, the newest first."
        ),
    ] = 5,
    show_addresses: Annotated[
        bool, typer.Option("--show-addresses", help="With --json: print refused events whole, as they came.")
    ] = False,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what is paused, muted or braked, what waits and what was refused.

    Examples:
      notifier status
      notifier status --refused 100 --show-addresses --json
    """
    from notifier.cli.opening import beginning, open_records
    from notifier.clock import clock

    now = clock()()
    zone, store = open_records(root)
    try:
        with store.read() as unit:
            mutes, counts, last = in_force(unit.mutes(), now), unit.counts(), unit.quarantined(refused)
            braked = unit.held_for("brake")
            dropped = Counter(row.reason for _, row in unit.dropped(beginning("today", zone, now), _MOST_DROPPED))
    finally:
        store.close()
    if as_json:
        for one in mutes:
            emit({"record": "mute", **mute_record(one), **_waiting(one, braked)})
        for event in last:
            emit(_refused_record(event, show=show_addresses))
        emit({"summary": {**_summary(counts), "dropped_today": dict(dropped.most_common())}})
        return
    for one in mutes:
        waiting = "".join(f"; {plural(count, 'message')} wait" for count in _waiting(one, braked).values())
        say(f"{mute_sentence(one, zone)}{waiting}")
    if not mutes:
        say("Nothing is paused or muted.")
    for line in _messages(counts):
        say(line)
    if dropped:
        why = ", ".join(f"{count:,} {reason}" for reason, count in dropped.most_common())
        say(f"Dropped today: {why}; see 'notifier outbox dropped'.")
    for line in _quarantine(counts, last, zone):
        say(line)


def _waiting(one: Mute, braked: Mapping[str, int]) -> dict[str, int]:
    """Of a brake, how many messages it holds."""
    return {"waiting": braked.get(one.scope.removeprefix("rule:"), 0)} if one.kind == "brake" else {}


def _summary(counts: Mapping[str, int]) -> dict[str, Any]:
    states = {name.removeprefix(_STATES): count for name, count in counts.items() if name.startswith(_STATES)}
    return {"events": counts["events"], "refused": counts["quarantined"], "armed": counts["armed"], "messages": states}


def _messages(counts: Mapping[str, int]) -> Iterator[str]:
    states = _summary(counts)["messages"]
    order = [*_WAITING, *sorted(states.keys() - set(_WAITING))]
    told = [f"{states[name]:,} {name}" for name in order if states.get(name)]
    yield f"Messages: {', '.join(told) or 'none'}."


def _quarantine(counts: Mapping[str, int], last: list[Quarantined], zone: tzinfo) -> Iterator[str]:
    count = counts["quarantined"]
    if not count:
        yield "No event was refused."
        return
    yield f"{plural(count, 'event')} refused, in quarantine{'; the last:' if last else '.'}"
    for one in last:
        name = " ".join(part for part in (_said(one, "source"), _said(one, "id")) if part)
        yield f"  {styled(shown(one.received, zone), dim=True)}  {name}{': ' if name else ''}{one.reason}"


def _said(one: Quarantined, key: str) -> str:
    """What the event says under a key, where that can be read: what was refused may be odd in every part."""
    import orjson

    try:
        value = orjson.loads(one.body)[key]
    except (ValueError, TypeError, KeyError):
        return one.source if key == "source" else ""
    return str(value)[:_LONGEST_NAME] if isinstance(value, str | int) else ""


def _refused_record(one: Quarantined, *, show: bool) -> dict[str, Any]:
    return {
        "record": "refused", "received": one.received, "source": _said(one, "source") or None,
        "id": _said(one, "id") or None, "reason": one.reason,
        "body": one.body.decode("utf-8", "replace") if show else None,
    }  # fmt: skip
