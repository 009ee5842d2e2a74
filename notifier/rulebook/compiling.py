"""From a rule as it is written to a rule as it runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from hashlib import blake2b
from typing import Any, Protocol

import orjson

from notifier.core.catalogue import Catalogue, Field
from notifier.core.condition import Condition
from notifier.core.contact import CHANNELS
from notifier.core.duration import Duration
from notifier.core.rule import ABOUT, Change, FollowUp, Limit, Moment, OnEvent, Rule, Send, Trigger
from notifier.document import Loc, suggest
from notifier.rulebook.reading import Reading
from notifier.rulebook.shape import FollowUpEntry, RuleEntry, SendEntry, Wording

__all__ = ["Surroundings", "TemplateInfo", "compile_rule"]

_TRIGGERS = ("event", "moment", "change")
_HOW = ("later_by", "earlier_by", "rises_above", "falls_below", "to", "from")


class TemplateInfo(Protocol):
    """What a rule must know of a template."""

    @property
    def category(self) -> str: ...

    @property
    def survey(self) -> object | None: ...

    @property
    def variables(self) -> Collection[str]: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the names in a rule can stand for."""

    catalogue: Catalogue
    #: None for one that is there and cannot be read: of it only the name is checked.
    templates: Mapping[str, TemplateInfo | None]
    teams: Collection[str]


def compile_rule(reading: Reading, loc: Loc, entry: RuleEntry, around: Surroundings, place: int) -> Rule | None:
    """The rule at `loc` of the file, or None and its problems in `reading`."""
    return _Compiler(reading, loc, entry, around).rule(place)


