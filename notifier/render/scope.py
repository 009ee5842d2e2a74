"""What a text may name: the shape of all facts, and one message's facts in that shape.

A `Shape` is known when texts are loaded, so that a name that does not exist is found then. A `Scope` is what a template
holds while it is written: any catalogued name is there, and what is not known is None. Values are made harmless on the
way out of it: one line, no control characters, no overlong names, no links that we did not make.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from notifier.core.catalogue import Catalogue, Field
from notifier.core.listing import LIST_NAMES
from notifier.core.sms import graphemes, unpiled

__all__ = ["LINKS", "Group", "Leaf", "Many", "Scope", "Shape", "Url", "safe_url", "scope", "scopes", "shape_of"]

#: Links that every text may name: unknown, so None, where neither the config nor the engine gives one.
LINKS = ("shop", "contact", "track", "survey", "unsubscribe", "preferences", "faq_delay", "choices")

_SHOP = ("name", "url", "timezone", "locale", "currency", "country", "postal_address", "support_email", "support_phone")
#: What stands in for a name that the shop does not send.
_STAND_INS = {"order.number": "order.id", "stock.name": "stock.sku", "name": "sku"}
_PERSONS = frozenset({"customer.name", "customer.first_name", "order.shipping_address.name"})
_LONGEST_NAME = 40
_LONGEST_TEXT = 300
_LONGEST = {"survey.comment": 3000, "shop.postal_address": 500}

_BREAKS = re.compile("[\\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_INVISIBLE = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]")
#: Mail programs and phones make a link of whatever looks like one.
_LINK = re.compile(
    r"://|www\.|@|\b[\w-]{2,}\.(?:(?-i:[a-z]{2,})\b|(?:com|net|org|info|biz|io|ru|cn|top|xyz)\b)", re.IGNORECASE
)
_URL = re.compile(
    r"(?:https?://(?![^\s/?#]*@)[^\s/?#<>\"'`\\]+|mailto:(?=.+@)|tel:(?=\+?\d))[^\s<>\"'`\\]*", re.IGNORECASE
)
_LONGEST_URL = 2000


class Url(str):
    """A link that may be followed: http, https, mailto or tel."""

    __slots__ = ()

    @property
    def to_read(self) -> str:
        """As people write it: an address or number without its scheme."""
        return self.removeprefix("mailto:").removeprefix("tel:")


def safe_url(text: str) -> Url | None:
    """The text as a link, or None where it is none, or one that does something else than lead to a page."""
    text = text.strip()
    return Url(text) if len(text) <= _LONGEST_URL and text.isprintable() and _URL.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value. `type` is one of the catalogue's, `url`, or `any`; `stand_in` the path that is used where it is unknown."""

    path: str
    type: str
    stand_in: str = ""
    #: What stands before the path where it is asked what a text names: `list.` in the rows of a list.
    under: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Names under a name. An `open` one has whatever name is asked for: `order.attributes`."""

    path: str
    fields: dict[str, Shape] = field(default_factory=dict)
    open: bool = False
    under: str = ""


@dataclass(frozen=True, slots=True)
class Many:
    """A list; `path` is where its entries are kept."""

    path: str
    each: Shape
    under: str = ""


Shape = Leaf | Group | Many


def shape_of(catalogue: Catalogue, links: Iterable[str] = ()) -> Group:
    """All that a template can name; `links` are the names in the config, beside those that there always are."""
    root = Group("")
    for one in catalogue.fields.values():
        _place(root, one.path, _field_shape(one))
    for name in ("order", "shipment", "stock", "customer"):
        group = root.fields.setdefault(name, Group(name))
        if isinstance(group, Group):
            group.fields.setdefault("attributes", Group(f"{name}.attributes", open=True))
    _place(root, "event.type", Leaf("event.type", "text"))
    _place(root, "event.time", Leaf("event.time", "time"))
    for name in ("field", "before", "after"):
        _place(root, f"change.{name}", Leaf(f"change.{name}", "text" if name == "field" else "any"))
    for name in _SHOP:
        _place(root, f"shop.{name}", Leaf(f"shop.{name}", "url" if name == "url" else "text"))
    for name in sorted({*LINKS, *links}):
        _place(root, f"links.{name}", Leaf(f"links.{name}", "url"))
    match = Group("", {name: shape for name, shape in root.fields.items() if name not in {"shop", "links"}})
    root.fields["matches"] = Many("matches", match)
    counts: dict[str, Shape] = {name: Leaf(f"list.{name}", "number") for name in LIST_NAMES}
    root.fields["list"] = Group("list", {**counts, "rows": Many("list.rows", _under("list.", match))})
    return root


def _under(prefix: str, shape: Shape) -> Shape:
    """The same, with a name of its own for what is in it."""
    if isinstance(shape, Group):
        return replace(shape, fields={name: _under(prefix, one) for name, one in shape.fields.items()}, under=prefix)
    return replace(shape, under=prefix)


def _field_shape(one: Field) -> Shape:
    if one.type == "items":
        entries: dict[str, Shape] = {name: _leaf(name, each.type) for name, each in one.items.items()}
        return Many(one.path, Group("", entries))
    if one.type == "list":
        return Many(one.path, Leaf("", "text"))
    return _leaf(one.path, one.type)


def _leaf(path: str, kind: str) -> Leaf:
    return Leaf(path, "url" if path.endswith("_url") else kind, _STAND_INS.get(path, ""))


def _place(root: Group, path: str, shape: Shape) -> None:
    *groups, name = path.split(".")
    here = root
    for step in groups:
        below = here.fields.setdefault(step, Group(f"{here.path}.{step}".lstrip(".")))
        if not isinstance(below, Group):
            return
        here = below
    here.fields[name] = shape


class Scope:
    """The facts under one name. `values` are kept by full path, whatever the depth; what is missing is unknown."""

    __slots__ = ("group", "values")

    def __init__(self, group: Group, values: Mapping[str, Any]) -> None:
        self.group = group
        self.values = values

    def find(self, name: str) -> Any:
        """The value, a Scope, or a tuple; None where it is not known. Raises KeyError for a name that there is not."""
        shape = self.group.fields.get(name)
        if shape is None:
            if not self.group.open:
                raise KeyError(name)
            return self._free(name)
        if isinstance(shape, Leaf):
            value = self.values.get(shape.path)
            if value is None and shape.stand_in:
                value = self.values.get(shape.stand_in)
            return _harmless(value, shape)
        if isinstance(shape, Group):
            return Scope(shape, self.values)
        return tuple(_entry(shape.each, one) for one in self.values.get(shape.path) or ())

    def _free(self, name: str) -> Any:
        path = f"{self.group.path}.{name}"
        value = self.values.get(path)
        if value is None and isinstance(kept := self.values.get(self.group.path), Mapping):
            value = kept.get(name)
        return _harmless(value, Leaf(path, "any")) if isinstance(value, str | int | float | datetime) else None

    def __bool__(self) -> bool:
        under = f"{self.group.path}." if self.group.path else ""
        return any(value is not None and path.startswith(under) for path, value in self.values.items())


def _entry(shape: Shape, value: Any) -> Any:
    if isinstance(shape, Group):
        return Scope(shape, _flat(value) if shape.path != "" or "order" in shape.fields else value)
    return _harmless(value, shape) if isinstance(shape, Leaf) else value


def _flat(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """`{"order": {"order.eta": …}}` as `{"order.eta": …}`; what is flat already stays as it is."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping) and "." not in name:
            flat.update(value)
        else:
            flat[name] = value
    return flat


