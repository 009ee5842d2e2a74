"""A file of events on its way in: NDJSON line by line, or a JSON array."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from notifier.core.cloudevent import LARGEST_EVENT, decode
from notifier.errors import EventRefused, Unreachable

__all__ = ["Piece", "opened", "pieces", "size"]

_BLANK = b"\xef\xbb\xbf \t\r\n"


class Piece(NamedTuple):
    """One event as it stands in the file."""

    #: The line; in an array the entry. Both count from 1.
    place: int
    content: bytes | dict[str, Any]
    #: Bytes of the file up to here.
    done: int
    #: Why the whole file cannot be read, where that is so: the content is then all of it.
    fault: str = ""


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file, or standard input where it is `-`; raises Unreachable."""
    if str(path) == "-":
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
    """The events in the file: a file that begins with `[` is one array, read whole; else each line that is not blank."""
    place = done = 0
    begun = False
    while line := file.readline(LARGEST_EVENT + 2):
        place, done = place + 1, done + len(line)
        bare = line.strip(_BLANK)
        if not begun and bare.startswith(b"["):
            yield from _entries(line + file.read())
            return
        if not line.endswith(b"\n"):
            done += _rest_of_line(file)
        if bare:
            begun = True
            yield Piece(place, line, done)


def _rest_of_line(file: IO[bytes]) -> int:
    """Pass over what is left of a line that is far too long; how much that was."""
    passed = 0
    while rest := file.readline(LARGEST_EVENT):
        passed += len(rest)
        if rest.endswith(b"\n"):
            break
    return passed


def _entries(raw: bytes) -> Iterator[Piece]:
    try:
        entries = decode(raw)
    except EventRefused as error:
        yield Piece(1, raw, len(raw), str(error))
        return
    for place, entry in enumerate(entries, 1):
        yield Piece(place, entry, len(raw) * place // len(entries))
