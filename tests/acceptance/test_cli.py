from __future__ import annotations

import inspect
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from notifier import daemon, starter
from notifier.cli import check as check_command
from notifier.cli.app import app
from notifier.errors import Unreachable
from notifier.lock import hold

#: NOW, as the shop's clock shows it.
TODAY = "Sat 2026-03-14 19:00"
COMMANDS_PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")


def test_from_nothing_to_a_message(process, tmp_path, events, history):
    """A stranger's way through the real command: a project, a check, events, a tick, the outbox, and why."""
    shop = tmp_path / "mine"
    assert process("init", "mine", inside=tmp_path).out.startswith("mine: ")
    assert process("check", inside=shop).out == "OK: 18 rules, 21 texts in 7 languages\n"
    assert process("ingest", str(events), inside=shop).out.endswith(": 2 accepted, 0 duplicate, 0 rejected\n")
    assert process("--project", "mine", "tick", inside=tmp_path).out == f"{TODAY}  0 times came due, 1 message sent\n"
    listed = process("outbox", "list", "--json", "--project", "mine", inside=tmp_path).records
    assert [(one["rule"], one["state"], one["subject"]) for one in listed] == [
        ("order-shipped", "accepted", "order:1043")
    ]
    assert len(list((shop / "var" / "outbox" / "email" / "new").iterdir())) == 1
    told = process("explain", "order:1043", inside=shop / "rules").out
    assert "message 1 goes to customer:c-77 by email in 'pl' (order_shipped)" in told
    later = process("tick", "--json", inside=shop, NOTIFIER_NOW="2026-03-17T08:00:00Z").records
    assert later[0]["matches"] == 4


def test_help_imports_nothing_slow():
    """`notifier --help` answers at once: what commands need is imported when they run."""
    slow = ["alembic", "babel", "jinja2", "orjson", "pydantic", "rich.progress", "sqlalchemy", "starlette", "yaml"]
    code = f"import sys, notifier.cli.app as a; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_version(process):
    """The version is that of the package."""
    assert re.fullmatch(r"notifier \d+\.\d+\.\d+\n", process("--version").out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bogus"], "notifier: no such command 'bogus'; see 'notifier --help'\n"),
        (
            ["check", "--jsn"],
            "notifier: no such option: --jsn (Possible options: --json); see 'notifier check --help'\n",
        ),
        (["ingest"], "notifier: missing argument 'FILE'; see 'notifier ingest --help'\n"),
        (
            ["backtest"],
            "notifier: there is no database yet whose events could be replayed; name a file with --events FILE\n",
        ),
        (
            ["explain", "1043"],
            "notifier: '1043' is not a subject; write it like order:1043, with one of order, shipment, stock, customer; the shop itself is 'shop'\n",
        ),
        (
            ["--project", "nowhere", "tick"],
            "notifier: nowhere is not there; make a project with 'notifier init nowhere'\n",
        ),
        (
            ["tick", "--project", "rules"],
            "notifier: rules has neither config/notifier.yaml nor rules/; make a project with 'notifier init rules'\n",
        ),
        (["run", "--role", "web,cook"], "notifier: NOTIFIER_NOW is set, and the daemon lives in real time"),
    ],
    ids=["command", "option", "argument", "no-history", "subject", "no-directory", "no-project", "rehearsal"],
)
def test_wrong_usage_is_one_line(notifier, arguments, said):
    """What is wrong and where it is explained, on standard error, with exit code 2."""
    ended = notifier(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(said)
    assert ended.err.count("\n") == 1


def test_outside_of_a_project(notifier, tmp_path):
    """Where there is no project, the way to one is said."""
    ended = notifier("tick", inside=tmp_path)
    assert ended.code == 2
    assert ended.err.endswith("make one with 'notifier init DIR', or name it with --project DIR\n")


def test_a_group_alone_shows_its_help(notifier):
    """`notifier outbox` says what there is, without the noise of an error."""
    ended = notifier("outbox")
    assert ended.code == 2
    assert ended.err.startswith("Usage: notifier outbox [OPTIONS] COMMAND [ARGS]...\n")
    assert "notifier: " not in ended.err


def test_a_fault_of_ours_is_one_line(notifier, monkeypatch):
    """Nobody is met by a traceback, unless they ask for it."""

    def broken(_):
        raise LookupError("what was lost\nsecond line")

    monkeypatch.setattr(check_command, "examine", broken)
    ended = notifier("check")
    assert ended.code == 70
    assert ended.err == (
        "notifier: LookupError: what was lost - this is a fault of notifier; "
        "set NOTIFIER_DEBUG=1 to see where it happened\n"
    )
    monkeypatch.setenv("NOTIFIER_DEBUG", "1")
    assert "Traceback" in notifier("check").err


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (Unreachable("no disk"), 3)])
def test_exit_codes_of_interruptions(notifier, monkeypatch, error, code):
    """Ctrl-C is 130, what cannot be reached is 3; neither leaves a traceback."""

    def interrupted(_):
        raise error

    monkeypatch.setattr(check_command, "examine", interrupted)
    ended = notifier("check")
    assert ended.code == code
    assert "Traceback" not in ended.err


