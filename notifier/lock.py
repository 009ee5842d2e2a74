"""Who works on a project: one process at a time, and whoever comes second learns it at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from notifier.errors import Busy, UsageError

__all__ = ["hold"]


@contextmanager
def hold(root: Path) -> Iterator[None]:
    """Hold the project at `root` for as long as the block lasts; the system lets go of it when the process dies.

    Raises Busy where another process holds it, and UsageError where `var/lock` cannot be made.
    """
    path = root / "var" / "lock"
    lock = FileLock(path, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        raise Busy(f"{path}: another notifier is at work on this project; stop it first") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be made ({error.strerror or error}); check who owns var/") from error
    try:
        yield
    finally:
        lock.release()
