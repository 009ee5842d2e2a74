"""`notifier test`: rules tried in YAML, as those who write rules see it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from shutil import rmtree
from subprocess import PIPE, STDOUT
from textwrap import dedent
from xml.etree import ElementTree as ET

import pytest

LATE = """\
version: 1
rules:
  - id: late
    about: order
    trigger: {moment: order.promised_at + 1d, at: 09:00}
    only_if: {order.total: {at_least: 50}}
    not_if: {order.status: ready_for_pickup}
    send: {template: delivery_late}
    limit: {once_per: order}
    follow_up: {survey: csat_delivery, after: 2d, counted_from: order.delivered_at}
  - id: moved
    about: order
    trigger: {change: order.eta, later_by: 1d}
    send: {template: eta_changed}
"""
FIXTURE = """\
id: "1043"
total: 99.5
promised_at: 2026-03-10
customer: {id: c-77, first_name: Dana, email: dana@example.com, phone: "+48600000000", locale: en}
"""
HEAD = "fixtures: {order: fixtures/order.yaml}\ntests:\n"


@pytest.fixture
def shop(project: Path) -> Path:
    """Two rules, an order, the texts that they need, and no test so far."""
    for folder in (project / "templates").iterdir():
        if folder.name not in ("layout", "delivery_late", "eta_changed", "csat_delivery"):
            rmtree(folder)
    for file in (project / "rules").rglob("*.yaml"):
        file.unlink()
    (project / "rules" / "late.yaml").write_text(LATE, encoding="utf-8")
    (project / "rules" / "tests" / "fixtures").mkdir(parents=True, exist_ok=True)
    (project / "rules" / "tests" / "fixtures" / "order.yaml").write_text(FIXTURE, encoding="utf-8")
    return project


@pytest.fixture
def try_out(notifier, shop):
    """Runs the tests that are written here, indented as it pleases."""

    def run(tests: str, *arguments: str, head: str = HEAD):
        text = head + "".join(f"  {line}\n" for line in dedent(tests).strip().splitlines())
        (shop / "rules" / "tests" / "late.yaml").write_text(text, encoding="utf-8")
        return notifier("test", *arguments)

    return run


def test_the_moment_moves_with_the_promise_and_the_message_is_really_written(try_out):
    """A promise that is moved moves the message; its language, its subject and its words are those of the real one."""
    done = try_out("""
        - name: once, the morning after the moved promise
          timeline:
            - {at: 2026-03-09T10:00, event: order.shipped, data: {carrier: GLS}}
            - {at: 2026-03-10T10:00, set: {order.promised_at: 2026-03-12, customer.locale: pl}}
          run_until: 2026-03-20
          expect:
            - {at: 2026-03-13T08:00:00Z, rule: late, about: "order:1043", to: customer, channel: email, locale: pl,
               template: delivery_late, subject: Zamówienie 1043, contains: [Dana, GLS], not_contains: [SMS]}
    """)
    assert (done.code, done.out, done.err) == (0, "rules/tests/late.yaml  1 passed\nOK: 1 test\n", "")


SAYABLE = """
    - name: no promise, no notice
      given: {order: {promised_at: null}}
      run_until: 2026-04-30
      expect: []
      why_not: [{rule: late, reason: condition_unknown}]
    - name: given sets nothing off
      given: {order: {eta: 2026-03-12, total: 20}}
      start: 2026-03-09T10:00
      timeline: [{at: 2026-03-09T11:00, event: shipment.created, data: {eta: 2026-03-12T10:00}}]
      run_until: 2026-03-12
      expect: []
      why_not: [{rule: late, reason: condition_false}]
    - name: a parcel's day moves, and the SMS waits for the morning
      given: {customer: {email: null}, shipment: {id: Z1, eta: 2026-03-09}}
      timeline: [{at: 2026-03-08T22:00, set: {shipment.eta: 2026-03-10}}]
      run_until: 2026-03-09T12:00
      expect:
        - {at: 2026-03-08T22:00, rule: moved, outcome: hold, reason: quiet_hours, until: 2026-03-09T08:00}
        - {at: 2026-03-09T08:00, rule: moved, channel: sms}
    - name: nobody to write to
      given: {customer: {email: null, phone: null}}
      start: 2026-03-09T10:00
      run_until: 2026-03-20
      expect: [{rule: late, outcome: drop, reason: no_address}]
    - name: it is asked how it went
      timeline:
        - {at: 2026-03-09T10:00, event: order.shipped}
        - {at: 2026-03-12T10:00, event: order.delivered}
      run_until: 2026-03-20
      expect:
        - {rule: late}
        - {at: 2026-03-14T10:00, rule: late, survey: csat_delivery}
    - name: delivered in time
      timeline: [{at: 2026-03-10T10:00, event: order.delivered}]
      run_until: 2026-03-20
      expect: []
      why_not: [{rule: late, reason: superseded}]
    - name: waits in the shop
      timeline: [{at: 2026-03-10T10:00, event: shipment.ready_for_pickup}]
      run_until: 2026-03-20
      expect: []
      why_not: [{rule: late, reason: condition_false}]
