"""What is wrong in a text is found when texts are loaded, named in one line, with its place."""

from __future__ import annotations

from typing import Any

import pytest

PLACE = "templates/note/en.md:4:1"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("Hi {{ order.numer }}", "templates/note/en.md:4:7: there is no 'order.numer' - did you mean 'order.number'?"),
        ("a\n\n  {{ ordr.number }}", "templates/note/en.md:6:6: there is no 'ordr' - did you mean 'order'?"),
        ("{{ first_name }}", "templates/note/en.md:4:4: there is no 'first_name' - did you mean 'customer.first_name'?"),
        ("{{ order.__class__ }}", "templates/note/en.md:4:4: there is no 'order.__class__'"),
        ("{{ order.number.__class__ }}", "templates/note/en.md:4:17: order.number has no part '__class__'"),
        ("{{ order.number['__class__'] }}", "templates/note/en.md:4:18: order.number has no part '__class__'"),
        ("{{ order.eta | dat }}", "templates/note/en.md:4:16: there is no filter 'dat' - did you mean 'date'?"),
        ("{{ order.eta }}", "templates/note/en.md:4:4: order.eta is a time: write {{ order.eta | date }}"),
        ("{{ order.total }}", "templates/note/en.md:4:4: order.total is an amount of money: write {{ order.total | money }}"),
        ("{{ order.number | date }}", "templates/note/en.md:4:19: order.number is text; 'date' takes a time"),
        ("{{ order.items }}", "templates/note/en.md:4:4: order.items is a list: use {% for %}, or {{ order.items | list }}"),
        ("{% for x in order.number %}{% endfor %}",
         "templates/note/en.md:4:13: order.number is no list: {% for %} cannot go through it"),
        ("{% for item in order.items %}{{ item.nme }}{% endfor %}",
         "templates/note/en.md:4:33: there is no 'item.nme' - did you mean 'item.name'?"),
        ("{{ order.number", f"{PLACE}: this tag has no end"),
        ("{{ order. }}", f"{PLACE}: {{{{ order. }}}} cannot be read: expected name or number"),
        ("{{ }}", f"{PLACE}: nothing stands between {{{{ and }}}}"),
        ("{% if order.eta %}x", f"{PLACE}: this {{% if %}} has no {{% endif %}}"),
        ("x {% endif %}", "templates/note/en.md:4:3: {% endif %} has no {% if %} before it"),
        ("{% include 'x' %}", f"{PLACE}: {{% include %}} cannot be used in a text; there are if, for and set"),
        ("{% macro m() %}{% endmacro %}", f"{PLACE}: {{% macro %}} cannot be used in a text; there are if, for and set"),
        ("{{ range(10**8) }}",
         f"{PLACE}: calls like name() cannot be used in a text; filters are written {{{{ value | filter }}}}"),
        ("{{ order.number.upper() }}",
         f"{PLACE}: calls like name() cannot be used in a text; filters are written {{{{ value | filter }}}}"),
        ("{{ 10 ** 9 }}", f"{PLACE}: ** cannot be used in a text"),
        ("{{ order.eta | date('lng') }}",
         "templates/note/en.md:4:16: there is no form 'lng' of a date - did you mean 'long'?; "
         "there are long, full, medium, short, day, weekday"),
        ("{{ order.items | length | plural(one='x') }}",
         "templates/note/en.md:4:27: plural in 'en' needs one, other; missing: other"),
        ("{% if order.eta is defned %}x{% endif %}",
         "templates/note/en.md:4:20: there is no test 'is defned' - did you mean 'defined'?"),
        ("[x](javascript:alert(1))",
         "templates/note/en.md:4:3: this is no link that may be followed (https, http, mailto or tel)"),
        ("[x](https://localhost/a)",
         "templates/note/en.md:4:5: 'https://localhost/a' leads to this computer only: nobody else can follow it"),
        ("[x](http://shop.example)",
         "templates/note/en.md:4:5: 'http://shop.example' is not encrypted: write https://"),
        ("[x]({% if order.eta %}a{% endif %})",
         f"{PLACE}: no {{% %}} in the target of a link: choose between two links instead"),
        ("text {button}", "templates/note/en.md:4:6: {button} belongs right behind a link: [text](link){button}"),
        ("one {% if order.eta %}two\n\nthree{% endif %}",
         "templates/note/en.md:4:5: {% if %} does not begin and end in the same paragraph, list or emphasis: "
         "put it on a line of its own"),
        ("{{ links.retuns }}", "templates/note/en.md:4:4: there is no 'links.retuns' - did you mean 'links.returns'?"),
        ("{{ lipsum }}{{ cycler }}{{ self }}", None),
    ],
)  # fmt: skip
def test_fault_in_a_body(shelf: Any, body: str, fault: str | None) -> None:
    """A fault in a text's body is one line with file, line, column and what to do."""
    shelf.text(body)
    found = shelf.faults()
    if fault is None:
        assert len(found) == 3
    else:
        assert found == [fault]


