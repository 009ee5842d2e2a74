"""JSON Schema of a rules file, for editors: the shape of a rule, completed with the names that a project has.

An editor that knows it offers fields, operators, values, events, texts and teams, and marks what is none of them. It never
marks what `check` accepts; what only the whole can tell (two rules of one id, rules in a circle) is left to `check`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import available_timezones

from pydantic import BaseModel

from notifier.config.schema import DRAFT, DURATION, codes
from notifier.core.audience import WAITLIST_ENTRY
from notifier.core.calendar import EVERY
from notifier.core.catalogue import Field
from notifier.core.condition import BLOCKS
from notifier.core.contact import CHANNELS
from notifier.core.duration import PATTERN
from notifier.core.listing import LISTS
from notifier.core.rule import ABOUT
from notifier.core.value import country_codes, currency_codes
from notifier.rulebook.audience import AUDIENCES, LARGEST_WAVE, LINES, WAVE
from notifier.rulebook.compiling import Surroundings
from notifier.rulebook.reading import ORDERED, TAKES
from notifier.rulebook.shape import (
    BrakeEntry,
    CollectEntry,
    FollowUpEntry,
    LimitEntry,
    ListEntry,
    RuleEntry,
    RulesFile,
    SendEntry,
    TopicEntry,
)
from notifier.rulebook.trigger import CALENDARS, EVENTS_ABOUT, HOW, timed_events

__all__ = ["rules_schema"]

Schema = dict[str, Any]

_DATE = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))?"
_DAY = r"(?:[01]?\d|2[0-3]):[0-5]\d"

_CLOCK: Schema = {"type": "string", "pattern": rf"^{_DAY}$", "patternErrorMessage": "A time of day: 09:00."}
_DURATIONS = ("after", "useless_after", "in_any", "still_true_after")
_BY_ABOUT = ("trigger", "only_if", "not_if", "send", "list", "limit", "follow_up")
#: What belongs to no customer.
_TEAMS_ONLY = ("stock", "shop")


def rules_schema(around: Surroundings) -> Schema:
    """The schema of the rules files of a project with these names."""
    drawing = _Drawing(around)
    rule = drawing.rule()
    topics = {"type": "object", "additionalProperties": drawing.topic()}
    file = _of(RulesFile, {"topics": topics, "rules": {"type": "array", "items": rule}})
    return {"$schema": DRAFT, **file, "title": "Rules of notifier", "definitions": drawing.definitions}


@dataclass(slots=True)
class _Drawing:
    around: Surroundings
    definitions: dict[str, Schema] = field(
        default_factory=lambda: {
            "duration": DURATION,
            "country": codes(country_codes()),
            "currency": codes(currency_codes()),
            "timezone": {"enum": sorted(available_timezones())},
        }
    )

    def __post_init__(self) -> None:
        fields = self.around.catalogue.fields
        self.definitions.update({path: {"enum": list(one.choices)} for path, one in fields.items() if one.choices})

    def rule(self) -> Schema:
        """What all rules have in common, then what depends on what a rule is about."""
        abouts = {"anyOf": [{"enum": list(ABOUT)}, *_AUDIENCES.values()]}
        brake = _of(BrakeEntry, {"in": _ref("duration")})
        whole = _of(RuleEntry, {"about": abouts, "brake": brake, **{key: {} for key in _BY_ABOUT}})
        return {**whole, "allOf": [*map(self._about, ABOUT), *map(self._audience, _AUDIENCES)]}

    def topic(self) -> Schema:
        """Rules and topics go by any name: files are looked at one by one."""
        fields = [one.path for one in self.around.catalogue.fields.values()]
        known = {
            "per": {"enum": [*(one for one in ABOUT if one != "shop"), *fields]},
            "every": _ref("duration"),
            "strongest_first": _one_or_more(_NAME),
        }
        return _of(TopicEntry, known)

    def _about(self, about: str) -> Schema:
        keys = self._of_shop() if about == "shop" else self._of_subjects(about)
        return {"if": {"properties": {"about": {"const": about}}, "required": ["about"]}, "then": {"properties": keys}}

    def _of_shop(self) -> Mapping[str, Schema]:
        """No field is the shop's own: it has a calendar, and lists what is others'."""
        return {
            "trigger": self._calendar(),
            "list": self._list(),
            "send": _one_or_more(self._defined("shop.send", self._send("shop", None)), at_most=20),
            "limit": self._limit("shop", ()),
            **dict.fromkeys(("only_if", "not_if", "follow_up"), _NOTHING),
        }

    def _of_subjects(self, about: str) -> Mapping[str, Schema]:
        catalogue = self.around.catalogue
        events = [name for name, one in catalogue.events.items() if one.family in EVENTS_ABOUT[about]]
        known = catalogue.scopes(about)
        #: With what the triggering event brings.
        seen = catalogue.scopes(about, events)
        lasting = self._conditions(f"{about}.facts", known)
        conditions = self._conditions(f"{about}.conditions", seen) if seen != known else lasting
        return {
            "trigger": self._trigger(about, events, lasting),
            "only_if": conditions,
            "not_if": conditions,
            "send": _one_or_more(self._defined(f"{about}.send", self._send(about, conditions)), at_most=20),
            "limit": self._limit(about, seen),
            "list": _NOTHING,
            "follow_up": self._follow_up(about, lasting) if about != "stock" else _NOTHING,
        }

    def _calendar(self) -> Schema:
        beside = {"timezone": _ref("timezone"), "skip_holidays": {"type": "boolean"}}
        kinds = [
            _closed(["every", "at"], every={"enum": list(EVERY)}, at=_CLOCK, **beside),
            _closed(["cron"], cron={"type": "string", "pattern": r"^\s*\S+(\s+\S+){4}\s*$"}, **beside),
            _closed(["moment"], moment=self._time("shop.moment", (), with_now=False), at=_CLOCK),
        ]
        return self._defined("shop.trigger", {"anyOf": kinds})

    def _list(self) -> Schema:
        kinds = []
        for name, about in LISTS.items():
            scopes = self.around.catalogue.scopes(about)
            conditions = self._conditions(f"{about}.facts", scopes)
            paths = [one.path for one in self._fields(scopes) if one.type not in ("list", "items")]
            order = self._defined(f"{name}.sort", _one_or_more({"enum": [*paths, *(f"-{path}" for path in paths)]}))
            some = {"anyOf": [conditions, {"type": "object", "maxProperties": 0}]}
            one_kind = _without(_of(ListEntry, {name: some, "sort": order}), LISTS.keys() - {name})
            kinds.append({**one_kind, "required": [name]})
        return self._defined("shop.list", {"anyOf": kinds})

    def _audience(self, kind: str) -> Schema:
        """A rule that an article's news sets off, and that reaches others."""
        about, scopes = AUDIENCES[kind][0], self.around.catalogue.scopes(AUDIENCES[kind][0])
        own = self._conditions(f"{about}.facts", scopes)
        seen = (*scopes, "stock", *(["waitlist"] if kind == "people_waiting_for" else []))
        conditions = self._conditions(f"{kind}.conditions", seen)
        keys = {
            "trigger": _ref("stock.trigger"),
            "only_if": conditions,
            "not_if": conditions,
            "send": _one_or_more(self._defined(f"{kind}.send", self._send(about, conditions)), at_most=20),
            "limit": self._limit(about, seen, kind),
            "follow_up": self._follow_up(about, own),
        }
        asked = {"type": "object", "required": [kind]}
        return {"if": {"properties": {"about": asked}, "required": ["about"]}, "then": {"properties": keys}}

    def _defined(self, name: str, schema: Schema) -> Schema:
        """A reference to the schema, which is kept under this name."""
        self.definitions[name] = schema
        return {"$ref": f"#/definitions/{name}"}

    def _fields(self, scopes: Collection[str], *types: str) -> list[Field]:
        fields = self.around.catalogue.fields.values()
        return [one for one in fields if one.scope in scopes and (not types or one.type in types)]

    # triggers -------------------------------------------------------------------------------------------------------

    def _trigger(self, about: str, events: list[str], conditions: Schema) -> Schema:
        own = (about,)
        calendar = {"calendar": {"enum": list(CALENDARS)}}
        moment = self._time(f"{about}.moment", own, with_now=False)
        kinds = [
            _closed(["event"], event=_one_or_more({"enum": events})),
            _closed(["moment"], moment=moment, at=_CLOCK, **calendar),
            _closed(["becomes_true"], becomes_true=conditions),
            *self._changes(about),
        ]
        if timed := timed_events(self.around.catalogue, about):
            times = {"enum": [one.path for one in self._fields(own, "time")]}
            silence = {"of": _one_or_more({"enum": list(timed)}), "for": _ref("duration"), "counted_from": times}
            kinds.append(_closed(["no_news"], no_news=_closed(["of", "for"], **silence), **calendar))
        return self._defined(f"{about}.trigger", {"anyOf": kinds})

    def _changes(self, about: str) -> Iterable[Schema]:
        """One alternative for each way in which a field can change."""
        line = self._number(f"{about}.line", (about,))
        again = {"ready_again": {**_closed([], above=line, below=line), "minProperties": 1, "maxProperties": 1}}
        times = {"enum": [one.path for one in self._fields((about,), "time")]}
        numbers = {"enum": [one.path for one in self._fields((about,), "number", "money")]}
        for how in HOW:
            if how in ("later_by", "earlier_by"):
                yield _closed(["change", how], change=times, **{how: _ref("duration")})
            elif how in ("rises_above", "falls_below"):
                yield _closed(["change", how], change=numbers, **{how: line}, **again)
        for paths, value in self._singles(about):
            beside = again if paths == numbers["enum"] else {}
            ends = {"to": _one_or_more(value), "from": _one_or_more(value)}
            yield {**_closed(["change"], change={"enum": paths}, **ends, **beside), "minProperties": 2}

    def _singles(self, about: str) -> Iterable[tuple[list[str], Schema]]:
        """Fields with single values, by what values those are."""
        by_value: dict[str, tuple[list[str], Schema]] = {}
        for one in self._fields((about,)):
            if one.type not in ("time", "list", "items"):
                value = _value(one)
                by_value.setdefault(str(value), ([], value))[0].append(one.path)
        return by_value.values()

    # conditions -----------------------------------------------------------------------------------------------------

    def _conditions(self, name: str, scopes: Collection[str]) -> Schema:
        self._time(f"{name}.time", scopes, with_now=True)
        self._number(f"{name}.number", scopes)
        fields = {one.path: one for one in self._fields(scopes)}
        return self._block(name, name, fields, told=_TOLD)

    def _block(self, name: str, of: str, fields: Mapping[str, Field], **more: Schema) -> Schema:
        """Conditions on these fields; times and numbers in them are those of the conditions `of`."""
        itself = _ref(name)
        groups = {one: _one_or_more(itself) for one in BLOCKS}
        compared = {path: {"description": _doc(one), **self._compared(of, one)} for path, one in fields.items()}
        return self._defined(name, {**_closed([], **compared, **groups, **more), "minProperties": 1})

    def _compared(self, of: str, one: Field) -> Schema:
        if one.type == "items":
            entry = self._block(f"{of}.{one.path}", of, one.items)
            return {**_closed([], exists={"type": "boolean"}, **dict.fromkeys(BLOCKS, entry)), "minProperties": 1}
        operators = {name: self._operand(of, one, name) for name in TAKES[one.type]}
        written = {**_closed([], **operators), "minProperties": 1}
        schema = {"anyOf": [operators["is"], written]} if "is" in operators else written
        return self._defined(f"{of}.{one.path if one.choices else one.type}.compared", schema)

    def _operand(self, of: str, one: Field, operator: str) -> Schema:
        if operator == "exists":
            return {"type": "boolean"}
        if operator in ("before", "after"):
            return _ref(f"{of}.time")
        if operator in ("in_last", "in_next"):
            return _ref("duration")
        if operator in ORDERED:
            return _ref(f"{of}.number")
        return {"type": "string"} if operator in ("contains", "starts_with") else _one_or_more(_value(one))

    def _time(self, name: str, scopes: Collection[str], *, with_now: bool) -> Schema:
        """A time field or a date, and `now`, give or take a length of time."""
        names = [*(["now"] if with_now else []), *(one.path for one in self._fields(scopes, "time"))]
        starts = "|".join([*(one.replace(".", r"\.") for one in names), _DATE])
        pattern = rf"^\s*(?:{starts})(?:\s*[+-]\s*{PATTERN})?\s*$"
        said = f"A time: {', '.join(names[:2])} or a date, give or take a length of time."
        exact = {"type": "string", "pattern": pattern, "patternErrorMessage": said}
        return self._defined(name, {"anyOf": [{"enum": names}, exact]})

    def _number(self, name: str, scopes: Collection[str]) -> Schema:
        """A number, or a number field give or take one."""
        names = [one.path for one in self._fields(scopes, "number", "money")]
        if not names:
            return self._defined(name, {"type": "number"})
        pattern = (
            rf"^\s*(?:{'|'.join(one.replace('.', chr(92) + '.') for one in names)})(?:\s*[+-]\s*\d+(?:\.\d+)?)?\s*$"
        )
        return self._defined(
            name, {"anyOf": [{"type": "number"}, {"enum": names}, {"type": "string", "pattern": pattern}]}
        )

    # sending --------------------------------------------------------------------------------------------------------

    def _send(self, about: str, conditions: Schema | None) -> Schema:
        teams = [f"team.{name}" for name in self.around.teams]
        to = teams if about in _TEAMS_ONLY else ["customer", *teams]
        collect: Any = False if about == "shop" else self._collect(about)
        send = _of(SendEntry, {**self._wording(conditions), "to": {"enum": to}, "collect": collect})
        return {**send, **_ONE_TEXT, **({"required": ["to"]} if about in _TEAMS_ONLY else {})}

    def _collect(self, about: str) -> Schema:
        catalogue = self.around.catalogue
        events = [name for name, one in catalogue.events.items() if one.family in EVENTS_ABOUT[about]]
        fields = [one.path for one in self._fields(catalogue.scopes(about, events))]
        known = {"per": {"enum": ["customer", "team", *fields]}, "for": _ref("duration"), "until": _CLOCK}
        return {**_of(CollectEntry, known), "oneOf": [{"required": ["for"]}, {"required": ["until"]}]}

    def _follow_up(self, about: str, conditions: Schema) -> Schema:
        times = {"enum": [one.path for one in self._fields((about,), "time")]}
        return {**_of(FollowUpEntry, {**self._wording(conditions), "counted_from": times}), **_ONE_TEXT}

    def _wording(self, conditions: Schema | None) -> Mapping[str, Schema]:
        texts = self.around.templates
        return {
            "template": {"enum": [name for name, one in texts.items() if one is None or one.survey is None]},
            "survey": {"enum": [name for name, one in texts.items() if one is None or one.survey is not None]},
            "channels": _one_or_more({"enum": ["preferred", *CHANNELS]}),
            **dict.fromkeys(("only_if", "not_if"), _NOTHING if conditions is None else conditions),
        }

    def _limit(self, about: str, scopes: Collection[str], name: str = "") -> Schema:
        kinds = [about, *(["customer"] if about != "shop" else []), *(["order"] if about == "shipment" else [])]
        kinds += [WAITLIST_ENTRY] if name == "people_waiting_for" else []
        keys = list(dict.fromkeys([*kinds, *(one.path for one in self._fields(scopes))]))
        names = self._defined(f"{name or about}.keys", _one_or_more({"enum": keys}))
        either = [{"required": ["once_per"], "maxProperties": 1}, {"required": ["at_most", "per", "in_any"]}]
        return {**_of(LimitEntry, {"once_per": names, "per": names}), "oneOf": either}