"""


def test_what_can_be_said(try_out):
    """Each way of saying what is known, what happens and what is to come of it; what is given sets nothing off."""
    done = try_out(SAYABLE)
    assert (done.code, done.out.splitlines()[-1]) == (0, "OK: 7 tests"), done.out + done.err


FAILING = """
    - name: it comes at eight
      timeline: [{at: 2026-03-09T10:00:00Z, event: order.paid}]
      run_until: 2026-03-20
      expect: [{at: 2026-03-11T07:00:00Z, rule: late, contains: [Dana, Erika]}]
      why_not: [{rule: moved, reason: limit}]
"""


def test_a_failure_says_field_by_field_what_came_instead_and_why(try_out):
    """Expected and nearest, side by side; then what happened, and each clause with what it saw."""
    failed = try_out(FAILING)
    assert failed.code == 1
    assert failed.out.startswith(
        dedent("""\
        rules/tests/late.yaml  1 failed

        rules/tests/late.yaml:3:11: it comes at eight
          rules/tests/late.yaml:6:14: this did not come; the nearest that came:
              Wed 2026-03-11 09:00  late, order:1043: delivery_late to customer:c-77 by email in 'en' “Order 1043 is late: we are sorry”
              at           expected Wed 2026-03-11 08:00 (2026-03-11T07:00:00Z)
                           came     Wed 2026-03-11 09:00 (2026-03-11T08:00:00Z)
              contains     'Erika' is not in it: Order 1043 is late: we are sorry Hello Dana, Your order 1043 was""")
    )
    assert failed.out.endswith(
        dedent("""\
          rules/tests/late.yaml:7:15: moved did not send, but not for limit: nothing set it off
          order:1043, on the clock of Europe/Warsaw:
              Mon 2026-03-09 11:00  order.updated: promised_at 2026-03-10, total 99.5
              Mon 2026-03-09 11:00  order.paid: status paid
              Wed 2026-03-11 09:00    late went off: due Wed 2026-03-11 09:00
              Wed 2026-03-11 09:00    message 1 goes to customer:c-77 by email in 'en' (delivery_late)
          late (order.promised_at + 1d at 09:00):
              Wed 2026-03-11 09:00  only_if order.total: {at_least: 50} - true: order.total is 99.5
              Wed 2026-03-11 09:00  not_if order.status: ready_for_pickup - false: order.status is paid
              in the end: it went off for Wed 2026-03-11 09:00, and does so again only for a later time
          moved (order.eta later by 1d):
              in the end: if it went off now, it would be sent by email in 'en'

        FAILED: 1 of 1 test
        """)
    )


def test_what_nobody_expected_fails_the_test(try_out):
    """A message that the test says nothing about is one that somebody would have got."""
    failed = try_out("""
        - name: nothing
          start: 2026-03-09T10:00
          run_until: 2026-03-20
          expect: []
    """)
    assert failed.code == 1
    assert (
        "this was sent, and nothing in 'expect' is like it:\n      Wed 2026-03-11 09:00  late, order:1043" in failed.out
    )


def test_what_never_came_is_told_whole(try_out):
    """Where nothing came that could have been meant, the failure says all that was expected."""
    failed = try_out("""
        - name: too cheap to be told
          given: {order: {total: 20}}
          start: 2026-03-09T10:00
          run_until: 2026-03-20
          expect: [{at: 2026-03-11T09:00, rule: late}]
    """)
    assert failed.code == 1
    assert (
        "the nearest that came:\n      Wed 2026-03-11 09:00  late, order:1043: delivery_late was dropped" in failed.out
    )
    assert "      outcome      expected send\n                   came     drop\n" in failed.out
    assert "only_if order.total: {at_least: 50} - false: order.total is 20" in failed.out
    silent = try_out("- {name: silence, run_until: 2026-03-01, expect: [{rule: late}]}")
    assert "6:" not in silent.out
    assert "this did not come, nor anything like it\n      rule         late\n      outcome      send\n" in silent.out


def test_one_that_fits_two_expectations_is_left_to_the_one_that_needs_it(try_out):
    """An expectation that says little takes what the others leave."""
    done = try_out("""
        - name: any two
          timeline:
            - {at: 2026-03-09T10:00, set: {order.eta: 2026-03-10}}
            - {at: 2026-03-09T11:00, set: {order.eta: 2026-03-12}}
          run_until: 2026-03-11T10:00
          expect: [{to: customer}, {at: 2026-03-09T11:00}]
    """)
    assert done.code == 0, done.out


WRONG = """
    - name: one
      given: {order: {promissed_at: 2026-03-11, total: many}, parcel: {id: 1}}
      timeline:
        - {at: 2026-03-07, event: order.shiped}
        - {at: 2026-03-06T10:00, set: {order.promisd_at: 2026-03-12, order.total: much, survey.score: 3}}
        - {at: 2026-03-06T10:00, event: survey.answered, data: {scor: 3}}
        - {at: 2026-03-06T10:00}
      expect:
        - {at: tomorrow, rule: lat, chanel: email}
        - {reason: limit, template: delivry_late, to: team.suport, locale: xx}
        - {outcome: drop, until: 2026-03-07T10:00, contains: x}
    - name: two
      timeline:
        - {at: 2026-03-06T10:00, event: order.paid}
        - {at: 2026-03-05T10:00, event: order.shipped}
      run_until: 2026-03-01
      expect: []
      why_not: [{rule: late, reason: condition_flase}]
    - name: two
      expect: []
    - {name: three, given: {order: {items: [{sku: A, quanttiy: 2}], shipping_address: Berlin}}, run_until: 2026-03-01, expect: [{contains: 7}]}
    - {name: four, start: 2026-03-01T10:00, timeline: [{at: 2026-03-09T10:00, event: order.paid}], run_until: 2026-03-05, expect: []}
