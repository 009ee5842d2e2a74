"""`notifier ingest`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.terminal import complain, emit, meter, plural, say

if TYPE_CHECKING:
    from notifier.engine import Engine
    from notifier.event_file import Piece
    from notifier.intake import Receipt

#: Refused events that a person is told of one by one, and unknown fields by name.
_MOST_TOLD, _MOST_FIELDS = 20, 10


def ingest(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="CloudEvents: NDJSON, a JSON array or one JSON object; - is standard input."
        ),
    ],
    batch: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="Events in one transaction.")] = 100,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Take in events. Nothing is sent until the next tick; the same event taken twice counts once.

    Exits with 1 where any was refused; the refused ones are kept in quarantine, with the reason.

    Examples:
      notifier ingest orders.ndjson stock.json
      export-orders | notifier ingest -
    """
    from notifier.cli.opening import open_engine

    with open_engine(root, sends=False) as engine:
        tallies = [_take(engine, path, batch, as_json=as_json) for path in files]
        ignored = dict(engine.reader.ignored.most_common())
    if as_json:
        emit({"summary": {**_total(tallies), "ignored_fields": ignored}})
    elif ignored:
        _tell_ignored(ignored)
    if any(tally.rejected for tally in tallies):
        raise typer.Exit(1)


@dataclass(slots=True)
class _Tally:
    name: str
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0

    def count(self, receipt: Receipt) -> None:
        setattr(self, receipt.status, getattr(self, receipt.status) + 1)

    def record(self) -> dict[str, Any]:
        return {"accepted": self.accepted, "duplicate": self.duplicate, "rejected": self.rejected}


def _take(engine: Engine, path: Path, batch: int, *, as_json: bool) -> _Tally:
    """One file, batch by batch, each durable once it is through."""
    from notifier.event_file import opened, pieces, size

    tally = _Tally("standard input" if str(path) == "-" else str(path))
    with opened(path) as file, meter(tally.name, size(file)) as advance:
        for page in _pages(pieces(file), batch):
            receipts = engine.ingest([piece.content for piece in page])
            for piece, receipt in zip(page, receipts, strict=True):
                tally.count(receipt)
                if receipt.status == "rejected":
                    _tell_rejected(tally, piece, receipt, as_json=as_json)
            advance(page[-1].done)
    if not as_json:
        if tally.rejected > _MOST_TOLD:
            more = plural(tally.rejected - _MOST_TOLD, "more event was", "more events were")
            complain(f"{tally.name}: {more} refused; all of them are in quarantine, with the reason")
        say(f"{tally.name}: {tally.accepted:,} accepted, {tally.duplicate:,} duplicate, {tally.rejected:,} rejected")
    return tally


def _pages(found: Iterable[Piece], count: int) -> Iterator[list[Piece]]:
    rest = iter(found)
    while page := list(islice(rest, count)):
        yield page


def _tell_rejected(tally: _Tally, piece: Piece, receipt: Receipt, *, as_json: bool) -> None:
    fault = piece.fault or receipt.fault
    place, reason = piece.place.refused(fault) if fault else (piece.place, receipt.reason)
    if as_json:
        line, column = place.entry or place.line, place.column or None
        emit({"file": tally.name, "line": line, "column": column, "reason": reason})
    elif tally.rejected <= _MOST_TOLD:
        complain(f"{place.of(tally.name)}: {reason}")


def _total(tallies: list[_Tally]) -> dict[str, Any]:
    records = [tally.record() for tally in tallies]
    return {name: sum(one[name] for one in records) for name in ("accepted", "duplicate", "rejected")}


def _tell_ignored(ignored: dict[str, int]) -> None:
    named = [f"{name} ({count:,})" for name, count in list(ignored.items())[:_MOST_FIELDS]]
    more = [f"and {len(ignored) - _MOST_FIELDS} more"] if len(ignored) > _MOST_FIELDS else []
    say(f"Kept, but nothing here knows them (declare them, or mend the name): {', '.join(named + more)}")
