"""`notifier outbox`: the messages, whatever became of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from notifier.cli.options import HERE, AsJson, Root, add_command
from notifier.cli.terminal import columns, emit, flowed, plural, say, shown, styled

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from notifier.core.message import Message
    from notifier.project import Project
    from notifier.store import Unit
    from notifier.store.record import Attempt, DecisionRow, Outgoing, State

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

ShowAddresses = Annotated[bool, typer.Option("--show-addresses", help="Print addresses and numbers as they are.")]


def list_(
    state: Annotated[
        str, typer.Option(metavar="STATES", help="Only these, like held,failed,unknown; all where it is not given.")
    ] = "",
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=1_000_000, help="At most so many, the newest first.")
    ] = 50,
    show_addresses: ShowAddresses = False,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """List messages, the newest first.

    Examples:
      notifier outbox list
      notifier outbox list --state held,failed --limit 200
    """
    from notifier.cli.opening import open_records

    states = _states(state)
    zone, store = open_records(root)
    try:
        with store.read() as unit:
            found = unit.find_messages(states=states, limit=limit)
    finally:
        store.close()
    if as_json:
        for one in found:
            emit(message_record(one, show_addresses=show_addresses))
        return
    if not found:
        say("No messages." if not states else f"No messages that are {' or '.join(states)}.")
        return
    for number, line in enumerate(columns(list(_rows(found, zone, show_addresses)), numbers=(0,), cut=(7, 4, 3))):
        say(styled(line, bold=True) if number == 0 else line)
    if len(found) == limit:
        say(styled(f"The newest {limit:,}; see more with --limit.", dim=True))


def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="A message's number, its id or the beginning of its id.")],
    show_addresses: ShowAddresses = False,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Show one message: what was decided, what became of it, its text.

    A text that was not written yet is shown as it would be now.

    Examples:
      notifier outbox show 12
      notifier outbox show 5f0c2a --show-addresses
    """
    from notifier.cli.opening import open_project
    from notifier.clock import clock

    project, store = open_project(root)
    try:
        with store.read() as unit:
            outgoing = find(unit, id)
            rows = next(
                (rows for match, rows in unit.matches_of(outgoing.subject_key) if match.key == outgoing.key), []
            )
            attempts = unit.attempts(outgoing.key)
            message, note = _text(project, unit, outgoing, clock()())
    finally:
        store.close()
    if as_json:
        emit(_whole_record(outgoing, rows, attempts, message, note, show_addresses=show_addresses))
        return
    for line in _lines(outgoing, rows, attempts, project.zone, show_addresses=show_addresses):
        say(line)
    say()
    say(styled(note, dim=True))
    if message is not None:
        if message.subject:
            say(styled(f"Subject: {message.subject}", bold=True))
            say()
        say(flowed(message.text))


def dropped(
    since: Annotated[
        str, typer.Option(metavar="TIME", help="From when on: today, a day, a time, or how long ago like 2h or 3d.")
    ] = "today",
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=1_000_000, help="At most so many, the newest first.")
    ] = 50,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """List what was decided against, the newest first.

    What no message ever came of is among it.

    Examples:
      notifier outbox dropped
      notifier outbox dropped --since 3d --json
    """
    from notifier.backtest import decision_record
    from notifier.cli.opening import beginning, open_records
    from notifier.clock import clock

    now = clock()()
    zone, store = open_records(root)
    try:
        begin = beginning(since, zone, now)
        with store.read() as unit:
            found = unit.dropped(begin, limit)
    finally:
        store.close()
    if as_json:
        for match, row in found:
            emit({**decision_record(match, row), "detail": row.detail or None})
        return
    if not found:
        say(f"Nothing was dropped since {shown(begin, zone)}.")
        return
    head = ["when", "rule", "about", "to", "text", "why"]
    rows = [
        [
            shown(row.at, zone), match.rule, match.subject_key, match.recipient or "nobody known", row.template,
            row.reason + (f": {row.detail}" if row.detail else ""),
        ]
        for match, row in found
    ]  # fmt: skip
    for number, line in enumerate(columns([head, *rows], cut=(5, 3, 4))):
        say(styled(line, bold=True) if number == 0 else line)
    if len(found) == limit:
        say(styled(f"The newest {limit:,}; see more with --limit.", dim=True))


