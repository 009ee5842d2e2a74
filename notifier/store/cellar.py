"""Where a store in memory lays what it seldom needs: a file without a name, gone when nobody holds it."""

from __future__ import annotations

import os
import tempfile
import weakref
from functools import cached_property
from pathlib import Path

from notifier.errors import Unreachable

__all__ = ["Cellar"]

_LENGTH_BITS = 32
#: Bytes that are carried down together.
_LOAD = 1 << 16


class Cellar:
    """Bytes on disk, each under a number that says where they lie. What was laid down stays until the whole goes."""

    def __init__(self) -> None:
        #: How much lies in the file, and what is still to be carried there.
        self._end = 0
        self._load = bytearray()

    @cached_property
    def _file(self) -> int:
        """The descriptor, made at the first need: most histories are short."""
        descriptor, name = tempfile.mkstemp(prefix="notifier-")
        Path(name).unlink()
        weakref.finalize(self, os.close, descriptor)
        return descriptor

    def lay(self, content: bytes) -> int:
        """Write it down; the number by which to fetch it. Raises Unreachable where there is no room."""
        place = (self._end + len(self._load)) << _LENGTH_BITS | len(content)
        self._load += content
        if len(self._load) >= _LOAD:
            self._carry_down()
        return place

    def fetch(self, place: int) -> bytes:
        """What was laid down under this number."""
        start, length = place >> _LENGTH_BITS, place & ((1 << _LENGTH_BITS) - 1)
        if start >= self._end:
            return bytes(self._load[start - self._end : start - self._end + length])
        return os.pread(self._file, length, start)

    def _carry_down(self) -> None:
        try:
            written = os.pwrite(self._file, self._load, self._end)
        except OSError as error:
            raise Unreachable(f"{tempfile.gettempdir()}: {error.strerror}; TMPDIR names another directory") from error
        if written < len(self._load):
            raise Unreachable(f"{tempfile.gettempdir()}: the disk is full; TMPDIR names another directory")
        self._end += written
        self._load.clear()
