"""tick, the outbox, pause and mute: messages on their way, and an operator's word."""

from __future__ import annotations

import email
import json
from email import policy
from html import escape

import pytest

from notifier.cli.terminal import columns

#: NOW, as the shop's clock shows it.
TODAY = "Sat 2026-03-14 19:00"
LATER = "2026-03-17T08:00:00Z"


@pytest.fixture
def sent(notifier, events):
    """One message was sent: the order has left."""
    notifier("ingest", "events.ndjson")
    assert notifier("tick").out == f"{TODAY}  0 times came due, 1 message sent\n"


def test_tick_tells_what_it_did(notifier, sent):
    """What came due, what was sent, and what waits."""
    assert notifier("tick").out == f"{TODAY}  0 times came due, 0 messages sent\n"
    assert notifier("tick", now=LATER).out == "Tue 2026-03-17 09:00  4 times came due, 2 messages sent\n"


def test_tick_counts_what_was_dropped_and_what_waits(notifier, events):
    """A muted message is dropped, a paused one waits, and tick says so."""
    notifier("mute", "--carrier", "GLS")
    notifier("ingest", "events.ndjson")
    notifier("pause", "--all")
    assert notifier("tick").out == f"{TODAY}  0 times came due, 0 messages sent\n"
    told = notifier("tick", "--json", now="2026-03-15T18:00:00Z").records[0]
    assert (told["matches"], told["accepted"], told["waiting"]) == (
        1,
        0,
        {"held": 0, "pending": 0, "unknown": 0, "posting": 0},
    )


def test_the_outbox_lists_newest_first(notifier, sent):
    """Number, time, state, rule, subject, channel, language and recipient, under each other."""
    notifier("tick", now=LATER)
    assert notifier("outbox", "list").out.splitlines() == [
        "no  when              state     rule                about       by     in  to",
        " 3  2026-03-17 09:00  accepted  late-orders-report  shop        email  en  team:logistics",
        " 2  2026-03-17 09:00  accepted  delivery-overdue    order:1043  email  pl  customer:c-77",
        " 1  2026-03-14 19:00  accepted  order-shipped       order:1043  email  pl  customer:c-77",
    ]


