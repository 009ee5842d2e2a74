"""`notifier tick`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.terminal import complain, emit, plural, say, shown

#: Ends that a message of this pass may have come to, and how a person is told of them.
_ENDS = {
    "accepted": "sent", "dropped": "dropped", "failed": "failed", "rejected": "refused", "cancelled": "cancelled",
    "abandoned": "given up",
}  # fmt: skip
_WAITING = {
    "held": "held", "pending": "to be tried again", "unknown": "of unknown fate", "posting": "left in the middle of a call",
}  # fmt: skip


def tick(root: Root = HERE, as_json: AsJson = False) -> None:
    """Decide and send what is due, until nothing is. For cron.

    While another tick, or the daemon, is at work on the project it says so and leaves it alone. Exits with 3 where a
    provider took nothing; its messages are tried again.

    Examples:
      notifier tick
      * * * * *  notifier --project /srv/shop tick      (a line of a crontab)
    """
    from notifier.cli.opening import open_engine
    from notifier.errors import Busy
    from notifier.lock import hold

    try:
        with hold(root), open_engine(root, sends=True) as engine:
            with engine.store.read() as unit:
                before = unit.counts()
            engine.take_over()
            engine.tick()
            with engine.store.read() as unit:
                after = unit.counts()
            now, zone, troubles = engine.now(), engine.project.zone, engine.troubles
            cleared = engine.clear_out()
    except Busy as busy:
        complain(f"notifier: {busy}; nothing was done")
        return
    done = {"at": now, **_done(before, after), "troubles": troubles, "deleted": dict(cleared)}
    if as_json:
        emit(done)
    else:
        say(f"{shown(now, zone)}  {_sentence(done)}")
        if cleared:
            say(f"Kept long enough and deleted: {', '.join(f'{count:,} {what}' for what, count in cleared.items())}.")
    if troubles:
        raise typer.Exit(3)


def _done(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, Any]:
    """What this pass did, and what waits after it."""
    ended = {name: after.get(f"messages.{name}", 0) - before.get(f"messages.{name}", 0) for name in _ENDS}
    return {
        "matches": after["matches"] - before["matches"],
        **{name: max(count, 0) for name, count in ended.items()},
        "waiting": {name: after.get(f"messages.{name}", 0) for name in _WAITING},
    }


def _sentence(done: Mapping[str, Any]) -> str:
    parts = [f"{plural(done['matches'], 'time')} came due", f"{plural(done['accepted'], 'message')} sent"]
    parts += [f"{done[name]:,} {word}" for name, word in _ENDS.items() if name != "accepted" and done[name]]
    waiting = [f"{done['waiting'][name]:,} {word}" for name, word in _WAITING.items() if done["waiting"][name]]
    return f"{', '.join(parts)}{'; waiting: ' if waiting else ''}{', '.join(waiting)}"