def test_every_fault_is_named_at_once(shelf: Any) -> None:
    """All faults of all texts come together, in the order of the files."""
    shelf.text("{{ order.x1 }}\n\n{{ order.x2 }}")
    shelf.text("{{ order.x3 }}", code="pl")
    shelf.settings("category: transaktional", "other")
    assert [fault.split(": ")[0] for fault in shelf.faults()] == [
        "templates/note/en.md:4:4",
        "templates/note/en.md:6:4",
        "templates/note/pl.md:4:4",
        "templates/other/message.yaml:1:11",
    ]


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ("", "templates/note/en.md: begins with a line '---', then subject: and sms:, then a line '---', then the text"),
        ("---\n---\nx", "templates/note/en.md: has nothing between its lines '---'; write subject: there"),
        ("---\nsms: x\n---\nbody", "templates/note/en.md:2:1: 'subject' is missing: the e-mail needs one"),
        ("---\nsubject: x\n---\n\n", "templates/note/en.md:2:10: there is a subject, but no text under the second line '---'"),
        ("---\nsubject: ''\n---\nx", "templates/note/en.md:2:10: 'subject' is empty"),
        ("---\nsubjct: x\n---\nx", "templates/note/en.md:2:1: unknown key 'subjct' - did you mean 'subject'?"),
        ("---\nsubject: {{ order.number }}\n---\nx", "templates/note/en.md:2:10: put quotes around a text with {{ }}"),
        ("---\nsubject: 'Order {{ order.numer }}'\n---\nx",
         "templates/note/en.md:2:20: there is no 'order.numer' - did you mean 'order.number'?"),
        ("---\nsubject: x\nsms: >-\n  a\n  {{ order.numer }}\n---\nx",
         "templates/note/en.md:5:6: there is no 'order.numer' - did you mean 'order.number'?"),
        ("---\nsubject: 'x {% if order.eta %}'\n---\nx", "templates/note/en.md:2:10: this {% if %} has no {% endif %}"),
    ],
)  # fmt: skip
def test_fault_in_a_front_matter(shelf: Any, file: str, fault: str) -> None:
    """A fault in the lines above a text has its own place in the file."""
    shelf.write("note/en.md", file)
    assert shelf.faults() == [fault]


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ("pl_PL.md", "templates/note/pl_PL.md: is named in another way than languages are; rename it to pl-PL.md"),
        ("PL.md", "templates/note/PL.md: is named in another way than languages are; rename it to pl.md"),
        ("polish.md", "templates/note/polish.md: 'polish' is no language; name the file like en.md, de.md or pt-BR.md"),
        ("xx.md", "templates/note/xx.md: 'xx' is no language; name the file like en.md, de.md or pt-BR.md"),
        ("en.txt", "templates/note/en.txt: is no text: texts are LANG.md and LANG.html.j2"),
        ("pl.html.j2", "templates/note/pl.html.j2: needs pl.md beside it, for the subject and the plain text"),
    ],
)
def test_strange_file(shelf: Any, file: str, fault: str) -> None:
    """A file that no message would ever use is a fault, not a silence."""
    shelf.text("x")
    shelf.write(f"note/{file}", "---\nsubject: x\n---\nx")
    assert shelf.faults() == [fault]


@pytest.mark.parametrize(
    ("yaml", "fault"),
    [
        ("category: transactional\nlinks: [returns]",
         "templates/note/en.md: must contain a link to {{ links.returns }}; without it the message leads nowhere"),
        ("category: transactional\nlinks: [retuns]",
         "templates/note/message.yaml: there is no link 'retuns' - did you mean 'returns'?; "
         "links: in the config names them"),
        ("category: advert", "templates/note/message.yaml:1:11: 'category' is one of critical, transactional, requested, "
         "survey, marketing, staff, not 'advert'"),
        ("description: x", "templates/note/message.yaml:1:1: 'category' is missing"),
        ("category: survey\nsurvey: {kind: csat, closes_after: 30}",
         "templates/note/message.yaml:2:36: 'closes_after' must be text, not '30'; put quotes around it"),
    ],
)  # fmt: skip
def test_fault_in_settings(shelf: Any, yaml: str, fault: str) -> None:
    """A message.yaml is checked against what there is, and its texts against it."""
    shelf.settings(yaml)
    shelf.text("x")
    assert fault in shelf.faults()


