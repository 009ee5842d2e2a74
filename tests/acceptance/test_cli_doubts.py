"""What `check` warns of in a project that is in order all the same."""

from __future__ import annotations

import pytest

MAILDIR, SMTP = "outbox: {type: maildir, path: var/outbox/email}", "outbox: {type: smtp, host: smtp.x}"
STILL = "is still an example, and messages leave this computer: write your own"
OWN = """\
shop: {name: Bolt, url: https://bolt.example.edu, postal_address: "1 Main Street, Warsaw", support_email: help@bolt.example.edu}
web: {public_base_url: https://notify.bolt.example.edu}
providers: {outbox: {type: smtp, host: smtp.bolt.example.edu}}
channels: {email: {from: Bolt <orders@bolt.example.edu>}, sms: {providers: []}}
teams: {support: {email: support@bolt.example.edu}, purchasing: {email: purchasing@bolt.example.edu}, logistics: {email: logistics@bolt.example.edu}}
links: {en: {contact: https://bolt.example.edu/contact}}
"""


@pytest.fixture
def edit(project):
    """Changes the starter's configuration."""
    file = project / "config" / "notifier.yaml"

    def changed(old, new):
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    return changed


def warned(found):
    assert found.code == 0
    return [line.split(": warning: ")[1] for line in found.err.splitlines() if ": warning: " in line]


def test_the_starters_own_data_must_not_go_out(notifier, edit):
    """Once a provider really sends, every example that customers would read is named with its place."""
    edit(MAILDIR, SMTP)
    found = notifier("check")
    shop = ("name", "url", "postal_address", "support_email", "support_phone")
    senders = ("transactional", "survey", "marketing", "staff")
    said = warned(found)
    assert [line for line in said if STILL in line] == [
        *(f"'{name}' {STILL}" for name in (*shop, *senders, "email", "email", "email")),
        *[f"'contact' {STILL}"] * 7,
    ]
    assert "config/notifier.yaml:42:22: warning: 'transactional' is still" in found.err
    assert "customers cannot follow links to 127.0.0.1: set public_base_url to where they reach this server" in said


def test_a_shop_of_its_own_is_not_warned(notifier, project):
    """What a shop has written itself is left in peace; what it left out is the default, and so an example."""
    (project / "config" / "notifier.yaml").write_text(OWN, encoding="utf-8")
    assert warned(notifier("check")) == []
    (project / "config" / "notifier.yaml").write_text(OWN.replace("name: Bolt, ", ""), encoding="utf-8")
    assert warned(notifier("check")) == [f"'name' {STILL}"]


def test_a_page_under_a_name_that_is_nearly_right(notifier, edit):
    """Texts would go on without it, and say nothing."""
    edit("en:\n    contact:", "en:\n    contct:")
    found = notifier("check")
    assert warned(found) == ["no text names the link 'contct' - did you mean 'contact'?"]
    assert "config/notifier.yaml:100:5: " in found.err


def test_a_text_in_fewer_languages_than_the_shop(notifier, project):
    """A text of one's own is missed in the languages that the others are in, unless it is for colleagues."""
    folder = project / "templates" / "welcome"
    folder.mkdir()
    (folder / "en.md").write_text("---\nsubject: Welcome\n---\nHello.\n", encoding="utf-8")
    (folder / "message.yaml").write_text("category: staff\n", encoding="utf-8")
    assert warned(notifier("check")) == []
    (folder / "message.yaml").write_text("category: transactional\n", encoding="utf-8")
    found = notifier("check")
    assert warned(found) == ["has no text in pl, as others have; these customers get 'en'"]
    assert found.err.startswith("templates/welcome: warning: ")