for _command, _name in ((list_, "list"), (dropped, "dropped"), (show, "show")):
    add_command(app, _command, _name)


def message_record(outgoing: Outgoing, *, show_addresses: bool = False) -> dict[str, Any]:
    """A message, as scripts see it."""
    return {
        "id": outgoing.id, "number": outgoing.number, "state": outgoing.state, "reason": outgoing.reason or None,
        "rule": outgoing.rule, "send": outgoing.send, "subject": outgoing.subject_key, "to": outgoing.recipient or None,
        "channel": outgoing.channel or None, "address": _address(outgoing, show=show_addresses) or None,
        "locale": outgoing.language or None, "template": outgoing.template, "category": outgoing.category,
        "created": outgoing.created_at, "due": outgoing.due_at, "useless_after": outgoing.stale_at,
        "calls": outgoing.calls, "provider": outgoing.provider or None, "provider_id": outgoing.provider_id or None,
    }  # fmt: skip


def _states(text: str) -> list[State]:
    from notifier.document import suggest
    from notifier.errors import UsageError
    from notifier.store.record import State

    known: tuple[State, ...] = get_args(State)
    wanted = [name.strip() for name in text.split(",")] if text else []
    for name in wanted:
        if name not in known:
            raise UsageError(f"no state '{name}'{suggest(name, known) or '; there are ' + ', '.join(known)}")
    return [state for state in known if state in wanted]


def find(unit: Unit, id_: str) -> Outgoing:
    """By number, by id, or by the beginning of an id that only one message has."""
    from notifier.errors import UsageError

    wanted = id_.lower()
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 and (found := unit.message_numbered(int(wanted))):
        return found
    if len(wanted) == 32 and set(wanted) <= set("0123456789abcdef"):
        key = bytes.fromhex(wanted)
        exact = unit.messages([key]).get(key)
        candidates = [exact] if exact else []
    else:
        candidates = list(_beginning(unit, wanted)) if len(wanted) >= 4 else []
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise UsageError(f"{plural(len(candidates), 'message')} have an id that begins with '{id_}'; write more of it")
    raise UsageError(f"no message '{id_}'; give its number or 4 letters or more of its id, from 'notifier outbox list'")


def _beginning(unit: Unit, prefix: str) -> Iterator[Outgoing]:
    after = 0
    while page := unit.find_messages(limit=1000, after=after):
        yield from (one for one in page if one.id.startswith(prefix))
        after = page[-1].number
        if after <= 1:
            return


def _text(project: Project, unit: Unit, outgoing: Outgoing, now: datetime) -> tuple[Message | None, str]:
    """The message as it was written, or as it would be; and which of the two it is."""
    from notifier.errors import RenderFailed
    from notifier.writing import thaw

    body = unit.bodies([outgoing.key]).get(outgoing.key)
    if body is not None:
        return thaw(body), "As it was written:"
    try:
        message = _would_be(project, unit, outgoing, now)
    except RenderFailed as error:
        return None, f"It cannot be written: {error}"
    return message, "As it would be written now:" if message else "It was not written, and its rule is gone."