#: Of a key that may not stand there.
_NOTHING: Any = False
_NAME: Schema = {"type": "string", "minLength": 1}
_ONE_TEXT: Schema = {"oneOf": [{"required": ["template"]}, {"required": ["survey"]}]}


def _of(shape: type[BaseModel], known: Mapping[str, Schema]) -> Schema:
    """The schema of a shape, with what is known of its keys. A key with nothing behind it is a fault: there is no null."""
    whole = shape.model_json_schema()
    known = {**{name: _ref("duration") for name in _DURATIONS}, **known}
    properties = {name: _plain(one, known.get(name)) for name, one in whole["properties"].items()}
    return {**_closed(whole.get("required", []), **properties), "description": shape.__doc__ or ""}


def _without(schema: Schema, names: Iterable[str]) -> Schema:
    return {**schema, "properties": {name: one for name, one in schema["properties"].items() if name not in names}}


def _plain(written: Schema, known: Schema | None) -> Schema:
    said = {name: written[name] for name in ("description", "default") if written.get(name) not in (None, "", [])}
    if known is not None:
        return {**said, **known} if known is not _NOTHING else known
    kinds = [one for one in written.get("anyOf", [written]) if one.get("type") != "null"]
    return {**{name: value for name, value in kinds[0].items() if name not in ("title", "default")}, **said}