"""
TOLD = """\
    1:19: no file 'fixtures/ordr.yaml' beside this one
    1:39: no kind of subject 'stok' - did you mean 'stock'?
    4:21: unknown field 'promissed_at' - did you mean 'promised_at'?
    4:54: 'total' is a number, got 'many'
    4:61: no kind of subject 'parcel'; there are customer, stock, order, shipment
    6:14: 'at' needs a time of day, like 2026-03-07T09:00 on the shop's clock
    6:33: no event 'order.shiped' - did you mean 'order.shipped'?
    7:38: no field 'order.promisd_at' - did you mean 'order.promised_at'?
    7:81: 'order.total' is a number, got 'much'
    7:87: 'survey.score' comes with an event and cannot be set; write 'event' and 'data'
    8:63: unknown field 'scor' - did you mean 'score'?
    9:9: a step of the timeline has 'event' or 'set', one of the two
    11:14: 'at' is a time like 2026-03-13T22:00:00Z or a date, got 'tomorrow'
    11:30: no rule 'lat' - did you mean 'late'?
    11:35: unknown key 'chanel' - did you mean 'channel'?
    12:10: what is sent has no reason; add 'outcome: hold' or 'outcome: drop'
    12:35: no template 'delivry_late' - did you mean 'delivery_late'?
    12:53: no team 'suport' - did you mean 'support'?
    12:74: 'xx' is not a language that is known
    13:25: only what is held has an 'until'; add 'outcome: hold'
    13:50: only what is sent has a text; delete 'contains'
    17:14: this is earlier than the step before it; put steps in order of time
    18:16: the clock would stop before it starts; put it later
    20:36: no reason 'condition_flase' - did you mean 'condition_false'?
    21:11: line 14 has a test of this name; give it another
    21:11: nothing happens in this test; give it a 'timeline' or 'run_until'
    23:52: unknown field 'items.quanttiy' - did you mean 'quantity'?
    23:85: 'shipping_address' must be a mapping (key: value)
    23:138: 'contains' must be text, not '7'; put quotes around it
    24:109: the clock would stop before the last step; put it later
