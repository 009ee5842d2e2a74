"""The standard streams: where one is closed, full or not read any more, that is said in a line and not by a traceback."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Unheard", "Unsaid", "prepare"]


class Unheard(BaseException):
    """Whoever read what is printed has read enough. It may come anywhere, in code too that takes every Exception."""


class Unsaid(BaseException):
    """What was to be printed cannot be; says why, in a line. As for Unheard, no Exception."""


class Output(io.TextIOWrapper):
    """Standard output. Raises Unheard or Unsaid, once: what is printed afterwards goes nowhere."""

    def write(self, text: str) -> int:
        with self._explained():
            return super().write(text)

    def flush(self) -> None:
        with self._explained():
            super().flush()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError as error:
            self._give_up()
            raise Unheard from error
        except OSError as error:
            self._give_up()
            why = "it is closed" if error.errno == errno.EBADF else error.strerror
            raise Unsaid(f"standard output: cannot be written to: {why}") from error

    def _give_up(self) -> None:
        """What is still in the buffer must not complain at the end of the process."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def prepare() -> None:
    """Make the streams safe to use. A letter that they lack is replaced: it must not cost the rest."""
    _fill_gaps()
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - a number, and open to the end
    if sys.stdout is None:
        sys.stdout = Output(open(1, "wb", closefd=False), errors="replace")  # noqa: SIM115 - as above
    elif sys.stdout is sys.__stdout__ and type(sys.stdout) is io.TextIOWrapper:
        before = sys.stdout
        encoding, by_line = before.encoding, before.line_buffering
        sys.stdout = Output(before.detach(), encoding, "replace", line_buffering=by_line)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="replace")


def _fill_gaps() -> None:
    """Take the numbers of closed streams, or the next file that is opened would get them: the database, say.

    What takes the place of standard output can only be read, so that writing to it is noticed.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)
