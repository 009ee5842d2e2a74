"""From what a rule is about, as it is written, to whom its news reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notifier.core.audience import Audience, OrdersWith
from notifier.document import Loc, suggest
from notifier.rulebook.reading import Reading

__all__ = ["AUDIENCES", "LINES", "about_word", "compile_audience"]

#: Each audience -> what one of it is, and what may stand beside it.
AUDIENCES: Mapping[str, tuple[str, tuple[str, ...]]] = {"orders_with": ("order", ("lines",))}
#: What news starts from.
_OF = "stock.sku"
LINES = ("all", "backordered")


def about_word(written: Any) -> str:
    """What one match of a rule is: `order` for `{orders_with: stock.sku}`; empty where nobody can tell."""
    if isinstance(written, Mapping):
        return next((AUDIENCES[key][0] for key in written if key in AUDIENCES), "")
    return written if isinstance(written, str) else ""


def compile_audience(reading: Reading, loc: Loc, written: Mapping[str, Any]) -> Audience | None:
    """The audience at `loc` of the file, or None and its problems in `reading`."""
    before = len(reading.problems)
    kind = next((key for key in written if key in AUDIENCES), "")
    if not kind:
        key = str(next(iter(written), ""))
        hint = suggest(key, AUDIENCES) or f"; there is {', '.join(AUDIENCES)}"
        if written:
            reading.wrong((*loc, key), f"nobody is reached by '{key}'{hint}", on_key=True)
        else:
            reading.wrong(loc, f"say whom news reaches: {{{next(iter(AUDIENCES))}: {_OF}}}")
        return None
    beside = AUDIENCES[kind][1]
    for key in written:
        if key != kind and key not in beside:
            reading.wrong((*loc, key), f"unknown key '{key}' beside {kind}{suggest(key, beside)}", on_key=True)
    if written[kind] != _OF:
        reading.wrong((*loc, kind), f"write {kind}: {_OF}, the article that the news is of")
    lines = written.get("lines", "all")
    reading.known((*loc, "lines"), str(lines), LINES, "lines are all or backordered, not")
    return OrdersWith(backordered=lines == "backordered") if len(reading.problems) == before else None
