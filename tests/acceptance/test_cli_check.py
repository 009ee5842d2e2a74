from __future__ import annotations

import json
import re
from textwrap import dedent

import pytest

from notifier import provider

RULE = """\
version: 1
rules:
  - id: low-stock
    about: stock
    trigger: {change: stock.available, falls_below: stock.reorder_point}
    send: {template: low_stock, to: team.purchasing}
"""
STOCK, CONFIG, POLISH = "rules/stock.yaml", "config/notifier.yaml", "templates/delivery_late/pl.md"


def test_a_new_project_has_nothing_wrong(notifier, tmp_path):
    """What `init` lays out is found to be in order, in one line that says how much was looked at."""
    notifier("init", "new", inside=tmp_path)
    found = notifier("--project", "new", "check", inside=tmp_path)
    assert (found.code, found.out, found.err) == (0, "OK: 18 rules, 21 texts in 7 languages\n", "")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (STOCK, "", "rules/stock.yaml: no rules in it; delete the file or write 'version: 1' and 'rules:'"),
        (
            STOCK,
            RULE + "    limit: {once_per: stock}\n    limit: {once_per: stock}\n",
            """\
            rules/stock.yaml:8:5: 'limit' is already given in line 7; keep one of the two
                    limit: {once_per: stock}
                    ^""",
        ),
        (
            STOCK,
            'a: !!python/object/apply:os.system ["true"]\n',
            "rules/stock.yaml:1:4: tags are not allowed; delete '!!python/object/apply:os.system', "
            "and put quotes around what must be text\n"
            '    a: !!python/object/apply:os.system ["true"]\n'
            "       ^",
        ),
        (
            STOCK,
            RULE.replace("low_stock", "low_stok"),
            """\
            rules/stock.yaml:6:22: no template 'low_stok' - did you mean 'low_stock'?
                    send: {template: low_stok, to: team.purchasing}
                                     ^""",
        ),
        (
            STOCK,
            RULE + RULE[RULE.index("  - id") :],
            """\
            rules/stock.yaml:7:9: duplicate rule id 'low-stock' (first at rules/stock.yaml:3)
                  - id: low-stock
                        ^""",
        ),
        (
            POLISH,
            '---\nsubject: "x"\nsms: "x"\n---\n{{ order.nmber }} {{ links.faq_delay }}\n',
            """\
            templates/delivery_late/pl.md:5:4: there is no 'order.nmber' - did you mean 'order.number'?
                {{ order.nmber }} {{ links.faq_delay }}
                   ^""",
        ),
    ],
    ids=["empty", "given-twice", "tag", "template", "same-id", "variable"],
)
def test_a_fault_is_told_with_its_place(notifier, project, file, text, said):
    """Each mistake is one fault, named with file, line and column, the line and a caret, and what to do."""
    (project / file).write_text(text, encoding="utf-8")
    found = notifier("check")
    assert (found.code, found.out, found.err) == (1, "", f"{dedent(said)}\n1 fault.\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "shop: {timezone: Warsaw}\n",
            """\
            config/notifier.yaml:1:18: 'Warsaw' is not a time zone - did you mean 'Europe/Warsaw'?
                shop: {timezone: Warsaw}
                                 ^""",
        ),
        (
            'providers: {mail: {type: smtp, host: h.example, username: u, password: "${SMTP_PASSWORD}"}}\n',
            "config/notifier.yaml:1:73: SMTP_PASSWORD is not set in the environment; "
            "set it, or SMTP_PASSWORD_FILE to the file that holds it\n"
            '    providers: {mail: {type: smtp, host: h.example, username: u, password: "${SMTP_PASSWORD}"}}\n'
            f"    {' ' * 72}^",
        ),
    ],
    ids=["zone", "unset"],
)
def test_a_broken_configuration_says_that_the_rest_waits(notifier, project, text, said):
    """Rules and texts cannot be read without the configuration, and a person is told so."""
    (project / CONFIG).write_text(text, encoding="utf-8")
    rest = "Rules and texts are looked at once the configuration can be read."
    found = notifier("check")
    assert (found.code, found.err) == (1, f"{dedent(said)}\n1 fault.\n{rest}\n")