@pytest.mark.parametrize(("terminal", "widest"), [(True, 100), (False, 148)])
def test_a_table_fits_the_terminal(monkeypatch, terminal, widest):
    """Where it is read, long names are shortened; where it is piped, nothing is lost."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "100")
    head = ["no", "when", "rule", "about", "to"]
    row = ["1", "2026-03-17 09:00", "delivery-overdue", f"order:{'7' * 40}", f"customer:{'8' * 51}"]
    lines = list(columns([head, row], cut=(4, 3, 2)))
    assert max(map(len, lines)) == widest
    assert (row[4] in lines[1]) is not terminal


def test_a_message_that_was_put_off_says_why(notifier, events, few_languages):
    """While a provider takes nothing, the message shows what it said."""
    (few_languages / "var" / "outbox").mkdir(parents=True)
    (few_languages / "var" / "outbox" / "email").write_text("no directory")
    notifier("ingest", "events.ndjson")
    notifier("tick")
    shown = notifier("outbox", "show", "1").out.splitlines()
    assert [line.split()[0] for line in shown[1:9]] == ["id", "rule", "text", "to", "by", "made", "due", "why"]
    assert "cannot write to var/outbox/email" in shown[8]


def test_addresses_only_where_asked_for(notifier, sent):
    """An address is masked until --show-addresses is given, in lists and in single messages, text and JSON."""
    for command in (["outbox", "list"], ["outbox", "show", "1"]):
        for more in ([], ["--json"]):
            assert "dana@example.com" not in notifier(*command, *more).out
            assert "dana@example.com" in notifier(*command, *more, "--show-addresses").out


def test_the_outbox_by_state(notifier, sent):
    """--state keeps those in the states that it names, and knows no others."""
    assert notifier("outbox", "list", "--state", "held,failed").out == "No messages that are held or failed.\n"
    assert len(notifier("outbox", "list", "--state", " accepted", "--json").records) == 1
    assert notifier("outbox", "list", "--state", ",").code == 2
    wrong = notifier("outbox", "list", "--state", "helt")
    assert (wrong.code, wrong.err) == (2, "notifier: no state 'helt' - did you mean 'held'?\n")


def test_a_limited_list_says_so(notifier, sent):
    """Nobody takes the newest for all."""
    notifier("tick", now=LATER)
    assert notifier("outbox", "list", "--limit", "1").out.splitlines()[-1] == "The newest 1; see more with --limit."
    assert "newest" not in notifier("outbox", "list").out


def test_one_message_is_found_by_number_and_by_id(notifier, sent):
    """Its number, its id and the beginning of its id all name it; anything else is refused with what to do."""
    whole = notifier("outbox", "show", "1", "--json").records[0]
    for name in (whole["id"], whole["id"][:6].upper()):
        assert notifier("outbox", "show", name, "--json").records == [whole]
    for name in ("7", "zzzz", "0" * 32):
        unknown = notifier("outbox", "show", name)
        assert unknown.code == 2
        assert unknown.err.startswith(f"notifier: no message '{name}'; give its number")


def test_one_message_as_it_was_written(notifier, sent):
    """What was decided, what the provider said, and the words that the customer got."""
    shown = notifier("outbox", "show", "1").out
    assert shown.startswith("Message 1, accepted\n")
    assert "Sat 2026-03-14 19:00  goes out" in shown
    assert "outbox: accepted (" in shown
    assert "\nAs it was written:\nSubject: Zamówienie 1043 jest w drodze\n\nDzień dobry, Dana,\n" in shown


def test_one_message_as_it_would_be(notifier, events):
    """A message that waits is shown as it would be written now."""
    notifier("pause", "--all")
    notifier("ingest", "events.ndjson")
    shown = notifier("outbox", "show", "1")
    assert "Message 1, held\n" in shown.out
    assert "held until resumed, or dropped Mon 2026-03-16 11:00 - paused: everything is paused since" in shown.out
    assert "\nAs it would be written now:\nSubject: Zamówienie 1043 jest w drodze\n" in shown.out
    assert notifier("outbox", "show", "1", "--json").records[0]["written"] is False


def test_pause_holds_and_resume_lets_go(notifier, events):
    """What is paused waits, and leaves with the next tick once the pause is over."""
    paused = notifier("pause", "--rule", "order-shipped", "--reason", "new text")
    assert paused.out == ("Rule order-shipped is paused since Sat 2026-03-14 19:00, until you say resume: new text\n")
    notifier("ingest", "events.ndjson")
    assert notifier("tick").out == f"{TODAY}  0 times came due, 0 messages sent; waiting: 1 held\n"
    assert notifier("resume", "--rule", "order-shipped").out == (
        "1 message that waited will be looked at again.\nNothing is paused or muted.\n"
    )
    assert notifier("tick").out == f"{TODAY}  0 times came due, 1 message sent\n"


def test_pause_and_resume_can_be_said_twice(notifier):
    """Saying it again changes nothing and says what is in force."""
    first, second = notifier("pause", "--all"), notifier("pause", "--all")
    assert first.out == second.out == "Everything is paused since Sat 2026-03-14 19:00, until you say resume\n"
    assert notifier("resume", "--all").out == "Nothing is paused or muted.\n"
    again = notifier("resume", "--all")
    assert (again.code, again.out) == (0, "Everything was not paused.\nNothing is paused or muted.\n")


def test_mute_drops_for_good(notifier, events):
    """What was muted is not made up for."""
    notifier("mute", "--carrier", "GLS", "--until", "2026-03-15")
    notifier("ingest", "events.ndjson")
    assert notifier("unmute", "--carrier", "GLS").out == "Nothing is paused or muted.\n"
    notifier("tick")
    assert notifier("outbox", "list").out == "No messages.\n"


@pytest.mark.parametrize(
    ("until", "end"),
    [
        ("2h", "2026-03-14T20:00:00Z"),
        ("1d", "2026-03-15T18:00:00Z"),
        ("2026-03-15", "2026-03-15T23:00:00Z"),
        ("2026-03-15T08:00", "2026-03-15T07:00:00Z"),
        ("2026-03-15T08:00:00Z", "2026-03-15T08:00:00Z"),
    ],
)
def test_until(notifier, until, end):
    """A length of time counts from now, a day lasts until it is over, a time is on the shop's clock."""
    assert notifier("pause", "--all", "--until", until, "--json").records == [
        {"kind": "pause", "scope": "all", "since": "2026-03-14T18:00:00Z", "until": end, "reason": None}
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say what is meant: --all, --rule ID, --carrier NAME or --sku SKU; status says what is in force"),
        (["--rule", "order-shiped"], "no rule 'order-shiped' - did you mean 'order-shipped'?"),
        (["--all", "--until", "2026-03-13"], "--until 2026-03-13 is past already"),
        (
            ["--all", "--until", "soon"],
            "'soon' is not a time; write a day like 2026-03-13, a time like 2026-03-13T22:00, a length of time like 2h or 3d",
        ),
    ],
    ids=["nothing", "rule", "past", "words"],
)
def test_what_cannot_be_paused(notifier, arguments, said):
    """It is said in one line, and nothing is paused."""
    refused = notifier("pause", *arguments)
    assert (refused.code, refused.out, refused.err) == (2, "", f"notifier: {said}\n")


