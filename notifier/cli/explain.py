"""`notifier explain`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.terminal import complain, emit, say, shown, styled, width

if TYPE_CHECKING:
    from notifier.explain import Explanation, Standing

_KINDS = ("order", "shipment", "stock", "customer")
_TRUTHS = {True: "true", False: "false", None: "unknown"}


def explain(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="order:ID, shipment:ID, stock:SKU or customer:ID.")],
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Tell what happened to an order, and why its customer was told or not.

    First everything that happened, in order of time, and what is still to come; then each rule with how it stands now.

    Examples:
      notifier explain order:1043
      notifier explain stock:BOOT-42 --json
    """
    from notifier import explain as explaining
    from notifier.cli.opening import open_project
    from notifier.clock import clock

    subject = subject_key(subject)
    now = clock()()
    project, store = open_project(root)
    try:
        with store.read() as unit:
            explained = explaining.explain(project, unit, subject, now)
            hint = "" if explained else explaining.near(unit, subject)
    finally:
        store.close()
    if explained is None:
        complain(f"notifier: nothing is known about {subject}{hint}")
        raise typer.Exit(1)
    if as_json:
        for record in _records(explained):
            emit(record)
    else:
        for line in _lines(explained, now):
            say(line)


def subject_key(text: str) -> str:
    """The key that a person wrote; raises UsageError with what would be one."""
    from notifier.document import suggest
    from notifier.errors import UsageError

    kind, _, id_ = text.partition(":")
    if kind in _KINDS and id_:
        return text
    hint = suggest(kind, _KINDS) if id_ else ""
    like = "order:1043" if kind != text else f"order:{text}"
    raise UsageError(f"'{text}' is not a subject{hint}; write it like {like}, with one of {', '.join(_KINDS)}")


def _records(explained: Explanation) -> Iterator[dict[str, Any]]:
    from notifier.cli.outbox import message_record

    yield from (dict(entry.record) for entry in explained.entries)
    for one in explained.messages:
        yield {"record": "message", **message_record(one), "outlook": explained.outlooks.get(one.key)}
    yield from (standing.record() for standing in explained.standings)


def _lines(explained: Explanation, now: datetime) -> Iterator[str]:
    zone = explained.zone
    yield styled(f"{explained.key}, on the clock of {zone}", bold=True)
    passed = False
    for entry in explained.entries:
        if not entry.told:
            continue
        if entry.at > now and not passed:
            passed = True
            yield styled(f"{shown(now, zone)}  now", dim=True)
        inset = "" if entry.kind in ("event", "armed") else "  "
        yield from _wrapped(f"{shown(entry.at, zone)}  {inset}", entry.text)
    if explained.messages:
        yield ""
        yield styled("Messages", bold=True)
        yield from _messages(explained)
    yield ""
    yield styled(
        f"Rules about {'stock' if explained.key.startswith('stock:') else explained.key.partition(':')[0] + 's'}",
        bold=True,
    )
    for standing in explained.standings:
        yield from _standing(standing)


def _messages(explained: Explanation) -> Iterator[str]:
    for one in explained.messages:
        about = f", about {one.subject_key}" if one.subject_key != explained.key else ""
        where = f" by {one.channel} in '{one.language}'" if one.channel else ""
        outlook = explained.outlooks.get(one.key, "")
        why = f" {outlook}" if outlook else f" - {one.reason}" if one.reason else ""
        yield from _wrapped(f"{one.number:>6}  ", f"{one.rule}{about}: {one.template}{where}, {one.state}{why}")


def _standing(standing: Standing) -> Iterator[str]:
    from notifier.explain import trigger_words

    state = f" [{standing.rule.state}]" if standing.rule.state != "live" else ""
    yield styled(f"  {standing.rule.id}{state}", bold=True) + styled(
        f"  ({trigger_words(standing.rule.trigger)})", dim=True
    )
    yield from _wrapped("    ", standing.outlook)
    for where, finding in standing.clauses:
        yield from _wrapped("      ", f"{where} {finding.clause} - {_TRUTHS[finding.truth]}: {finding.seen}")
    if standing.follow_up:
        yield from _wrapped("    ", standing.follow_up)


def _wrapped(head: str, text: str) -> Iterator[str]:
    """The text beside its head, in as many lines as the terminal needs."""
    room = max(width() - len(head), 30)
    first, *rest = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    yield head + first
    yield from (" " * len(head) + line for line in rest)
