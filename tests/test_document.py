from __future__ import annotations

import time
import tracemalloc
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from notifier.document import LARGEST, parse, read, suggest, validate
from notifier.errors import Faults

SHOWN = "rules/delivery.yaml"


def told(text: str | bytes) -> str:
    """What a person sees for a file with this text."""
    with pytest.raises(Faults) as caught:
        parse(text, SHOWN)
    return str(caught.value)


# --- what is kept as it was written ----------------------------------------------------------------------------------

KEPT = {
    "01 a key called on": ("on: order.placed", {"on": "order.placed"}),
    "02 Norway": ("countries: [NO, SE]", {"countries": ["NO", "SE"]}),
    "03 times of day": ("quiet: {from: 22:00, to: 08:00}", {"quiet": {"from": "22:00", "to": "08:00"}}),
    "04 a leading zero": ("sku: 01234", {"sku": "01234"}),
    "05 quoted version": ("version: '1.10'", {"version": "1.10"}),
    "06 dates": ("day: 2026-03-29\nat: 2026-03-29 02:30:00", {"day": "2026-03-29", "at": "2026-03-29 02:30:00"}),
    "11 empty": ("", None),
    "11 comments only": ("# nothing yet\n", None),
    "16 byte order mark": (b"\xef\xbb\xbfa: 1", {"a": 1}),
    "20 odd numbers": ("a: .inf\nb: 1e9\nc: 0x10\nd: 1_000", {"a": ".inf", "b": "1e9", "c": "0x10", "d": "1_000"}),
    "30 Windows lines": (b"a: 1\r\nb: [x,\r\n  y]\r\n", {"a": 1, "b": ["x", "y"]}),
    "numbers": ("a: 1\nb: -2\nc: 0.5\nd: -0", {"a": 1, "b": -2, "c": 0.5, "d": 0}),
    "words": ("a: true\nb: false\nc: null\nd: ~\ne:", {"a": True, "b": False, "c": None, "d": None, "e": None}),
    "words of YAML 1.1": ("a: yes\nb: Off\nc: y", {"a": "yes", "b": "Off", "c": "y"}),
    "keys are text": ("1: a\ntrue: b\n22:00: c", {"1": "a", "true": "b", "22:00": "c"}),
    "a phone number": ("sms: +15005550006", {"sms": "+15005550006"}),
    "a long number": ("n: 12345678901234567890", {"n": "12345678901234567890"}),
    "text over lines": ("a: |\n  x\n  y\nb: >-\n  x\n  y", {"a": "x\ny\n", "b": "x y"}),
    "a reference in braces": ("{a: ${NAME}, b: [x${B}y, '${C}']}", {"a": "${NAME}", "b": ["x${B}y", "${C}"]}),
    "a first document mark": ("---\na: 1\n...\n", {"a": 1}),
}


@pytest.mark.parametrize(("text", "data"), KEPT.values(), ids=KEPT)
def test_kept(text, data):
    """What looks like text to a person stays text."""
    assert parse(text, SHOWN).data == data


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"], exclude_characters="\u2028\u2029\ufeff")))
def test_any_text_can_be_quoted(text):
    """Whatever stands between quotes comes out as it went in."""
    assert parse("a: '" + text.replace("'", "''") + "'", SHOWN).data == {"a": text}


# --- what is refused, and in which words -----------------------------------------------------------------------------

