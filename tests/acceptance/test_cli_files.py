"""Files and folders that are not what a project expects, as whoever calls a command sees them."""

from __future__ import annotations

import os
from errno import EACCES
from pathlib import Path

import pytest


@pytest.fixture
def close(project, monkeypatch):
    """Closes a folder of the project to whoever runs the test, root too."""

    def closed(name):
        folder, iterdir, stat = project / name, Path.iterdir, Path.stat

        def look(path, *, follow_symlinks=True):
            if folder in path.parents:
                raise PermissionError(EACCES, "Permission denied", str(path))
            return stat(path, follow_symlinks=follow_symlinks)

        def entries(path):
            if path == folder:
                raise PermissionError(EACCES, "Permission denied", str(path))
            return iterdir(path)

        monkeypatch.setattr(Path, "stat", look)
        monkeypatch.setattr(Path, "iterdir", entries)

    return closed


@pytest.mark.parametrize(
    ("folder", "named"),
    [
        ("config", "config/notifier.yaml"),
        ("rules", "rules/care.yaml"),
        ("templates", "templates"),
        ("templates/order_shipped", "templates/order_shipped/message.yaml"),
        ("templates/layout", "templates/layout/brand.yaml"),
    ],
)
def test_a_folder_that_may_not_be_looked_into(notifier, close, folder, named):
    """It is not taken for an empty one, and named."""
    close(folder)
    found = notifier("check")
    assert found.code == 1
    assert f"{named}: cannot be read: Permission denied\n" in found.err
    assert all("cannot be read" in line for line in found.err.splitlines() if line.startswith(("rules", "templates")))
    ended = notifier("tick")
    assert ended.code == 2
    assert f"{named}: cannot be read: Permission denied\n" in ended.err


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"rules/\xff.yaml", "rules/\ufffd.yaml"),
        (b"templates/\xff", "templates/\ufffd"),
        (b"templates/order_shipped/\xff.md", "templates/order_shipped/\ufffd.md"),
    ],
)
def test_a_name_that_is_not_utf_8(notifier, project, name, shown):
    """It can be told, as JSON too, and is no reason to stop."""
    path = os.path.join(os.fsencode(project), name)  # noqa: PTH118 - of bytes
    os.mkdir(path) if name == b"templates/\xff" else os.close(os.open(path, os.O_CREAT))  # noqa: PTH102
    problem, last = notifier("check", "--json").records
    assert (problem["file"], last["summary"]["faults"]) == (shown, 1)


def test_a_project_by_a_name_that_is_not_utf_8(notifier, project, tmp_path):
    """No database could be found by it: that is said by whatever is asked first."""
    said = "notifier: the path of the project is not UTF-8; rename the directory\n"
    new = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    assert notifier("init", new, inside=tmp_path).err == said
    project.rename(new)
    assert notifier("check", "--project", new, inside=tmp_path).err == said
    ended = notifier("outbox", "list", inside=Path(new))
    assert (ended.code, ended.err) == (2, said)


@pytest.mark.parametrize("name", ["rules/pipe.yaml", "templates/order_shipped/en.md", "config/notifier.yaml"])
def test_a_pipe_is_not_waited_for(notifier, project, name):
    """Reading it would wait until somebody writes into it."""
    (project / name).unlink(missing_ok=True)
    os.mkfifo(project / name)
    assert f"{name}: cannot be read: it is not a regular file\n" in notifier("check").err


def test_a_ca_file_that_is_missing(notifier, project):
    """`check` finds it, at the provider that names it."""
    config = project / "config" / "notifier.yaml"
    old = "outbox: {type: maildir, path: var/outbox/email}"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(old, "outbox: {type: smtp, host: smtp.x, ca_file: ca.pem}"), encoding="utf-8")
    assert "provider 'outbox': ca_file 'ca.pem' is not there, or is no file\n" in notifier("check").err


@pytest.mark.parametrize("value", ["", "   ", "\n"])
def test_a_key_that_is_empty_is_refused(notifier, monkeypatch, value):
    """A key that was meant to be set must not be exchanged for another one in silence."""
    monkeypatch.setenv("NOTIFIER_SECRET", value)
    ended = notifier("tick")
    assert ended.code == 2
    assert ended.err.startswith("notifier: NOTIFIER_SECRET is set, but empty; unset it, or make one with: openssl")


def test_a_project_with_a_name_that_is_too_long(notifier, tmp_path):
    """Nobody is met by a fault of ours."""
    assert notifier("init", "x" * 5000, inside=tmp_path).code == 2
    assert notifier("check", "--project", "x" * 5000, inside=tmp_path).code == 2
