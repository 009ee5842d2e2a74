from __future__ import annotations

import dataclasses
import email
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifier.core.mail import Unmailable, compose, envelope
from notifier.core.message import Message

MESSAGE = Message(
    id="0123456789abcdef0123456789abcdef",
    channel="email",
    to="dana@example.com",
    sender="Example Shop <orders@shop.example>",
    subject="Your order 1043 will be late",
    text="Hello,\n\nyour order is late.\n",
    html="<p>Hello,</p>\n<p>your order is late.</p>\n",
    locale="en",
    category="transactional",
    rule="delivery-overdue",
    subject_key="order:1043",
    written_at=datetime(2026, 3, 13, 22, tzinfo=UTC),
)
BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
#: What stays as it is in a header: anything but controls, surrogates, direction controls and runs of spaces.
plain_lines = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters=BIDI)).map(
    lambda text: " ".join(filter(None, text.split(" ")))
)


def mail(**changes: object) -> Message:
    return dataclasses.replace(MESSAGE, **changes)


def parsed(message: Message) -> EmailMessage:
    return email.message_from_bytes(compose(message), policy=policy.default)


def body(message: Message, kind: str) -> str:
    part = parsed(message).get_body((kind,))
    return part.get_content().replace("\r\n", "\n")


def lines(text: str) -> str:
    """A text as any mail arrives: with one kind of line break, the last line ended."""
    text = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else text + "\n"


@given(plain_lines)
@example("=?utf-8?q?not_what_it_says?=")
@example("a" * 200)
@example("word " * 30 + "end")
def test_any_subject_arrives(subject):
    """Whatever the language, a mail reader shows the subject that was written."""
    assert parsed(mail(subject=subject))["Subject"] == subject


@given(plain_lines.filter(lambda name: "<" not in name))
@example("=?utf-8?q?Another_Shop?=")
@example('Pots, "Pans" & Co. (Ltd); \\')
@example("A Shop With a Name That Is Longer Than Any Line of a Header Ought to Be")
def test_any_sender_name_arrives(name):
    """Whatever a shop is called, its name and its address arrive apart from each other."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    message = mail(sender=f'"{quoted}" <orders@shop.example>')
    assert parsed(message)["From"].addresses[0].addr_spec == "orders@shop.example"
    # The new policy of the standard library puts spaces between the parts of a long name; the old one knows RFC 2047.
    header = email.message_from_bytes(compose(message))["From"]
    shown = str(make_header(decode_header(header))).rpartition("<")[0].strip(" ")
    assert (shown if "=?" in header else unquote(shown)) == name


@given(st.text(), st.text(min_size=1))
def test_any_body_arrives(text, html):
    """Both bodies arrive to the letter, whatever they contain."""
    message = mail(text=text, html=html)
    assert body(message, "plain") == lines(text)
    assert body(message, "html") == lines(html)


@given(plain_lines, st.text(), st.text(), plain_lines)
def test_no_relay_has_reason_to_change_it(subject, text, html, name):
    """Every line is ASCII, ended by CRLF and within RFC 5322's 998; headers are within 78."""
    raw = compose(mail(subject=subject, text=text, html=html, sender=f"{name} <orders@shop.example>"))
    assert raw.isascii()
    assert raw.endswith(b"\r\n")
    rows = raw.split(b"\r\n")
    assert not any(b"\r" in row or b"\n" in row or b"\0" in row for row in rows)
    assert max(map(len, rows)) <= 78


def test_the_text_alone_is_a_mail():
    """A message without HTML is one text part."""
    message = mail(html="")
    assert parsed(message).get_content_type() == "text/plain"
    assert body(message, "plain") == MESSAGE.text


def test_the_same_message_is_the_same_bytes():
    """A retry sends what the first attempt sent."""
    assert compose(mail()) == compose(mail())


def test_the_headers_that_machines_read():
    """Receivers see when it was written, in which language, by a machine, and an id that a receipt can bring back."""
    headers = parsed(mail(locale="pt-BR", headers=(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),)))
    assert headers["Date"].datetime == MESSAGE.written_at
    assert headers["Message-ID"] == "<0123456789abcdef0123456789abcdef@shop.example>"
    assert headers["To"] == "dana@example.com"
    assert headers["Content-Language"] == "pt-BR"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["X-Notifier-Rule"] == "delivery-overdue"
    assert headers["X-Notifier-Subject"] == "order:1043"
    assert headers["X-Notifier-Message"] == MESSAGE.id


