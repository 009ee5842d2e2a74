"""A file of events: one a line (NDJSON), or one JSON document that is an event or an array of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

from notifier.core.cloudevent import LARGEST_EVENT, decode
from notifier.errors import EventRefused, NotJson, Unreachable

__all__ = ["Piece", "Place", "document", "head", "is_document", "opened", "pieces", "size"]

_BLANK = b"\xef\xbb\xbf \t\r\n"


class Place(NamedTuple):
    """Where an event stands: the line, and in an array the entry instead. All counts are from 1; 0 is none."""

    line: int = 0
    column: int = 0
    entry: int = 0

    def of(self, name: str) -> str:
        """`orders.ndjson:3`, to go to; `orders.json: event 3` in an array."""
        if self.entry:
            return f"{name}: event {self.entry}"
        return f"{name}:{self.line}:{self.column}" if self.column else f"{name}:{self.line}"

    def refused(self, error: EventRefused) -> tuple[Place, str]:
        """Where and why, as exactly as the error says."""
        if isinstance(error, NotJson) and not self.entry:
            return Place(self.line + error.line - 1, error.column), error.reason
        return self, str(error)


class Piece(NamedTuple):
    """One event as it stands in the file."""

    place: Place
    content: bytes | dict[str, Any]
    #: Bytes of the file up to here.
    done: int
    #: Why the file cannot be read, where that is so: the content is then all of it.
    fault: EventRefused | None = None


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file, or standard input where it is `-`; raises Unreachable."""
    if str(path) == "-":
        if sys.stdin is None:
            raise Unreachable("standard input: cannot be read: it is closed")
        yield sys.stdin.buffer
        return
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise Unreachable(f"{path}: cannot be read: {error.strerror or error}") from error


def size(file: IO[bytes]) -> int | None:
    """Bytes in all; None for what flows."""
    if not file.seekable():
        return None
    here = file.tell()
    end = file.seek(0, 2)
    file.seek(here)
    return end


def pieces(file: IO[bytes]) -> Iterator[Piece]:
    """The events in the file, in its order."""
    begun = head(file)
    if is_document(begun):
        yield from document(b"".join(begun) + file.read())
        return
    line = done = 0
    for content in chain(begun, iter(lambda: file.readline(LARGEST_EVENT + 2), b"")):
        line, done = line + 1, done + len(content)
        if not content.endswith(b"\n"):
            done += _rest_of_line(file)
        if content.strip(_BLANK):
            yield Piece(Place(line), content.rstrip(b"\r\n"), done)


def head(file: IO[bytes]) -> list[bytes]:
    """The lines that tell what kind of file it is: up to the first that is not blank, and where that opens an object and
    does not close it, up to the second.
    """
    begun: list[bytes] = []
    told = 0
    while told < 2 and (line := file.readline(LARGEST_EVENT + 2)):
        begun.append(line)
        bare = line.strip(_BLANK)
        told += bool(bare)
        if bare and (not _opens(bare) or not line.endswith(b"\n")):
            break
    return begun


def is_document(begun: Sequence[bytes]) -> bool:
    """Whether a file that begins so is one JSON document, by its `head`; else each of its lines is one."""
    first, *second = [bare for line in begun if (bare := line.strip(_BLANK))] or [b""]
    return first.startswith(b"[") or (_opens(first) and any(bare[:1] in b'"}' for bare in second))


def _opens(bare: bytes) -> bool:
    return bare.startswith(b"{") and not bare.endswith(b"}")


def document(raw: bytes) -> Iterator[Piece]:
    """The events of a whole file; the file itself where it is no JSON."""
    try:
        value = decode(raw)
    except EventRefused as error:
        yield Piece(Place(1), raw, len(raw), error)
        return
    if isinstance(value, dict):
        yield Piece(Place(1), value, len(raw))
        return
    for entry, one in enumerate(value, 1):
        yield Piece(Place(entry=entry), one, len(raw) * entry // len(value))


def _rest_of_line(file: IO[bytes]) -> int:
    """Pass over what is left of a line that is far too long; how much that was."""
    passed = 0
    while rest := file.readline(LARGEST_EVENT):
        passed += len(rest)
        if rest.endswith(b"\n"):
            break
    return passed
