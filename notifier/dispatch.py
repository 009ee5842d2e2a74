"""Sending, as far as the database sees it: claim, render, mark, settle. The calls in between are a `Flight`'s.

A claim only says whose work a message is. The mark, committed just before the call, is what says "this may have been
sent": a message that is marked and not settled is never taken for one that was not sent. Before the mark the message is
decided again, with the facts of that moment and in that transaction.

    held | pending -> claimed -> posting -> accepted | pending (again later) | failed | unknown
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from notifier.carriers import Carriers
from notifier.cast import Cast
from notifier.core import own_event
from notifier.core.audience import RUN, PeopleWaiting
from notifier.core.decide import Decision, Drop, Hold, SendNow, use_key
from notifier.core.local_time import shift
from notifier.core.match import Candidate, after_sending
from notifier.core.message import Message
from notifier.decisions import policy_of, row_of
from notifier.errors import RenderFailed
from notifier.ingest import absorb
from notifier.links import Links
from notifier.look import Look
from notifier.project import Project
from notifier.provider import Accepted, Outcome, Refused, RetryLater, Unknown
from notifier.roster import gather, is_empty
from notifier.store import Store, Unit
from notifier.store.record import Attempt, DecisionRow, Outgoing, State
from notifier.waves import wake
from notifier.writing import Writer, freeze, thaw

__all__ = ["LEASE", "PAGE", "Dispatch", "Ready"]

_log = logging.getLogger(__name__)

#: Messages in one claim.
PAGE = 100
#: Of real time, from the claim and again from the mark. It outlives every call.
LEASE = timedelta(seconds=120)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_RETRIES = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 1800, 7200, 21600))
_SHORTEST_WAIT = timedelta(seconds=1)
#: How long a provider that refuses everything is left alone.
_REPAIR = timedelta(minutes=5)
#: How long a message whose fate is not known is left alone, by channel: word may still come.
_GRACE = {"email": timedelta(minutes=15), "sms": timedelta(minutes=2)}
#: Where nobody knows, or cared to find out, whether a message was sent.
_DOUBTFUL = frozenset({"posting", "unknown", "abandoned"})
#: What may be sent once more when nobody can say whether it was: losing it costs more than a second copy.
_RESENT = {("critical", "email"), ("critical", "sms"), ("transactional", "email"), ("staff", "email"), ("staff", "sms")}


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed message and what is needed for it to leave."""

    outgoing: Outgoing
    #: None where an edit of the rules took away what fired.
    candidate: Candidate | None = None
    #: By which channel, in which language and with which others it was written: the mark must come to the same.
    written_for: tuple[str, ...] = ()
    message: Message | None = None
    #: Why it could not be written.
    failure: str = ""
    #: Of a report, what it lists; in few words.
    listed: str = ""
    #: True for a report that has nothing to list, and is not to be sent then.
    empty: bool = False


