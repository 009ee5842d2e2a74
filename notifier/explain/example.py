"""Three telling examples of a rule: a plain one, one over a weekend or a change of clocks, and one where nothing goes out.

They are reckoned by the triggers themselves, on the shop's clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from notifier.core.condition import NumberRef
from notifier.core.duration import NO_TIME, Duration
from notifier.core.local_time import instant, when
from notifier.core.policy import Policy
from notifier.core.rule import BecomesTrue, Calendar, Change, Moment, NoNews, OnEvent, Rule
from notifier.core.scene import Scene
from notifier.core.trigger import changed, due
from notifier.core.window import window_end
from notifier.explain.sentence import limit_words, ways
from notifier.project import Project

__all__ = ["Example", "examples"]

_DAY = timedelta(days=1)
_MORNING = time(10)
#: A field that a number is compared with has this value.
_LINE = 10


@dataclass(frozen=True, slots=True)
class Example:
    given: str
    #: When the first message goes out; None where nothing does.
    at: datetime | None
    note: str = ""

    def words(self, zone: ZoneInfo) -> str:
        """`order.promised_at is Thu 2026-03-12 -> Fri 2026-03-13 09:00`."""
        comes = when(self.at, zone) if self.at else "nothing"
        return f"{self.given} -> {comes}{f' ({self.note})' if self.note else ''}"


def examples(rule: Rule, project: Project, now: datetime) -> list[Example]:
    """Examples of the weeks after `now`."""
    scene = Scene({}, now, project.zone, partial(project.working_for, {}))
    return list(_Case(rule, scene, project.policy).examples())


@dataclass(frozen=True, slots=True)
class _Case:
    rule: Rule
    scene: Scene
    policy: Policy

    def examples(self) -> Iterator[Example]:
        trigger = self.rule.trigger
        if isinstance(trigger, Calendar):
            yield from self._calendar(trigger)
        elif isinstance(trigger, Moment) and trigger.field is None:
            yield from self._written_date(trigger)
        elif isinstance(trigger, Moment):
            yield from self._moment(trigger)
        elif isinstance(trigger, NoNews):
            yield from self._silence(trigger)
        elif isinstance(trigger, Change):
            yield from self._change(trigger)
        elif isinstance(trigger, BecomesTrue):
            yield from self._becomes_true()
        else:
            yield from self._event(trigger)

    # what they are made of ------------------------------------------------------------------------------------------

    @property
    def thursday(self) -> date:
        """A day in the middle of a week to come."""
        day = self.scene.now.astimezone(self.scene.zone).date() + 4 * _DAY
        return day + (3 - day.weekday()) % 7 * _DAY

    def at(self, day: date, clock: time = _MORNING) -> datetime:
        return instant(day, clock, self.scene.zone)

    def awkward(self, by: Duration) -> datetime:
        """A time from which a length of time leads over a weekend, or over the next change of clocks."""
        change = self._change_of_clocks()
        if by.business_days or change is None:
            friday = self.thursday + _DAY
            return self.at(friday + 3 * _DAY if by.business_days < 0 else friday, time(16, 30))
        if by.elapsed and not by.days:
            return self.at(change, time(1, 30))
        return self.at(change if by.days < 0 else change - _DAY)

    def _change_of_clocks(self) -> date | None:
        """The next day in a year whose noon has another distance from UTC than the noon before."""
        for number in range(370):
            day = self.thursday + number * _DAY
            if self._offset(self.at(day, time(12))) != self._offset(self.at(day - _DAY, time(12))):
                return day
        return None

    def _offset(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self.scene.zone).utcoffset()

    def note(self, start: datetime, end: datetime, by: Duration) -> str:
        """What lies between the two that one could forget."""
        if self._offset(start) != self._offset(end):
            return "over the change of clocks"
        days = (max(start, end) - min(start, end)).days
        return "over the weekend" if by.business_days and days > abs(by.business_days) else ""

    def fires(self, given: str, fired: datetime | None, note: str = "") -> Example:
        """When the first message goes out, once the rule has fired: after what is waited for, and not at a quiet hour."""
        for by in (self.rule.still_true_after or NO_TIME, self.rule.sends[0].after):
            fired = self.scene.moved(fired, by, ends_day=False) if fired and by else fired
        if fired is None:
            return Example(given, None, note)
        fired, collected = self._collected(fired)
        opens, whose = self._opens(fired)
        held = f"held until {whose}" if opens > fired else ""
        return Example(given, opens, ", ".join(one for one in (note, collected, held) if one))

    def _collected(self, moment: datetime) -> tuple[datetime, str]:
        """The end of the window that the first match opens."""
        send, policy, scene = self.rule.sends[0], self.policy, self.scene
        if send.collect is None:
            return moment, ""
        team = policy.teams.get(send.to.removeprefix("team."))
        zone, hours = ((team.zone or policy.zone), team.hours) if team else (scene.zone, None)
        return window_end(send.collect, moment, zone, scene.working("shop"), hours), "with all that comes until then"

    def _opens(self, moment: datetime) -> tuple[datetime, str]:
        """From when on it may go out, and what is waited for until then."""
        send, policy = self.rule.sends[0], self.policy
        team = policy.teams.get(send.to.removeprefix("team."))
        if team is not None:
            opens = team.hours.opens(moment, team.zone or policy.zone) if team.hours else None
            return opens or moment, f"{send.to} works"
        return policy.free_from(
            moment, (*ways(send, policy)[:1], send.category), self.scene.zone
        ), "the quiet hours end"

    def seeing(self, **facts: Any) -> Scene:
        """The scene with these facts about what the rule is about, by name; the customer's clock is the shop's."""
        about = self.rule.origin
        return self.scene._replace(facts={about: {f"{about}.{name}": value for name, value in facts.items()}})

    @property
    def subject(self) -> str:
        return {"order": "the order", "shipment": "the parcel"}.get(self.rule.origin, f"the {self.rule.origin}")

    @property
    def ends(self) -> bool:
        """Whether its subject can be finished, and the rule then leaves it alone."""
        return self.rule.origin in ("order", "shipment") and not self.rule.spans_the_end

    def said(self, value: Any) -> str:
        return when(value, self.scene.zone) if isinstance(value, datetime) else f"{value:%a %Y-%m-%d}"

    # triggers -------------------------------------------------------------------------------------------------------

    def _calendar(self, trigger: Calendar) -> Iterator[Example]:
        """The next three, and what is left out before them."""
        now, shop = self.scene.now, self.scene.working("shop")
        for number in ("next", "then", "then"):
            coming = trigger.after(now, self.scene.zone, shop)
            if coming is None:
                return
            yield self.fires(number, coming.at, self._left_out(trigger, now, coming.at))
            now = coming.at

    def _left_out(self, trigger: Calendar, start: datetime, end: datetime) -> str:
        """Which holidays lie between that it would else come on."""
        each = replace(trigger, skip_holidays=False)
        shop, zone, here = self.scene.working("shop"), self.scene.zone, trigger.zone or self.scene.zone
        skipped = []
        while trigger.skip_holidays and (coming := each.after(start, zone, shop)) and coming.at < end:
            start = coming.at
            skipped += [coming.at.astimezone(here).date()]
        days = list(dict.fromkeys(skipped))[:3]
        return f"not on {', '.join(f'{day:%a %Y-%m-%d}' for day in days)}" if days else self.note(start, end, NO_TIME)

    def _moment(self, trigger: Moment) -> Iterator[Example]:
        assert trigger.field is not None
        path, by = trigger.field.path, trigger.when.by
        for value in (self.thursday, self.awkward(by)):
            comes = due(trigger, self.seeing(**{path.partition(".")[2]: value}))
            start = value if isinstance(value, datetime) else self.at(value)
            yield self.fires(f"{path} is {self.said(value)}", comes, self.note(start, comes or start, by))
        if self.ends:
            yield Example(f"{self.subject} is finished before that", None)
        else:
            yield Example(f"{path} is not known", None, "it waits until it is")

    def _written_date(self, trigger: Moment) -> Iterator[Example]:
        for zone in (self.scene.zone, ZoneInfo("America/New_York")):
            comes = due(trigger, self.scene._replace(zone=zone))
            is_past = comes is not None and comes <= self.scene.now
            whose = f"{self.subject} is known by then, the customer's clock is that of {zone}"
            yield self.fires(whose, None if is_past else comes, "it is past" if is_past else "")
        yield Example(f"{self.subject} becomes known afterwards", None)

    def _silence(self, trigger: NoNews) -> Iterator[Example]:
        field = trigger.counted_from or trigger.heard[0]
        for value in (self.at(self.thursday), self.awkward(trigger.lasts)):
            comes = due(trigger, self.seeing(**{field.path.partition(".")[2]: value}))
            given = f"{field.path} is {self.said(value)}, and nothing comes"
            yield self.fires(given, comes, self.note(value, comes or value, trigger.lasts))
        yield Example(f"{' or '.join(trigger.of)} comes before that", None, "the silence begins anew")

    def _event(self, trigger: OnEvent) -> Iterator[Example]:
        name, after = trigger.types[0], self.rule.sends[0].after
        for at in (self.at(self.thursday), self.awkward(after) if after else self._saturday_night()):
            end = self.scene.moved(at, after, ends_day=False)
            yield self.fires(f"{name} comes on {self.said(at)}", at, self.note(at, end, after))
        limit = self.rule.limit
        if limit is not None and limit.window is None:
            yield Example(f"{name} comes a second time", None, limit_words(limit))
        else:
            yield Example(f"the same {name} comes a second time", None, "it is known by its source and id")

    def _becomes_true(self) -> Iterator[Example]:
        first, second = self.at(self.thursday), self._saturday_night()
        yield self.fires(f"it was false, and is true from {self.said(first)}", first)
        yield self.fires(f"nobody knew, and it is true from {self.said(second)}", second)
        yield Example("it is true already", None, "until it was false again")

    def _saturday_night(self) -> datetime:
        return self.at(self.thursday + 2 * _DAY, time(23, 30))

    # changes --------------------------------------------------------------------------------------------------------

    def _change(self, trigger: Change) -> Iterator[Example]:
        told = self.at(self.thursday - 3 * _DAY)
        for before, after, note in self._changes(trigger):
            facts = {trigger.field.path.partition(".")[2]: after, **self._beside(trigger)}
            fires = changed(trigger, before, after, self.seeing(**facts))
            shown = [self._value(one) for one in (before, after)]
            beside = "".join(
                f" where {self.rule.origin}.{name} is {value}" for name, value in self._beside(trigger).items()
            )
            given = f"on {self.said(told)} {trigger.field.path} goes from {shown[0]} to {shown[1]}{beside}"
            yield self.fires(given, told if fires else None, note)

    def _changes(self, trigger: Change) -> Iterator[tuple[Any, Any, str]]:
        """What it was, what it is, and what there is to say about that."""
        length = trigger.later_by or (-trigger.earlier_by if trigger.earlier_by else None)
        if length is not None:
            yield from self._moves(length)
        elif trigger.rises_above is not None or trigger.falls_below is not None:
            yield from self._crosses(trigger)
        else:
            yield from self._turns(trigger)

    def _moves(self, by: Duration) -> Iterator[tuple[Any, Any, str]]:
        for start in (self.at(self.thursday), self.awkward(by)):
            end = self.scene.moved(start, by, ends_day=False)
            yield start, end, self.note(start, end, by)
        start = self.at(self.thursday)
        short = timedelta(minutes=-1 if by.longest > timedelta() else 1)
        yield start, self.scene.moved(start, by, ends_day=False) + short, "not far enough"

    def _crosses(self, trigger: Change) -> Iterator[tuple[Any, Any, str]]:
        rises = trigger.rises_above is not None
        line = self._line(trigger)
        step = 1 if rises else -1
        yield line, line + step, ""
        yield line - step, line + 3 * step, ""
        yield line + step, line + 2 * step, f"it was {'above' if rises else 'below'} already"

    def _line(self, trigger: Change) -> float:
        reference = trigger.rises_above if trigger.rises_above is not None else trigger.falls_below
        if not isinstance(reference, NumberRef):
            return _LINE
        line = reference.plus + (_LINE if reference.base else 0)
        return int(line) if line == int(line) else line

    def _beside(self, trigger: Change) -> dict[str, Any]:
        """The field with which it is compared."""
        for reference in (trigger.rises_above, trigger.falls_below):
            if isinstance(reference, NumberRef) and reference.base and reference.base != trigger.field:
                return {reference.base.path.partition(".")[2]: _LINE}
        return {}

    def _turns(self, trigger: Change) -> Iterator[tuple[Any, Any, str]]:
        after = trigger.to[0] if trigger.to else _other(trigger, trigger.from_ or ())
        before = trigger.from_[0] if trigger.from_ else _other(trigger, trigger.to or ())
        yield before, after, ""
        if trigger.to and len(trigger.to) > 1:
            yield before, trigger.to[1], ""
        else:
            yield after, before, ""
        yield None, after, "from unknown it never fires"

    def _value(self, value: Any) -> str:
        if isinstance(value, datetime):
            return self.said(value)
        return "unknown" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _other(trigger: Change, than: tuple[Any, ...]) -> Any:
    """A value of the field that is none of these."""
    field = trigger.field
    if field.type == "bool":
        return next(one for one in (False, True) if one not in than)
    if field.type in ("number", "money"):
        return next(one for one in range(100) if one not in than)
    return next(one for one in (*field.choices, "something", "something else") if one not in than)
