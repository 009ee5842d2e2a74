"""preview and backtest: what would be, before it is."""

from __future__ import annotations

import json
import re
import shutil
import webbrowser

import pytest


def test_an_email_is_shown_with_its_subject(notifier):
    """The subject and the plain text, in the shop's language where none is asked for."""
    shown = notifier("preview", "delivery_late")
    assert shown.out.startswith("delivery_late, email, en\nSubject: Order 1043 is late: we are sorry\n\nHello Dana,\n")


def test_a_language_falls_back_as_it_would_when_sending(notifier):
    """`pt-BR` that nobody wrote is the shop's English; `pl-PL` is Polish."""
    assert notifier("preview", "delivery_late", "--locale", "pt-BR", "--json").records[0]["locale"] == "en"
    assert notifier("preview", "delivery_late", "--locale", "pl-PL", "--json").records[0]["locale"] == "pl"


def test_an_sms_is_measured(notifier):
    """How it is encoded, how long it is and how many segments it is billed as."""
    lines = notifier("preview", "delivery_late", "--channel", "sms", "--locale", "pl").out.splitlines()
    assert lines[0] == "delivery_late, sms, pl"
    assert lines[1].startswith("UCS-2, ")
    assert lines[1].endswith(" segments")


def test_a_survey_by_either_of_its_names(notifier):
    """The outbox calls it survey:NAME, and so may one here."""
    assert notifier("preview", "survey:csat_delivery").out == notifier("preview", "csat_delivery").out


def test_a_real_order(notifier, history, project):
    """--order writes the text for an order from the database, in its customer's language."""
    history[0]["data"]["customer"]["first_name"] = "Zofia"
    (project / "events.ndjson").write_text(json.dumps(history[0]), encoding="utf-8")
    notifier("ingest", "events.ndjson")
    for name in ("order:1043", "1043"):
        assert "\nDzień dobry, Zofia,\n" in notifier("preview", "delivery_late", "--order", name).out


def test_another_subject(notifier, history, project):
    """--about takes what the text speaks of; what it does not speak of is refused, not passed over."""
    low = {**history[0], "type": "stock.changed", "data": {"sku": "LAMP-7", "name": "Desk lamp", "available": 1}}
    (project / "events.ndjson").write_text(
        f"{json.dumps(low)}\n{json.dumps({**history[0], 'id': 'e2'})}", encoding="utf-8"
    )
    notifier("ingest", "events.ndjson")
    assert "Desk lamp" in notifier("preview", "low_stock", "--about", "stock:LAMP-7").out
    refused = notifier("preview", "low_stock", "--order", "1043")
    assert (refused.code, refused.out) == (2, "")
    assert (
        refused.err == "notifier: templates/low_stock speaks of stock, not of order:1043; name another with --about\n"
    )


def test_a_report_of_what_there_is(notifier, history, project):
    """`--about shop` lists what is in the database, as the rule that the text is for does; without one it is refused."""
    late = {**history[0], "data": {**history[0]["data"], "promised_at": "2020-01-01", "total": 70}}
    (project / "events.ndjson").write_text(json.dumps(late), encoding="utf-8")
    notifier("ingest", "events.ndjson")
    assert "Order: 1043" in notifier("preview", "late_orders_report", "--about", "shop").out
    assert "Order: 1060-B" not in notifier("preview", "late_orders_report", "--about", "shop").out
    assert "Order: 1060-B" in notifier("preview", "late_orders_report").out
    refused = notifier("preview", "low_stock", "--about", "shop")
    assert refused.code == 2
    assert refused.err == (
        "notifier: no rule about the shop lists something with the text 'low_stock'; leave out --about\n"
    )


def test_made_up_values_can_be_believed(notifier, project):
    """A project's own fields look like something, and links are as long as those that customers get."""
    with (project / "config" / "notifier.yaml").open("a", encoding="utf-8") as file:
        file.write("fields: {order.gift_note: {type: text}}\n")
    text = project / "templates" / "delivery_late" / "en.md"
    text.write_text(text.read_text(encoding="utf-8") + "\n{{ order.gift_note }}\n", encoding="utf-8")
    assert "\nGift note\n" in notifier("preview", "delivery_late").out
    survey = notifier("preview", "csat_delivery", "--json").records[0]["text"]
    assert re.search(r"/s/\w+\.\w{27}\b", survey)
    assert "sample" not in survey


