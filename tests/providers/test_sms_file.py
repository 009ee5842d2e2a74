from __future__ import annotations

import json

import pytest

from notifier.provider import Accepted
from notifier.testing.provider_contract import Delivery, ProviderContract, sample, send
from notifier_providers.sms_file import SmsFile, SmsFileSettings

SETTINGS = SmsFileSettings(type="sms_file", path="outbox/sms.ndjson")


@pytest.fixture
def sms_file(tmp_path):
    return SmsFile("texts", SETTINGS, tmp_path)


@pytest.fixture
def lines(tmp_path):
    return lambda: [
        json.loads(line) for line in (tmp_path / "outbox" / "sms.ndjson").read_text("utf-8").split("\n") if line
    ]


class TestContract(ProviderContract):
    @pytest.fixture
    def provider(self, sms_file):
        return sms_file

    @pytest.fixture
    def delivered(self, lines):
        return lambda: [Delivery(line["to"], line["body"]) for line in lines()]

    @pytest.fixture
    def unreachable(self, tmp_path):
        (tmp_path / "taken").mkdir()
        return SmsFile("texts", SmsFileSettings(type="sms_file", path="taken"), tmp_path)


def test_the_line_has_what_other_programs_read(sms_file, lines):
    """Each line is one JSON object with the documented fields, the time being the message's own."""
    message = sample("sms", text="Zamówienie 1043 dotrze później")
    assert send(sms_file, message) == [Accepted(message.id)]
    assert lines() == [
        {
            "id": message.id,
            "to": "+15550100123",
            "body": "Zamówienie 1043 dotrze później",
            "encoding": "UCS-2",
            "segments": 1,
            "rule": "delivery-overdue",
            "subject": "order:1043",
            "sent_at": "2026-03-13T22:00:00Z",
        }
    ]


def test_another_process_knows_what_was_sent(sms_file, tmp_path, lines):
    """An id is known from the file, so that neither a restart nor a second process sends it again."""
    message, other = sample("sms"), sample("sms")
    second = SmsFile("texts", SETTINGS, tmp_path)
    send(second, other)
    send(sms_file, message)
    send(second, message)
    send(sms_file, other)
    assert [line["id"] for line in lines()] == [other.id, message.id]


def test_a_torn_line_costs_only_itself(sms_file, tmp_path):
    """What a power cut left of a line stays alone on its line, and its message can be sent again."""
    message = sample("sms")
    path = tmp_path / "outbox" / "sms.ndjson"
    path.parent.mkdir()
    path.write_text(f'{{"id": "{message.id}", "to": "+1555', "utf-8")
    send(sms_file, message)
    send(sms_file, message)
    torn, whole, end = path.read_text("utf-8").split("\n")
    assert torn.startswith("{")
    assert json.loads(whole)["id"] == message.id
    assert not end


def test_foreign_lines_do_no_harm(sms_file, tmp_path):
    """Lines that are not ours, valid JSON or not, are passed over."""
    path = tmp_path / "outbox" / "sms.ndjson"
    path.parent.mkdir()
    path.write_bytes(b'[]\n{"id": []}\n17\n\xff\xfe\n\n{}\n')
    assert isinstance(send(sms_file, sample("sms"))[0], Accepted)


def test_a_file_put_aside_begins_anew(sms_file, tmp_path, lines):
    """After logrotate has taken the file away, messages go to a new one, and known ids stay known."""
    message, other = sample("sms"), sample("sms")
    send(sms_file, message)
    (tmp_path / "outbox" / "sms.ndjson").rename(tmp_path / "outbox" / "sms.ndjson.1")
    send(sms_file, message, other)
    assert [line["id"] for line in lines()] == [other.id]