"""


@pytest.mark.parametrize(("command", "code"), [("test", 2), ("check", 1)])
def test_every_fault_of_a_file_is_told_at_once_with_its_place(notifier, try_out, command, code):
    """Whatever is wrong with tests as they are written, `test` and `check` say all of it."""
    told = try_out(WRONG, head="fixtures: {order: fixtures/ordr.yaml, stok: {sku: A}}\ntests:\n")
    told = notifier(command)
    lines = [line for line in told.err.splitlines() if line.startswith("rules/tests/")]
    assert (told.code, [line.removeprefix("rules/tests/late.yaml:") for line in lines]) == (
        code,
        dedent(TOLD).splitlines(),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "rules/tests/late.yaml: no tests in it; delete the file or write 'tests:'"),
        ("tests: []\n", "rules/tests/late.yaml:1:8: 'tests' is empty; write at least one"),
        ("rules: [../lat.yaml]\ntests: [{name: a, run_until: 2026-03-01, expect: []}]\n",
         "rules/tests/late.yaml:1:9: no file of rules '../lat.yaml' - did you mean '../late.yaml'?"),
        ("rules: []\ntests: [{name: a, run_until: 2026-03-01, expect: []}]\n",
         "rules/tests/late.yaml:1:8: no file is named here; delete 'rules' to have all rules in force, or name some"),
        ("tests: [{name: a, run_until: 2026-03-01}]\n", "rules/tests/late.yaml:1:9: 'expect' is missing"),
        ("rules: [../other.yaml]\ntests: [{name: a, run_until: 2026-03-01, expect: [{rule: late}]}]\n",
         "rules/tests/late.yaml:2:58: the rule 'late' is in none of the files that 'rules' names"),
    ],
    ids=["empty", "no tests", "rules not there", "no rules", "no expectation", "rule not loaded"],
)  # fmt: skip
def test_a_file_that_cannot_be_run(notifier, shop, text, said):
    """One line says where, and what to do."""
    (shop / "rules" / "other.yaml").write_text(LATE.replace("id: late", "id: later").replace("moved", "shifted"))
    (shop / "rules" / "tests" / "late.yaml").write_text(text, encoding="utf-8")
    told = notifier("test")
    assert (told.code, told.out, told.err.splitlines()[0].removeprefix("notifier: ")) == (2, "", said)


TWO = """
    - {name: "Early: nothing", run_until: 2026-03-01, expect: []}
    - {name: late, start: 2026-03-01T10:00, run_until: 2026-03-20, expect: []}