def test_the_page_can_be_written_and_opened(notifier, project, monkeypatch):
    """--html writes it where one says, --open shows it."""
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    notifier("preview", "delivery_late", "--html", "page.html")
    assert (project / "page.html").read_text(encoding="utf-8").lstrip().startswith("<!doctype html>")
    notifier("preview", "delivery_late", "--open")
    assert opened == [(project / "var" / "preview" / "delivery_late.en.html").as_uri()]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["delivery_lat"], "no template 'delivery_lat' - did you mean 'delivery_late'?"),
        (["delivery_late", "--channel", "fax"], "templates/delivery_late has no text for 'fax'; it has email and sms"),
        (["delivery_late", "--order", "9"], "nothing is known about order:9; without --about the text is shown for a made-up one"),
        (["delivery_late", "--order", "ordr:9"], "'ordr:9' is not a subject - did you mean 'order'?; write it like order:1043, with one of order, shipment, stock, customer; the shop itself is 'shop'"),
        (
            ["delivery_late", "--channel", "sms", "--html", "x"],
            "an SMS has no HTML; leave out --html and --open, or say --channel email",
        ),
        (["delivery_late", "--html", "rules"], "rules: cannot be written: Is a directory"),
    ],
    ids=["template", "channel", "order", "kind", "sms-html", "directory"],
)  # fmt: skip
def test_what_cannot_be_shown(notifier, arguments, said):
    """It is said in one line, with what to do."""
    refused = notifier("preview", *arguments)
    assert (refused.code, refused.out, refused.err) == (2, "", f"notifier: {said}\n")


def test_nothing_made_up_stands_beside_what_is_known(notifier, events):
    """An order whose parcel nobody can follow is shown without a link to follow it by."""
    notifier("ingest", "events.ndjson")
    known = notifier("preview", "eta_changed", "--about", "order:1043", "--locale", "en")
    assert (known.code, "track.example" in known.out) == (0, False)
    assert "track.example" in notifier("preview", "eta_changed", "--locale", "en").out


NEVER = (
    "Never went off: close-the-loop, promise-at-risk, delivery-overdue, eta-slipped, very-late,",
    "good-news, parcel-silent, attempt-failed, pickup-waiting, pickup-last-day, held-at-customs,",
    "payment-failed, low-stock, back-in-stock, backorder-slipped.",
)


@pytest.mark.usefixtures("no_reports")
def test_a_backtest_in_words(notifier, events):
    """By rule: how much was sent, held and dropped, and why; then people, and what was still to come."""
    assert notifier("backtest", "--events", "events.ndjson").out.splitlines() == [
        "2 events",
        "from Fri 2026-03-13 11:00 to Sat 2026-03-14 11:00 (Europe/Warsaw)",
        "",
        "rule           sent  held  dropped",
        "order-shipped     1     0        0",
        *NEVER,
        "",
        "1 customer written to. 1 subject with times still to come.",
        "1 message: e-mail 1; pl 1. Most go out between 11:00 and 11:59: 1.",
        "",
        "News of delays",
        "Of no order is it known whether it was late: that takes a promised day, and that it came or the day is over.",
    ]


def test_a_backtest_keeps_nothing(notifier, events, project):
    """No database, no message: a backtest leaves no trace but the key of the project."""
    before = {path for path in project.rglob("*") if "var" not in path.parts}
    notifier("backtest", "--events", "events.ndjson", "--until", "2026-03-20")
    assert {path for path in project.rglob("*") if path.is_file()} - before <= {project / "var" / "secret"}


@pytest.mark.usefixtures("no_reports")
def test_a_backtest_to_the_end_of_a_day(notifier, events):
    """--until with a day counts all of it, on the shop's clock."""
    monday = notifier("backtest", "--events", "events.ndjson", "--until", "2026-03-16", "--json").records
    tuesday = notifier("backtest", "--events", "events.ndjson", "--until", "2026-03-17", "--json").records
    assert monday[-1]["summary"]["until"] == "2026-03-16T23:00:00Z"
    assert [one["rule"] for one in monday[:-1]] == ["order-shipped", "promise-at-risk"]
    assert [one["rule"] for one in tuesday[:-1]] == ["order-shipped", "promise-at-risk", "delivery-overdue"]


@pytest.fixture
def before(project, tmp_path):
    """The rules as they were: overdue a day later, nothing when it is shipped, and a warning of another name."""
    rules = tmp_path / "before" / "rules"
    shutil.copytree(project / "rules", rules, ignore=shutil.ignore_patterns("tests"))
    delivery = (rules / "delivery.yaml").read_text(encoding="utf-8")
    delivery = delivery.replace("promised_at + 1d", "promised_at + 2d").replace("promise-at-risk", "warned")
    delivery = delivery.replace("{event: order.shipped}", "{event: order.returned}")
    (rules / "delivery.yaml").write_text(delivery, encoding="utf-8")
    return rules.parent


