"""From a rule as it is written to a rule as it runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from hashlib import blake2b
from typing import Any, Protocol

import orjson

from notifier.core.audience import WAITLIST_ENTRY, Audience, OrdersWith, PeopleWaiting
from notifier.core.catalogue import Catalogue
from notifier.core.condition import Condition
from notifier.core.contact import CHANNELS
from notifier.core.duration import Duration
from notifier.core.listing import LIST_NAMES, Listing
from notifier.core.rule import (
    ABOUT,
    BecomesTrue,
    Brake,
    Change,
    Collect,
    FollowUp,
    Limit,
    Moment,
    OnEvent,
    Rule,
    Send,
    Trigger,
)
from notifier.core.topic import Topic
from notifier.document import Loc
from notifier.rulebook.audience import about_word, compile_audience
from notifier.rulebook.listing import compile_listing
from notifier.rulebook.reading import Reading
from notifier.rulebook.shape import FollowUpEntry, RuleEntry, SendEntry, Wording
from notifier.rulebook.trigger import TRIGGERS, compile_trigger, kind_words

__all__ = ["Surroundings", "TemplateInfo", "compile_rule"]

#: What belongs to no customer.
_TEAMS_ONLY = ("stock", "shop")


class TemplateInfo(Protocol):
    """What a rule must know of a template."""

    @property
    def category(self) -> str: ...

    @property
    def survey(self) -> object | None: ...

    @property
    def variables(self) -> Collection[str]: ...

    @property
    def tells_all(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the names in a rule can stand for."""

    catalogue: Catalogue
    #: None for one that is there and cannot be read: of it only the name is checked.
    templates: Mapping[str, TemplateInfo | None]
    teams: Collection[str]
    #: None for one that is there and cannot be read.
    topics: Mapping[str, Topic | None] = field(default_factory=dict)


#: What a rule can look at beside what it is about.
_NEWS: Mapping[type, tuple[str, ...]] = {OrdersWith: ("stock",), PeopleWaiting: ("stock", "waitlist")}


def compile_rule(reading: Reading, loc: Loc, entry: RuleEntry, around: Surroundings, place: int) -> Rule | None:
    """The rule at `loc` of the file, or None and its problems in `reading`."""
    return _Compiler(reading, loc, entry, around).rule(place)


