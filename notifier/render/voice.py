"""What a value becomes on the way into a message: the filters of the texts, and the form that each medium needs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from typing import Any, Literal
from urllib.parse import quote

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context
from markupsafe import escape

from notifier.core.sms import graphemes, modest
from notifier.render.language import Language
from notifier.render.scope import Scope, Url, safe_url
from notifier.render.speech import Hole, Speech, Unfit

__all__ = ["MOST_STEPS", "Medium", "Rendered", "Voice", "many"]

#: What is written: an e-mail's HTML or plain text, or one line (a subject, an SMS).
Medium = Literal["html", "text", "line"]

#: How often the loops of one text may go round, all together.
MOST_STEPS = 10_000
#: Characters in one thing put together with ~.
_LARGEST_JOIN = 20_000
#: UTF-16 code units: a product's name of 200 characters is no subject, and three SMS.
_LONGEST_IN_LINE = 60
_ISOLATE, _POP = "\u2068", "\u2069"
_ONE_NUMBER = re.compile(r"\d+(?:[-.,:/]\d+)*")


class Rendered(str):
    """Text that is already as its medium needs it; `plain` is what it says."""

    __slots__ = ("plain",)
    plain: str

    @classmethod
    def of(cls, text: str, plain: str | None = None) -> Rendered:
        made = cls(text)
        made.plain = text if plain is None else plain
        return made


class Voice:
    """One language in one medium. `filters` are what texts can use, and those with _ what their makers put in.

    Every one raises Hole for what is not known, and Unfit for what it cannot say.
    """

    def __init__(self, spoken: Language, medium: Medium) -> None:
        self.speech = Speech(spoken)
        self.medium = medium
        self._isolates = spoken.direction == "rtl"

    @property
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "date": self._date, "time": self._time, "relative": self._relative, "money": self._money,
            "number": self.speech.number, "plural": self._plural, "list": self._list,
            "_join": self._join, "_comparable": self._comparable, "_attribute": self._attribute, "_href": self._href,
            "_quoted": self._quoted, "_literal": self.literal, **_PLAIN,
        }  # fmt: skip

    @pass_context
    def said(self, context: Context, value: Any) -> Rendered:
        """A value as this medium shows it."""
        if isinstance(value, Rendered):
            return value
        plain = self._words(context, value)
        if self.medium == "line" and not isinstance(value, Url):
            plain = modest(plain, _LONGEST_IN_LINE)
        text = value.to_read if isinstance(value, Url) else plain
        text = str(escape(text)) if self.medium == "html" else text
        if self._isolates and (
            _foreign(plain) if self.medium != "line" else _torn(plain) and not isinstance(value, Url)
        ):
            text = f"<bdi>{text}</bdi>" if self.medium == "html" else f"{_ISOLATE}{text}{_POP}"
        return Rendered.of(text, plain)

    def literal(self, text: str) -> Rendered:
        """What the text's author wrote between quotes."""
        return Rendered.of(str(escape(text)) if self.medium == "html" else text, text)

    def _words(self, context: Context, value: Any) -> str:
        if isinstance(value, str):
            return value
        if value is None:
            raise Hole
        if isinstance(value, Undefined):
            raise Unfit(value._undefined_message)  # noqa: SLF001
        if isinstance(value, bool):
            raise Unfit("is true or false and cannot be printed")
        if isinstance(value, int | float):
            return self.speech.number(value)
        if isinstance(value, date):
            return self.speech.date(value, "long", context["_zone"])
        raise Unfit("is not one value and cannot be printed")

    # --- the language's own way

    @pass_context
    def _date(self, context: Context, value: Any, form: str = "long") -> str:
        return self.speech.date(value, form, context["_zone"])

    @pass_context
    def _time(self, context: Context, value: Any) -> str:
        return self.speech.time(value, context["_zone"])

    @pass_context
    def _relative(self, context: Context, value: Any) -> str:
        return self.speech.relative(value, context["_now"], context["_zone"])

    @pass_context
    def _money(self, context: Context, value: Any, currency: str | None = None) -> str:
        ours = currency or context["order"].find("currency") or context["shop"].find("currency")
        return self.speech.money(value, ours)

    def _plural(self, value: Any, **forms: str) -> str:
        return self.speech.plural(value, forms)

    @pass_context
    def _list(self, context: Context, values: Any, name: str = "name") -> Rendered:
        found = [one.find(name) if isinstance(one, Scope) else one for one in many(values)]
        texts = [self.said(context, one) for one in found if one is not None]
        return Rendered.of(self.speech.listed(texts), self.speech.listed(one.plain for one in texts))

    # --- what the makers of texts put in

    @pass_context
    def _join(self, context: Context, *values: Any) -> Rendered:
        texts = [self.said(context, each) for each in values]
        if sum(map(len, texts)) > _LARGEST_JOIN:
            raise Unfit(f"puts together more than {_LARGEST_JOIN:,} characters")
        return Rendered.of("".join(texts), "".join(each.plain for each in texts))

    @pass_context
    def _comparable(self, context: Context, value: Any) -> Any:
        """A plain date compares with instants as the end of that day: nearly all of them are promises."""
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime.combine(value, time.max, context["_zone"]).astimezone(UTC)
        return value.plain if isinstance(value, Rendered) else value

    @pass_context
    def _attribute(self, context: Context, value: Any) -> Rendered:
        return Rendered.of(str(escape(self.said(context, value).plain)))

    @pass_context
    def _href(self, context: Context, value: Any) -> Rendered:
        url = safe_url(self.said(context, value).plain)
        if url is None:
            raise Unfit("is no link that may be followed (https, http, mailto or tel)")
        return Rendered.of(str(escape(url)) if self.medium == "html" else url.to_read)

    @pass_context
    def _quoted(self, context: Context, value: Any) -> Rendered:
        return Rendered.of(quote(self.said(context, value).plain, safe=""))