def test_status(notifier, events):
    """One command says what is silenced, what waits, and which events were refused and why."""
    assert notifier("status").out == "Nothing is paused or muted.\nMessages: none.\nNo event was refused.\n"
    notifier("pause", "--rule", "order-shipped", "--reason", "new text")
    notifier("mute", "--sku", "X", "--until", "2h")
    notifier("ingest", "events.ndjson")
    notifier(
        "ingest", "-", stdin=b'{"specversion": "1.0", "id": "x", "source": "/crm", "type": "order.shipped", "data": 7}'
    )
    assert notifier("status").out == (
        "SKU X is muted since Sat 2026-03-14 19:00, until Sat 2026-03-14 21:00\n"
        "Rule order-shipped is paused since Sat 2026-03-14 19:00, until you say resume: new text\n"
        "Messages: 1 held.\n"
        "1 event refused, in quarantine; the last:\n"
        "  Sat 2026-03-14 19:00  /crm x: data: must be a JSON object\n"
    )
    assert notifier("status", "--refused", "0").out.endswith("1 event refused, in quarantine.\n")
    whole = notifier("status", "--json", "--show-addresses").records[2]["body"]
    assert json.loads(whole)["data"] == 7
    odd = b'{"specversion": "1.0", "id": ["x"], "source": 7}\nnot json\n'
    notifier("ingest", "-", stdin=odd)
    told = [
        (one["source"], one["id"]) for one in notifier("status", "--json").records if one.get("record") == "refused"
    ]
    assert told == [(None, None), ("7", None), ("/crm", "x")]


def test_what_was_dropped_today(notifier, events):
    """What never became a message can be listed as well, with why; what was dropped before today is left out."""
    assert notifier("outbox", "dropped").out == "Nothing was dropped since Sat 2026-03-14 00:00.\n"
    notifier("mute", "--carrier", "GLS")
    notifier("ingest", "events.ndjson")
    assert "Dropped today: 1 muted; see 'notifier outbox dropped'.\n" in notifier("status").out
    head, line = notifier("outbox", "dropped").out.splitlines()
    assert head.split() == ["when", "rule", "about", "to", "text", "why"]
    assert line.startswith("Sat 2026-03-14 19:00  order-shipped  order:1043  customer:c-77  order_shipped  muted: ")
    (record,) = notifier("outbox", "dropped", "--since", "2h", "--json").records
    assert (record["rule"], record["reason"], record["outcome"]) == ("order-shipped", "muted", "drop")
    tomorrow = "2026-03-15T10:00:00Z"
    assert "Dropped today" not in notifier("status", now=tomorrow).out
    assert notifier("outbox", "dropped", "--since", "2026-03-14", "--json", now=tomorrow).records == [record]
    assert notifier("outbox", "dropped", "--since", "tomorrow").err == (
        "notifier: 'tomorrow' is not a time; write a day like 2026-03-13, a time like 2026-03-13T22:00, today, or how long ago "
        "it was like 2h or 3d\n"
    )


def test_a_pause_that_is_made_shorter_lets_go_sooner(notifier, events):
    """The last word counts, also for what was held by the one before it."""
    notifier("pause", "--all", "--until", "1d")
    notifier("ingest", "events.ndjson")
    notifier("pause", "--all", "--until", "1h")
    notifier("tick")
    notifier("tick", now="2026-03-14T19:00:01Z")
    assert notifier("outbox", "list", "--json").records[0]["state"] == "accepted"


def test_several_at_once(notifier):
    """Rules, carriers and articles can be named together, and each is lifted by itself."""
    notifier("pause", "--rule", "order-shipped", "--rule", "low-stock", "--sku", "BOOT-42")
    left = notifier("resume", "--rule", "low-stock", "--json").records
    assert [one["scope"] for one in left] == ["rule:order-shipped", "sku:BOOT-42"]