REFUSED = {
    "07 a key twice": (
        "delay: 1h\nsend: x\ndelay: 2h\n",
        "rules/delivery.yaml:3:1: 'delay' is already given in line 1; keep one of the two\n    delay: 2h\n    ^",
    ),
    "08 a tab": (
        "rules:\n\t- id: a\n",
        "rules/delivery.yaml:2:1: indented with a tab; use spaces\n     - id: a\n    ^",
    ),
    "08 a tab after spaces": (
        "a:\n  b: 1\n  \tc: 2\n",
        "rules/delivery.yaml:3:3: indented with a tab; use spaces\n       c: 2\n      ^",
    ),
    "09 braces alone": (
        "subject: {{ order.id }}\n",
        "rules/delivery.yaml:1:10: put quotes around a text with {{ }}\n    subject: {{ order.id }}\n             ^",
    ),
    "09 braces and words": (
        "subject: {{ order.id }} is late\n",
        "rules/delivery.yaml:1:10: put quotes around a text with {{ }}\n"
        "    subject: {{ order.id }} is late\n"
        "             ^",
    ),
    "09 a Jinja block": (
        "subject: {% if x %}y{% endif %}\n",
        "rules/delivery.yaml:1:10: put quotes around a text with {% %}\n"
        "    subject: {% if x %}y{% endif %}\n"
        "             ^",
    ),
    "10 two colons": (
        "subject: Order: shipped\n",
        "rules/delivery.yaml:1:10: put quotes around the value of 'subject': it has ': ' in it\n"
        "    subject: Order: shipped\n"
        "             ^",
    ),
    "10 two colons in a list": (
        "rules:\n  - description: Note: late\n",
        "rules/delivery.yaml:2:18: put quotes around the value of 'description': it has ': ' in it\n"
        "      - description: Note: late\n"
        "                     ^",
    ),
    "12 two documents": (
        "a: 1\n---\nb: 2\n",
        "rules/delivery.yaml:2:1: a second document starts here; a file holds one: delete the '---'\n    ---\n    ^",
    ),
    "13 a tag that runs programs": (
        "a: !!python/object/apply:os.system [x]\n",
        "rules/delivery.yaml:1:4: tags are not allowed; delete '!!python/object/apply:os.system', and put quotes "
        "around what must be text\n"
        "    a: !!python/object/apply:os.system [x]\n"
        "       ^",
    ),
    "14 anchors and aliases": (
        "a: &x [1]\nb: *x\n",
        "rules/delivery.yaml:1:4: anchors are not allowed; delete '&x' and write values out where needed\n"
        "    a: &x [1]\n"
        "       ^\n"
        "rules/delivery.yaml:2:4: aliases are not allowed; write out what '*x' stands for\n"
        "    b: *x\n"
        "       ^",
    ),
    "14 a merge": (
        "<<: {a: 1}\n",
        "rules/delivery.yaml:1:1: merges are not allowed; write the keys out instead of '<<'\n    <<: {a: 1}\n    ^",
    ),
    "15 nested": (
        "a: " + "[" * 21,
        "rules/delivery.yaml:1:23: nested too deeply: at most 20 levels\n    a: [[[[[[[[[[[[[[[[[[[[[\n"
        "                          ^",
    ),
    "16 UTF-16": ("a: 1".encode("utf-16"), "rules/delivery.yaml: is UTF-16; save it as UTF-8"),
    "16 Latin-1": (
        "a: 1\nname: café\n".encode("latin-1"),
        "rules/delivery.yaml:2:10: the byte 0xE9 is not UTF-8; save the file as UTF-8\n"
        "    name: caf\ufffd\n"
        "             ^",
    ),
    "16 NUL": (
        "a: x\0y\n",
        "rules/delivery.yaml:1:5: the character U+0000 cannot be part of a YAML file; delete it\n"
        "    a: x\ufffdy\n"
        "        ^",
    ),
    "29 half a quote": (
        "rules:\n  - id: late\n    description: 'The day has pas",
        "rules/delivery.yaml:3:18: this quote is never closed\n"
        "        description: 'The day has pas\n"
        "                     ^",
    ),
    "29 half a list": (
        "rules:\n  - id: late\n    channels: [email,\n",
        "rules/delivery.yaml:3:15: what opens here is never closed\n        channels: [email,\n                  ^",
    ),
    "a list where it cannot be": (
        "a: - b\n",
        "rules/delivery.yaml:1:4: a list begins on a line of its own, each item after '- '\n    a: - b\n       ^",
    ),
    "an item among keys": (
        "- a\nb: 1\n",
        "rules/delivery.yaml:2:1: expected '- ' here, like the items above; or check the indentation\n    b: 1\n    ^",
    ),
    "too far in": (
        "a: 1\n  b: 2\n",
        "rules/delivery.yaml:2:3: does not fit the line above: check its indentation, or the ':' after the key there\n"
        "      b: 2\n"
        "      ^",
    ),
    "a sign that YAML keeps": (
        "to: @team\n",
        "rules/delivery.yaml:1:5: a text cannot begin with '@'; put quotes around it\n    to: @team\n        ^",
    ),
    "a backslash": (
        'a: "C:\\data"\n',
        "rules/delivery.yaml:1:7: a backslash in double quotes is special; use single quotes, or write it twice\n"
        '    a: "C:\\data"\n'
        "          ^",
    ),
    "a list as a key": (
        "? [a]\n: b\n",
        "rules/delivery.yaml:1:3: a key must be one word or text, not a list or mapping\n    ? [a]\n      ^",
    ),
    "several at once": (
        "a: 1\na: 2\nb: !x 3\n",
        "rules/delivery.yaml:2:1: 'a' is already given in line 1; keep one of the two\n    a: 2\n    ^\n"
        "rules/delivery.yaml:3:4: tags are not allowed; delete '!x', and put quotes around what must be text\n"
        "    b: !x 3\n"
        "       ^",
    ),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(text, message):
    """What cannot be meant is refused in words that say where and what to do."""
    assert told(text) == message


def test_laughs_are_not_laughed():
    """A file whose aliases would unfold into millions of values costs nothing."""
    laughs = "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [" + ",".join([f"*{chr(97 + n)}"] * 8) + "]\n" for n in range(8)
    )
    assert told(laughs).startswith("rules/delivery.yaml:1:4: anchors are not allowed")


