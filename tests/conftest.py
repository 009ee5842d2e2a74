from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from notifier import starter

ROOT = Path(__file__).parents[1]

#: Set where a missing service is a fault of the machine and not a reason to leave a test out.
_SERVICES_REQUIRED = bool(os.environ.get("NOTIFIER_REQUIRE_SERVICES"))

# What somebody has exported in their shell must not decide a test, nor any process that a test starts.
for _name in [name for name in os.environ if name.startswith("NOTIFIER")]:
    del os.environ[_name]

settings.register_profile("notifier", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
settings.load_profile("notifier")

_PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "postgres": ("/usr/lib/postgresql/17/bin/postgres", "/usr/lib/postgresql/15/bin/postgres", "postgres"),
}


@pytest.fixture(scope="session")
def needs() -> Callable[[str], str]:
    """`needs("chromium")` gives the path of a program; without it the test is skipped, or fails where it must run."""

    def find(service: str) -> str:
        found = next((path for name in _PROGRAMS.get(service, (service,)) if (path := shutil.which(name))), None)
        if found is None and _SERVICES_REQUIRED:
            pytest.fail(f"{service} is not on this machine, and this run must not do without it")
        if found is None:
            pytest.skip(f"{service} is not on this machine")
        return found

    return find


@pytest.fixture(scope="session")
def needs_data() -> Callable[[str], Path]:
    """`needs_data("olist")` gives a folder of the data beside the project, which is not part of it."""

    def find(name: str) -> Path:
        folder = ROOT.parent / "shared" / "data" / name
        if not folder.is_dir() and _SERVICES_REQUIRED:
            pytest.fail(f"../shared/data/{name} is not there, and this run must not do without it")
        if not folder.is_dir():
            pytest.skip(f"../shared/data/{name} is not there")
        return folder

    return find


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project, as `notifier init` makes it."""
    starter.copy(tmp_path / "shop")
    return tmp_path / "shop"