def test_a_pause_that_is_over_is_not_in_force(notifier):
    """What ended by itself is no longer listed."""
    notifier("pause", "--all", "--until", "2h")
    assert notifier("mute", "--sku", "X", now=LATER).out.count("\n") == 1


def test_operators_need_no_provider_that_could_send(notifier, project, events):
    """In a rehearsal a project whose provider would really send can be looked at and paused, but not ticked."""
    config = project / "config" / "notifier.yaml"
    config.write_text(
        config.read_text(encoding="utf-8").replace(
            "outbox: {type: maildir, path: var/outbox/email}", "outbox: {type: smtp, host: smtp.shop.example}"
        ),
        encoding="utf-8",
    )
    for arguments in (["pause", "--all"], ["ingest", "events.ndjson"], ["explain", "order:1043"]):
        assert notifier(*arguments).code == 0
    refused = notifier("tick")
    assert (refused.code, refused.out) == (2, "")
    assert (
        refused.err
        == "notifier: NOTIFIER_NOW is set, and provider 'outbox' would really send; unset it, or use an outbox\n"
    )
    assert json.loads(notifier("outbox", "list", "--json").out)["state"] == "held"


def test_an_operator_can_stop_everything_while_rules_are_broken(notifier, project):
    """What is needed most when something is wrong must not wait for it to be mended."""
    (project / "rules" / "stock.yaml").write_text("", encoding="utf-8")
    assert notifier("pause", "--all").code == 0
    assert notifier("status").out.startswith("Everything is paused since Sat 2026-03-14 19:00, until you say resume\n")
    assert notifier("outbox", "list").out == "No messages.\n"
    assert notifier("resume", "--all").code == 0


@pytest.mark.parametrize("spelt", ["gls", "GLS", "Gls"])
def test_carriers_are_known_however_they_are_spelt(notifier, events, spelt):
    """Shops write GLS, gls and Gls: one mute covers all of them, there is never a second, and any spelling lifts it."""
    notifier("mute", "--carrier", "Gls", "--reason", "first")
    assert [one["scope"] for one in notifier("mute", "--carrier", spelt, "--json").records] == [f"carrier:{spelt}"]
    notifier("ingest", "events.ndjson")
    assert "muted" in notifier("explain", "order:1043").out
    assert notifier("unmute", "--carrier", spelt.swapcase()).out == "Nothing is paused or muted.\n"


def test_tick_says_when_an_outbox_cannot_be_written(notifier, events, project):
    """Which provider, and what is in its way: once, with what waits for another try, and with exit code 3."""
    (project / "var").mkdir()
    (project / "var" / "outbox").write_text("a file where a directory should be")
    notifier("ingest", "events.ndjson")
    ended = notifier("tick")
    assert (ended.code, ended.err) == (
        3, "notifier: provider outbox: cannot write to var/outbox/email: Not a directory; its messages are tried again\n",
    )  # fmt: skip
    assert ended.out == f"{TODAY}  0 times came due, 0 messages sent; waiting: 1 to be tried again\n"
    (project / "var" / "outbox").unlink()
    recovered = notifier("tick", "--json", now="2026-03-14T18:10:00Z")
    assert (recovered.code, recovered.err) == (0, "")
    told = recovered.records[0]
    assert (told["at"], told["accepted"], told["troubles"]) == ("2026-03-14T18:10:00Z", 1, {})


def test_tick_says_that_a_provider_is_broken(notifier, events, monkeypatch):
    """Its fault is a line with the place in its code, and no traceback; nobody's address is in it."""
    from notifier_providers.maildir import Maildir

    async def broken(_, message):
        raise LookupError(f"no mailbox for {message.to}")

    monkeypatch.setattr(Maildir, "send", broken)
    notifier("ingest", "events.ndjson")
    ended = notifier("tick")
    assert ended.code == 3
    assert ended.err.startswith(
        "notifier: provider outbox: LookupError in the provider's code (test_cli_messages.py, line"
    )
    assert ended.err.count("\n") == 1
    assert "dana" not in ended.err
    assert ended.out.endswith("; waiting: 1 of unknown fate\n")
    monkeypatch.setenv("NOTIFIER_DEBUG", "1")
    assert "Traceback" in notifier("tick", now="2026-03-14T20:00:00Z").err