class Dispatch:
    """Moves messages from the outbox to the providers, a page at a time."""

    def __init__(
        self, project: Project, store: Store, links: Links, *, render: bool = True, repeatable: Collection[str] = ()
    ) -> None:
        """`repeatable` names the providers that deliver once however often they are given the same message."""
        self._project = project
        self._store = store
        self._repeatable = frozenset(repeatable)
        self._reader = project.reader()
        self._writer = Writer(project, links) if render else None

    def claim(self, now: datetime, limit: int = PAGE) -> list[Outgoing]:
        """Take messages whose time has come, for as long as a lease lasts."""
        with self._store.begin() as unit:
            return unit.claim(now, limit, uuid4().hex, datetime.now(UTC) + LEASE)

    def _look(self, unit: Unit, outgoing: Iterable[Outgoing], now: datetime, carriers: Carriers | None = None) -> Look:
        cast = Cast(self._project, unit)
        cast.bring(one.subject_key for one in outgoing)
        return Look(unit, cast, policy_of(self._project, unit), now, carriers)

    # writing --------------------------------------------------------------------------------------------------------

    def prepare(self, claimed: Sequence[Outgoing], now: datetime) -> list[Ready]:
        """Look at each, and write what will probably leave; in no transaction that writes."""
        with self._store.read() as unit:
            if self._writer is None:
                return [self._unwritten(unit, one, now) for one in claimed]
            look = self._look(unit, claimed, now)
            bodies = unit.bodies([one.key for one in claimed if one.calls])
            return [self._prepare(self._writer, look, one, bodies.get(one.key)) for one in claimed]

    def _unwritten(self, unit: Unit, outgoing: Outgoing, now: datetime) -> Ready:
        candidate = self._candidate(unit, outgoing)
        listing = candidate.rule.listing if candidate else None
        if listing is None or listing.send_empty:
            return Ready(outgoing, candidate)
        return Ready(outgoing, candidate, empty=is_empty(self._project, unit, listing, now))

    def _prepare(self, writer: Writer, look: Look, outgoing: Outgoing, body: bytes | None) -> Ready:
        candidate = self._candidate(look.unit, outgoing)
        outcome = look.decide(candidate, outgoing).outcome if candidate else None
        if candidate is None or not isinstance(outcome, SendNow):
            return Ready(outgoing, candidate)
        message = thaw(body) if body else None
        others = self._others(look, outgoing)
        written_for = (outcome.channel, outcome.language, *(one.id for one, _ in others))
        if message is not None and message.channel == outcome.channel:
            return Ready(outgoing, candidate, written_for, message)
        scene = look.cast.scene_of(candidate, look.now)
        listing = candidate.rule.listing
        selection = gather(self._project, look.unit, listing, look.now) if listing else None
        if selection is not None and selection.is_needless:
            return Ready(outgoing, candidate, written_for, empty=True)
        listed = str(selection or "")
        try:
            told = [one for _, one in others]
            message = writer.write(look.cast, outgoing, candidate, scene, outcome, selection, told)
        except RenderFailed as error:
            return Ready(outgoing, candidate, written_for, failure=str(error))
        return Ready(outgoing, candidate, written_for, message, listed=listed)

    def _others(self, look: Look, outgoing: Outgoing) -> list[tuple[Outgoing, Candidate]]:
        """What a message that was collected tells besides its own match; as it is once it has been sent, or may have been."""
        members = look.unit.members(outgoing.key) if outgoing.lead else []
        known = [(one, self._candidate(look.unit, one)) for one in members]
        return [
            (one, candidate)
            for one, candidate in known
            if candidate and (outgoing.calls or look.decide(candidate, one).name == "send")
        ]

    def _candidate(self, unit: Unit, outgoing: Outgoing) -> Candidate | None:
        """What fired, by the rules of today."""
        rule = self._project.rule(outgoing.rule)
        send = rule.send_at(outgoing.send) if rule else None
        match = unit.match(outgoing.key) if send else None
        if match is None or rule is None or send is None:
            return None
        return Candidate(rule, send, match.subject_key, match.occurrence, match.trigger_at, match.seen)

    # marking --------------------------------------------------------------------------------------------------------

    def mark(self, ready: Sequence[Ready], carriers: Carriers | None, now: datetime) -> list[Ready]:
        """Decide again, and write down that what is let through is about to be sent; gives what is to be sent."""
        return self.settle_and_mark((), ready, carriers, now)

    def settle(self, back: Sequence[tuple[Ready, Outcome]], now: datetime) -> None:
        """Write down what became of calls."""
        self.settle_and_mark(back, (), None, now)

    def settle_and_mark(
        self,
        back: Sequence[tuple[Ready, Outcome]],
        ready: Sequence[Ready],
        carriers: Carriers | None,
        now: datetime,
    ) -> list[Ready]:
        """Both, in one transaction."""
        with self._store.begin() as unit:
            if back:
                self._settle_all(unit, back, now)
            return self._mark_all(unit, ready, carriers, now) if ready else []

    def _mark_all(self, unit: Unit, ready: Sequence[Ready], carriers: Carriers | None, now: datetime) -> list[Ready]:
        look = self._look(unit, [one.outgoing for one in ready], now, carriers)
        mine = self._still_mine(unit, ready)
        going = [marked for one in mine if (marked := self._mark(look, one)) is not None]
        look.cast.save()
        self._tell(look)
        return going

    @staticmethod
    def _still_mine(unit: Unit, ready: Sequence[Ready]) -> list[Ready]:
        """Those whose claim still stands."""
        current = unit.messages([one.outgoing.key for one in ready])
        return [one for one in ready if _held_by(current.get(one.outgoing.key), one.outgoing, "claimed")]

    def let_go(self, ready: Sequence[Ready], due_at: datetime, reason: str = "") -> None:
        """Give claims back, so that a later round begins again with these messages, after those that wait already."""
        with self._store.begin() as unit:
            mine = [_let_go(one.outgoing) for one in self._still_mine(unit, ready)]
            unit.put([replace(one, state="pending", due_at=due_at, reason=reason or one.reason) for one in mine])

    def _mark(self, look: Look, ready: Ready) -> Ready | None:
        outgoing, candidate = ready.outgoing, ready.candidate
        if candidate is None:
            for one in [*(look.unit.members(outgoing.key) if outgoing.lead else ()), outgoing]:
                gone = DecisionRow(one.key, look.now, "drop", "superseded", "the rule is gone")
                self._end(look, replace(ready, outgoing=replace(one, lead=None)), "dropped", gone)
            return None
        decision = look.decide(candidate, outgoing)
        if outgoing.lead and not outgoing.calls:
            outgoing = self._sort_out(look, outgoing, decision)
            ready = replace(ready, outgoing=outgoing)
        outcome, row = decision.outcome, row_of(outgoing.key, decision, look.now, look.grounds(decision, outgoing))
        if isinstance(outcome, Hold):
            self._hold(look, outgoing, outcome, row)
        elif isinstance(outcome, Drop):
            refused = outgoing.tried and outcome.reason in ("channel_unavailable", "no_address")
            self._end(look, ready, "failed" if refused else "dropped", row)
        elif ready.empty:
            self._end(look, ready, "dropped", replace(row, outcome="drop", reason="list_empty"))
        elif ready.failure:
            self._end(look, ready, "failed", replace(row, outcome="drop", reason="render_failed", detail=ready.failure))
        elif self._writer is not None and self._other_words(look, outgoing, outcome) != ready.written_for:
            look.unit.put([replace(_let_go(outgoing), state="pending", due_at=look.now)])
        else:
            return self._post(look, ready, outcome, row)
        return None

    def _other_words(self, look: Look, outgoing: Outgoing, outcome: SendNow) -> tuple[str, ...]:
        """What it would have to be written for now."""
        members = look.unit.members(outgoing.key) if outgoing.lead else ()
        return (outcome.channel, outcome.language, *(one.id for one in members))

    def _sort_out(self, look: Look, outgoing: Outgoing, decision: Decision) -> Outgoing:
        """Decide again about each match that was collected: what does not go falls out by itself, and does not hold up the rest.

        The message, without those; alone where another has to go in its place.
        """
        going, held = [], []
        for one in look.unit.members(outgoing.key):
            candidate = self._candidate(look.unit, one)
            if candidate is None:
                continue
            other = look.decide(candidate, one)
            row = row_of(one.key, other, look.now, look.grounds(other, one))
            if isinstance(other.outcome, Drop):
                self._end(look, Ready(replace(one, lead=None), candidate), "dropped", row)
            elif isinstance(other.outcome, Hold):
                held.append((one, other.outcome, row))
            else:
                going.append(one)
        if going or decision.name == "send":
            for one, hold, row in held:
                self._hold(look, replace(one, lead=None), hold, row)
        if going and decision.name == "hold":
            _hand_over(look, going)
            return replace(outgoing, lead=None)
        return outgoing

    def _post(self, look: Look, ready: Ready, outcome: SendNow, row: DecisionRow) -> Ready:
        """The mark itself."""
        outgoing = replace(
            ready.outgoing,
            state="posting",
            lease_until=datetime.now(UTC) + LEASE,
            reason="",
            channel=outcome.channel,
            language=outcome.language,
            address=outcome.address,
            provider=look.carriers.name_for(outcome.channel) if look.carriers else "",
            calls=ready.outgoing.calls + 1,
        )
        look.unit.put([outgoing])
        look.unit.start_attempts([Attempt(outgoing.key, outgoing.calls, outgoing.provider, look.now)])
        self._keep_promise(look, ready)
        if ready.message is not None:
            look.unit.keep_bodies([(outgoing.key, freeze(ready.message))])
        if outgoing.calls == 1:
            members = look.unit.members(outgoing.key) if outgoing.lead else []
            look.unit.add_decisions([replace(row, detail=ready.listed, matches=1 + len(members))])
            told = f"in message {outgoing.number}"
            look.unit.add_decisions(replace(row, match_key=one.key, reason="collected", detail=told) for one in members)
            look.unit.add_uses([(use_key(outgoing.recipient, outgoing.category), look.now, outgoing.key)])
        return replace(ready, outgoing=outgoing)

    def _keep_promise(self, look: Look, ready: Ready) -> None:
        """Where units are promised, they are kept from now on for as long as the rule says."""
        candidate = ready.candidate
        audience = candidate.rule.audience if candidate else None
        if candidate is not None and isinstance(audience, PeopleWaiting):
            scene = look.cast.scene_of(candidate, look.now)
            until = shift(look.now, audience.keep_for, scene.zone, scene.working("shop"))
            look.unit.keep_until(ready.outgoing.key, until)
            wake(self._project, look.cast, str(scene.value("stock.sku")), look.now)

    def _give_back(self, look: Look, candidate: Candidate | None, reason: str) -> None:
        """Units that were promised by a message that does not leave go to whoever comes next."""
        if candidate is None or not isinstance(candidate.rule.audience, PeopleWaiting):
            return
        sku = candidate.seen["waitlist.sku"]
        if reason != "not_enough_stock":
            look.unit.pass_over(sku, candidate.subject_key, candidate.seen[RUN])
        wake(self._project, look.cast, sku, look.now)

    @staticmethod
    def _hold(look: Look, outgoing: Outgoing, hold: Hold, row: DecisionRow) -> None:
        waiting = replace(_let_go(outgoing), state="held", due_at=hold.until, reason=hold.reason)
        look.unit.put([replace(waiting, channel=hold.channel, language=hold.language)])
        if hold.reason != outgoing.reason:
            look.unit.add_decisions([row])

    def _end(self, look: Look, ready: Ready, state: Literal["dropped", "failed"], row: DecisionRow) -> None:
        """It will not be sent: its place in limits is free, and where it failed an event says so."""
        outgoing = ready.outgoing
        if outgoing.lead:
            outgoing = self._part(look, outgoing, state, row)
        row = replace(row, template=outgoing.template, category=outgoing.category)
        reason = outgoing.reason if state == "failed" and outgoing.tried else row.reason
        look.unit.add_decisions([row])
        look.unit.put([replace(_let_go(outgoing), state=state, reason=reason)])
        look.unit.free([outgoing.key])
        self._give_back(look, ready.candidate, row.reason)
        if state == "failed":
            _log.warning("message %s (%s) was not sent: %s", outgoing.id, outgoing.rule, row.detail or reason)
            look.events += _events("message.failed", outgoing, look.now, reason)

    @staticmethod
    def _part(look: Look, outgoing: Outgoing, state: Literal["dropped", "failed"], row: DecisionRow) -> Outgoing:
        """Where it was dropped, what was collected with it goes on without it; where it could not be sent, neither can that."""
        members = look.unit.members(outgoing.key)
        if state == "dropped":
            _hand_over(look, members)
        else:
            look.unit.add_decisions(replace(row, match_key=one.key, template=one.template) for one in members)
            look.unit.put(replace(one, state=state, reason=row.reason, lead=None) for one in members)
            look.unit.free([one.key for one in members])
        return replace(outgoing, lead=None)

    # settling -------------------------------------------------------------------------------------------------------

    def _settle_all(self, unit: Unit, back: Sequence[tuple[Ready, Outcome]], now: datetime) -> None:
        look = self._look(unit, (), now)
        current = unit.messages([ready.outgoing.key for ready, _ in back])
        for ready, outcome in back:
            outgoing = current[ready.outgoing.key]
            mine = _held_by(outgoing, ready.outgoing, "posting")
            # News from an old claim is believed only where it is the good news, which nothing can undo.
            if mine or (isinstance(outcome, Accepted) and outgoing.state in ("posting", "unknown")):
                self._settle(look, outgoing, ready.candidate, outcome)
        look.cast.save()
        self._tell(look)

    def confirm(self, taken: Mapping[bytes, str], now: datetime) -> None:
        """Word has come that messages were taken, by key with the provider's own ids: ends all doubt about them."""
        with self._store.begin() as unit:
            look = self._look(unit, (), now)
            for one in unit.messages(list(taken)).values():
                if one.state in _DOUBTFUL or (one.state == "pending" and one.ambiguous):
                    self._settle(look, one, self._candidate(unit, one), Accepted(taken[one.key]))
            look.cast.save()
            self._tell(look)

    def _settle(self, look: Look, outgoing: Outgoing, candidate: Candidate | None, outcome: Outcome) -> None:
        free, now = _let_go(outgoing), look.now
        name, detail = _told(outcome)
        look.unit.end_attempt(Attempt(outgoing.key, outgoing.calls, outgoing.provider, now, now, name, detail))
        if isinstance(outcome, Accepted):
            free = replace(free, state="accepted", provider_id=outcome.id, reason="")
            self._remember(look, outgoing, candidate)
            for one in look.unit.members(outgoing.key) if outgoing.lead else ():
                self._remember(look, one, self._candidate(look.unit, one), follows_up=False)
            look.events += _events("message.accepted", outgoing, now)
        elif isinstance(outcome, RetryLater):
            free = _later(free, outcome, now)
        elif isinstance(outcome, Unknown):
            free = _unknown(free, outcome.reason, now)
        elif outcome.scope in ("sender", "provider"):
            free = _later(free, RetryLater(_REPAIR, outcome.reason, counted=False), now)
        else:
            free = replace(
                free, state="pending", due_at=now, tried=(*free.tried, outgoing.channel), reason=outcome.reason
            )
            rehearsed = self._project.redirect(outgoing.channel)
            # In a rehearsal it was not the customer's address that was refused.
            if outcome.scope == "address" and outgoing.recipient.startswith("customer:") and not rehearsed:
                digest = self._project.digest(outgoing.channel, outgoing.address)
                look.unit.suppress(digest, outgoing.channel, outcome.reason, now)
                look.events += _events("message.suppressed", outgoing, now, outcome.reason)
        look.unit.put([free])

    def _remember(
        self, look: Look, outgoing: Outgoing, candidate: Candidate | None, *, follows_up: bool = True
    ) -> None:
        """The subject knows that it was told: what follows up waits from here. One message is followed up once."""
        if candidate is None or candidate.rule.follows_up(candidate.send):
            return
        if candidate.rule.follow_up is None and candidate.rule.id not in self._project.book.asked_of:
            return
        if not follows_up:
            candidate = replace(candidate, rule=replace(candidate.rule, follow_up=None))
        subject = look.cast[outgoing.subject_key]
        scene = look.cast.scene(subject, look.now)
        look.cast.put(after_sending(self._project.book, subject, candidate, outgoing.id, scene))

    def _tell(self, look: Look) -> None:
        """What became of messages goes the way of all events."""
        if look.events:
            events = [self._reader.read(event, look.now) for event in look.events]
            absorb(self._project, look.unit, events, look.now)

    # cleaning up ----------------------------------------------------------------------------------------------------

    def reconcile(self, now: datetime, *, alone: bool = False) -> int:
        """Take back what nobody holds any more, and decide about what may or may not have been sent; how many.

        Where nobody else is at work, now or in a call, nobody holds anything.
        """
        with self._store.read() as unit:
            expired = unit.expired_claims(_END_OF_TIME if alone else datetime.now(UTC), PAGE)
            unknown = unit.unknown_messages(now, PAGE)
        if not expired and not unknown:
            return 0
        with self._store.begin() as unit:
            for one in unit.messages([one.key for one in (*expired, *unknown)]).values():
                again = one.state in ("posting", "unknown") and one.provider in self._repeatable
                if one.state == "claimed" or again:
                    unit.put([replace(_let_go(one), state="pending", due_at=now)])
                elif one.state == "posting":
                    unit.put([_unknown(_let_go(one), "the process ended during the call", now)])
                elif one.state == "unknown":
                    unit.put([_resolved(one, now)])
        return len(expired) + len(unknown)