"""


def test_tests_can_be_chosen(notifier, try_out, shop):
    """By a part of their name, by file or by folder; fixtures are no tests."""
    assert try_out(TWO, "-k", "EARLY").out.endswith("OK: 1 test\n")
    for where in ("rules/tests", "rules", "rules/tests/late.yaml"):
        assert notifier("test", where).out.endswith("FAILED: 1 of 2 tests\n")
    (shop / "rules" / "tests" / "more").mkdir()
    (shop / "rules" / "tests" / "late.yaml").rename(shop / "rules" / "tests" / "more" / "late.yml")
    # Seen from there the fixture is elsewhere.
    assert "rules/tests/more/late.yml:1:19: no file 'fixtures/order.yaml' beside this one" in notifier("test").err


def test_none_found_is_no_success(notifier, try_out, shop):
    """A green run that ran nothing would be a lie; a file that is not there is wrong usage."""
    none = notifier("test")
    assert (none.code, none.out, none.err) == (1, "", "no test was found; tests are files in rules/tests/\n")
    none = try_out(TWO, "-k", "Erly")
    assert (none.code, none.err) == (1, "no test with 'Erly' in its name was found; tests are files in rules/tests/\n")
    missing = notifier("test", "rules/tests/lat.yaml")
    assert (missing.code, missing.out) == (2, "")
    assert re.fullmatch(
        r"notifier: \S+/rules/tests/lat\.yaml is not there; name a file of tests, or a folder\n", missing.err
    )


def test_only_the_rules_that_are_named_are_in_force(try_out, shop):
    """With `rules:` the other files are as if they were not there."""
    (shop / "rules" / "moved.yaml").write_text(LATE.partition("  - id: late")[0] + LATE[LATE.index("  - id: moved") :])
    (shop / "rules" / "late.yaml").write_text(LATE[: LATE.index("  - id: moved")])
    head = "rules: [../mov*.yaml]\n" + HEAD
    test = "- {name: only moved, start: 2026-03-01T10:00, run_until: 2026-03-20, expect: []}"
    assert try_out(test, head=head).code == 0
    assert try_out(test).code == 1


def test_a_broken_project_is_one(notifier, try_out, shop):
    """Rules that cannot be read are not tested."""
    (shop / "rules" / "late.yaml").write_text(LATE.replace("order.eta", "order.etta"))
    told = try_out(TWO)
    assert (told.code, told.out, told.err.splitlines()[0]) == (
        2, "", "rules/late.yaml:13:23: unknown field 'order.etta' - did you mean 'order.eta'?"
    )  # fmt: skip


def test_the_failure_that_the_docs_show(notifier, project):
    """docs/testing.md shows a failure as it is."""
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
    test = re.search(r"```yaml\n(fixtures:.*?)```", page, re.DOTALL)[1]
    failure = re.search(r"```\n(rules/tests/late.yaml:7:11: .*?)```", page, re.DOTALL)[1]
    (project / "rules" / "tests").mkdir(exist_ok=True)
    path = project / "rules" / "tests" / "late.yaml"
    path.write_text(test, encoding="utf-8")
    assert notifier("test", "rules/tests/late.yaml").out == "rules/tests/late.yaml  1 passed\nOK: 1 test\n"
    path.write_text(test.replace("T09:00", "T08:00"), encoding="utf-8")
    assert notifier("test", "rules/tests/late.yaml").out.partition("\n\n")[2] == failure


def test_the_starters_rules_are_tested_from_end_to_end(notifier, tmp_path):
    """A new project comes with tests that try everything that its rules can do."""
    notifier("init", "new", inside=tmp_path)
    done = notifier("--project", "new", "test", "--coverage", inside=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert re.search(r"^Tried: (\d+) of \1 things that the rules can do\.\nOK: \d\d tests$", done.out, re.MULTILINE)


def test_what_no_test_tries_is_named(try_out):
    """Sends, clauses both ways and limits; that all tests pass is not enough."""
    done = try_out(
        """
        - name: too cheap
          given: {order: {total: 20}}
          start: 2026-03-09T10:00
          run_until: 2026-03-20
          expect: []
        - name: dear enough
          start: 2026-03-09T10:00
          run_until: 2026-03-20
          expect: [{rule: late}]
        """,
        "--coverage",
    )
    assert (done.code, done.out) == (
        1,
        dedent("""\
        rules/tests/late.yaml  2 passed
        rules/late.yaml:3: late: send survey:csat_delivery is never sent
        rules/late.yaml:3: late: not_if order.status: ready_for_pickup is never true
        rules/late.yaml:3: late: not_if order.status: ready_for_pickup is never false
        rules/late.yaml:3: late: limit is never reached
        rules/late.yaml:11: moved: send eta_changed is never sent
        Tried: 3 of 8 things that the rules can do.
        OK: 2 tests, but not all was tried
        """),
    )


def test_results_for_build_servers(notifier, try_out, shop):
    """JUnit XML: each test with its file and line, a failure with all that people are told."""
    assert try_out(FAILING.replace("Erika", "Erika\\u0007<&>") + TWO, "--junit", "results.xml").code == 1
    root = ET.parse(shop / "results.xml").getroot()
    assert root.attrib == {"tests": "3", "failures": "2", "errors": "0"}
    cases = [(one.get("classname"), one.get("name"), one.get("line")) for one in root.iter("testcase")]
    assert cases == [("rules/tests/late.yaml", name, line) for name, line in
                     (("it comes at eight", "3"), ("Early: nothing", "9"), ("late", "10"))]  # fmt: skip
    failure = root.find("testsuite/testcase/failure")
    assert failure.get("message") == "rules/tests/late.yaml:6:14: this did not come; the nearest that came:"
    assert "at           expected Wed 2026-03-11 08:00" in failure.text
    nowhere = notifier("test", "--junit", "no/such/results.xml")
    assert (nowhere.code, nowhere.err) == (
        2,
        "notifier: no/such/results.xml: cannot be written: No such file or directory\n",
    )


def test_a_change_runs_them_again(try_out, shop):
    """With --watch a saved file is tried at once, and one with a fault in it ends nothing."""
    try_out("- {name: early, run_until: 2026-03-01, expect: []}")
    path = shop / "rules" / "tests" / "late.yaml"
    right = path.read_text(encoding="utf-8")

    def save(text: str) -> None:
        (shop / "saved").write_text(text, encoding="utf-8")
        (shop / "saved").replace(path)

    command = [sys.executable, "-m", "notifier", "test", "--watch"]
    with subprocess.Popen(command, cwd=shop, stdout=PIPE, stderr=STDOUT, text=True) as watching:
        rounds = (list(takewhile(lambda line: "Waiting for a change" not in line, watching.stdout)) for _ in range(3))
        try:
            assert next(rounds) == ["rules/tests/late.yaml  1 passed\n", "OK: 1 test\n"]
            save(right.replace("expect", "expct"))
            assert next(rounds)[0] == "rules/tests/late.yaml:3:5: 'expect' is missing\n"
            save(right.replace("03-01", "03-20"))
            assert next(rounds)[0] == "rules/tests/late.yaml  1 failed\n"
        finally:
            watching.send_signal(signal.SIGINT)
            watching.communicate(timeout=30)
    assert watching.returncode == 130


def test_time_never_goes_back(notifier, try_out, shop):
    """What an event moves into the past comes with that event, and is decided by what was known then and not before."""
    done = try_out("""
        - name: late at once
          timeline: [{at: 2026-03-09T10:00, set: {order.promised_at: 2026-03-07}}]
          start: 2026-03-05T10:00
          run_until: 2026-03-10
          expect: [{at: 2026-03-09T10:00, rule: late}]
    """)
    assert done.code == 0, done.out


OTHER = """\
version: 1
rules:
  - id: silent
    about: shipment
    trigger: {no_news: {of: shipment.scanned, for: 2d, counted_from: shipment.created_at}}
    send: {template: delivery_late}
  - id: worse
    about: order
    trigger: {becomes_true: {order.eta: {after: order.promised_at + 1d}}}
    still_true_after: 2h
    send: {template: eta_changed}
