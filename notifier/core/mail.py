"""An e-mail as bytes: RFC 5322 and MIME, built by hand because the standard library's generator is a hundred times slower.

The same message always gives the same bytes, so that each attempt, by whatever provider, sends the same e-mail.
"""

from __future__ import annotations

import binascii
import re
from email.utils import format_datetime
from functools import lru_cache
from typing import Literal, NamedTuple

import idna

from notifier.core.message import Message

__all__ = ["Envelope", "Mailbox", "Parts", "Unmailable", "compose", "envelope", "parts"]

#: RFC 5322 asks for lines of at most 78 characters, RFC 2047 for encoded words of at most 75.
LINE = 78
WORD = 75
#: RFC 5322 allows 998; what cannot be folded must stay well below.
UNFOLDABLE = 900

_OURS = frozenset(
    {"date", "from", "to", "cc", "bcc", "sender", "subject", "message-id", "mime-version", "auto-submitted"}
    | {"return-path", "resent-to", "resent-cc", "resent-bcc"}
)
_HEADER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SEPARATORS = frozenset("\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
_ISOLATES = "\u2066\u2067\u2068"
_POP_ISOLATE = "\u2069"
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_PHRASE = re.compile(rf"{_ATEXT}+(?: {_ATEXT}+)*")
_LOCAL = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*")
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_NEWLINE = re.compile(r"\r\n?|\n")


class Unmailable(ValueError):
    """A message that no mail server could be given; `scope` means what it means in `notifier.provider.Refused`."""

    def __init__(self, reason: str, scope: Literal["message", "address", "sender"]) -> None:
        self.scope = scope
        super().__init__(reason)


class Envelope(NamedTuple):
    """The two addresses of the SMTP dialogue, in ASCII."""

    sender: str
    recipient: str


class Mailbox(NamedTuple):
    """Somebody's name, empty where none is known, and their address in ASCII."""

    name: str
    address: str


class Parts(NamedTuple):
    """An e-mail for those who compose it themselves: each part on one line, with nothing in it that could be another."""

    sender: Mailbox
    recipient: str
    subject: str
    reply_to: Mailbox | None
    #: Further headers, in order.
    headers: tuple[tuple[str, str], ...]


def compose(message: Message) -> bytes:
    """The e-mail, lines ended by CRLF, all of it ASCII; raises Unmailable.

    Bodies are quoted-printable or base64, so that no relay has a reason to rewrite them and break a signature.
    """
    sender, recipient = envelope(message)
    head = (
        f"Date: {format_datetime(message.written_at)}",
        _mailbox("From", message.sender),
        f"To: {recipient}",
        _text_header("Subject", message.subject),
        f"Message-ID: <{message.id}@{sender.rpartition('@')[2]}>",
        "Auto-Submitted: auto-generated",
        _text_header("Content-Language", message.locale),
        _text_header("X-Notifier-Message", message.id),
        _text_header("X-Notifier-Rule", message.rule),
        _text_header("X-Notifier-Subject", message.subject_key),
        *(_further_header(name, value) for name, value in message.headers),
        "MIME-Version: 1.0",
        "",
    )
    return "\r\n".join(head).encode("ascii") + _body(message)


def envelope(message: Message) -> Envelope:
    """Who sends and who receives; raises Unmailable unless each is exactly one address that plain SMTP can carry."""
    try:
        sender = _address(_split(message.sender)[1])
    except Unmailable as fault:
        raise Unmailable(f"sender: {fault}", "sender") from None
    return Envelope(sender, _address(message.to))


def parts(message: Message) -> Parts:
    """What `compose` would put into the head, for a provider that composes; raises Unmailable."""
    sender, recipient = envelope(message)
    named = [(_own_header(name).lower(), name, value) for name, value in message.headers]
    reply_to = next((_named(value) for lower, _, value in named if lower == "reply-to"), None)
    headers = (
        ("Auto-Submitted", "auto-generated"),
        ("X-Notifier-Message", message.id),
        *((name, _one_line(value)) for lower, name, value in named if lower != "reply-to"),
    )
    name = _one_line(_split(message.sender)[0])
    return Parts(Mailbox(name, sender), recipient, _one_line(message.subject), reply_to, headers)


def _named(mailbox: str) -> Mailbox:
    name, spec = _split(mailbox)
    return Mailbox(_one_line(name), _address(spec))


@lru_cache(maxsize=1024)
def _address(spec: str) -> str:
    """An addr-spec with its domain in ASCII."""
    local, at, domain = spec.rpartition("@")
    if not at or len(spec) > 254 or len(local) > 64:
        raise Unmailable("not one plain e-mail address", "address")
    if not local.isascii():
        raise Unmailable("address needs SMTPUTF8", "address")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except UnicodeError:
            raise Unmailable("not one plain e-mail address: no such domain can exist", "address") from None
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise Unmailable("not one plain e-mail address", "address")
    return f"{local}@{domain}"


def _split(mailbox: str) -> tuple[str, str]:
    """`Name <addr-spec>`, or the addr-spec alone, as (name, addr-spec).

    Whatever stands before the last `<` is the name, quoted or not: a shop called `Pots, Pans & Co.` need not know RFC 5322.
    """
    mailbox = mailbox.strip()
    name, bracket, spec = mailbox.rpartition("<")
    if not bracket or not spec.endswith(">"):
        return "", mailbox
    name = _one_line(name)
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, spec[:-1].strip()


@lru_cache(maxsize=256)
def _mailbox(header: str, mailbox: str) -> str:
    """An address header: few differ between one message and the next."""
    name, spec = _split(mailbox)
    address = f"<{_address(spec)}>"
    if not name:
        return f"{header}: {address[1:-1]}"
    if "=?" in name or not name.isascii() or len(name) > LINE // 2:
        shown = f"{header}: {_encoded_words(name, len(header) + 2)}"
    elif _PHRASE.fullmatch(name):
        shown = f"{header}: {name}"
    else:
        escaped = re.sub(r'(["\\])', r"\\\1", name)
        shown = f'{header}: "{escaped}"'
    last = len(shown) - shown.rfind("\n") - 1
    return f"{shown} {address}" if last + 1 + len(address) <= LINE else f"{shown}\r\n {address}"


def _text_header(header: str, value: str) -> str:
    """A header that people read, folded; encoded where it is not ASCII or has words too long to fold."""
    value = _one_line(value)
    plain = value.isascii() and "=?" not in value
    if plain and len(header) + 2 + len(value) <= LINE:
        return f"{header}: {value}"
    folded = _folded(header, value)
    if plain and all(len(line) <= LINE for line in folded.split("\r\n")):
        return folded
    return f"{header}: {_encoded_words(value, len(header) + 2)}"


def _further_header(header: str, value: str) -> str:
    """A header that somebody else made, mostly for machines: folded at its spaces, never encoded where it is ASCII."""
    if _own_header(header).lower() == "reply-to":
        return _mailbox(header, value)
    value = _one_line(value)
    if not value.isascii():
        return f"{header}: {_encoded_words(value, len(header) + 2)}"
    if any(len(word) > UNFOLDABLE for word in value.split(" ")):
        raise Unmailable(f"the header {header} is too long", "message")
    return _folded(header, value)


def _own_header(header: str) -> str:
    """The name of a further header; raises Unmailable where it is none, or the message's own."""
    if not _HEADER_NAME.fullmatch(header) or len(header) > LINE // 2:
        raise Unmailable("a further header has no valid name", "message")
    if header.lower() in _OURS or header.lower().startswith("content-"):
        raise Unmailable(f"the header {header} is set by the message itself", "message")
    return header


def _one_line(value: str) -> str:
    """A value without what could end a header, hide in it or turn its text around.

    Isolates stay where each is closed (right-to-left subjects need them around numbers); overrides never do.
    """
    if _UNSAFE.search(value):
        closed = sum(map(value.count, _ISOLATES)) == value.count(_POP_ISOLATE)
        kept = _ISOLATES + _POP_ISOLATE if closed else ""
        value = _UNSAFE.sub(lambda found: _harmless(found[0], kept), value)
    return " ".join(filter(None, value.split(" ")))


def _harmless(char: str, kept: str) -> str:
    if char in kept:
        return char
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    return " " if char in _SEPARATORS else ""


def _folded(header: str, value: str) -> str:
    first, *words = value.split(" ")
    lines, line = [], f"{header}: {first}"
    for word in words:
        if len(line) + 1 + len(word) > LINE:
            lines.append(line)
            line = ""
        line = f"{line} {word}"
    return "\r\n".join([*lines, line])


def _encoded_words(value: str, column: int) -> str:
    """RFC 2047 words, one a line, none cutting a character; `column` is where the first one starts."""
    words = []
    room = LINE - column
    chunk = b""
    for char in value:
        encoded = char.encode()
        if len(chunk) + len(encoded) > (min(room, WORD) - len("=?utf-8?b??=")) // 4 * 3:
            words.append(chunk)
            chunk, room = b"", WORD
        chunk += encoded
    words.append(chunk)
    return "\r\n ".join(f"=?utf-8?b?{binascii.b2a_base64(word, newline=False).decode()}?=" for word in words)


def _body(message: Message) -> bytes:
    text = _part("plain", message.text)
    if not message.html:
        return text
    # Neither quoted-printable nor base64 can contain "=_", so no text can contain the boundary.
    boundary = f"=_{message.id}".encode()
    head = b'Content-Type: multipart/alternative;\r\n boundary="' + boundary + b'"\r\n'
    line = b"\r\n--" + boundary
    return b"".join((head, line, b"\r\n", text, line, b"\r\n", _part("html", message.html), line, b"--\r\n"))


def _part(kind: Literal["plain", "html"], text: str) -> bytes:
    """One body with its own headers, ended by a line break."""
    if "\r" in text:
        text = _NEWLINE.sub("\n", text)
    if not text.endswith("\n"):
        text += "\n"
    content = text.encode("utf-8", "replace")
    # About a byte in six being non-ASCII is where base64 becomes the shorter; up to there the source stays readable.
    dense = 12 * (len(content) - len(text)) > len(content)
    content = content.replace(b"\n", b"\r\n")
    if dense:
        encoding = "base64"
        packed = binascii.b2a_base64(content, newline=False)
        content = b"\r\n".join(packed[at : at + 76] for at in range(0, len(packed), 76)) + b"\r\n"
    else:
        encoding = "quoted-printable"
        content = binascii.b2a_qp(content)
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode("ascii") + content