def _hand_over(look: Look, members: Sequence[Outgoing]) -> None:
    """The first of these goes instead, with the rest, at the next look."""
    for one in members:
        state: State = "pending" if one is members[0] else "collected"
        look.unit.put([replace(one, lead=members[0].key, state=state, due_at=look.now)])


def _held_by(current: Outgoing | None, claimed: Outgoing, state: str) -> bool:
    """Whether the claim still stands."""
    return current is not None and current.state == state and current.token == claimed.token


def _let_go(outgoing: Outgoing) -> Outgoing:
    return replace(outgoing, token="", lease_until=None)


def _later(outgoing: Outgoing, outcome: RetryLater, now: datetime) -> Outgoing:
    """Again when the provider says, or after a wait that grows and is spread by the message's own name."""
    wait = outcome.after
    if wait is None:
        wait = _RETRIES[min(outgoing.calls - 1, len(_RETRIES) - 1)]
        wait += wait * (outgoing.key[0] / 255) * 0.2
    due_at = now + min(max(wait, _SHORTEST_WAIT), 2 * _RETRIES[-1])
    attempts = outgoing.attempts + int(outcome.counted)
    return replace(outgoing, state="pending", due_at=due_at, reason=outcome.reason, attempts=attempts)


def _unknown(outgoing: Outgoing, reason: str, now: datetime) -> Outgoing:
    due_at = now + _GRACE[outgoing.channel]
    return replace(outgoing, state="unknown", due_at=due_at, reason=reason, ambiguous=outgoing.ambiguous + 1)


def _resolved(outgoing: Outgoing, now: datetime) -> Outgoing:
    """What nobody heard of is sent once more, where a second copy is the lesser harm; else it is given up."""
    if (outgoing.category, outgoing.channel) in _RESENT and outgoing.ambiguous <= 1:
        return replace(outgoing, state="pending", due_at=now)
    _log.warning("message %s (%s) may or may not have been sent; it is not sent again", outgoing.id, outgoing.rule)
    return replace(outgoing, state="abandoned")


def _told(outcome: Outcome) -> tuple[str, str]:
    names: Mapping[type, str] = {Accepted: "accepted", RetryLater: "retry", Refused: "refused", Unknown: "unknown"}
    return names[type(outcome)], outcome.id if isinstance(outcome, Accepted) else outcome.reason


def _events(kind: str, outgoing: Outgoing, now: datetime, reason: str = "") -> list[dict[str, Any]]:
    return own_event.about_message(
        kind,
        message=outgoing.id,
        call=outgoing.calls,
        subject_key=outgoing.subject_key,
        recipient=outgoing.recipient,
        template=outgoing.template,
        details={"rule": outgoing.rule, "channel": outgoing.channel, "provider": outgoing.provider, "reason": reason},
        at=now,
    )
