"""Opening the sample shop: lay it out, play its history, say where to look, and keep it open until Ctrl-C."""

from __future__ import annotations

import shutil
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

import orjson

from notifier import editor, lock, starter
from notifier.clock import clock
from notifier.errors import UsageError
from notifier.project import Project, load
from notifier.sample.account import Account
from notifier.sample.history import Calendar, Envelope, events
from notifier.sample.replay import replay
from notifier.sample.today import at_a_free_door, keep_open
from notifier.store.sql import open_store

__all__ = ["run"]

#: Where it is, this is the sample shop and no project of anybody's: its `var/` may be begun anew.
_MARK = ".sample"
_MARK_TEXT = (
    "The sample shop. 'notifier sample' begins var/ and history.ndjson anew, and leaves all other files alone.\n"
)
HISTORY = "history.ndjson"


def run(root: Path, *, once: bool, out: TextIO) -> int:
    """Play the sample shop at `root`, made where it is missing, and run the daemon on it unless `once`.

    Each time the two weeks are played again, up to now; rules, texts and configuration stay as they were left. Gives the
    exit code: 1 where nothing was sent. Raises UsageError where something else is at `root`, Busy where it is open
    already, and Faults where its files have been edited into something that does not work.
    """
    if isinstance(out, TextIOWrapper):
        out.reconfigure(errors="replace")  # a terminal that knows no Persian shows the rest all the same
    is_new = _laid_out(root)
    with lock.hold(root):
        _begin_anew(root)
        project = load(root) if once else at_a_free_door(load(root))
        now = clock()()
        calendar = Calendar.of(now, project.zone)
        told = events(calendar, now)
        _write_history(root, told)
        out.write(
            f"{'Made' if is_new else 'Kept'} the sample shop in {root}/. Its last two weeks ({len(told)} events),"
            f" on the clock of {project.zone}:\n"
        )
        account = Account(out, project.zone)
        replay(project, told, calendar, now, account)
    _look_here(root, project, out)
    if once or not account.sends:
        return 0 if account.sends else 1
    return keep_open(root, project, out)


def _laid_out(root: Path) -> bool:
    """Whether the project had to be made."""
    if (root / _MARK).is_file():
        return False
    if root.is_dir() and any(root.iterdir()):
        raise UsageError(f"{root} is not the sample shop: name another directory, or remove that one")
    starter.copy(root)
    editor.write(root)
    (root / _MARK).write_text(_MARK_TEXT, encoding="utf-8")
    return True


def _begin_anew(root: Path) -> None:
    """But for the key of links: the same story has the same messages, and links of an earlier playing open them."""
    for path in (root / "var").iterdir():
        if path.name not in ("lock", "secret"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _write_history(root: Path, told: list[Envelope]) -> None:
    (root / HISTORY).write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in told))


def _look_here(root: Path, project: Project, out: TextIO) -> None:
    me = f"{_command()} --project {root}"
    out.write(f"""
Look here
  what was sent       {root}/var/outbox/email/new/ (e-mail), {root}/var/outbox/sms.ndjson (SMS)
  every message       {me} outbox list
  why, and why not    {me} explain order:1043
  a text              {me} preview delivery_late --locale hu
  the survey's page   {_survey_page(project)}   (while the daemon runs)
  change a rule       edit {root}/rules/delivery.yaml, then: {me} check
  what that changes   {me} backtest --events {root}/{HISTORY}
  step by step        docs/tutorial.md
""")


def _command() -> str:
    """How this command is called from here: its environment may not be the shell's."""
    if shutil.which("notifier"):
        return "notifier"
    beside = Path(sys.executable).with_name("notifier")
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


def _survey_page(project: Project) -> str:
    """A link as it stands in a message that nobody has answered yet."""
    from notifier.links import Links

    with open_store(project.config.database, project.root).read() as unit:
        asked = [
            one for one in unit.find_messages(states=["accepted"], limit=500) if one.template.startswith("survey:")
        ]
        open_ones = [one for one in asked if unit.answer_to(one.key) is None]
    return Links(project).of((open_ones or asked)[0])["survey"] if asked else "none was sent"