def _would_be(project: Project, unit: Unit, outgoing: Outgoing, now: datetime) -> Message | None:
    from notifier.cast import Cast
    from notifier.core.decide import SendNow
    from notifier.core.match import Candidate
    from notifier.links import Links
    from notifier.writing import Writer

    rule, match = project.rule(outgoing.rule), unit.match(outgoing.key)
    send = rule.send_at(outgoing.send) if rule else None
    if rule is None or send is None or match is None:
        return None
    candidate = Candidate(rule, send, match.subject_key, match.occurrence, match.trigger_at, match.seen)
    cast = Cast(project, unit)
    scene = cast.scene_of(candidate, now)
    channel = outgoing.channel or next(one for one in ("email", "sms") if project.texts.carries(send.template, one))
    wanted = outgoing.language or scene.value("customer.locale")
    language = project.texts.language(send.template, channel, wanted)
    return Writer(project, Links(project)).write(cast, outgoing, candidate, scene, SendNow(channel, "", language))


def _rows(found: list[Outgoing], zone: tzinfo, show_addresses: bool) -> Iterator[list[str]]:
    from notifier.core.decide import REASONS

    yield ["no", "when", "state", "rule", "about", "by", "in", "to"]
    for one in found:
        # Words of a provider's own are long: `outbox show` has them.
        state = f"{one.state}: {one.reason}" if one.reason in REASONS else one.state
        to = (show_addresses and one.address) or one.recipient or "-"
        when = f"{one.due_at.astimezone(zone):%Y-%m-%d %H:%M}"
        yield [str(one.number), when, state, one.rule, one.subject_key, one.channel or "-", one.language or "-", to]


def _address(outgoing: Outgoing, *, show: bool) -> str:
    from notifier.core.message import masked

    return outgoing.address if show or not outgoing.address else masked(outgoing.address)


def _lines(
    outgoing: Outgoing, rows: list[DecisionRow], attempts: list[Attempt], zone: ZoneInfo, *, show_addresses: bool
) -> Iterator[str]:
    from notifier.core.decide import REASONS
    from notifier.explain.words import end_words, reason_words

    yield styled(f"Message {outgoing.number}, {outgoing.state}", bold=True)
    address = _address(outgoing, show=show_addresses)
    facts = [
        ("id", outgoing.id),
        ("rule", f"{outgoing.rule}, about {outgoing.subject_key}"),
        ("text", f"{outgoing.template} ({outgoing.category})"),
        ("to", f"{outgoing.recipient}{f', {address}' if address else ''}"),
        ("by", f"{outgoing.channel or '-'}{f', in {outgoing.language!r}' if outgoing.language else ''}"),
        ("made", shown(outgoing.created_at, zone)),
    ]
    if outgoing.state in ("held", "pending", "unknown"):
        facts.append(("due", shown(outgoing.due_at, zone)))
    if outgoing.state == "pending" and outgoing.reason and outgoing.reason not in REASONS:
        facts.append(("why", outgoing.reason))
    yield from columns([[f"  {name}", value] for name, value in facts])
    for row in rows:
        verb = {"send": "goes out", "hold": "held", "drop": "dropped"}[row.outcome]
        until = f" {end_words(row.reason, row.until, outgoing.stale_at, zone)}" if row.until else ""
        why = f" - {reason_words(row.reason, row.detail)}" if row.reason else ""
        yield f"  {shown(row.at, zone)}  {verb}{until}{why}"
    for one in attempts:
        yield f"  {shown(one.started_at, zone)}  {one.provider}: {one.outcome or 'under way'}{f' ({one.detail})' if one.detail else ''}"


def _whole_record(
    outgoing: Outgoing,
    rows: list[DecisionRow],
    attempts: list[Attempt],
    message: Message | None,
    note: str,
    *,
    show_addresses: bool,
) -> dict[str, Any]:
    from notifier.explain import attempt_record

    return {
        **message_record(outgoing, show_addresses=show_addresses),
        "decisions": [
            {"at": row.at, "outcome": row.outcome, "reason": row.reason or None, "detail": row.detail or None,
             "held_until": row.until, "channel": row.channel or None}
            for row in rows
        ],
        "attempts": [attempt_record(one) for one in attempts],
        "written": note.startswith("As it was"),
        "message": None if message is None else {
            "subject": message.subject or None, "text": message.text, "html": message.html or None,
            "locale": message.locale,
        },
    }  # fmt: skip