def test_a_secret_in_the_file_is_refused_and_not_repeated(notifier, project):
    """Neither the value nor the line that holds it is printed."""
    (project / CONFIG).write_text(
        "providers: {mail: {type: smtp, host: h.example, password: hunter2}}\n", encoding="utf-8"
    )
    found = notifier("check")
    assert found.code == 1
    assert "'password' is a secret" in found.err
    assert "hunter2" not in found.out + found.err


def test_all_faults_come_at_once(notifier, project):
    """A rule with two mistakes and a text with one are three faults of one look."""
    (project / STOCK).write_text(
        RULE.replace("template", "tempalte").replace("purchasing", "purchase"), encoding="utf-8"
    )
    (project / POLISH).write_text("---\nsubject: {{ order.number }}\n---\nx\n", encoding="utf-8")
    found = notifier("check")
    places = [line.split(": ")[0] for line in found.err.splitlines() if line.startswith(("rules", "templates"))]
    assert places == [
        "rules/stock.yaml:6:11",
        "rules/stock.yaml:6:12",
        "rules/stock.yaml:6:37",
        "templates/delivery_late/pl.md:2:10",
    ]
    assert found.err.endswith("4 faults.\n")


def test_paths_lead_there_from_where_one_is(notifier, project):
    """From outside the project, a place can still be clicked."""
    (project / STOCK).write_text("", encoding="utf-8")
    found = notifier("check", "--project", project.name, inside=project.parent)
    assert found.err.startswith("shop/rules/stock.yaml: no rules in it")


def test_a_warning_is_no_fault(notifier, project):
    """A text that is missing in one language is shown, and the project is in order all the same."""
    text = re.sub(r"sms:.*\n(  .*\n)*", "", (project / POLISH).read_text(encoding="utf-8"))
    (project / POLISH).write_text(text, encoding="utf-8")
    found = notifier("check")
    assert found.code == 0
    assert found.err == "templates/delivery_late/pl.md: warning: has no sms, as en.md has\n"
    assert found.out.startswith("OK: ")


def test_a_provider_that_cannot_be_made_is_a_fault(notifier, monkeypatch):
    """Every provider is made once, so that the first message is not what finds it broken."""
    maildir = provider.find("maildir")

    def broken(*_):
        raise RuntimeError("secret-token")

    monkeypatch.setattr(maildir, "__init__", broken)
    found = notifier("check")
    assert found.code == 1
    assert "provider 'outbox' (maildir) cannot be made: RuntimeError\n" in found.err
    assert "secret-token" not in found.err


def test_faults_as_json(notifier, project):
    """Scripts get each problem as a line, and a summary."""
    (project / STOCK).write_text("", encoding="utf-8")
    found = notifier("check", "--json")
    *problems, last = found.records
    assert problems == [
        {
            "file": "rules/stock.yaml", "line": 0, "column": 0, "warning": False,
            "text": "no rules in it; delete the file or write 'version: 1' and 'rules:'",
        }
    ]  # fmt: skip
    assert last["summary"]["ok"] is False
    assert (found.code, found.err) == (1, "")


def test_a_broken_project_ends_other_commands_with_2(notifier, project):
    """Only for `check` is a fault the answer; for the rest it is in the way."""
    (project / STOCK).write_text("", encoding="utf-8")
    ended = notifier("tick")
    assert (ended.code, ended.out) == (2, "")
    assert (
        ended.err == "notifier: rules/stock.yaml: no rules in it; delete the file or write 'version: 1' and 'rules:'\n"
    )
    assert json.dumps(ended.err).count("\\n") == 1