def test_a_long_link_in_a_header_stays_whole():
    """A header for machines is folded at its spaces only, so that a long unsubscribe link still works."""
    value = f"<https://notify.shop.example/u/{'t' * 200}>, <mailto:stop@shop.example>"
    raw = compose(mail(headers=(("List-Unsubscribe", value),)))
    assert value.partition(", ")[0].encode() in raw
    assert email.message_from_bytes(raw, policy=policy.default)["List-Unsubscribe"] == value


@pytest.mark.parametrize(
    ("dirty", "shown"),
    [
        ("Late\r\nBcc: all@example.org", "Late Bcc: all@example.org"),
        ("Late\u2028Bcc: all@example.org", "Late Bcc: all@example.org"),
        ("Late\u0085\x0b\x0cagain", "Late again"),
        ("La\0te\x1b[2J\x7f\x9b", "Late[2J"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\u2068A-1043", "A-1043"),
        ("سفارش \u2068A-1043\u2069", "سفارش \u2068A-1043\u2069"),
        ("half \ud83d", "half \ufffd"),
        (" \n  wide \t subject\n", "wide subject"),
    ],
)
def test_a_header_cannot_be_smuggled_in(dirty, shown):
    """Nothing in a subject or a name ends a header, hides in it or turns it around."""
    message = parsed(mail(subject=dirty, sender=f"{dirty} <orders@shop.example>", rule=dirty))
    assert message["Subject"] == shown
    assert message["From"].addresses[0].display_name == shown
    assert message["Bcc"] is None
    assert len(message["From"].addresses) == 1


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("a@example.com, b@example.org", "not one plain"),
        ("a@example.com,b@example.org", "not one plain"),
        ("Dana <dana@example.com>", "not one plain"),
        ("dana@example.com\r\nBcc: b@example.org", "not one plain"),
        ("dana", "not one plain"),
        ("", "not one plain"),
        ("dana@", "not one plain"),
        ("da na@example.com", "not one plain"),
        ("dana@exa_mple.com", "not one plain"),
        ("dana@-example.com", "not one plain"),
        ("dana@example..com", "not one plain"),
        ("dana@example.com.", "not one plain"),
        (".dana@example.com", "not one plain"),
        (f"{'d' * 65}@example.com", "not one plain"),
        (f"dana@{'e.' * 130}com", "not one plain"),
        ("dana@exa\u202emple.com", "no such domain"),
        ("józsef@example.com", "SMTPUTF8"),
    ],
)
def test_exactly_one_recipient(to, reason):
    """What is not exactly one address that plain SMTP can carry is refused, and the refusal does not show it."""
    with pytest.raises(Unmailable, match=reason) as refused:
        compose(mail(to=to))
    assert refused.value.scope == "address"
    assert not to or to not in str(refused.value)


def test_a_sender_that_cannot_send_is_the_senders_fault():
    """A wrong From address is told from a wrong recipient, so that nobody's address is suppressed for it."""
    with pytest.raises(Unmailable) as refused:
        compose(mail(sender="Example Shop <orders>"))
    assert refused.value.scope == "sender"


def test_domains_travel_in_ascii():
    """An internationalised domain is written as DNS knows it, in the envelope and in the headers."""
    message = mail(to="jozsef@példa.example", sender="Példa <bolt@példa.example>")
    assert envelope(message) == ("bolt@xn--plda-bpa.example", "jozsef@xn--plda-bpa.example")
    assert parsed(message)["To"] == "jozsef@xn--plda-bpa.example"


@pytest.mark.parametrize(
    "header",
    [("Bcc", "b@example.org"), ("subject", "x"), ("Content-Type", "x"), ("X Y", "x"), ("X:\r\nBcc", "x"), ("", "x")],
)
def test_a_further_header_cannot_replace_ours(header):
    """A further header neither names another recipient nor repeats what the message sets itself."""
    with pytest.raises(Unmailable) as refused:
        compose(mail(headers=(header,)))
    assert refused.value.scope == "message"


def test_a_reply_address_keeps_its_name():
    """Reply-To is an address with a name, in any language."""
    reply_to = parsed(mail(headers=(("Reply-To", "Pomoc, Łódź <help@shop.example>"),)))["Reply-To"].addresses[0]
    assert (reply_to.display_name, reply_to.addr_spec) == ("Pomoc, Łódź", "help@shop.example")


def test_western_text_stays_readable_in_the_source():
    """Polish stays quoted-printable, Persian becomes base64: whichever is shorter."""
    assert b"quoted-printable" in compose(mail(html="", text="Zamówienie 1043 dotrze później niż obiecano."))
    assert b"base64" in compose(mail(html="", text="سفارش شما دیرتر می‌رسد"))