def _foreign(text: str) -> bool:
    """Whether right-to-left text around it would tear this apart: numbers, links, addresses, names in Latin letters."""
    return any(char.isascii() and char.isalnum() for char in text) or any(
        unicodedata.bidirectional(char) == "L" for char in text
    )


def _torn(text: str) -> bool:
    """Whether right-to-left text would show its parts in another order: `1043-B`, `+1 555`, not `1043` nor `A-1043`.

    In a line, where each mark is paid for, only this is isolated; a link is not, which handsets would take it into.
    """
    ways = [unicodedata.bidirectional(char) for char in text]
    if "R" in ways or "AL" in ways or not ({"L", "EN"} & set(ways)):
        return False
    if "L" in ways:
        return ways[0] != "L" or ways[-1] not in ("L", "EN")
    return _ONE_NUMBER.fullmatch(text) is None


# --- filters that are the same in every language


def many(values: Any) -> list[Any]:
    """The entries of a list; Unfit for what is none."""
    if values is None:
        raise Hole
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise Unfit("is no list")
    return list(values)


def _text(value: Any) -> str:
    if value is None:
        raise Hole
    if not isinstance(value, str):
        raise Unfit("is no text")
    return value.plain if isinstance(value, Rendered) else value


def _number(value: Any) -> int | float:
    if value is None:
        raise Hole
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit("is no number")
    return value


def _default(value: Any, instead: Any) -> Any:
    return instead if value is None or isinstance(value, Undefined) else value


def _length(values: Any) -> int:
    return len(_text(values)) if isinstance(values, str) else len(many(values))


def _truncate(value: Any, longest: int = 60) -> str:
    whole = graphemes(_text(value))
    return "".join(whole) if len(whole) <= longest else "".join(whole[: max(longest - 1, 0)]).rstrip() + "…"


def _round(value: Any, digits: int = 0) -> int | float:
    return round(_number(value), digits) if digits else round(_number(value))


_PLAIN: dict[str, Callable[..., Any]] = {
    "default": _default,
    "first": lambda values: next(iter(many(values)), None),
    "last": lambda values: next(reversed(many(values)), None),
    "length": _length,
    "lower": lambda value: _text(value).lower(),
    "upper": lambda value: _text(value).upper(),
    "capitalize": lambda value: _text(value)[:1].upper() + _text(value)[1:],
    "truncate": _truncate,
    "abs": lambda value: abs(_number(value)),
    "round": _round,
}
