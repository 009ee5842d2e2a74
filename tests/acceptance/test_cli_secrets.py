from __future__ import annotations

import pytest

TEAMS = (
    "teams: {support: {email: support@shop.example}, purchasing: {email: purchasing@shop.example}, "
    "logistics: {email: logistics@shop.example}}\n"
)
CONFIG = f"""{TEAMS}\
web: {{events_token: "${{EVENTS_TOKEN}}"}}
providers:
  mail: {{type: smtp, host: "${{SMTP_HOST}}", port: "${{SMTP_PORT}}", username: u, password: "${{SMTP_PASSWORD}}"}}
channels: {{email: {{providers: [mail]}}, sms: {{providers: []}}}}
"""
UNSET = ["EVENTS_TOKEN", "SMTP_HOST", "SMTP_PORT", "SMTP_PASSWORD"]


@pytest.fixture
def without_secrets(project):
    """A project that would send by SMTP, in a shell that knows none of its secrets."""
    (project / "config" / "notifier.yaml").write_text(CONFIG, encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ["pause", "--all"],
        ["pause", "--rule", "order-shipped"],
        ["resume", "--all"],
        ["outbox", "list"],
        ["outbox", "show", "1"],
        ["explain", "order:1043"],
        ["preview", "order_shipped"],
        ["backtest", "--events", "events.ndjson"],
        ["db", "status"],
    ],
    ids=" ".join,
)
def test_whoever_does_not_send_needs_no_secrets(notifier, without_secrets, events, arguments):
    """Whoever must stop everything, or look at it, often has not the daemon's environment."""
    assert notifier("ingest", str(events)).code == 0
    ended = notifier(*arguments)
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(("command", "code"), [("check", 1), ("tick", 2)])
def test_whoever_sends_says_what_is_unset(notifier, without_secrets, command, code):
    """Each variable that is missing is named, in the place where the file asks for it."""
    ended = notifier(command)
    lines = [line for line in ended.err.splitlines() if line.startswith("config/")]
    assert ended.code == code
    assert [name for line, name in zip(lines, UNSET, strict=True) if f": {name} is not set in the env" in line] == UNSET


def test_a_secret_in_a_file_that_may_not_be_read(notifier, project, events, monkeypatch):
    """A variable that names such a file counts as one that is not set."""
    (project / "config" / "notifier.yaml").write_text(
        TEAMS + "providers: {Mail: {type: smtp, host: smtp.shop.example, username: u}}\n", encoding="utf-8"
    )
    monkeypatch.setenv("NOTIFIER__PROVIDERS__MAIL__PASSWORD_FILE", "/nowhere/password")
    assert notifier("ingest", str(events)).code == 0
    ended = notifier("tick")
    assert (ended.code, ended.err) == (
        2,
        "notifier: NOTIFIER__PROVIDERS__MAIL__PASSWORD_FILE: names a file that cannot be read\n",
    )
