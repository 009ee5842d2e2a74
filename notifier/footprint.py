"""What a project's files look like from outside: the same for as long as nobody has changed them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from notifier.starter import FOLDERS

__all__ = ["Footprint", "footprint"]

#: Of each file when it was written, how long it is, and which one it is.
Footprint = Mapping[Path, tuple[int, int, int]]


def footprint(root: Path) -> Footprint:
    """Of the rules, texts and configuration."""
    return dict(_look(path) for folder in FOLDERS for path in (root / folder).rglob("*"))


def _look(path: Path) -> tuple[Path, tuple[int, int, int]]:
    try:
        found = path.stat()
    except OSError:  # gone since it was listed
        return path, (0, 0, 0)
    return path, (found.st_mtime_ns, found.st_size, found.st_ino)
