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


class Cellar:
    """Bytes on disk, each under a number that says where they lie. What was laid down stays until the whole goes."""

    def __init__(self) -> None:
        self._end = 0

    @cached_property
    def _file(self) -> int:
        """The descriptor, made at the first need: most histories are short."""
        descriptor, name = tempfile.mkstemp(prefix="notifier-")
        Path(name).unlink()
        weakref.finalize(self, os.close, descriptor)
        return descriptor

    def lay(self, content: bytes) -> int:
        """Write it down; the number by which to fetch it. Raises Unreachable where there is no room."""
        place = self._end << _LENGTH_BITS | len(content)
        try:
            written = os.pwrite(self._file, content, self._end)
        except OSError as error:
            raise Unreachable(f"{tempfile.gettempdir()}: {error.strerror}; TMPDIR names another directory") from error
        if written < len(content):
            raise Unreachable(f"{tempfile.gettempdir()}: the disk is full; TMPDIR names another directory")
        self._end += written
        return place

    def fetch(self, place: int) -> bytes:
        """What was laid down under this number."""
        return os.pread(self._file, place & ((1 << _LENGTH_BITS) - 1), place >> _LENGTH_BITS)
