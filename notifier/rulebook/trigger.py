"""From a trigger as it is written to one that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from notifier.core.calendar import EVERY, Calendar, cron
from notifier.core.catalogue import Catalogue, Field
from notifier.core.condition import Clause, NumberRef
from notifier.core.local_time import WorkingDays
from notifier.core.rule import BecomesTrue, Change, Moment, NoNews, OnEvent, Trigger
from notifier.core.scene import Scene
from notifier.document import Loc, suggest
from notifier.rulebook.reading import Reading

__all__ = ["CALENDARS", "EVENTS_ABOUT", "HOW", "TRIGGERS", "compile_trigger", "kind_words", "timed_events"]

HOW = ("later_by", "earlier_by", "rises_above", "falls_below", "to", "from")
#: Each kind of trigger, and what may stand beside it.
TRIGGERS: Mapping[str, tuple[str, ...]] = {
    "event": (), "moment": ("at", "calendar"), "no_news": ("calendar",), "change": (*HOW, "ready_again"),
    "becomes_true": (), "every": ("at", "timezone", "skip_holidays"), "cron": ("timezone", "skip_holidays"),
}  # fmt: skip
#: Those that need nothing that is told by events.
_OF_THE_SHOP = ("every", "cron", "moment")
CALENDARS = ("shop", "destination", "carrier")
#: What a number must have been before a rule may fire again.
_LINES = {"above": "more_than", "below": "less_than"}
#: A condition tells its clauses only where it is looked at.
_NOWHERE = Scene({}, datetime(2000, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))
_NO_NEWS = ("of", "for", "counted_from")


def compile_trigger(reading: Reading, loc: Loc, block: Mapping[str, Any], about: str) -> Trigger | None:
    """The trigger at `loc` of the file, or None and its problems in `reading`."""
    return _Compiler(reading, loc, block, about).trigger()


@dataclass(frozen=True, slots=True)
class _Compiler:
    reading: Reading
    loc: Loc
    block: Mapping[str, Any]
    about: str

    def trigger(self) -> Trigger | None:
        kinds = [key for key in self.block if key in TRIGGERS]
        if len(kinds) != 1:
            self._not_one(kinds)
            return None
        if self.about == "shop" and kinds[0] not in _OF_THE_SHOP:
            self._wrong(kinds[0], f"a rule about the shop has {', '.join(_OF_THE_SHOP)}, not {kinds[0]}", on_key=True)
            return None
        allowed = TRIGGERS[kinds[0]]
        for key in self.block:
            if key != kinds[0] and key not in allowed:
                hint = suggest(key, allowed)
                self._wrong(key, f"unknown key '{key}' beside {kinds[0]}{hint}", on_key=True)
        read = {
            "event": self._event, "moment": self._moment, "no_news": self._no_news, "change": self._change,
            "becomes_true": self._becomes_true, "every": self._every, "cron": self._cron,
        }  # fmt: skip
        return read[kinds[0]]()

    def _not_one(self, kinds: list[str]) -> None:
        beside = {key for allowed in TRIGGERS.values() for key in allowed}
        other = next((key for key in self.block if key not in TRIGGERS and key not in beside), None)
        if kinds:
            self._wrong(kinds[1], f"a rule has one trigger; this is a second beside '{kinds[0]}'", on_key=True)
        elif other:
            hint = suggest(other, TRIGGERS) or f"; it is one of {', '.join(TRIGGERS)}"
            self._wrong(other, f"unknown trigger '{other}'{hint}", on_key=True)
        else:
            self.reading.wrong(self.loc, f"a trigger is one of {', '.join(TRIGGERS)}")

    def _wrong(self, key: str, text: str, *, on_key: bool = False, part: str | None = None) -> None:
        self.reading.wrong((*self.loc, key), text, on_key=on_key, part=part)

    def _every(self) -> Trigger | None:
        every, at = self.block["every"], (*self.loc, "every")
        zone, skips = self._zone(), self._skips_holidays()
        clock = self.reading.clock((*self.loc, "at"), self.block["at"]) if "at" in self.block else None
        if not isinstance(every, str) or every not in EVERY:
            self.reading.wrong(at, f"every is one of {', '.join(EVERY)}{suggest(str(every), EVERY)}")
            return None
        if not self._of_the_shop("every"):
            return None
        if "at" not in self.block:
            self._wrong("every", "say at what time of day: at: 08:00", on_key=True)
        return Calendar.of(every, clock, zone, skip_holidays=skips) if clock else None

    def _cron(self) -> Trigger | None:
        written = self.block["cron"]
        zone, skips = self._zone(), self._skips_holidays()
        if not self._of_the_shop("cron"):
            return None
        if not isinstance(written, str):
            self._wrong("cron", 'cron is five parts in quotes: "0 8 * * mon-fri" is 08:00 from Monday to Friday')
            return None
        try:
            found = cron(written, zone, skip_holidays=skips)
        except ValueError as error:
            self._wrong("cron", str(error))
            return None
        if found.after(_NOWHERE.now, _NOWHERE.zone, WorkingDays(weekend=())) is None:
            self._wrong("cron", f"'{written}' is a day that never comes")
            return None
        return found

    def _of_the_shop(self, key: str) -> bool:
        if self.about != "shop":
            self._wrong(
                key, "what comes by the calendar is about: shop, and can list; for one message each use moment", on_key=True
            )  # fmt: skip
        return self.about == "shop"

    def _zone(self) -> ZoneInfo | None:
        name = self.block.get("timezone")
        if name is None:
            return None
        at = (*self.loc, "timezone")
        if not isinstance(name, str) or name not in available_timezones():
            self.reading.wrong(at, f"'{name}' is not a zone{suggest(str(name), available_timezones())}")
            return None
        return ZoneInfo(name)

    def _skips_holidays(self) -> bool:
        skips = self.block.get("skip_holidays", False)
        if not isinstance(skips, bool):
            self._wrong("skip_holidays", f"skip_holidays is true or false, got {skips!r}")
        return skips is True

    def _event(self) -> Trigger | None:
        names = self.block["event"] if isinstance(self.block["event"], list) else [self.block["event"]]
        events = self.reading.catalogue.events
        loc = (*self.loc, "event")
        if not names or not all(isinstance(name, str) for name in names):
            self.reading.wrong(loc, "event names one event, or a list of them")
            return None
        good = [self.reading.known(loc, name, events, "unknown event") for name in names]
        reach = EVENTS_ABOUT[self.about]
        for name, is_known in zip(names, good, strict=True):
            if is_known and name.partition(".")[0] not in reach:
                kinds = " or ".join(
                    kind for kind, families in EVENTS_ABOUT.items() if name.partition(".")[0] in families
                )
                self.reading.wrong(
                    loc, f"'{name}' is not about {kind_words(self.about)}; make the rule about: {kinds}", part=name
                )
        return OnEvent(tuple(names)) if all(good) else None

    def _moment(self) -> Trigger | None:
        when = self.reading.time_ref(
            (*self.loc, "moment"), self.block["moment"], self.reading.catalogue.scopes(self.about), with_now=False
        )
        clock = self.reading.clock((*self.loc, "at"), self.block["at"]) if "at" in self.block else None
        if when is None:
            return None
        if clock is not None and when.by.elapsed:
            self.reading.wrong((*self.loc, "moment"), "with 'at' the moment is counted in days, not hours or minutes")
        if isinstance(when.base, Field) and when.base.scope != self.about:
            self.reading.wrong(
                (*self.loc, "moment"),
                f"'{when.base.path}' does not belong to the {self.about} itself",
                part=when.base.path,
            )
        if isinstance(when.base, date) and not isinstance(when.base, datetime) and clock is None:
            self.reading.wrong((*self.loc, "moment"), "a plain date needs a time of day: at: 09:00")
        return Moment(replace(when, calendar=self._calendar()), clock)

    def _calendar(self) -> str:
        name = self.block.get("calendar", "shop")
        if not isinstance(name, str) or not self.reading.known((*self.loc, "calendar"), name, CALENDARS, "no calendar"):
            return "shop"
        return name

    def _no_news(self) -> Trigger | None:
        written = self.block["no_news"]
        if not isinstance(written, dict) or not {"of", "for"} <= written.keys():
            self._wrong("no_news", "write it like {of: shipment.scanned, for: 3d, counted_from: shipment.created_at}")
            return None
        at = (*self.loc, "no_news")
        for key in written.keys() - set(_NO_NEWS):
            self.reading.wrong((*at, key), f"unknown key '{key}' in no_news{suggest(key, _NO_NEWS)}", on_key=True)
        names = written["of"] if isinstance(written["of"], list) else [written["of"]]
        heard = [self._heard((*at, "of"), name) for name in names]
        lasts = self.reading.duration((*at, "for"), written["for"])
        start = self._start((*at, "counted_from"), written["counted_from"]) if "counted_from" in written else None
        found = tuple(one for one in heard if one is not None)
        if lasts is None or not found or len(found) < len(names) or (start is None and "counted_from" in written):
            return None
        return NoNews(tuple(names), found, lasts, start, self._calendar())

    def _heard(self, loc: Loc, name: Any) -> Field | None:
        """Where the time of the last event of a kind is kept."""
        events, timed = self.reading.catalogue.events, timed_events(self.reading.catalogue, self.about)
        if not isinstance(name, str):
            self.reading.wrong(loc, "of names one event, or a list of them")
        elif name in events and name not in timed:
            few = ", ".join(timed) or "none"
            self.reading.wrong(
                loc, f"no time is kept of '{name}' for {kind_words(self.about)}; those with one: {few}", part=name
            )
        elif self.reading.known(loc, name, timed, "unknown event"):
            return timed[name]
        return None

    def _start(self, loc: Loc, path: Any) -> Field | None:
        found = self.reading.field(loc, path, (self.about,)) if isinstance(path, str) else None
        if not isinstance(path, str):
            self.reading.wrong(loc, "counted_from names a time field")
        elif found is not None and found.type != "time":
            self.reading.wrong(loc, f"'{path}' is {kind_words(found.type)}, not a time")
            return None
        return found

    def _becomes_true(self) -> Trigger | None:
        loc, scopes = (*self.loc, "becomes_true"), self.reading.catalogue.scopes(self.about)
        before = len(self.reading.problems)
        condition = self.reading.condition(loc, self.block["becomes_true"], scopes)
        if condition is None or len(self.reading.problems) > before:
            if len(self.reading.problems) == before:
                self.reading.wrong(loc, "say what becomes true: {order.eta: {after: order.promised_at}}")
            return None
        if condition.by_clock():
            self.reading.wrong(
                loc, "this turns true by itself as time passes, which no event tells; use a moment", on_key=True
            )
            return None
        if all(one.scope != self.about for one in condition.fields()):
            self.reading.wrong(
                loc, f"nothing here belongs to the {self.about} itself, whose events set the rule off", on_key=True
            )
            return None
        return BecomesTrue(condition, " and ".join(one.clause for one in condition.findings(_NOWHERE)))

    def _change(self) -> Trigger | None:
        loc = (*self.loc, "change")
        path = self.block["change"]
        found = self.reading.field(loc, path, (self.about,)) if isinstance(path, str) else None
        if found is None:
            if not isinstance(path, str):
                self.reading.wrong(loc, "change names a field")
            return None
        how = [key for key in HOW if key in self.block]
        if not how and len(self.block) > 1:
            return None  # it is misspelt: that has been said
        if not how or (len(how) > 1 and set(how) != {"to", "from"}):
            self.reading.wrong(
                loc, f"say how it changes, in one way: {', '.join(HOW)} (to and from may stand together)"
            )
            return None
        read = {key: self._how((*self.loc, key), key, self.block[key], found) for key in how}
        if None in read.values():
            return None
        return Change(
            found,
            later_by=read.get("later_by"),
            earlier_by=read.get("earlier_by"),
            rises_above=read.get("rises_above"),
            falls_below=read.get("falls_below"),
            to=read.get("to"),
            from_=read.get("from"),
            ready_again=self._ready_again(found),
        )

    def _ready_again(self, of: Field) -> Clause | None:
        if "ready_again" not in self.block:
            return None
        at, written = (*self.loc, "ready_again"), self.block["ready_again"]
        if of.type not in ("number", "money"):
            self.reading.wrong(at, f"ready_again is for numbers; {of.path} is {kind_words(of.type)}", on_key=True)
            return None
        if not isinstance(written, dict) or len(written) != 1 or not written.keys() <= _LINES.keys():
            self.reading.wrong(at, f"write it like {{above: {of.path.partition('.')[0]}.… + 3}}, or {{below: 5}}")
            return None
        ((key, value),) = written.items()
        line = self.reading.number_ref((*at, key), value, (self.about,), of.path)
        if line is not None:
            self._require_a_way_back((*at, key), key, line)
        return Clause(of, _LINES[key], line, f"{of.path} {key} {value}") if line else None

    def _require_a_way_back(self, loc: Loc, key: str, line: NumberRef) -> None:
        """Ready again is who has been well back on the side from which the line is crossed."""
        crossed = next((how for how in ("falls_below", "rises_above") if how in self.block), None)
        if crossed is None:
            return
        side = "above" if crossed == "falls_below" else "below"
        if key != side:
            self.reading.wrong(
                loc, f"after {crossed} ready_again is {{{side}: …}}: well back before the line", on_key=True
            )
            return
        limit = self.block[crossed]
        back = 1 if side == "above" else -1
        if line.base is None and type(limit) in (int, float) and (line.plus - limit) * back < 0:
            self.reading.wrong(loc, f"this is so already when it crosses {limit}; write {limit} or further {side}")

    def _how(self, loc: Loc, key: str, value: Any, of: Field) -> Any:
        if key in ("later_by", "earlier_by"):
            if of.type != "time":
                self.reading.wrong(loc, f"{key} is for times; {of.path} is {kind_words(of.type)}", on_key=True)
                return None
            return self.reading.duration(loc, value)
        if key in ("rises_above", "falls_below"):
            if of.type not in ("number", "money"):
                self.reading.wrong(loc, f"{key} is for numbers; {of.path} is {kind_words(of.type)}", on_key=True)
                return None
            line = self.reading.number_ref(loc, value, (self.about,), of.path)
            if line is not None and line.base is not None and line.base.path == of.path:
                self.reading.wrong(loc, f"'{of.path}' is compared with itself here; write a number or another field")
                return None
            return line
        if of.type in ("time", "list", "items"):
            self.reading.wrong(loc, f"{key} is for single values; {of.path} is {kind_words(of.type)}", on_key=True)
            return None
        return self.reading.values(loc, of, value)


def timed_events(catalogue: Catalogue, about: str) -> Mapping[str, Field]:
    """Events of which a time is kept -> where: what can be waited for in vain."""
    return {one.name: catalogue.fields[one.at] for one in catalogue.events.values() if one.at and one.family == about}


#: Which families of events reach a rule about …
EVENTS_ABOUT: Mapping[str, frozenset[str]] = {
    "order": frozenset({"order", "ticket", "case", "choice", "message", "survey"}),
    "shipment": frozenset({"shipment"}),
    "stock": frozenset({"stock"}),
    "shop": frozenset(),
    "customer": frozenset(
        {"customer", "waitlist", "consent", "order", "ticket", "case", "choice", "message", "survey"}
    ),
}


_AN = {
    "text": "text", "money": "an amount", "bool": "true or false", "items": "a list of items",
    "order": "an order", "stock": "stock", "shop": "the shop",
}  # fmt: skip


def kind_words(kind: str) -> str:
    return _AN.get(kind, f"a {kind}")