def test_twenty_thousand_brackets_do_not_exhaust_the_stack():
    """Nesting without end is refused like any other mistake."""
    assert ": nested too deeply: at most 20 levels" in told("[" * 20_000)


def test_too_large(tmp_path):
    """A file of a hundred megabytes is refused by its size, before it is read."""
    file = tmp_path / "big.yaml"
    with file.open("wb") as sparse:
        sparse.truncate(100_000_000)
    tracemalloc.start()
    with pytest.raises(Faults) as caught:
        read(file, SHOWN)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 * LARGEST
    assert str(caught.value) == "rules/delivery.yaml: is larger than 256 KiB; split it into several files"
    assert parse("# " + "x" * (LARGEST - 2), SHOWN).data is None


def test_files_that_cannot_be_read(tmp_path):
    """A file that is missing, a directory or a circle of links is named, with the reason."""
    circle = tmp_path / "circle.yaml"
    circle.symlink_to(circle)
    cases = {
        circle: "Too many levels of symbolic links",
        tmp_path: "Is a directory",
        tmp_path / "none.yaml": "No such file or directory",
    }
    for path, reason in cases.items():
        with pytest.raises(Faults) as caught:
            read(path, SHOWN)
        assert str(caught.value) == f"{SHOWN}: cannot be read: {reason}"


# --- where things are ------------------------------------------------------------------------------------------------

PLACES = parse('rules:\n  - id: late\n    when: {order.eta: "after now", a: }\n    "it\'s": żółw # x\n', SHOWN)


@pytest.mark.parametrize(
    ("loc", "options", "place"),
    [
        (("rules", 0, "id"), {}, (2, 9)),
        (("rules", 0, "id"), {"on_key": True}, (2, 5)),
        (("rules", 0, "when", "order.eta"), {}, (3, 23)),
        (("rules", 0, "when", "order.eta"), {"part": "now"}, (3, 30)),
        (("rules", 0, "when", "order.eta"), {"part": "no"}, (3, 30)),
        (("rules", 0, "when", "order.eta"), {"part": "never"}, (3, 23)),
        (("rules", 0, "when", "a"), {}, (3, 36)),
        (("rules", 0, "it's"), {}, (4, 13)),
        (("rules", 0, "missing"), {}, (2, 5)),
        (("rules", 7), {}, (2, 3)),
        (("nothing",), {}, (1, 1)),
    ],
)
def test_places(loc, options, place):
    """A problem points at the value, its key or a part of it; at what holds it where it does not exist."""
    problem = PLACES.problem(loc, "x", **options)
    assert (problem.line, problem.column) == place


def test_a_caret_under_its_place_in_spite_of_tabs():
    """A tab before the fault is as wide in the line shown as in the column."""
    problem = parse("a:\t\t[1,\tx]", SHOWN).problem(("a", 1), "no")
    assert str(problem) == "rules/delivery.yaml:1:9: no\n    a:  [1, x]\n            ^"


def test_every_value_has_its_line():
    """In a file of many kinds of line ends the lines are counted as the editor counts them."""
    document = parse(b"a: 1\r\nb: '\xe2\x82\xac \xf0\x9f\x98\x80'\r\nc: {d: \xf0\x9f\x98\x80 x, e: 5}\n", SHOWN)
    problem = document.problem(("c", "e"), "x")
    assert (problem.line, problem.column, problem.source) == (3, 16, "c: {d: 😀 x, e: 5}")


# --- models ----------------------------------------------------------------------------------------------------------


class Send(BaseModel):
    model_config = ConfigDict(extra="forbid")
    template: str
    channels: list[Literal["email", "sms"]] | Literal["all"] = "all"


class Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    delay: str | None = None
    times: int = Field(1, ge=1, le=5)
    share: float = 1.0
    open: bool = False
    send: Send | list[Send]


class Rules(BaseModel):
    model_config = ConfigDict(extra="forbid")
    version: Literal[1]
    rules: list[Rule]


