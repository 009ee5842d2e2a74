from __future__ import annotations

import email
import mailbox
import os
from email import policy

import pytest

from notifier.provider import Accepted, Refused, RetryLater
from notifier.testing.provider_contract import Delivery, ProviderContract, sample, send
from notifier_providers.maildir import Maildir, MaildirSettings

SETTINGS = MaildirSettings(type="maildir", path="outbox")


@pytest.fixture
def maildir(tmp_path):
    return Maildir("outbox", SETTINGS, tmp_path)


class TestContract(ProviderContract):
    @pytest.fixture
    def provider(self, maildir):
        return maildir

    @pytest.fixture
    def delivered(self, tmp_path):
        return lambda: [_read(path) for path in (tmp_path / "outbox" / "new").iterdir()]

    @pytest.fixture
    def unreachable(self, tmp_path):
        (tmp_path / "taken").write_text("a file where the directory should be")
        return Maildir("outbox", MaildirSettings(type="maildir", path="taken/outbox"), tmp_path)


def _read(path):
    mail = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    return Delivery(mail["To"], mail.get_body(("plain",)).get_content(), mail["Subject"])


def test_any_mail_reader_can_read_it(maildir, tmp_path):
    """The outbox is an ordinary Maildir: the standard library lists it, and nothing half-written is left behind."""
    message = sample("email")
    assert send(maildir, message) == [Accepted(f"{int(message.written_at.timestamp())}.{message.id}.notifier")]
    (read,) = mailbox.Maildir(tmp_path / "outbox", create=False)
    assert read["X-Notifier-Message"] == message.id
    assert not list((tmp_path / "outbox" / "tmp").iterdir())


@pytest.mark.parametrize("mark", ["", ":2,", ":2,RS", ",S=4321,W=4400:2,S"])
def test_what_was_read_does_not_come_again(maildir, tmp_path, mark):
    """A message that a mail reader has opened is still known, whatever the reader added to its name."""
    message = sample("email")
    send(maildir, message)
    outbox = tmp_path / "outbox"
    (delivered,) = (outbox / "new").iterdir()
    delivered.rename(outbox / "cur" / f"{delivered.name}{mark}")
    assert isinstance(send(maildir, message)[0], Accepted)
    assert not list((outbox / "new").iterdir())
    assert isinstance(send(Maildir("outbox", SETTINGS, tmp_path), message)[0], Accepted)
    assert not list((outbox / "new").iterdir())


def test_a_full_disk_leaves_no_half_message(maildir, tmp_path, monkeypatch):
    """Where the disk fails in mid-message, the outcome says so, the outbox has nothing of it, and later it works."""
    message = sample("email")
    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", _no_space)
        (outcome,) = send(maildir, message)
    assert outcome == RetryLater(None, "cannot write to outbox: No space left on device", counted=False)
    assert not [path for path in (tmp_path / "outbox").rglob("*") if path.is_file()]
    assert isinstance(send(maildir, message)[0], Accepted)


def _no_space(_handle):
    raise OSError(28, "No space left on device")


def test_what_cannot_be_an_email_is_refused(maildir):
    """An address that is not one is told from one that plain mail cannot carry, and both from a sender's mistake."""
    twins, accented, nobody = send(
        maildir,
        sample("email", to="a@example.com,b@example.com"),
        sample("email", to="józsef@example.com"),
        sample("email", sender="Shop <orders>"),
    )
    assert twins == Refused("not one plain e-mail address", "address")
    assert accented == Refused("address needs SMTPUTF8", "address")
    assert isinstance(nobody, Refused)
    assert nobody.scope == "sender"


def test_what_a_crash_left_is_cleared_up(maildir, tmp_path):
    """What was begun long ago and never delivered goes with the first message; what somebody may still write stays."""
    folder = tmp_path / "outbox" / "tmp"
    folder.mkdir(parents=True)
    for name in ("old", "new"):
        (folder / name).write_text("half a mess")
    os.utime(folder / "old", (0, 0))
    assert isinstance(send(maildir, sample("email"))[0], Accepted)
    assert [path.name for path in folder.iterdir()] == ["new"]
