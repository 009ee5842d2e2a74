"""From what a rule is about, as it is written, to whom its news reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notifier.core.audience import Audience, OrdersWith, PeopleWaiting
from notifier.document import Loc, suggest
from notifier.rulebook.reading import Reading

__all__ = ["AUDIENCES", "LARGEST_WAVE", "LINES", "WAVE", "about_word", "compile_audience"]

#: Each audience -> what one of it is, and what may stand beside it.
AUDIENCES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "orders_with": ("order", ("lines",)),
    "people_waiting_for": ("customer", ("up_to", "wave", "keep_for")),
}
#: What news starts from.
_OF = "stock.sku"
LINES = ("all", "backordered")
WAVE = ("size", "every")
LARGEST_WAVE = 10_000


def about_word(written: Any) -> str:
    """What one match of a rule is: `order` for `{orders_with: stock.sku}`; empty where nobody can tell."""
    if isinstance(written, Mapping):
        return next((AUDIENCES[key][0] for key in written if key in AUDIENCES), "")
    return written if isinstance(written, str) else ""


def compile_audience(reading: Reading, loc: Loc, written: Mapping[str, Any]) -> Audience | None:
    """The audience at `loc` of the file, or None and its problems in `reading`."""
    return _Compiler(reading, loc, written).audience()


@dataclass(frozen=True, slots=True)
class _Compiler:
    reading: Reading
    loc: Loc
    written: Mapping[str, Any]

    def audience(self) -> Audience | None:
        before = len(self.reading.problems)
        kind = next((key for key in self.written if key in AUDIENCES), "")
        if not kind:
            self._nobody()
            return None
        self._keys(self.loc, self.written, (kind, *AUDIENCES[kind][1]), f"beside {kind}")
        if self.written[kind] != _OF:
            self._wrong(kind, f"write {kind}: {_OF}, the article that the news is of")
        found = self._orders_with() if kind == "orders_with" else self._people_waiting()
        return found if len(self.reading.problems) == before else None

    def _nobody(self) -> None:
        key = str(next(iter(self.written), ""))
        hint = suggest(key, AUDIENCES) or f"; there are {' and '.join(AUDIENCES)}"
        if self.written:
            self._wrong(key, f"nobody is reached by '{key}'{hint}", on_key=True)
        else:
            self.reading.wrong(self.loc, f"say whom news reaches: {{{next(iter(AUDIENCES))}: {_OF}}}")

    def _wrong(self, key: str, text: str, *, on_key: bool = False) -> None:
        self.reading.wrong((*self.loc, key), text, on_key=on_key)

    def _keys(self, loc: Loc, written: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
        for key in written:
            if key not in known:
                self.reading.wrong((*loc, key), f"unknown key '{key}' {where}{suggest(str(key), known)}", on_key=True)

    def _orders_with(self) -> OrdersWith:
        lines = self.written.get("lines", "all")
        self.reading.known((*self.loc, "lines"), str(lines), LINES, "lines are all or backordered, not")
        return OrdersWith(backordered=lines == "backordered")

    def _people_waiting(self) -> PeopleWaiting | None:
        written = self.written
        missing = [key for key in AUDIENCES["people_waiting_for"][1] if key not in written]
        if missing:
            like = "{people_waiting_for: stock.sku, up_to: stock.available, wave: {size: 50, every: 1h}, keep_for: 24h}"
            self.reading.wrong(
                self.loc, f"{' and '.join(missing)} {_IS[len(missing) > 1]} missing; write it like {like}"
            )
        up_to = keep_for = None
        if "up_to" in written:
            up_to = self.reading.number_ref((*self.loc, "up_to"), written["up_to"], ("stock",), "up_to")
        if "keep_for" in written:
            keep_for = self.reading.duration((*self.loc, "keep_for"), written["keep_for"])
        wave = self._wave(written["wave"]) if "wave" in written else None
        if up_to is None or keep_for is None or wave is None:
            return None
        return PeopleWaiting(up_to, *wave, keep_for)

    def _wave(self, written: Any) -> tuple[int, Any] | None:
        loc = (*self.loc, "wave")
        if not isinstance(written, dict) or not set(WAVE) <= written.keys():
            self.reading.wrong(loc, "write it like {size: 50, every: 1h}: so many people, and when the next may follow")
            return None
        self._keys(loc, written, WAVE, "in wave")
        size, every = written["size"], self.reading.duration((*loc, "every"), written["every"])
        if type(size) is not int or not 1 <= size <= LARGEST_WAVE:
            self.reading.wrong((*loc, "size"), f"size is a whole number from 1 to {LARGEST_WAVE:,}, got {size!r}")
            return None
        return None if every is None else (size, every)


_IS = {False: "is", True: "are"}