_last: tuple[Catalogue, Group] | None = None


def scope(facts: Mapping[str, Any], catalogue: Catalogue, now: datetime | None = None) -> dict[str, Any]:
    """The context of `Texts.render`; see `scopes`. `now` is what `relative` counts from."""
    global _last  # noqa: PLW0603 - a process has one catalogue at a time, and its shape takes longer than a message
    if _last is None or _last[0] is not catalogue:
        _last = (catalogue, shape_of(catalogue))
    return scopes(_last[1], facts, now)


def scopes(root: Group, facts: Mapping[str, Any], now: datetime | None = None) -> dict[str, Any]:
    """The names that templates see, from facts by scope and full path: `{"order": {"order.eta": datetime}, …}`.

    `facts["matches"]` (a list of facts like these) is what was collected; without it the one match is the only one.
    `facts["list"]` is what a report lists: its `list.rows` are facts like these. `facts["links"]` are links made for this
    one message, by their bare names.
    """
    flat = _flat({name: part for name, part in facts.items() if name not in {"matches", "links"}})
    collected: Sequence[Mapping[str, Any]] = facts.get("matches") or (flat,)
    values = {**flat, "matches": collected}
    everything = Scope(root, values)
    names = {name: everything.find(name) for name in root.fields if name not in {"links", "shop"}}
    return {**names, "links": dict(facts.get("links") or {}), "_now": now}


def _harmless(value: Any, leaf: Leaf) -> Any:
    if not isinstance(value, str):
        return value
    if leaf.type == "url":
        return safe_url(value)
    person = leaf.path in _PERSONS
    longest = _LONGEST_NAME if person else _LONGEST.get(leaf.path, _LONGEST_TEXT)
    text = value if value.isprintable() else _INVISIBLE.sub("", _BREAKS.sub(" ", value))
    text = text.strip()
    if person and _LINK.search(text):
        return None
    if not person and leaf.path != "shop.name":
        text = text.replace("://", ": //").replace("www.", "www ")
    return (text if len(text) <= longest else _cut(text, longest)) or None


def _cut(text: str, longest: int) -> str:
    """At most that many characters as people see them; a flag or an accent is never cut in two."""
    # Four code points a character is what flags and families of emoji take.
    return "".join(graphemes(unpiled(text)[: longest * 4])[:longest]).rstrip()
