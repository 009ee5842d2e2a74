"""Standard input, output and error as a shell may hand them over, and what must not reach a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def shell(few_languages, monkeypatch):
    """Runs the command by a shell's line, in which `notifier` is this one."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", f'notifier() {{ "{sys.executable}" -m notifier "$@"; }}; {line}'],
            cwd=few_languages,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "NOTIFIER_NOW": "2026-03-14T18:00:00Z"},
        )

    return run


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")  # noqa: PTH110 - a device
@pytest.mark.parametrize("command", ["db status", "--help"])
def test_a_full_disk_behind_standard_output(shell, command):
    """What cannot be printed is said in one line, and the exit code is not that of success."""
    ended = shell(f"notifier {command} >/dev/full; echo $?")
    assert ended.stdout == "3\n"
    assert ended.stderr == "notifier: standard output: cannot be written to: No space left on device\n"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("notifier db status >&-", "3", "notifier: standard output: cannot be written to: it is closed\n"),
        ("notifier --version >&-", "3", "notifier: standard output: cannot be written to: it is closed\n"),
        ("notifier ingest - <&-", "3", "notifier: standard input: cannot be read: it is closed\n"),
        ("notifier bogus 2>&-", "2", ""),
        ("notifier tick >&- 2>&- <&-", "3", ""),
    ],
)
def test_closed_streams(shell, line, code, said):
    """A closed stream is no fault of notifier's: one line where anybody can be told, and an exit code that fits."""
    ended = shell(f"{line}; echo $?")
    assert (ended.stdout.splitlines()[-1], ended.stderr) == (code, said)


def test_a_file_gets_no_closed_streams_number(shell, few_languages):
    """The database must not become standard output because that was closed: what is printed would be written into it."""
    shell("notifier db upgrade; notifier tick >&- 2>&- <&-")
    assert shell("notifier db status").returncode == 0


@pytest.mark.parametrize("command", ["db status --json", "--help"])
def test_a_reader_who_has_enough(shell, command):
    """`notifier ... | head` ends quietly, whatever it prints by."""
    ended = shell(f"(notifier {command}; echo $? >code) | true; cat code")
    assert (ended.stdout, ended.stderr) == ("0\n", "")


#: Clears a screen, rings, changes a title; the last one in a single character, as old terminals read it.
NASTY = "Dana\x1b[2J\x07\x1b]0;x\x9b31m"
SHOWN = "Dana\\x1b[2J\\x07\\x1b]0;x\\x9b31m"


def test_control_characters_are_shown_and_not_obeyed(notifier, project, history):
    """What customers, shops and operators wrote cannot drive the terminal of whoever looks at it."""
    history[0]["data"]["customer"] |= {"first_name": NASTY}
    history[1]["data"]["carrier"] = NASTY
    history.append({**history[0], "id": f"e3{NASTY}", "data": {"id": f"7{NASTY}", "total": "x"}})
    (project / "events.ndjson").write_text("".join(json.dumps(one) + "\n" for one in history), encoding="utf-8")
    looked_at = [
        ["ingest", "events.ndjson"],
        ["tick"],
        ["mute", "--carrier", NASTY, "--reason", NASTY],
        ["explain", "order:1043"],
        ["explain", f"order:{NASTY}"],
        ["outbox", "list"],
        ["outbox", "show", "1"],
        ["outbox", "show", NASTY],
        ["preview", "delivery_late", "--order", "order:1043"],
    ]
    for command in looked_at:
        told = notifier(*command)
        assert told.code in (0, 1, 2)
        assert not {"\x1b", "\x07", "\x9b"} & set(told.out + told.err), command
    assert f"Carrier {SHOWN} is muted" in notifier("mute", "--carrier", NASTY).out


def test_json_stays_json_and_harmless(notifier):
    """In JSON the same characters are written as JSON writes them, the ones above ASCII too."""
    told = notifier("mute", "--sku", NASTY, "--json")
    assert told.records[0]["scope"] == f"sku:{NASTY}"
    assert told.out.isascii()


def test_colours_survive(monkeypatch, capsys):
    """On a terminal that wants them our own colours pass, and only they."""
    from notifier.cli import terminal

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    terminal.say(f"{terminal.styled(NASTY, bold=True)} {NASTY}")
    assert capsys.readouterr().out == f"\x1b[1m{SHOWN}\x1b[0m {SHOWN}\n"
