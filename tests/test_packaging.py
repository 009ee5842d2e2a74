from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import notifier
from notifier import starter
from notifier.config import load
from notifier.errors import UsageError
from notifier.provider import find, installed

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from the source archive, as it would be published."""
    built = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(built), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory) -> Path:
    """A Python that has the wheel and its dependencies, and knows nothing of the checkout."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False)
    site = next(home.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # The dependencies are borrowed: what is tried is our own wheel. Its files come first on the path.
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    (site / "borrowed.pth").write_text("\n".join(borrowed), encoding="utf-8")
    return home / "bin" / "python"


def run(python: Path, code: str, cwd: Path) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [python, "-c", code], check=True, capture_output=True, text=True, cwd=cwd, env=environ, timeout=60
    )
    return done.stdout.strip()


def test_one_version():
    """The package, its metadata and pyproject.toml agree on the version."""
    assert notifier.__version__ == version("notifier") == PROJECT["version"]


def test_every_provider_that_is_named_is_there():
    """Each entry point leads to a class that keeps the contract's attributes."""
    assert set(installed()) >= set(PROJECT["entry-points"]["notifier.providers"])
    for kind in installed():
        provider = find(kind)
        assert provider.channels <= {"email", "sms"}
        assert provider.idempotency in {"native", "none"}


def test_the_command_is_the_door():
    """`notifier` is the same as `python -m notifier`."""
    command = next(entry for entry in entry_points(group="console_scripts") if entry.name == "notifier")
    assert command.value == "notifier.__main__:main"


def test_the_wheel_holds_the_starter_and_no_more(wheel):
    """Code, starter, types and licence are in the wheel; tests, data and what a run leaves are not."""
    names = set(zipfile.ZipFile(wheel).namelist())
    starter_files = {
        f"notifier/_starter/{file.relative_to(ROOT)}"
        for folder in starter.FOLDERS
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert starter_files <= names
    assert {"notifier/py.typed", "notifier_providers/maildir.py"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names} == {"notifier", "notifier_providers", "notifier-0.1.0.dist-info"}
    assert not [name for name in names if name.startswith("notifier/_starter/var")]


def test_the_wheel_works_without_the_checkout(elsewhere, tmp_path):
    """Installed somewhere else, it finds its own starter, lays it out and accepts it."""
    code = (
        "from pathlib import Path; from notifier import starter; from notifier.config import load;"
        "starter.copy(Path('shop')); load(Path('shop'), {}); print(starter.root())"
    )
    root = Path(run(elsewhere, code, tmp_path))
    assert (root.parts[-3:], elsewhere.parents[1] in root.parents) == (("site-packages", "notifier", "_starter"), True)


def test_the_checkout_is_its_own_starter():
    """In an editable install what is changed in the checkout shows at once."""
    assert starter.root() == ROOT


def test_a_project_is_laid_out(tmp_path):
    """`notifier init` writes the rules, texts and configuration, and keeps var/ out of version control."""
    written = starter.copy(tmp_path / "deep" / "shop")
    assert tmp_path / "deep" / "shop" / "config" / "notifier.yaml" in written
    assert all(file.is_file() for file in written)
    assert "var/" in (tmp_path / "deep" / "shop" / ".gitignore").read_text()
    assert load(tmp_path / "deep" / "shop", {}) == load(ROOT, {})


@pytest.mark.parametrize("taken", ["rules", "config", "templates", "var"])
def test_a_project_is_never_overwritten(tmp_path, taken):
    """Where there is anything of a project already, nothing is written."""
    (tmp_path / taken).mkdir()
    with pytest.raises(UsageError, match=f"has {taken} already"):
        starter.copy(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [taken]


def test_a_project_keeps_the_files_beside_it(tmp_path):
    """A directory with hidden things in it, such as a fresh repository, is fine, and keeps its .gitignore."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("mine\n")
    written = starter.copy(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert tmp_path / ".gitignore" not in written


def test_a_project_is_not_laid_out_among_other_things(tmp_path):
    """In a directory that has something else in it a project would be lost, or read as a part of another one."""
    (tmp_path / "care.yaml").write_text("version: 1\n")
    with pytest.raises(UsageError, match=r"has care\.yaml already; name an empty directory"):
        starter.copy(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["care.yaml"]


def test_a_place_that_cannot_be_written(tmp_path):
    """A file in the way is named in one line."""
    with pytest.raises(UsageError, match=r"cannot be made or read \(File name too long\); name another one"):
        starter.copy(tmp_path / ("x" * 5000))
    (tmp_path / "shop").write_text("")
    with pytest.raises(UsageError, match="shop is a file; name a directory for the project"):
        starter.copy(tmp_path / "shop")
    with pytest.raises(UsageError, match="cannot be written: Not a directory"):
        starter.copy(tmp_path / "shop" / "deeper")
