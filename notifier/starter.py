"""The project that everybody starts from: the rules, texts and configuration that come with notifier."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

from notifier.errors import UsageError

__all__ = ["FOLDERS", "copy", "root"]

FOLDERS = ("rules", "templates", "config")

_GITIGNORE = "# What notifier writes while it runs.\nvar/\n"


def root() -> Path:
    """The directory that holds the starter's folders: inside the installed package, or the checkout itself."""
    package = Path(str(files("notifier")))
    packaged = package / "_starter"
    return packaged if packaged.is_dir() else package.parent


def copy(destination: Path) -> list[Path]:
    """Lay the starter out in a directory, made where it is missing; gives the files written, in order.

    Raises UsageError, having written nothing, where anything is there already that is not hidden, as `.git` is.
    """
    if taken := _taken(destination):
        own = [name for name in (*FOLDERS, "var") if name in taken]
        raise UsageError(f"{destination} has {' and '.join(own or taken[:2])} already; name an empty directory")
    written = [_laid(source, destination / source.relative_to(root())) for source in _starter_files()]
    ignored = destination / ".gitignore"
    if not ignored.exists():
        ignored.write_text(_GITIGNORE, encoding="utf-8")
        written.append(ignored)
    return written


def _taken(destination: Path) -> list[str]:
    """What is in the directory, but for hidden files."""
    try:
        return sorted(entry.name for entry in destination.iterdir() if not entry.name.startswith("."))
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        if destination.is_file():
            raise UsageError(f"{destination} is a file; name a directory for the project") from None
        return []
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"the directory cannot be made or read ({why}); name another one") from None


def _starter_files() -> list[Path]:
    found = (path for folder in FOLDERS for path in sorted((root() / folder).rglob("*")))
    return [path for path in found if path.is_file() and not _is_made(path)]


def _is_made(path: Path) -> bool:
    """Whether it was made from other files, as each project's own are."""
    return "__pycache__" in path.parts or path.name.endswith(".schema.json")


def _laid(source: Path, target: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file, source.open("rb") as content:
            shutil.copyfileobj(content, file)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}") from error
    return target
