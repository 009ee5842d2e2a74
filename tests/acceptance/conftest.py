"""The command line in this process, and as a process of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from notifier.cli import main

#: When the tests' shop lives: a Saturday evening in Warsaw.
NOW = "2026-03-14T18:00:00Z"


@dataclass(frozen=True)
class Result:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Notifier = Callable[..., Result]


def envelope(id_: str, type_: str, time: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A CloudEvent of the tests' shop."""
    return {"specversion": "1.0", "id": id_, "source": "/shop", "type": type_, "time": time, "data": data, **more}


def dana() -> dict[str, str]:
    return {"id": "c-77", "first_name": "Dana", "email": "dana@example.com", "locale": "pl"}


@pytest.fixture
def history() -> list[dict[str, Any]]:
    """One order, placed and shipped, promised for Monday 16 March."""
    order = {"id": "1043", "total": 139.8, "promised_at": "2026-03-16", "customer": dana()}
    return [
        envelope("e1", "order.placed", "2026-03-13T10:00:00Z", order),
        envelope("e2", "order.shipped", "2026-03-14T10:00:00Z", {"id": "1043", "carrier": "GLS"}),
    ]


@pytest.fixture
def events(project: Path, history: list[dict[str, Any]]) -> Path:
    """The history as a file in the project."""
    path = project / "events.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in history), encoding="utf-8")
    return path


@pytest.fixture
def few_languages(project: Path) -> Path:
    """The project without the languages that no test here reads: commands read it whole each time."""
    for code in ("de", "fa", "hu", "ms", "ru"):
        for text in (project / "templates").glob(f"[!l]*/{code}.*"):
            text.unlink()
    return project


@pytest.fixture
def no_reports(project: Path) -> None:
    """What comes every morning, whatever the test is about, is left out."""
    for folder in ("rules", "rules/tests"):
        (project / folder / "reports.yaml").unlink()


@pytest.fixture
def notifier(few_languages: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Notifier:
    """Runs a command in this process, in the project's directory and at NOW unless told otherwise."""

    def run(*arguments: str, stdin: bytes = b"", now: str = NOW, inside: Path = few_languages) -> Result:
        monkeypatch.chdir(inside)
        monkeypatch.setenv("NOTIFIER_NOW", now)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as left:
            main(arguments)
        said = capsys.readouterr()
        return Result(int(left.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def process(few_languages: Path) -> Notifier:
    """Runs the real command in a process of its own."""

    def run(*arguments: str, stdin: bytes = b"", inside: Path = few_languages, **environ: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "notifier", *arguments],
            cwd=inside,
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
            env={**os.environ, "NOTIFIER_NOW": NOW, **environ},
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
