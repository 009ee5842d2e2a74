from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "notifier").rglob("*.py"), *(ROOT / "providers" / "notifier_providers").rglob("*.py")])
CORE = sorted((ROOT / "notifier" / "core").rglob("*.py"))

#: What asks the machine for the time instead of being told.
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic"}
#: Names that say nothing of what is in a file.
EMPTY_NAMES = {"base", "common", "helper", "helpers", "manager", "misc", "service", "util", "utils"}


def test_the_arrows_point_one_way():
    """Every import goes down the layers; the core is pure, and no vendor is named outside its own file."""
    # In a process of its own: the linter disables the loggers of the one that it runs in.
    linter = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("file", CORE, ids=lambda file: file.stem)
def test_the_core_reads_no_clock(file):
    """Inside a decision the time is an argument."""
    read = [
        f"{file.name}:{node.lineno}: {node.func.value.id}.{node.func.attr}()"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date", "time"}
    ]
    assert read == []


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_are_named_for_what_they_hold_and_stay_small(file):
    """A file is a noun of the domain, and can be read at one sitting."""
    assert file.stem not in EMPTY_NAMES
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 550
