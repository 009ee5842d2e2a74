from __future__ import annotations

import io
import re
import sys

import pytest

from notifier.provider import Accepted
from notifier.testing.provider_contract import Delivery, ProviderContract, sample, send
from notifier_providers.console import Console, ConsoleSettings

BOX = re.compile(r"┌─ (?:email|sms) to (?P<to>\S+) ─*\n(?P<lines>(?:│.*\n)+)└─+\n")


@pytest.fixture
def console(tmp_path):
    return Console("screen", ConsoleSettings(type="console"), tmp_path)


class TestContract(ProviderContract):
    @pytest.fixture
    def provider(self, console):
        return console

    @pytest.fixture
    def delivered(self, capsys):
        return lambda: [_read(box) for box in BOX.finditer(capsys.readouterr().out)]

    @pytest.fixture
    def unreachable(self, console, monkeypatch):
        class Gone(Console):
            async def send(self, message):
                with monkeypatch.context() as closed:
                    closed.setattr(sys, "stdout", io.TextIOWrapper(_Broken()))
                    return await super().send(message)

        return Gone("screen", ConsoleSettings(type="console"), None)


class _Broken(io.BytesIO):
    def write(self, _data):
        raise BrokenPipeError(32, "Broken pipe")


def _read(box):
    lines = [line.removeprefix("│ ") for line in box["lines"].splitlines()]
    head, text = lines[: lines.index("")], lines[lines.index("") + 1 :]
    subject = next((line.removeprefix("Subject: ") for line in head if line.startswith("Subject: ")), "")
    return Delivery(box["to"], "\n".join(text), subject)


def test_it_says_what_an_sms_would_cost(console, capsys):
    """A printed SMS shows its encoding and segments, which is where surprises come from."""
    send(console, sample("sms", text="Później" * 20))
    assert "Size: 3 × UCS-2" in capsys.readouterr().out


def test_a_name_cannot_steer_the_terminal(console, capsys):
    """Escape sequences in a text are shown, never obeyed."""
    send(console, sample("email", text="hello \x1b[2J\x07there\rover", subject="\x1b]0;title\x07"))
    out = capsys.readouterr().out
    assert not set(out) & {"\x1b", "\x07", "\r"}
    assert "hello \ufffd[2J\ufffdthere" in out


def test_a_poor_terminal_is_no_failure(console, monkeypatch):
    """Where standard output knows only ASCII, what it cannot show is replaced and the message counts as printed."""
    screen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(screen, "ascii", write_through=True))
    assert isinstance(send(console, sample("sms", text="Zamówienie"))[0], Accepted)
    assert b"Zam?wienie" in screen.getvalue()