def _value(one: Field) -> Schema:
    """One plain value of a field."""
    if one.choices:
        return _ref(one.path)
    if one.type in ("country", "currency", "timezone"):
        return _ref(one.type)
    return {"type": {"number": "number", "money": "number", "bool": "boolean"}.get(one.type, "string")}


def _doc(one: Field) -> str:
    return f"{one.doc[:1].upper()}{one.doc[1:]} ({one.type})" if one.doc else f"A field of type {one.type}"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _closed(required: Iterable[str], **properties: Schema) -> Schema:
    """A mapping with these keys and no others."""
    needed = list(required)
    whole: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**whole, "required": needed} if needed else whole


def _one_or_more(of: Schema, at_most: int | None = None) -> Schema:
    listed: Schema = {"type": "array", "items": of, "minItems": 1}
    return {"anyOf": [of, {**listed, "maxItems": at_most} if at_most else listed]}


_TOLD: Schema = {
    "description": "What was told about this very subject before.",
    "oneOf": [_closed([one, "in_last"], **{one: _NAME, "in_last": _ref("duration")}) for one in ("topic", "rule")],
}


_AUDIENCES: Mapping[str, Schema] = {
    "orders_with": _closed(["orders_with"], orders_with={"const": "stock.sku"}, lines={"enum": list(LINES)}),
    "people_waiting_for": _closed(
        ["people_waiting_for", "up_to", "wave", "keep_for"],
        people_waiting_for={"const": "stock.sku"},
        up_to=_ref("stock.line"),
        wave=_closed(WAVE, size={"type": "integer", "minimum": 1, "maximum": LARGEST_WAVE}, every=_ref("duration")),
        keep_for=_ref("duration"),
    ),
}