def faults_of(text: str) -> list[str]:
    document = parse(text, SHOWN)
    with pytest.raises(Faults) as caught:
        validate(document, Rules)
    return [str(problem).split("\n")[0].removeprefix(SHOWN + ":") for problem in caught.value.problems]


RULE = "version: 1\nrules:\n  - id: late\n    send: {template: x}\n"

WRONG = {
    "5 a version that is a decimal": (
        RULE.replace("version: 1", "version: 1.10"),
        "1:10: 'version' must be 1, not '1.10'",
    ),
    "18 a slip of the pen": (RULE + "    dealy: 1h", "5:5: unknown key 'dealy' - did you mean 'delay'?"),
    "18 an unknown key": (RULE + "    colour: red", "5:5: unknown key 'colour'; known here: delay, id, open, send, share, times"),
    "18 inside": (RULE.replace("template", "tmplate"), "4:11: 'template' is missing", "4:12: unknown key 'tmplate' - did you mean 'template'?"),
    "missing": ("version: 1\nrules:\n  - send: {template: x}", "3:5: 'id' is missing"),
    "a number for a text": (RULE.replace("id: late", "id: 5"), "3:9: 'id' must be text, not '5'; put quotes around it"),
    "a text for a number": (RULE + "    times: often", "5:12: 'times' must be a whole number, not 'often'"),
    "too many": (RULE + "    times: 9", "5:12: 'times' must be at most 5"),
    "a text for a share": (RULE + "    share: half", "5:12: 'share' must be a number, not 'half'"),
    "neither true nor false": (RULE + "    open: perhaps", "5:11: 'open' must be true or false, not 'perhaps'"),
    "none of them": (
        RULE.replace("{template: x}", "{template: x, channels: [emial]}"),
        "4:36: item 1 of 'channels' is one of email, sms, not 'emial' - did you mean 'email'?",
    ),
    "neither of two": (RULE.replace("{template: x}", "5"), "4:11: 'send' must be a mapping (key: value) or a list, not '5'"),
    "a mapping for a list": ("version: 1\nrules: {a: b}", "2:8: 'rules' must be a list, not a mapping"),
    "an item that is none": ("version: 1\nrules: [late]", "2:9: item 1 of 'rules' must be a mapping (key: value), not 'late'"),
    "12 a list at the top": ("- a", "1:1: the file must be a mapping (key: value), not a list"),
    "11 nothing": ("# x", " the file must be a mapping (key: value), not empty"),
    "all at once": (
        "version: 2\nrules:\n  - {id: a}\n  - {send: []}\n",
        "1:10: 'version' must be 1, not '2'",
        "3:5: 'send' is missing",
        "4:5: 'id' is missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_wrong(case):
    """A fault of meaning is told like a fault of form: where, what, and what was probably meant."""
    text, *messages = case
    assert faults_of(text) == messages


def test_a_sound_file_is_a_model():
    """What is right is given as the model, also from the middle of a file."""
    document = parse(RULE, SHOWN)
    assert validate(document, Rules).rules[0].send == Send(template="x")
    assert validate(document, Send, ("rules", 0, "send")) == Send(template="x")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("order.etta", " - did you mean 'order.eta'?"),
        ("eta", " - did you mean 'order.eta'?"),
        ("ORDER.ETA", " - did you mean 'order.eta'?"),
        ("order.redy", " - did you mean 'order.ready_for_pickup'?"),
        ("order.nope", ""),
        ("ordre.eta", " - did you mean 'order.eta'?"),
        ("Warsaw", " - did you mean 'Europe/Warsaw'?"),
        ("order.eta", ""),
        ("zebra", ""),
        ("", ""),
    ],
)
def test_suggest(word, hint):
    """The likeliest word is offered, and none where nothing is like it."""
    assert suggest(word, ["order.eta", "order.total", "order.ready_for_pickup", "Europe/Warsaw"]) == hint


def test_a_thousand_rules_are_read_at_once():
    """A thousand rules in four files take no noticeable time."""
    rule = (
        "  - id: rule-{}\n    description: The evening before the promised day.\n    about: order\n"
        "    trigger: {{moment: order.promised_at - 1d, at: 18:00}}\n    limit: {{once_per: order}}\n"
        "    send: {{template: may_be_late, channels: [preferred, email, sms]}}\n"
    )
    files = ["rules:\n" + "".join(rule.format(n) for n in range(250)) for _ in range(4)]
    begun = time.process_time()
    assert sum(len(parse(file, SHOWN).data["rules"]) for file in files) == 1000
    assert time.process_time() - begun < 2
