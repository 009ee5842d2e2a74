"""What happened, told as it happens: one line a message, a day at a time."""

from __future__ import annotations

from datetime import date, datetime
from typing import TextIO
from zoneinfo import ZoneInfo

from notifier.core.decide import REASONS
from notifier.core.message import Message
from notifier.sample.shop import ORDERS, PEOPLE, Answer
from notifier.store import Store

__all__ = ["Account"]

_CHANNELS = {"email": "e-mail", "sms": "SMS"}
#: So common that the account counts them, a line a day, instead of telling each.
_COMMON = "order-shipped"
_WIDEST = 76


class Account:
    """Writes to `out`, with days and clocks of `zone`. `sends` counts the messages; `counting` is for the common ones."""

    def __init__(self, out: TextIO, zone: ZoneInfo, *, counting: bool = True) -> None:
        self.sends = 0
        self._counting = counting
        self._out = out
        self._zone = zone
        self._day: date | None = None
        self._common: list[str] = []
        self._names = {address: one.first_name for one in PEOPLE.values() for address in (one.email, one.phone)}

    def sent(self, message: Message) -> None:
        """One message has left."""
        self.sends += 1
        when = self._turned_to(message.written_at)
        what = message.subject_key.replace(":", " ", 1)
        if message.rule == _COMMON and self._counting:
            self._common.append(f"{what.removeprefix('order ')} ({message.locale})")
            return
        whom = self._names.get(message.to) or message.to.partition("@")[0]
        said = message.subject or message.text
        said = said if len(said) <= _WIDEST else f"{said[: _WIDEST - 1]}…"
        survey = ", survey" if message.category == "survey" else ""
        by = f"{message.locale}, {_CHANNELS[message.channel]}{survey}"
        self._out.write(f"  {when:%H:%M}  {message.rule:<16} {what:<14} -> {whom} ({by}): {said}\n")
        self._out.flush()

    def happened(self, at: datetime, what: str) -> None:
        """Something that is no message."""
        self._out.write(f"  {self._turned_to(at):%H:%M}  {what}\n")
        self._out.flush()

    def answered(self, answer: Answer, at: datetime) -> None:
        """Somebody answered a survey."""
        whom = next(PEOPLE[one.by].first_name for one in ORDERS if one.number == answer.order)
        self.happened(at, f"{whom} answers the survey about order {answer.order}: {answer.score} of 5")

    def close(self, store: Store) -> None:
        """The last day's end, and what was not sent, by reason."""
        self._end_day()
        self._out.write(f"\n{self.sends} messages were sent. These were not, and for each there is a reason:\n")
        for reason, by_rule in sorted(_not_sent(store).items()):
            self._out.write(f"  {reason}: {REASONS[reason]}\n")
            for rule, orders in sorted(by_rule.items()):
                self._out.write(f"    {rule:<16} order {', '.join(orders)}\n")

    def _turned_to(self, at: datetime) -> datetime:
        """The instant on the shop's clock, under the heading of its day."""
        when = at.astimezone(self._zone)
        if self._day != when.date():
            self._end_day()
            self._out.write(f"\n{when:%a %d %b}\n")
            self._day = when.date()
        return when

    def _end_day(self) -> None:
        if self._common:
            much = f"{len(self._common)} message{'s' if len(self._common) > 1 else ''}"
            self._out.write(f"         {_COMMON:<16} {much}: order {', '.join(self._common)}\n")
            self._common = []


def _not_sent(store: Store) -> dict[str, dict[str, list[str]]]:
    """Reason -> rule -> orders, of every match that ended with no."""
    found: dict[str, dict[str, list[str]]] = {}
    with store.read() as unit:
        for order in ORDERS:
            for match, decisions in unit.matches_of(f"order:{order.number}"):
                if decisions and decisions[-1].outcome == "drop":
                    survey = " (survey)" if decisions[-1].category == "survey" else ""
                    by_rule = found.setdefault(decisions[-1].reason, {})
                    by_rule.setdefault(match.rule + survey, []).append(order.number)
    return found
