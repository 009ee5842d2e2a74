"""From the list of a report as it is written to one that runs."""

from __future__ import annotations

from collections.abc import Collection

from notifier.core.listing import LISTS, Listing, Order
from notifier.core.rule import asks_for_the_end
from notifier.document import Loc
from notifier.rulebook.reading import Reading
from notifier.rulebook.shape import ListEntry

__all__ = ["compile_listing"]


def compile_listing(reading: Reading, loc: Loc, entry: ListEntry, *, include_closed: bool) -> Listing | None:
    """The list at `loc` of the file, or None and its problems in `reading`."""
    named = [name for name in LISTS if getattr(entry, name) is not None]
    if len(named) != 1:
        text = f"say what to list, one of {', '.join(LISTS)}: {{orders: {{order.promised_at: {{before: now}}}}}}"
        reading.wrong((*loc, named[1]) if named else loc, text, on_key=bool(named))
        return None
    of = named[0]
    scopes = reading.catalogue.scopes(LISTS[of])
    block = getattr(entry, of)
    # {} is on purpose here: all of them.
    condition = reading.condition((*loc, of), block, scopes) if block else None
    sort = [_order(reading, (*loc, "sort"), text, scopes) for text in entry.sort]
    if (block and condition is None) or None in sort:
        return None
    return Listing(
        of,
        condition,
        tuple(one for one in sort if one),
        entry.most,
        send_empty=entry.when_empty == "send",
        finished=include_closed or (condition is not None and asks_for_the_end(condition)),
    )


def _order(reading: Reading, loc: Loc, text: str, scopes: Collection[str]) -> Order | None:
    path = text.removeprefix("-").strip()
    field = reading.field(loc, path, scopes)
    if field is not None and field.type in ("list", "items"):
        reading.wrong(loc, f"a list cannot be put in order by '{path}', which is a list itself", part=path)
        return None
    return Order(field, falling=text.startswith("-")) if field else None
