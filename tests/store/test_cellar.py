from __future__ import annotations

import gc
import os

import pytest

from notifier.errors import Unreachable
from notifier.store.cellar import Cellar


def test_what_is_laid_down_is_fetched_whole():
    """Every piece comes back as it was, in whatever order it is asked for."""
    cellar = Cellar()
    pieces = [b"", b"a", "łódź".encode(), b"\0" * 70_000]
    places = [cellar.lay(piece) for piece in pieces]
    assert [cellar.fetch(place) for place in reversed(places)] == pieces[::-1]


def test_no_file_is_left(tmp_path, monkeypatch):
    """The file has no name while it is in use, and its descriptor goes with the cellar."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cellar = Cellar()
    cellar.lay(b"content")
    assert list(tmp_path.iterdir()) == []
    descriptor = cellar._file
    del cellar
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize("short", [True, False], ids=["half written", "refused"])
def test_a_full_disk_is_told_in_one_line(monkeypatch, short):
    """Where there is no room the error says where, and how to name another place."""

    def full(_file, content, _at):
        if short:
            return len(content) // 2
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(Unreachable, match="TMPDIR names another directory") as error:
        Cellar().lay(b"content" * 10_000)
    assert "\n" not in str(error.value)