def test_a_reader_who_has_enough_is_no_fault(project):
    """`notifier ... | head` ends quietly."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "notifier", "check"]
    done = subprocess.run(command, cwd=project, stdout=write, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_tick_leaves_a_held_project_alone(notifier, project, events):
    """While another process holds the project, tick says so and ends well: cron must not send mail about it."""
    notifier("ingest", "events.ndjson")
    with hold(project):
        ended = notifier("tick")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.count("\n") == 1
    assert "another notifier is at work on this project" in ended.err
    assert not (project / "var" / "outbox").exists()


def test_a_second_daemon_is_refused(process, project):
    """A daemon that finds the project held says so, with exit code 3."""
    with hold(project):
        ended = process("run", "--port", "0", NOTIFIER_NOW="")
    assert ended.code == 3
    assert "another notifier is at work on this project" in ended.err.splitlines()[-1]


def test_run_hands_its_options_on(notifier, monkeypatch, project):
    """Address, port and roles reach the daemon, and its exit code is the command's."""
    asked = []
    monkeypatch.setattr(daemon, "run", lambda root, **options: asked.append((root, options)) or 5)
    assert notifier("run", "--host", "127.0.0.2", "--port", "0", "--role", "web, engine").code == 5
    assert asked == [(project, {"host": "127.0.0.2", "port": 0, "roles": ["web", "engine"]})]


def test_init_overwrites_nothing(notifier, project):
    """Where a project is already, init refuses and leaves it as it was."""
    before = sorted(project.rglob("*"))
    ended = notifier("init", ".")
    assert (ended.code, ended.err) == (
        2,
        "notifier: . has rules and templates and config already; name an empty directory\n",
    )
    assert sorted(project.rglob("*")) == before


def test_init_lays_out_what_the_starter_has(notifier, tmp_path):
    """Every file of the starter is listed and written."""
    listed = notifier("init", "new", "--json", inside=tmp_path).records[0]["files"]
    assert {"config/notifier.yaml", "rules/delivery.yaml", ".gitignore"} <= set(listed)
    assert all((tmp_path / "new" / name).is_file() for name in listed)
    assert len(listed) == len([one for name in starter.FOLDERS for one in (tmp_path / "new" / name).rglob("*.*")]) + 1


def test_the_database_is_made_and_checked(notifier, project):
    """`db status` says no until the tables are there, `db upgrade` makes them, and both can be asked again."""
    before = notifier("db", "status")
    assert (before.code, before.out) == (
        1,
        f"{project}/var/notifier.db: the database has no tables yet; run 'notifier db upgrade'\n",
    )
    assert notifier("db", "upgrade").out == "The database was brought from nothing to 0005.\n"
    assert notifier("db", "upgrade").out == "The database is up to date (0005).\n"
    assert notifier("db", "status").code == 0


@pytest.mark.parametrize(
    ("statement", "advice"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "was written by a newer notifier (its revision is 9999); "),
        ("DROP TABLE alembic_version", "belongs to another program; name another one"),
    ],
    ids=["newer", "foreign"],
)
def test_the_advice_about_a_database_can_be_followed(notifier, project, statement, advice):
    """`db status` says `db upgrade` only where that would help."""
    notifier("db", "upgrade")
    with sqlite3.connect(project / "var" / "notifier.db") as connection:
        connection.execute(statement)
    connection.close()
    status = notifier("db", "status")
    assert status.code == 1
    assert advice in status.out
    assert "upgrade" not in status.out
    assert notifier("db", "upgrade").err.endswith(status.out)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///var/notifier.db?mode=ro", "SQLite is given the path alone, without 'file:' and without '?'"),
        ("sqlite:///file:var/notifier.db", "SQLite is given the path alone, without 'file:' and without '?'"),
        (r"sqlite:///var/notif\0ier.db", "there is a control character in the path"),
        ("sqlite:///:memory:", "SQLite needs a file that lasts"),
        ("postgresql+psycopg://n@db.example/n", "'postgresql' is not supported"),
    ],
)
def test_a_database_that_cannot_be_used(notifier, project, url, said):
    """`check` refuses what every other command would refuse, with its place."""
    (project / "config" / "notifier.yaml").write_text(
        f'database: "{url}"\nteams: {{support: {{email: a@example.com}}, purchasing: {{email: b@example.com}}}}\n',
        encoding="utf-8",
    )
    found = notifier("check")
    assert found.code == 1
    assert found.err.startswith(f"config/notifier.yaml:1:11: {said}; write sqlite:///var/notifier.db\n")
    ended = notifier("outbox", "list")
    assert (ended.code, ended.err) == (2, f"notifier: database: {said}; write sqlite:///var/notifier.db\n")


