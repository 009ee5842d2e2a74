"""`notifier explain`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.terminal import complain, emit, say, shown, styled, width

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from notifier.explain import Account, Entry, Explanation, Standing

_KINDS = ("order", "shipment", "stock", "customer")
_SHOP = "shop"
_TRUTHS = {True: "true", False: "false", None: "unknown"}


def explain(
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="order:ID, shipment:ID, stock:SKU, customer:ID, or shop.")
    ],
    rule: Annotated[
        str | None,
        typer.Option(metavar="ID", help="What this one rule made of each event, and why it did not go off."),
    ] = None,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Tell what happened to an order, and why its customer was told or not.

    Of the shop itself it tells which reports came of it. First each rule with how it stands now, and why it never went off
    where it did not; then everything that happened, in order of time, and what is still to come.

    Examples:
      notifier explain order:1043
      notifier explain order:1043 --rule eta-slipped
      notifier explain stock:BOOT-42 --json
      notifier explain shop
    """
    from notifier import explain as explaining
    from notifier.cli.opening import open_project
    from notifier.clock import clock

    subject = subject_key(subject)
    now = clock()()
    project, store = open_project(root)
    try:
        with store.read() as unit:
            explained: Explanation | Account | None
            if rule is None:
                explained = explaining.explain(project, unit, subject, now)
            else:
                explained = explaining.account(project, unit, subject, rule, now)
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
        for line in (
            _lines(explained, now) if isinstance(explained, explaining.Explanation) else _account_lines(explained, now)
        ):
            say(line)


def subject_key(text: str) -> str:
    """The key that a person wrote; raises UsageError with what would be one."""
    from notifier.document import suggest
    from notifier.errors import UsageError

    kind, _, id_ = text.partition(":")
    if (kind in _KINDS and id_) or text == _SHOP:
        return text
    hint = suggest(kind, _KINDS) if id_ else ""
    like = "order:1043" if kind != text else f"order:{text}"
    kinds = f"one of {', '.join(_KINDS)}; the shop itself is '{_SHOP}'"
    raise UsageError(f"'{text}' is not a subject{hint}; write it like {like}, with {kinds}")


def _records(explained: Explanation | Account) -> Iterator[dict[str, Any]]:
    from notifier.cli.outbox import message_record
    from notifier.explain import Account

    yield from (dict(entry.record) for entry in explained.entries)
    if isinstance(explained, Account):
        if explained.standing is not None:
            yield explained.standing.record()
        return
    for one in explained.messages:
        yield {"record": "message", **message_record(one), "outlook": explained.outlooks.get(one.key)}
    yield from (one.record for one in explained.demand)
    yield from (standing.record() for standing in explained.standings)


def _lines(explained: Explanation, now: datetime) -> Iterator[str]:
    zone = explained.zone
    kind = explained.key.partition(":")[0]
    yield styled(f"Rules about {_SUCH.get(kind, f'{kind}s')}", bold=True)
    for standing in explained.standings:
        yield from _standing(standing)
    yield ""
    yield styled(f"{explained.key}, on the clock of {zone}", bold=True)
    yield from _timeline(explained.entries, zone, now)
    if explained.messages:
        yield ""
        yield styled("Messages", bold=True)
        yield from _messages(explained)
    if explained.demand:
        yield ""
        yield styled("Waiting", bold=True)
        for one in explained.demand:
            yield from _wrapped("  ", one.text)


def _timeline(entries: Sequence[Entry], zone: ZoneInfo, now: datetime) -> Iterator[str]:
    passed = False
    for entry in entries:
        if not entry.told:
            continue
        if entry.at > now and not passed:
            passed = True
            yield styled(f"{shown(now, zone)}  now", dim=True)
        inset = "" if entry.kind in ("event", "armed", "verdict") else "  "
        yield from _wrapped(f"{shown(entry.at, zone)}  {inset}", entry.text)
        for one in entry.record["clauses"] if entry.kind == "verdict" else ():
            said = f"{one['in']} {one['clause']} - {_TRUTHS[one['truth']]}: {one['seen']}"
            yield from _wrapped(" " * len(f"{shown(entry.at, zone)}    "), said)


def _account_lines(told: Account, now: datetime) -> Iterator[str]:
    """What one rule made of each event, and how it stands."""
    from notifier.explain import trigger_words

    yield styled(f"{told.rule.id} and {told.key}, on the clock of {told.zone}", bold=True) + styled(
        f"  ({trigger_words(told.rule.trigger)})", dim=True
    )
    if told.known_since is not None:
        said = f"Which rules were in force before {shown(told.known_since, told.zone)} is not known; it is told by those of then."
        yield from _wrapped("", said)
    yield from _timeline(told.entries, told.zone, now)
    yield ""
    if told.standing is None:
        gone = told.rule.about == told.key.partition(":")[0]
        yield (
            "The rule is gone."
            if gone
            else f"How it stands now, 'explain {told.rule.about}:...' says of each by itself."
        )
    else:
        yield from _standing(told.standing)


#: As one speaks of all of a kind.
_SUCH = {"stock": "stock", "shop": "the shop"}


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
    if standing.never:
        yield from _wrapped("    ", standing.never)
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