@pytest.mark.usefixtures("no_reports")
def test_a_backtest_against_other_rules(notifier, events, before):
    """What comes, what goes and what comes otherwise, with examples; a new name of a rule is nobody's news."""
    told = notifier("backtest", "--events", "events.ndjson", "--until", "2026-03-20", "--against", str(before)).out
    assert told.splitlines()[-12:] == [
        "Against " + str(before) + ": 1 message the same, 1 more, 0 fewer, 1 otherwise.",
        "False alarms: 0 before, 0 with these rules. Misses: 0 before, 0.",
        "",
        "rule              more  fewer  otherwise",
        "delivery-overdue     0      0          1",
        "order-shipped        1      0          0",
        "",
        "more, for example:",
        "  order:1043  Sat 2026-03-14 11:00  order-shipped: order_shipped to customer:c-77 by email in 'pl'",
        "",
        "otherwise, for example:",
        "  order:1043  Tue 2026-03-17 09:00  delivery-overdue: delivery_late to customer:c-77 by email in 'pl' "
        "(before: Wed 2026-03-18 09:00)",
    ]


def test_a_backtest_against_another_project(notifier, events, project, tmp_path):
    """Its configuration counts as well; a project against itself has no differences."""
    alike = notifier("backtest", "--events", "events.ndjson", "--against", str(project)).out.splitlines()
    assert alike[-1] == f"Against {project}: 1 message the same, 0 more, 0 fewer, 0 otherwise."
    refused = notifier("backtest", "--events", "events.ndjson", "--against", str(tmp_path / "nowhere"))
    said = "there is no project here, and no rules/ either; name the directory above rules/"
    assert (refused.code, refused.err) == (2, f"notifier: {tmp_path}/nowhere: {said}\n")


def test_a_backtest_says_why_not(notifier, history, project):
    """Reasons stand under their rule, with their code and in words."""
    del history[0]["data"]["customer"]["email"]
    (project / "events.json").write_text(json.dumps(history), encoding="utf-8")
    lines = notifier("backtest", "--events", "events.json").out.splitlines()
    assert lines[4:6] == [
        "order-shipped     0     0        1",
        "       1 dropped: no_address - no address is known, or none that is valid",
    ]


def test_a_backtest_of_standard_input(notifier, events):
    """`-` is read to its end; a bad line is told with its number and the rest goes on."""
    told = notifier("backtest", "--events", "-", "--json", stdin=b"7\n" + events.read_bytes())
    assert told.records[-1]["summary"]["rejected"] == 1
    plain = notifier("backtest", "--events", "-", stdin=b"7\n" + events.read_bytes())
    assert told.err == plain.err == "standard input:1: an event is a JSON object\n"
    assert told.code == plain.code == 1
    assert plain.out.startswith("2 events, 1 rejected\n")


def test_a_backtest_guesses_no_time(notifier, history, project):
    """Live, an event without a time happens when it arrives; a history that does not tell when is refused, line by line."""
    del history[0]["time"]
    history[1]["receivedat"] = history[1].pop("time")
    (project / "events.ndjson").write_text("".join(json.dumps(one) + "\n" for one in history), encoding="utf-8")
    told = notifier("backtest", "--events", "events.ndjson")
    assert told.code == 1
    assert told.err == "events.ndjson:1: time: is missing; a backtest has to know when it happened\n"
    assert told.out.splitlines()[:2] == [
        "1 event, 1 rejected",
        "from Sat 2026-03-14 11:00 to Sat 2026-03-14 11:00 (Europe/Warsaw)",
    ]


@pytest.mark.parametrize(("order", "lines"), [(1, [3, 4]), (-1, [3])], ids=["in-order", "to-be-sorted"])
def test_a_backtest_names_conflicts(notifier, history, project, order, lines):
    """An event that came before with other content is told as `ingest` tells it, and does not count as taken."""
    other = {**history[1], "data": {**history[1]["data"], "carrier": "DPD"}}
    told = [*history, other, other][::order]
    (project / "events.ndjson").write_text("".join(json.dumps(one) + "\n" for one in told), encoding="utf-8")
    ended = notifier("backtest", "--events", "events.ndjson")
    assert (ended.code, ended.err.splitlines()) == (
        1, [f"events.ndjson:{line}: this source and id came before with other content" for line in lines],
    )  # fmt: skip
    assert ended.out.startswith(f"{4 - len(lines)} events")


def test_a_backtest_of_nothing(notifier, project):
    """A file without events is no error."""
    (project / "empty.ndjson").touch()
    told = notifier("backtest", "--events", "empty.ndjson")
    assert (told.code, told.out.splitlines()[0], told.out.splitlines()[2]) == (0, "0 events", "No rule went off.")


def test_a_history_that_is_not_there(notifier):
    """It is out of reach, in one line."""
    missing = notifier("backtest", "--events", "nowhere")
    assert (missing.code, missing.err) == (3, "notifier: nowhere: cannot be read: No such file or directory\n")