def test_survey_needs_its_words(shelf: Any) -> None:
    """A survey without the words of its page, or without a link to it, is no survey."""
    shelf.settings("category: survey\nsurvey: {kind: csat}")
    shelf.text("How was it?")
    assert "templates/note/en.md:2:1: 'question' is missing" in shelf.faults()
    words = dict.fromkeys(("lowest", "highest", "comment", "send", "missing", "thanks", "changed", "closed"), "x")
    shelf.text("How was it?", question="How was it?", **words)
    assert shelf.faults() == [
        "templates/note/en.md: must contain a link to {{ links.survey }}; without it the message leads nowhere"
    ]
    shelf.text("[x]({{ links.survey }})", question="How was {{ order.number }}?", **words)
    assert shelf.faults() == ["templates/note/en.md:3:20: 'question' is for a page that knows no order: no {{ }} in it"]


def test_a_file_that_is_no_text(shelf: Any) -> None:
    """Bytes that are no UTF-8, and too many of them, are refused by name."""
    shelf.write("note/en.md", "x").write_bytes(b"---\nsubject: \xff\n---\nx")
    assert shelf.faults() == ["templates/note/en.md: is not UTF-8; save it as UTF-8"]
    shelf.write("note/en.md", "x" * 300_000)
    assert shelf.faults() == ["templates/note/en.md: is larger than 256 KiB"]


def test_own_layout_keeps_the_way_out(shelf: Any) -> None:
    """A brand's own frame must offer a way out of surveys and advertising."""
    shelf.text("x")
    shelf.write("layout/email.html.j2", "<html>{{ body }}</html>")
    assert shelf.faults() == [
        "templates/layout/email.html.j2: must contain links.unsubscribe: "
        "surveys and advertising may not go out without a way out of them"
    ]


def test_own_html_of_a_survey_keeps_the_way_out(shelf: Any) -> None:
    """So must HTML that takes over a message of these kinds."""
    shelf.settings("category: marketing")
    shelf.text("x")
    shelf.write("note/en.html.j2", "<p>{{ order.number }}</p>")
    assert shelf.faults() == [
        "templates/note/en.html.j2: must contain a link to {{ links.unsubscribe }}; without it the message leads nowhere"
    ]


def test_doubts_about_languages(shelf: Any) -> None:
    """A language that says less than the shop's own, a long SMS and a missing shop's language are warned of."""
    shelf.text("{{ order.number }} [r]({{ links.returns }})", sms="short")
    shelf.text("x", code="pl")
    shelf.text("{{ order.number }} [r]({{ links.returns }})", code="ru", sms="длинно " * 40)
    shelf.settings("category: staff", "other")
    shelf.write("other/de.md", "---\nsubject: x\n---\nx")
    assert [str(one) for one in shelf.load().warnings()] == [
        "templates/note/pl.md: warning: does not say links.returns, order.number, as en.md does",
        "templates/note/pl.md: warning: has no sms, as en.md has",
        "templates/note/ru.md: warning: the SMS takes 5 segments (UCS-2); it will be cut to 3",
        "templates/other: warning: has no text in the shop's language 'en', to which all others fall back",
    ]


def test_words_of_the_frame_are_missed(shelf: Any) -> None:
    """A language without words for the frame is warned of, and gets the shop's."""
    shelf.text("x", code="cs")
    shelf.text("x")
    assert "templates/layout/words/cs.yaml: warning: is missing: the foot of e-mails in 'cs' will be in 'en'" in [
        str(one) for one in shelf.load().warnings()
    ]


def test_what_can_be_read_is_read(shelf: Any) -> None:
    """With faults in one text the others can still be looked at."""
    shelf.text("{{ order.x }}")
    shelf.settings("category: staff", "other")
    shelf.write("other/en.md", "---\nsubject: x\n---\nx")
    from notifier.render import Texts

    assert Texts.readable(shelf.root, shelf.config, shelf.config.catalogue()).carries("other", "email")


def test_plural_needs_the_forms_of_its_language(shelf: Any) -> None:
    """A translation that forgets a plural form is found before anybody gets five parcel."""
    shelf.text('{{ order.items | length | plural(one="x", other="y") }}', code="pl")
    assert shelf.faults() == [
        "templates/note/pl.md:4:27: plural in 'pl' needs one, few, many, other; missing: few, many"
    ]


def test_doubts_about_links(shelf: Any) -> None:
    """A page in the config that customers cannot follow safely, or not at all, is warned of."""
    shelf.text("x")
    shelf.config = shelf.config.model_copy(
        update={
            "links": {"en": {"a": "http://shop.example/a", "b": "https://localhost/b", "c": "https://shop.example"}}
        }
    )
    assert [str(one) for one in shelf.load().warnings()] == [
        "config/notifier.yaml: warning: links: en: a: 'http://shop.example/a' is not encrypted: write https://",
        "config/notifier.yaml: warning: links: en: b: 'https://localhost/b' leads to this computer only: "
        "nobody else can follow it",
    ]