"""


def test_what_is_so_at_the_start_does_not_become_so(try_out, shop):
    """Whatever the trigger, what is given arms its times and sets nothing off; clauses of triggers are to be tried as well."""
    (shop / "rules" / "other.yaml").write_text(OTHER, encoding="utf-8")
    done = try_out(
        """
        - name: silence counts from what was given
          given: {order: {promised_at: null}, shipment: {created_at: 2026-03-09T10:00}}
          timeline: [{at: 2026-03-10T10:00, event: shipment.scanned}]
          run_until: 2026-03-13
          expect: [{at: 2026-03-12T10:00, rule: silent, about: "shipment:1", to: "customer:c-77"}]
        - name: what has become worse is told when it lasts
          given: {order: {eta: 2026-03-10}}
          timeline:
            - {at: 2026-03-08T10:00, set: {order.eta: 2026-03-12}}
            - {at: 2026-03-08T11:00, set: {order.eta: 2026-03-11}}
            - {at: 2026-03-08T12:00, set: {order.eta: 2026-03-13}}
          run_until: 2026-03-09
          expect: [{at: 2026-03-08T14:00, rule: worse}]
        - name: what was bad before the test began is no news
          given: {order: {eta: 2026-03-12}}
          timeline: [{at: 2026-03-08T10:00, set: {order.eta: 2026-03-13}}]
          run_until: 2026-03-09
          expect: []
          why_not: [{rule: worse, reason: fired}]
        """,
        "--coverage",
        head="rules: [../other.yaml]\n" + HEAD,
    )
    assert "OK: 3 tests" in done.out
    assert "other.yaml" not in done.out, done.out


def test_nothing_sent_since_nobody_is_known_is_no_success(try_out, notifier):
    """Of an order without a customer nothing is ever sent: a test that is content with that must say that it means it."""
    whose = "{id: '9', total: 99, promised_at: 2026-03-10, customer: null}"
    quiet = f"- {{name: quiet, given: {{order: {whose}}}, run_until: 2026-03-14, expect: []"
    ended = try_out(f"{quiet}}}\n")
    assert ended.code == 1
    assert (
        "  nothing was sent only because nobody is known to whom: give a customer in 'given',\n"
        "  or say that it is meant with why_not: [{rule: late, reason: no_address}]\n"
    ) in ended.out
    assert try_out(f"{quiet}, why_not: [{{rule: late, reason: no_address}}]}}\n").code == 0


def test_fixtures_lie_below_the_project(notifier, shop):
    """A test that is passed on must not read what lies elsewhere on a computer."""
    (shop / "rules" / "tests" / "some.yaml").write_text(
        "fixtures: {order: ../../../elsewhere.yaml}\ntests:\n  - {name: a, expect: []}\n", encoding="utf-8"
    )
    (shop.parent / "elsewhere.yaml").write_text("id: '1'\n", encoding="utf-8")
    ended = notifier("test")
    assert ended.code != 0
    assert (
        "rules/tests/some.yaml:1:19: '../../../elsewhere.yaml' lies outside of the project; fixtures are files below it\n"
    ) in ended.out + ended.err
