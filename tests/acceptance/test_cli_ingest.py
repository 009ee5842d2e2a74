from __future__ import annotations

import json
import re

import pytest

from notifier.cli import ingest as command


def test_events_are_taken_once(notifier, events):
    """The same file twice is two accepted, then two duplicates."""
    first, second = notifier("ingest", "events.ndjson"), notifier("ingest", "events.ndjson")
    assert (first.code, first.out) == (0, "events.ndjson: 2 accepted, 0 duplicate, 0 rejected\n")
    assert (second.code, second.out) == (0, "events.ndjson: 0 accepted, 2 duplicate, 0 rejected\n")


def test_an_array_is_taken_as_well(notifier, project, history):
    """A JSON array, with a byte order mark and line breaks where they please, is the same as lines."""
    (project / "events.json").write_bytes(b"\xef\xbb\xbf\n " + json.dumps(history, indent=2).encode())
    assert notifier("ingest", "events.json").out == "events.json: 2 accepted, 0 duplicate, 0 rejected\n"


COMMANDS = [["ingest"], ["backtest", "--events"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_may_be_one_event(notifier, project, history, command):
    """One event over many lines, as programs write JSON for people, is one event and not a bad one for each line."""
    (project / "one.json").write_text(f"\n{json.dumps(history[0], indent=2)}\n", encoding="utf-8")
    taken = notifier(*command, "one.json")
    assert (taken.code, taken.err) == (0, "")
    assert taken.out.startswith(("one.json: 1 accepted", "1 event\n"))


#: What a file holds, and where which line stops to be JSON.
BROKEN = {
    "an event over many lines": ('{\n  "id": "e1"\n  "source": "/s"\n}\n', ":3:3: not JSON: "),
    "several of them": ('{\n  "id": "e1"\n}\n{\n  "id": "e2"\n}\n', ":4:1: not JSON: more follows after its end"),
    "an array": ('[\n  {"id": "e1"},\n  {"id": "é",}\n]', ":3:13: not JSON: a comma too many"),
    "a line": ('\n\n  {"id": "é",}\n', ":3:13: not JSON: a comma too many"),
    "an unfinished line": ('{"id": \r\n', ":1:8: not JSON: it ends in the middle"),
    "a line in Latin 1": (b'{"id": "caf\xe9"}\n', ":1:12: not JSON: the byte 0xe9 is not UTF-8"),
    "no JSON at all": ("id;source\n", ":1:1: not JSON: no value of JSON begins here"),
    "a line without end": (f'"{"x" * 1_000_100}"', ":1: larger than 1,000,000 bytes"),
    "an entry": ('[\n  {"specversion": "1.0"},\n  7\n]', ": event 2: an event is a JSON object"),
}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(("content", "said"), BROKEN.values(), ids=BROKEN)
def test_where_a_file_is_broken(notifier, project, command, content, said):
    """File, line and column are those at which an editor has to be opened, whatever the file looks like."""
    (project / "bad.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    taken = notifier(*command, "bad.json")
    assert taken.code == 1
    assert taken.err.splitlines()[-1].startswith(f"bad.json{said}")


def test_a_torn_line_takes_no_other_with_it(notifier, project, history):
    """A first line that was cut off does not make the file one broken event."""
    lines = ['{"specversion": "1.0",', *map(json.dumps, history)]
    (project / "events.ndjson").write_text("\n".join(lines), encoding="utf-8")
    assert notifier("ingest", "events.ndjson").out == "events.ndjson: 2 accepted, 0 duplicate, 1 rejected\n"


def test_standard_input_is_taken_for_a_dash(notifier, events):
    """`-` reads what is piped in."""
    taken = notifier("ingest", "-", stdin=events.read_bytes())
    assert taken.out == "standard input: 2 accepted, 0 duplicate, 0 rejected\n"


def test_nothing_is_sent_by_taking_in(notifier, events, project):
    """Ingest decides and waits; the next tick sends."""
    notifier("ingest", "events.ndjson")
    assert not (project / "var" / "outbox").exists()


def bad(data: str, **more: str) -> str:
    """An event that has something wrong with its data or its envelope."""
    return (
        json.dumps({"specversion": "1.0", "id": "x", "source": "/s", "type": "order.paid", **more})[:-1]
        + f', "data": {data}}}'
    )


BAD = [
    ("{", "not JSON: "),
    ("[" * 100_000, "not JSON: "),
    (bad('{"id": "1", "total": NaN}'), "not JSON: "),
    (bad('{"id": "1", "id": "2"}'), "the key 'id' stands twice in one object"),
    ("7", "an event is a JSON object"),
    ("{}", 'specversion: must be "1.0"'),
    (bad("[]"), "data: must be a JSON object"),
    (bad("{}"), "data.id: is missing"),
    (bad('{"id": ""}'), "data.id: is missing"),
    (bad('{"id": "1", "total": "lots"}'), "data.total: is a number, got 'lots'"),
    (bad('{"id": "1", "currency": "EURO"}'), "data.currency: is a three-letter currency code (ISO 4217), got 'EURO'"),
    (
        bad('{"id": "1"}', time="2026-02-30T10:00:00Z"),
        "time: is a time like 2026-03-13T22:00:00Z or a date, got '2026-02-30T10:00:00Z'",
    ),
    (bad('{"id": "1"}', time="2036-01-01T10:00:00Z"), "time: is more than a day ahead of this computer's clock"),
    (f'"{"x" * 1_000_100}"', "larger than 1,000,000 bytes"),
]


def test_bad_events_are_told_and_the_rest_goes_on(notifier, project, history):
    """Each is named with its file and line, is kept, and stands in nobody's way."""
    lines = ["", json.dumps(history[0]), *(line for line, _ in BAD), json.dumps(history[1])]
    (project / "events.ndjson").write_text("\n".join(lines), encoding="utf-8")
    taken = notifier("ingest", "events.ndjson")
    assert taken.code == 1
    assert taken.out == f"events.ndjson: 2 accepted, 0 duplicate, {len(BAD)} rejected\n"
    told = taken.err.splitlines()
    for number, (line, (_, reason)) in enumerate(zip(told, BAD, strict=True), 3):
        if reason == "not JSON: ":
            assert re.match(rf"events\.ndjson:{number}:\d+: {reason}\w", line)
        else:
            assert line == f"events.ndjson:{number}: {reason}"


def test_the_same_name_with_other_content_is_a_conflict(notifier, project, history):
    """Two different events with one source and id cannot both be right."""
    other = {**history[0], "data": {**history[0]["data"], "total": 1}}
    (project / "events.ndjson").write_text(json.dumps(history[0]) + "\n" + json.dumps(other) + "\n", encoding="utf-8")
    taken = notifier("ingest", "events.ndjson")
    assert (taken.code, taken.err) == (1, "events.ndjson:2: this source and id came before with other content\n")


def test_many_refused_events_do_not_fill_the_screen(notifier, project):
    """A person is told of twenty, and how many more there are; all of them are counted."""
    (project / "bad.ndjson").write_text("7\n" * 150, encoding="utf-8")
    taken = notifier("ingest", "bad.ndjson")
    told = taken.err.splitlines()
    assert len(told) == command._MOST_TOLD + 1
    assert told[-1] == "bad.ndjson: 130 more events were refused; all of them are in quarantine, with the reason"
    assert taken.out == "bad.ndjson: 0 accepted, 0 duplicate, 150 rejected\n"


def test_scripts_are_told_of_every_refused_event(notifier, project, events):
    """With --json each refused event is a line, however many, and the last line counts all files."""
    (project / "bad.ndjson").write_text("7\n" * 30, encoding="utf-8")
    taken = notifier("ingest", "bad.ndjson", "events.ndjson", "--json")
    *refused, last = taken.records
    assert [(one["line"], one["column"]) for one in refused] == [(number, None) for number in range(1, 31)]
    assert last == {"summary": {"accepted": 2, "duplicate": 0, "rejected": 30, "ignored_fields": {}}}


def test_fields_that_nobody_declared_are_named(notifier, project, history):
    """A typing mistake in a field's name is not silent."""
    history[0]["data"]["gift_wrap"] = True
    (project / "events.ndjson").write_text(json.dumps(history[0]) + "\n", encoding="utf-8")
    assert notifier("ingest", "events.ndjson").out.splitlines()[-1] == (
        "Kept, but nothing here knows them (declare them, or mend the name): data.gift_wrap (1)"
    )


def test_a_broken_array_is_refused_whole(notifier, project):
    """Where an array ends too early, nobody can say what its events were; it is kept for whoever mends it."""
    (project / "events.json").write_text('[{"specversion": "1.0"}', encoding="utf-8")
    taken = notifier("ingest", "events.json")
    assert taken.code == 1
    assert taken.out == "events.json: 0 accepted, 0 duplicate, 1 rejected\n"
    assert taken.err == "events.json:1:24: not JSON: it ends in the middle\n"


def test_a_file_that_is_not_there_is_out_of_reach(notifier):
    """It is said in one line, with exit code 3."""
    missing = notifier("ingest", "nowhere.ndjson")
    assert (missing.code, missing.err) == (3, "notifier: nowhere.ndjson: cannot be read: No such file or directory\n")


def test_batches_do_not_change_what_is_taken(notifier, project, history):
    """However events are cut into transactions, all of them are in."""
    history += [{**history[1], "id": f"n{number}", "data": {"id": f"{number}"}} for number in range(7)]
    (project / "events.ndjson").write_text("".join(json.dumps(one) + "\n" for one in history), encoding="utf-8")
    assert (
        notifier("ingest", "events.ndjson", "--batch", "2").out
        == "events.ndjson: 9 accepted, 0 duplicate, 0 rejected\n"
    )


def test_the_default_of_a_time_is_a_time(notifier, project, events):
    """Where nobody said, a rule goes by what the field is declared to be, as if an event had told it."""
    config, rule = project / "config" / "notifier.yaml", project / "rules" / "gift.yaml"
    declared = "\nfields: {order.gift_date: {type: time, default: 2026-03-20}}\n"
    config.write_text(config.read_text(encoding="utf-8") + declared, encoding="utf-8")
    rule.write_text(
        "version: 1\nrules:\n  - {id: gift, about: order, trigger: {moment: order.gift_date, at: 10:00}, "
        "send: {template: order_shipped}}\n",
        encoding="utf-8",
    )
    assert notifier("ingest", "events.ndjson").err == ""
    assert "Fri 2026-03-20 10:00" in notifier("explain", "order:1043").out