@dataclass(slots=True)
class _Compiler:
    reading: Reading
    loc: Loc
    entry: RuleEntry
    around: Surroundings
    audience: Audience | None = None
    #: What the rule lists, once that is known.
    listing: Listing | None = None

    def rule(self, place: int) -> Rule | None:
        before = len(self.reading.problems)
        about = self._about()
        if about not in ABOUT:
            return None
        self.entry = entry = self.entry.model_copy(update={"about": about})
        trigger = self._trigger()
        scopes = self._scopes(trigger) if trigger else self._every_scope()
        self.listing = self._listing()
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
            still_true_after=self._still_true_after(trigger),
            listing=self.listing,
            limit=self._limit(scopes),
            topic=self._topic(),
            follow_up=follow_up,
            brake=self._brake(),
            state=entry.state,
            audience=self.audience,
            where=str(self.reading.document.problem(self.loc, "")).splitlines()[0].rsplit(":", 2)[0],
        )
        if isinstance(self.audience, PeopleWaiting):
            self._one_promise(sends)
        if entry.include_closed and self.audience is not None:
            self.reading.wrong(
                (*self.loc, "include_closed"), "news goes to open orders alone; delete include_closed", on_key=True
            )
        if entry.if_already_past == "send_now" and trigger and not isinstance(trigger, Moment):
            self.reading.wrong((*self.loc, "if_already_past"), "if_already_past belongs to a moment", on_key=True)
        return rule if len(self.reading.problems) == before else None

    def _one_promise(self, sends: Collection[Send]) -> None:
        if len(sends) > 1 or any(one.to != "customer" for one in sends):
            text = "who waits for an article gets one message, to the customer; write another rule for all else"
            self.reading.wrong((*self.loc, "send"), text, on_key=True)

    def _still_true_after(self, trigger: Trigger | None) -> Duration | None:
        wait, at = self.entry.still_true_after, (*self.loc, "still_true_after")
        if wait is None:
            return None
        if trigger is not None and not isinstance(trigger, Change | BecomesTrue):
            self.reading.wrong(
                at, "still_true_after belongs to change and becomes_true: nothing else can end again", on_key=True
            )
        return self.reading.duration(at, wait)

    def _about(self) -> str:
        """What it is about, or by all appearances was meant to be about; empty where nobody can tell."""
        about, trigger = self.entry.about, self.entry.trigger
        if isinstance(about, dict):
            self.audience = compile_audience(self.reading, (*self.loc, "about"), about)
            return about_word(about) if self.audience else ""
        # Where it is missing, that has been said.
        if not about or self.reading.known((*self.loc, "about"), str(about), ABOUT, "a rule cannot be about"):
            meant = about
        else:
            meant = next(iter(get_close_matches(str(about), ABOUT, 1)), "")
        named = next((trigger[kind] for kind in TRIGGERS if isinstance(trigger.get(kind), str)), "")
        return meant or named.partition(".")[0]

    def _every_scope(self) -> tuple[str, ...]:
        """Where it is not known what sets the rule off, any field may be at hand."""
        return tuple(dict.fromkeys(field.scope for field in self.around.catalogue.fields.values()))

    def _hash(self) -> str:
        data = self.reading.document.data["rules"][self.loc[1]]
        return blake2b(orjson.dumps(data, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()

    def _scopes(self, trigger: Trigger | None) -> tuple[str, ...]:
        types = trigger.types if isinstance(trigger, OnEvent) else ()
        news = () if self.audience is None or trigger is None else _NEWS[type(self.audience)]
        return (*self.around.catalogue.scopes(self.entry.about, types), *news)

    def _listing(self) -> Listing | None:
        entry, at = self.entry.list_, (*self.loc, "list")
        if entry is None:
            return None
        if self.entry.about != "shop":
            self.reading.wrong(at, "a list belongs to a rule about: shop", on_key=True)
            return None
        return compile_listing(self.reading, at, entry, include_closed=self.entry.include_closed)

    def _condition(self, at: Loc, key: str, block: Any, scopes: Collection[str]) -> Condition | None:
        if self.entry.about == "shop" and block is not None:
            text = "nothing is known of the shop itself; conditions stand in the list: list: {orders: {…}}"
            self.reading.wrong((*self.loc, *at, key), text, on_key=True)
            return None
        return self.reading.condition((*self.loc, *at, key), block, scopes, negated=key == "not_if")

    def _trigger(self) -> Trigger | None:
        block = self.entry.trigger
        if not block and self.reading.document.data["rules"][self.loc[1]].get("trigger") != {}:
            return None  # it is missing, or no mapping: that has been said
        origin = self.entry.about if self.audience is None else "stock"
        return compile_trigger(self.reading, (*self.loc, "trigger"), block, origin)

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
        collect = self._collect((*self.loc, *at, "collect"), entry, scopes, send)
        return replace(send, collect=collect)

    def _collect(self, at: Loc, entry: SendEntry, scopes: Collection[str], send: Send) -> Collect | None:
        written = entry.collect
        if written is None:
            return None
        if self.entry.about == "shop":
            self.reading.wrong(at, "a report is one message already; delete 'collect'", on_key=True)
            return None
        if written.per in ("customer", "team"):
            whose = "customer" if entry.to == "customer" else "team"
            if written.per != whose:
                self.reading.wrong((*at, "per"), f"this goes to a {whose}: write per: {whose}, or a field")
        else:
            self.reading.field((*at, "per"), written.per, scopes)
        ends = [key for key in ("for", "until") if self.reading.document.has((*at, key))]
        if len(ends) != 1:
            self.reading.wrong(
                at, "a window ends once: {per: team, for: 30m} or {per: team, until: 16:00}", on_key=True
            )
            return None
        self._tells_all(at, send)
        if ends == ["until"]:
            clock = self.reading.clock((*at, "until"), written.until)
            return Collect(written.per, until=clock) if clock else None
        lasts = self.reading.duration((*at, "for"), written.lasts)
        if lasts and send.useless_after and send.useless_after.longest <= lasts.longest:
            self.reading.wrong((*at, "for"), "what comes first would be useless before the window ends")
        return Collect(written.per, lasts) if lasts else None

    def _tells_all(self, at: Loc, send: Send) -> None:
        """A text that speaks of one match would leave the others untold."""
        info = self.around.templates.get(send.template)
        if info is not None and not info.tells_all:
            text = f"the text '{send.template}' tells of one match alone; go through 'matches' in it, in every language"
            self.reading.wrong(at, text, on_key=True)

    def _follow_up(self) -> FollowUp | None:
        entry: FollowUpEntry | None = self.entry.follow_up
        if entry is None:
            return None
        scopes, at = self._scopes(None), (*self.loc, "follow_up")
        if self.entry.about in _TEAMS_ONLY:
            self.reading.wrong(
                at, f"a follow-up goes to the customer, and {kind_words(self.entry.about)} has none", on_key=True
            )
        after = self.reading.duration((*at, "after"), entry.after)
        counted = None
        if entry.counted_from is not None:
            counted = self.reading.field((*at, "counted_from"), entry.counted_from, (self.entry.about,))
            if counted is not None and counted.type != "time":
                self.reading.wrong((*at, "counted_from"), f"'{counted.path}' is {kind_words(counted.type)}, not a time")
        send = self._wording(("follow_up",), entry, len(self.entry.send), scopes, None)
        return FollowUp(send, after or Duration(), counted)

    def _to(self, at: Loc, entry: SendEntry) -> None:
        if entry.to == "customer":
            if self.entry.about in _TEAMS_ONLY:
                about = kind_words(self.entry.about)
                self.reading.wrong((*self.loc, *at), f"a rule about {about} writes to a team: to: team.NAME")
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
        given = {*scopes, "shop", "links", "matches", "event", *(("change",) if isinstance(trigger, Change) else ())}
        if {"survey", "message", "ticket", "case", "choice"} & given:
            given |= {"order", "customer"}
        if self.listing is not None:
            rows = self.around.catalogue.scopes(self.listing.about)
            given |= {f"list.{one}" for one in (*LIST_NAMES, *rows)}
        absent = sorted(one for one in info.variables if _scope(one) not in given)
        if absent:
            row = f"list.{absent[0]}"
            if self.listing is not None and _scope(row) in given:
                hint = f"; of each row of the list it is row.{absent[0]}"
            else:
                hint = "; it has no list" if absent[0].startswith("list.") and self.listing is None else ""
            self.reading.wrong(
                loc, f"the text '{name}' speaks of {absent[0]}, which nobody knows where this rule fires{hint}"
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

    def _brake(self) -> Brake | None:
        entry = self.entry.brake
        within = self.reading.duration((*self.loc, "brake", "in"), entry.within) if entry else None
        return Brake(entry.hold_all_if_over, within) if entry and within else None

    def _topic(self) -> Topic | None:
        name, topics = self.entry.topic, self.around.topics
        loc = (*self.loc, "topic")
        if name is None or not self.reading.known(loc, name, topics, "no topic"):
            return None
        topic = topics[name]
        if topic is None:
            return None
        if self.entry.id not in topic.strongest_first:
            self.reading.wrong(loc, f"topic '{name}' does not rank this rule; add it to strongest_first", part=name)
            return None
        if topic.per == "order" and self.entry.about not in ("order", "shipment"):
            self.reading.wrong(
                loc,
                f"topic '{name}' is one per order, and this rule is about {kind_words(self.entry.about)}",
                part=name,
            )
        elif "." in topic.per:
            self.reading.field(loc, topic.per, self.reading.catalogue.scopes(self.entry.about))
        return topic

    def _keys(self, loc: Loc, keys: Collection[str], scopes: Collection[str]) -> tuple[str, ...]:
        own = [] if self.entry.about == "shop" else ["customer"]
        kinds = [self.entry.about, *own, *(["order"] if self.entry.about == "shipment" else [])]
        kinds = list(dict.fromkeys(kinds))
        kinds += [WAITLIST_ENTRY] if isinstance(self.audience, PeopleWaiting) else []
        for key in keys:
            if "." in key:
                self.reading.field(loc, key, scopes)
            else:
                self.reading.known(loc, key, kinds, f"a rule about {self.entry.about} cannot count by")
        return tuple(keys)


def _scope(path: str) -> str:
    """Where what a text names is known from: `order` of `order.eta`, `list.order` of a row's `list.order.eta`."""
    first, _, rest = path.partition(".")
    return f"list.{rest.partition('.')[0]}" if first == "list" else first
