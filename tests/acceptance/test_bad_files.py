"""Rules files as they should not be: each is told in a line that says where and what to do, and all of them at once."""

from __future__ import annotations

import time

import pytest

HEAD = "version: 1\nrules:\n"
RULE = "  - id: {}\n    about: order\n    trigger: {{event: order.shipped}}\n    send: {{template: order_shipped}}\n"


def rule(name: str, more: str = "") -> str:
    return HEAD + RULE.format(name) + more


#: File -> what stands in it, and what is said of it.
FILES: dict[str, tuple[str | bytes, str]] = {
    "01-on": (rule("a01").replace("trigger", "on"), ":5:5: unknown key 'on'"),
    "05-version": (rule("a05").replace("version: 1", "version: 1.10"), ":1:10: 'version' must be 1, not '1.10'"),
    "06-no-zone": (
        rule("a06", "    only_if: {order.eta: {after: 2026-03-29 02:30:00}}\n"),
        ":7:34: 2026-03-29 02:30:00 has no zone; add Z or +01:00, or write the date alone",
    ),
    "07-twice": (
        rule("a07", "    limit: {once_per: order}\n    limit: {once_per: customer}\n"),
        ":8:5: 'limit' is already given in line 7; keep one of the two",
    ),
    "08-tab": (rule("a08", "\tlimit: {once_per: order}\n"), ":7:1: indented with a tab; use spaces"),
    "11-empty": ("", ": no rules in it; delete the file or write 'version: 1' and 'rules:'"),
    "11-comments": ("# none\n", ": no rules in it; delete the file or write 'version: 1' and 'rules:'"),
    "12-list": ("- a\n", ":1:1: the file must be a mapping (key: value), not a list"),
    "12-two": (rule("a12", "---\nversion: 1\n"), ":7:1: a second document starts here; a file holds one: delete the '---'"),
    "13-python": (
        "rules: !!python/object/apply:os.system ['touch pwned']\n",
        ":1:8: tags are not allowed; delete '!!python/object/apply:os.system', and put quotes around what must be text",
    ),
    "14-laughs": (
        "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n",
        ":1:4: anchors are not allowed; delete '&a' and write values out where needed",
    ),
    "14-itself": ("rules: &a [*a]\n", ":1:12: aliases are not allowed; write out what '*a' stands for"),
    "15-deep": ("rules: " + "[" * 20_000, ":1:27: nested too deeply: at most 20 levels"),
    "16-utf16": (rule("a16").encode("utf-16"), ": is UTF-16; save it as UTF-8"),
    "16-latin": (
        rule("b16", "    description: caf\xe9\n").encode("latin-1"),
        ":7:21: the byte 0xE9 is not UTF-8; save the file as UTF-8",
    ),
    "16-nul": (
        rule("c16", "    description: a\0b\n"),
        ":7:19: the character U+0000 cannot be part of a YAML file; delete it",
    ),
    "17-large": ("#" * 300_000, ": is larger than 256 KiB; split it into several files"),
    "18-key": (rule("a18", "    limits: {once_per: order}\n"), ":7:5: unknown key 'limits' - did you mean 'limit'?"),
    "19-event": (
        rule("a19").replace("order.shipped", "order.shiped"),
        ":5:22: unknown event 'order.shiped' - did you mean 'order.shipped'?",
    ),
    "19-text": (
        rule("b19").replace("order_shipped", "order_shiped"),
        ":6:22: no template 'order_shiped' - did you mean 'order_shipped'?",
    ),
    "20-bare": (
        rule("a20").replace("shipped}\n", "shipped, after: 1}\n").replace("event: order.shipped, after: 1", "event: order.shipped"),
        ":6:44: '1' needs a unit, like '1m', '1h' or '1d'",
    ),
    "21-name": (rule("a/../b"), ":3:9: an id is made of small letters, digits, - and _, at most 64; got 'a/../b'"),
    "21-same": (rule("a18"), ":3:9: duplicate rule id 'a18' (first at rules/18-key.yaml:3)"),
    "23-type": (
        rule("a23", '    only_if: {order.total: {more_than: "100"}}\n'),
        ":7:40: order.total is a number, got '100'",
    ),
    "23-regex": (
        rule("b23", '    only_if: {order.number: {matches: "(a+)+$"}}\n'),
        ":7:30: order.number takes is, not, contains, starts_with, exists, not 'matches'",
    ),
}  # fmt: skip

#: What is right, however it may look.
RIGHT: dict[str, str | bytes] = {
    "02-norway": rule("a02", "    only_if: {customer.country: [NO, SE]}\n"),
    "04-zero": rule("a04", "    only_if: {order.items: {any: {sku: 01234}}}\n"),
    "16-mark": b"\xef\xbb\xbf" + rule("d16").encode(),
    "20-iso": rule("b20", "    limit: {at_most: 1, per: order, in_any: P1D}\n"),
    "30-crlf": rule("a30").replace("\n", "\r\n"),
}


@pytest.fixture
def rules(project):
    for path in (project / "rules").rglob("*.yaml"):
        path.unlink()
    return project / "rules"


def _write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_every_bad_file_is_told_in_a_line(notifier, rules):
    """All at once, in seconds, without a traceback, and nothing in them is run."""
    for name, (content, _) in FILES.items():
        _write(rules / f"{name}.yaml", content)
    begun = time.process_time()
    ended = notifier("check")
    assert time.process_time() - begun < 20
    assert ended.code == 1
    said = (ended.out + ended.err).splitlines()
    missing = [
        f"rules/{name}.yaml{text}" for name, (_, text) in FILES.items() if f"rules/{name}.yaml{text}" not in said
    ]
    assert missing == []
    assert not any("Traceback" in line for line in said)
    assert not list(rules.parent.rglob("pwned"))


def test_what_only_looks_bad_is_taken(notifier, rules):
    """NO is Norway, a leading zero is kept, and marks, Windows line ends and a folder that leads to itself do no harm."""
    for name, content in RIGHT.items():
        _write(rules / f"{name}.yaml", content)
    (rules / "loop").symlink_to(rules)
    ended = notifier("check")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"OK: {len(RIGHT)} rules")
