"""`notifier outbox retry`: another try for messages that failed."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.outbox import find, message_record
from notifier.cli.terminal import emit, say, shown
from notifier.errors import UsageError

if TYPE_CHECKING:
    from notifier.store import Unit
    from notifier.store.record import Outgoing


def retry(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Messages: numbers, ids or the beginnings of ids.")
    ] = None,
    reason: Annotated[
        str, typer.Option(metavar="CODE", help="All that failed for this reason, like render_failed.")
    ] = "",
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Try failed messages again, once their text or address is mended.

    Each is decided about anew, and goes out with the next tick if it is still of use. Exits with 1 where one is not tried.

    Examples:
      notifier outbox retry 12
      notifier outbox retry --reason render_failed
    """
    from notifier.another_try import try_again
    from notifier.cli.opening import open_project
    from notifier.clock import clock

    if bool(ids) == bool(reason):
        raise UsageError("say what is to be tried again: messages by ID, or --reason CODE")
    now = clock()()
    project, store = open_project(root)
    try:
        with store.begin() as unit:
            failed = [find(unit, one) for one in dict.fromkeys(ids)] if ids else _failed_for(unit, reason)
            tried = [
                try_again(project, unit, one, now) if one.state == "failed" else (one, "not_failed") for one in failed
            ]
    finally:
        store.close()
    for outgoing, why in tried:
        if as_json:
            emit({**message_record(outgoing), "not_tried": why or None})
        else:
            say(_sentence(outgoing, why, project.zone))
    if not tried and not as_json:
        say(f"No message failed for {reason}.")
    if any(why for _, why in tried):
        raise typer.Exit(1)


def _failed_for(unit: Unit, reason: str) -> list[Outgoing]:
    found: list[Outgoing] = []
    after = 0
    while page := unit.find_messages(states=["failed"], limit=1000, after=after):
        found += [one for one in page if one.reason == reason]
        after = page[-1].number
        if after <= 1:
            break
    return found[::-1]


def _sentence(outgoing: Outgoing, why: str, zone: tzinfo) -> str:
    from notifier.core.decide import REASONS

    who = f"Message {outgoing.number} ({outgoing.rule}, {outgoing.subject_key})"
    if why == "not_failed":
        return f"{who} has not failed: it is {outgoing.state}."
    if why:
        return f"{who} is not tried again - {why}: {REASONS[why]}"
    if outgoing.state == "held":
        return f"{who} is held until {shown(outgoing.due_at, zone)} - {outgoing.reason}: {REASONS[outgoing.reason]}"
    return f"{who} goes out with the next tick."