@pytest.fixture
def failed(notifier, project, history):
    """A message that could not be written, for want of a city; and the text as it was."""
    text = project / "templates" / "order_shipped" / "pl.md"
    whole = text.read_text(encoding="utf-8")
    text.write_text(whole + "\n{{ order.shipping_address.city }}\n", encoding="utf-8")
    (project / "events.ndjson").write_text("".join(json.dumps(one) + "\n" for one in history), encoding="utf-8")
    notifier("ingest", "events.ndjson")
    assert notifier("tick").out == f"{TODAY}  0 times came due, 0 messages sent, 1 failed\n"
    text.write_text(whole, encoding="utf-8")


def test_a_failed_message_is_tried_again(notifier, failed):
    """Once its text is mended it goes out, once, and the outbox says so."""
    said = notifier("outbox", "retry", "--reason", "render_failed")
    assert (said.code, said.out) == (0, "Message 1 (order-shipped, order:1043) goes out with the next tick.\n")
    assert notifier("tick").out == f"{TODAY}  0 times came due, 1 message sent\n"
    again = notifier("outbox", "retry", "1", "--json")
    assert (again.code, again.records[0]["not_tried"], again.records[0]["state"]) == (1, "not_failed", "accepted")
    assert notifier("outbox", "retry", "--reason", "render_failed").out == "No message failed for render_failed.\n"


def test_another_try_is_decided_anew(notifier, failed, history, project):
    """What is no longer of use, is muted, or was told by another message meanwhile stays as it is, with the reason."""
    late = notifier("outbox", "retry", "1", now="2027-03-14T18:00:00Z")
    assert (late.code, late.out.split(" - ")[1]) == (1, "stale: it would have come too late to be of use\n")
    notifier("mute", "--all")
    assert " is not tried again - muted: " in notifier("outbox", "retry", "1").out
    notifier("unmute", "--all")
    repeated = {**history[1], "id": "e3", "time": "2026-03-14T11:00:00Z"}
    (project / "more.ndjson").write_text(json.dumps(repeated), encoding="utf-8")
    notifier("ingest", "more.ndjson")
    assert notifier("tick").out == f"{TODAY}  0 times came due, 1 message sent\n"
    assert " is not tried again - already_sent: " in notifier("outbox", "retry", "1").out


@pytest.mark.parametrize("arguments", [[], ["1", "--reason", "render_failed"]])
def test_a_retry_needs_one_of_two(notifier, arguments):
    """Neither everything by mistake, nor two answers to one question."""
    refused = notifier("outbox", "retry", *arguments)
    assert refused.code == 2
    assert refused.err == "notifier: say what is to be tried again: messages by ID, or --reason CODE\n"


def test_a_rehearsal_reaches_nobody_else(notifier, project, history):
    """Where only e-mail is redirected, no SMS leaves: it would reach the customer."""
    with (project / "config" / "notifier.yaml").open("a", encoding="utf-8") as file:
        file.write("\nredirect_all_to: {email: desk@shop.example}\n")
    history[0]["data"]["customer"] = {"id": "c-77", "phone": "+12025550123"}
    (project / "events.ndjson").write_text("".join(json.dumps(one) + "\n" for one in history), encoding="utf-8")
    notifier("ingest", "events.ndjson")
    notifier("tick")
    assert not (project / "var" / "outbox" / "sms.ndjson").exists()
    assert "no_address" in notifier("explain", "order:1043").out


def test_redirected_mail_says_for_whom_it_was_meant(notifier, project, history):
    """In a rehearsal all mail comes to one desk: its first line and a header say whose it is, and keep the address back."""
    with (project / "config" / "notifier.yaml").open("a", encoding="utf-8") as file:
        file.write("\nredirect_all_to: {email: desk@shop.example}\n")
    history[0]["data"]["customer"]["id"] = "<b>\nBcc: eva@example.com"
    (project / "events.ndjson").write_text("".join(json.dumps(one) + "\n" for one in history), encoding="utf-8")
    notifier("ingest", "events.ndjson")
    notifier("tick")
    (path,) = (project / "var" / "outbox" / "email" / "new").iterdir()
    mail = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    whom = "customer:<b>\N{REPLACEMENT CHARACTER}Bcc: eva@example.com, d***@e***"
    assert (mail["To"], mail["Bcc"], mail["X-Notifier-Meant-For"]) == ("desk@shop.example", None, whom)
    assert mail.get_body(("plain",)).get_content().startswith(f"[A rehearsal: this is meant for {whom}]\r\n")
    assert f"<p>[A rehearsal: this is meant for {escape(whom)}]</p>" in mail.get_body(("html",)).get_content()