@dataclass(slots=True)
class _Compiler:
    reading: Reading
    loc: Loc
    entry: RuleEntry
    around: Surroundings

    def rule(self, place: int) -> Rule | None:
        before = len(self.reading.problems)
        about = self._about()
        if about not in ABOUT:
            return None
        self.entry = entry = self.entry.model_copy(update={"about": about})
        trigger = self._trigger()
        scopes = self._scopes(trigger) if trigger else self._every_scope()
        sends = tuple(self._send(index, scopes, trigger) for index in range(len(entry.send)))
        follow_up = self._follow_up()
        rule = Rule(
            id=entry.id,
            about=entry.about,
            trigger=trigger or OnEvent(()),
            sends=sends,
            place=place,
            hash=self._hash(),
            description=entry.description,
            owner=entry.owner,
            only_if=self._condition((), "only_if", entry.only_if, scopes),
            not_if=self._condition((), "not_if", entry.not_if, scopes),
            if_unknown_skip=entry.if_unknown == "skip",
            include_closed=entry.include_closed,
            send_if_already_past=entry.if_already_past == "send_now",
            limit=self._limit(scopes),
            follow_up=follow_up,
            state=entry.state,
            where=str(self.reading.document.problem(self.loc, "")).splitlines()[0].rsplit(":", 2)[0],
        )
        if entry.if_already_past == "send_now" and trigger and not isinstance(trigger, Moment):
            self.reading.wrong((*self.loc, "if_already_past"), "if_already_past belongs to a moment", on_key=True)
        return rule if len(self.reading.problems) == before else None

    def _about(self) -> str:
        """What it is about, or by all appearances was meant to be about; empty where nobody can tell."""
        about, trigger = self.entry.about, self.entry.trigger
        # Where it is missing, that has been said.
        if not about or self.reading.known((*self.loc, "about"), about, ABOUT, "a rule cannot be about"):
            meant = about
        else:
            meant = next(iter(get_close_matches(about, ABOUT, 1)), "")
        named = next((trigger[kind] for kind in _TRIGGERS if isinstance(trigger.get(kind), str)), "")
        return meant or named.partition(".")[0]

    def _every_scope(self) -> tuple[str, ...]:
        """Where it is not known what sets the rule off, any field may be at hand."""
        return tuple(dict.fromkeys(field.scope for field in self.around.catalogue.fields.values()))

    def _hash(self) -> str:
        data = self.reading.document.data["rules"][self.loc[1]]
        return blake2b(orjson.dumps(data, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()

    def _scopes(self, trigger: Trigger | None) -> tuple[str, ...]:
        types = trigger.types if isinstance(trigger, OnEvent) else ()
        return self.around.catalogue.scopes(self.entry.about, types)

    def _condition(self, at: Loc, key: str, block: Any, scopes: Collection[str]) -> Condition | None:
        return self.reading.condition((*self.loc, *at, key), block, scopes, negated=key == "not_if")

    # triggers -------------------------------------------------------------------------------------------------------

    def _trigger(self) -> Trigger | None:
        at, block = (*self.loc, "trigger"), self.entry.trigger
        if not block and self.reading.document.data["rules"][self.loc[1]].get("trigger") != {}:
            return None  # it is missing, or no mapping: that has been said
        kinds = [key for key in block if key in _TRIGGERS]
        if len(kinds) != 1:
            other = next((key for key in block if key not in (*_TRIGGERS, *_HOW, "at")), None)
            if kinds:
                self.reading.wrong(
                    (*at, kinds[1]), f"a rule has one trigger; this is a second beside '{kinds[0]}'", on_key=True
                )
            elif other:
                hint = suggest(other, _TRIGGERS) or f"; it is one of {', '.join(_TRIGGERS)}"
                self.reading.wrong((*at, other), f"unknown trigger '{other}'{hint}", on_key=True)
            else:
                self.reading.wrong(at, f"a trigger is one of {', '.join(_TRIGGERS)}")
            return None
        allowed = {"event": (), "moment": ("at",), "change": _HOW}[kinds[0]]
        strange = [key for key in block if key != kinds[0] and key not in allowed]
        for key in strange:
            hint = suggest(key, allowed)
            self.reading.wrong((*at, key), f"unknown key '{key}' beside {kinds[0]}{hint}", on_key=True)
        return {"event": self._event, "moment": self._moment, "change": self._change}[kinds[0]](at, block)

    def _event(self, at: Loc, block: Mapping[str, Any]) -> Trigger | None:
        names = block["event"] if isinstance(block["event"], list) else [block["event"]]
        events = self.around.catalogue.events
        loc = (*at, "event")
        if not names or not all(isinstance(name, str) for name in names):
            self.reading.wrong(loc, "event names one event, or a list of them")
            return None
        good = [self.reading.known(loc, name, events, "unknown event") for name in names]
        reach = _EVENTS_ABOUT[self.entry.about]
        for name, is_known in zip(names, good, strict=True):
            if is_known and name.partition(".")[0] not in reach:
                kinds = " or ".join(
                    kind for kind, families in _EVENTS_ABOUT.items() if name.partition(".")[0] in families
                )
                self.reading.wrong(
                    loc, f"'{name}' is not about {_an(self.entry.about)}; make the rule about: {kinds}", part=name
                )
        return OnEvent(tuple(names)) if all(good) else None

    def _moment(self, at: Loc, block: Mapping[str, Any]) -> Trigger | None:
        when = self.reading.time_ref((*at, "moment"), block["moment"], self._scopes(None), with_now=False)
        clock = self.reading.clock((*at, "at"), block["at"]) if "at" in block else None
        if when is None:
            return None
        if clock is not None and when.by.elapsed:
            self.reading.wrong((*at, "moment"), "with 'at' the moment is counted in days, not hours or minutes")
        if isinstance(when.base, Field) and when.base.scope != self.entry.about:
            self.reading.wrong(
                (*at, "moment"),
                f"'{when.base.path}' does not belong to the {self.entry.about} itself",
                part=when.base.path,
            )
        if isinstance(when.base, date) and not isinstance(when.base, datetime) and clock is None:
            self.reading.wrong((*at, "moment"), "a plain date needs a time of day: at: 09:00")
        return Moment(when, clock)

    def _change(self, at: Loc, block: Mapping[str, Any]) -> Trigger | None:
        loc = (*at, "change")
        path = block["change"]
        found = self.reading.field(loc, path, (self.entry.about,)) if isinstance(path, str) else None
        if found is None:
            if not isinstance(path, str):
                self.reading.wrong(loc, "change names a field")
            return None
        how = [key for key in _HOW if key in block]
        if not how and len(block) > 1:
            return None  # it is misspelt: that has been said
        if not how or (len(how) > 1 and set(how) != {"to", "from"}):
            self.reading.wrong(
                loc, f"say how it changes, in one way: {', '.join(_HOW)} (to and from may stand together)"
            )
            return None
        read = {key: self._how((*at, key), key, block[key], found) for key in how}
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
        )

    def _how(self, loc: Loc, key: str, value: Any, of: Field) -> Any:
        if key in ("later_by", "earlier_by"):
            if of.type != "time":
                self.reading.wrong(loc, f"{key} is for times; {of.path} is {_an(of.type)}", on_key=True)
                return None
            return self.reading.duration(loc, value)
        if key in ("rises_above", "falls_below"):
            if of.type not in ("number", "money"):
                self.reading.wrong(loc, f"{key} is for numbers; {of.path} is {_an(of.type)}", on_key=True)
                return None
            return self.reading.number_ref(loc, value, (self.entry.about,), of.path)
        if of.type in ("time", "list", "items"):
            self.reading.wrong(loc, f"{key} is for single values; {of.path} is {_an(of.type)}", on_key=True)
            return None
        return self.reading.values(loc, of, value)

    # sending --------------------------------------------------------------------------------------------------------

    def _send(self, index: int, scopes: Collection[str], trigger: Trigger | None) -> Send:
        entry = self.entry.send[index]
        written = self.reading.document.data["rules"][self.loc[1]]["send"]
        at: Loc = ("send", index) if isinstance(written, list) else ("send",)
        after = self.reading.duration((*self.loc, *at, "after"), entry.after) if entry.after is not None else None
        self._to(at, entry)
        send = self._wording(at, entry, index, scopes, trigger, to=entry.to, after=after or Duration())
        if send.useless_after and send.useless_after.longest <= send.after.longest:
            self.reading.wrong((*self.loc, *at, "useless_after"), "it would be useless before it may go out")
        return send

    def _follow_up(self) -> FollowUp | None:
        entry: FollowUpEntry | None = self.entry.follow_up
        if entry is None:
            return None
        scopes, at = self._scopes(None), (*self.loc, "follow_up")
        if self.entry.about == "stock":
            self.reading.wrong(at, "a follow-up goes to the customer, and stock has none", on_key=True)
        after = self.reading.duration((*at, "after"), entry.after)
        counted = None
        if entry.counted_from is not None:
            counted = self.reading.field((*at, "counted_from"), entry.counted_from, (self.entry.about,))
            if counted is not None and counted.type != "time":
                self.reading.wrong((*at, "counted_from"), f"'{counted.path}' is {_an(counted.type)}, not a time")
        send = self._wording(("follow_up",), entry, len(self.entry.send), scopes, None)
        return FollowUp(send, after or Duration(), counted)

    def _to(self, at: Loc, entry: SendEntry) -> None:
        if entry.to == "customer":
            if self.entry.about == "stock":
                self.reading.wrong((*self.loc, *at), "a rule about stock writes to a team: to: team.NAME")
            return
        known = [f"team.{name}" for name in self.around.teams]
        self.reading.known((*self.loc, *at, "to"), entry.to, ["customer", *known], "nobody is called")

    def _wording(
        self,
        at: Loc,
        entry: Wording,
        index: int,
        scopes: Collection[str],
        trigger: Trigger | None,
        *,
        to: str = "customer",
        after: Duration = Duration(),  # noqa: B008 - a frozen value
    ) -> Send:
        loc = (*self.loc, *at)
        name, info = self._template(loc, entry, scopes, trigger)
        useless = entry.useless_after
        for number, channel in enumerate(entry.channels):
            self.reading.known((*loc, "channels", number), channel, ("preferred", *CHANNELS), "unknown channel")
        default = (
            "staff" if to != "customer" else "survey" if entry.survey else info.category if info else "transactional"
        )
        return Send(
            index=index,
            template=name,
            survey=entry.survey is not None,
            category=entry.category or default,
            to=to,
            channels=tuple(entry.channels),
            after=after,
            useless_after=self.reading.duration((*loc, "useless_after"), useless) if useless is not None else None,
            only_if=self._condition(at, "only_if", entry.only_if, scopes),
            not_if=self._condition(at, "not_if", entry.not_if, scopes),
        )

    def _template(
        self, loc: Loc, entry: Wording, scopes: Collection[str], trigger: Trigger | None
    ) -> tuple[str, TemplateInfo | None]:
        if (entry.template is None) == (entry.survey is None):
            self.reading.wrong(loc, "say what to send: either 'template' or 'survey'")
            return "", None
        key, name = ("template", entry.template) if entry.template is not None else ("survey", entry.survey)
        assert name is not None
        surveys = [one for one, info in self.around.templates.items() if info is None or info.survey is not None]
        names = surveys if key == "survey" else list(self.around.templates)
        if not self.reading.known((*loc, key), name, names, f"no {key}"):
            return name, None
        info = self.around.templates[name]
        if info is not None:
            if key == "template" and info.survey is not None:
                self.reading.wrong((*loc, key), f"'{name}' is a survey; write survey: {name}", on_key=True)
            self._variables((*loc, key), name, info, scopes, trigger)
        return name, info

    def _variables(
        self, loc: Loc, name: str, info: TemplateInfo, scopes: Collection[str], trigger: Trigger | None
    ) -> None:
        """What the text names must be at hand where this rule fires."""
        given = {*scopes, "shop", "links", "event", *(("change",) if isinstance(trigger, Change) else ())}
        if {"survey", "message", "ticket", "case", "choice"} & given:
            given |= {"order", "customer"}
        absent = sorted(one for one in info.variables if one.partition(".")[0] not in given)
        if absent:
            self.reading.wrong(
                loc, f"the text '{name}' speaks of {absent[0]}, which nobody knows where this rule fires"
            )

    def _limit(self, scopes: Collection[str]) -> Limit | None:
        entry, at = self.entry.limit, (*self.loc, "limit")
        if entry is None:
            return None
        # What is written and does not fit has been reported by its own name.
        once, most = (self.reading.document.has((*at, key)) for key in ("once_per", "at_most"))
        if once == most:
            self.reading.wrong(at, "a limit is {once_per: order} or {at_most: 3, per: order, in_any: 7d}")
            return None
        if entry.once_per is not None:
            if entry.per is not None or entry.in_any is not None:
                self.reading.wrong(
                    at, "once_per stands alone; with a window write {at_most: 1, per: order, in_any: 7d}"
                )
            return Limit(self._keys((*at, "once_per"), entry.once_per, scopes))
        if once or entry.at_most is None:
            return None
        if entry.per is None or entry.in_any is None:
            self.reading.wrong(at, "at_most needs per and in_any: {at_most: 3, per: order, in_any: 7d}")
            return None
        window = self.reading.duration((*at, "in_any"), entry.in_any)
        return Limit(self._keys((*at, "per"), entry.per, scopes), entry.at_most, window)

    def _keys(self, loc: Loc, keys: Collection[str], scopes: Collection[str]) -> tuple[str, ...]:
        kinds = [self.entry.about, "customer"]
        for key in keys:
            if "." in key:
                self.reading.field(loc, key, scopes)
            else:
                self.reading.known(loc, key, kinds, f"a rule about {self.entry.about} cannot count by")
        return tuple(keys)


#: Which families of events reach a rule about …
_EVENTS_ABOUT: Mapping[str, frozenset[str]] = {
    "order": frozenset({"order", "ticket", "case", "choice", "message", "survey"}),
    "shipment": frozenset({"shipment"}),
    "stock": frozenset({"stock"}),
    "customer": frozenset(
        {"customer", "waitlist", "consent", "order", "ticket", "case", "choice", "message", "survey"}
    ),
}


_AN = {
    "text": "text", "money": "an amount", "bool": "true or false", "items": "a list of items",
    "order": "an order", "stock": "stock",
}  # fmt: skip


def _an(kind: str) -> str:
    return _AN.get(kind, f"a {kind}")