def test_a_database_of_another_program_is_refused(notifier, project):
    """A file that is no database is named, with what to do."""
    (project / "var").mkdir()
    (project / "var" / "notifier.db").write_bytes(b"x" * 4096)
    ended = notifier("tick")
    assert ended.code == 3
    assert ended.err.endswith("var/notifier.db: the file is not a SQLite database; name another one\n")


def commands() -> dict[str, typer.core.TyperCommand]:
    """Every command by its whole name: `check`, `outbox list`."""
    found = {}
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{name} {sub}": one for sub, one in inner.items()} if inner else {name: command}
    return found


def section(name: str) -> str:
    """What docs/commands.md says of a command; empty where it has no heading."""
    found = re.search(rf"^## notifier {name}( [A-Z.|]+)?$\n(.*?)(?=^## |\Z)", COMMANDS_PAGE, re.MULTILINE | re.DOTALL)
    return found[2] if found else ""


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_is_explained(name):
    """Each has help, an example, a section in docs/commands.md, and there exactly the options that it has."""
    command = commands()[name]
    assert command.help
    assert f"  notifier {name}" in command.help
    options = [one for one in command.params if isinstance(one, typer.core.TyperOption)]
    assert all(one.help for one in command.params)
    everywhere = {"--project", "--json", "--help", "-h"}
    own = {name for one in options for name in one.opts} - everywhere
    documented = set(re.findall(r"^\| `(--?[a-z-]+)", section(name), re.MULTILINE))
    assert section(name), f"docs/commands.md has no section 'notifier {name}'"
    assert documented == own


def test_no_command_is_documented_that_is_not_there():
    """The manual has no section for what was taken away."""
    headings = re.findall(r"^## notifier ([a-z ]+?)(?: [A-Z.|]+)?$", COMMANDS_PAGE, re.MULTILINE)
    assert sorted(headings) == sorted(commands())


@pytest.mark.parametrize("name", sorted(commands()))
def test_short_help_fits(name):
    """In the list of commands each is one whole sentence, in a terminal of 80 columns."""
    first = inspect.cleandoc(commands()[name].help).split(". ")[0].split(".\n")[0]
    assert len(first) <= 68


def test_no_colour_where_none_is_wanted(project):
    """Colours are for terminals that want them: a pipe gets none."""
    environ = {**os.environ, "TERM": "xterm-256color"}
    done = subprocess.run(
        [sys.executable, "-m", "notifier", "check"],
        cwd=project,
        env=environ,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colours_on_a_terminal(monkeypatch, environ, coloured):
    """NO_COLOR and a dumb terminal are respected."""
    from notifier.cli import terminal

    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert ("\x1b" in terminal.styled("OK", fg="green")) is coloured
    assert json.dumps(terminal.plural(1204, "rule")) == '"1,204 rules"'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--role", ""], "--role is empty"),
        (["pause", "--all", "--until", " "], "--until is empty"),
        (["pause", "--carrier="], "--carrier is empty"),
        (["--project", "", "tick"], "--project is empty"),
        (["outbox", "list", "--state", ""], "--state is empty"),
        (["ingest", ""], "an argument is empty"),
    ],
    ids=" ".join,
)
def test_an_empty_value_is_refused(notifier, arguments, said):
    """`--until "$END"` with END not set must not mean "for ever", nor an empty name the working directory."""
    ended = notifier(*arguments)
    assert (ended.code, ended.out, ended.err) == (
        2, "", f"notifier: {said}: leave it out, or say what is meant\n",
    )  # fmt: skip


HUGE = "9" * 26


@pytest.mark.parametrize(
    "arguments",
    [
        ["outbox", "list", "--limit", HUGE],
        ["outbox", "list", "--limit", "-1"],
        ["outbox", "show", HUGE],
        ["status", "--refused", HUGE],
        ["ingest", "x", "--batch", HUGE],
        ["run", "--port", HUGE],
        ["pause", "--all", "--until", f"{HUGE}d"],
        ["pause", "--all", "--until", "9999-12-31"],
        ["backtest", "--events", "x", "--until", "9999-12-31"],
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_no_number_is_too_large_to_be_refused(notifier, arguments):
    """Numbers and times beyond all measure are wrong usage, and no fault of ours."""
    ended = notifier(*arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("now", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "tomorrow", "2026-03-13T22:00:00"])
def test_a_rehearsal_at_an_impossible_time(notifier, now):
    """NOTIFIER_NOW is read as strictly as times in events are."""
    ended = notifier("tick", now=now)
    assert ended.code == 2
    assert ended.err.startswith("notifier: NOTIFIER_NOW is not a time with a zone; write it like ")
