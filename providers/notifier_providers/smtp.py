"""E-mail through any SMTP server, over a few connections that are used again and again."""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
)
from pydantic import AfterValidator, Field, SecretStr, model_validator

from notifier import provider
from notifier.core.mail import Unmailable, compose, envelope
from notifier.core.message import Message
from notifier.provider import Accepted, Outcome, Refused, RetryLater, Unknown
from notifier_providers.quoting import quoted, without_controls
from notifier_providers.trust import is_loopback, require_certificates
from notifier_providers.verdict import Verdict, comes_to

__all__ = ["Smtp", "SmtpSettings"]

Phase = Literal["connect", "login", "sender", "recipient", "content", "handed over"]

_PORTS = {"starttls": 587, "tls": 465, "none": 25}

#: What a reply means: the phases that a row is for, a pattern for `code enhanced-code`, the verdict; the first that fits.
#: What is said before the recipient is about us, to the recipient about the person, after it about the message.
VERDICTS: tuple[tuple[str, str, Verdict], ...] = (
    ("connect login sender recipient content", r"421", "throttled"),  # the server is closing
    ("connect login sender", r"4", "throttled"),
    ("connect login", r"5", "provider"),  # credentials, or a blocked network
    ("sender recipient content", r"53[0458]", "provider"),  # a login, or a better one, is asked for
    ("sender recipient content", r"5.. 5\.7\.(9|26|515)\b", "sender"),  # SPF, DKIM or DMARC of the sending domain
    ("recipient content", r"5.. 5\.1\.(1|3|6|10)\b", "address"),  # nobody there, or the domain takes no mail
    ("recipient", r"(521|556)", "address"),  # the domain takes no mail
    ("recipient", r"(550|553)( 5\.0\.0)?$", "address"),  # the plain "no such mailbox"
    ("sender recipient content", r"50[0-4]", "provider"),  # we were not understood
    ("sender", r"5", "sender"),
    ("recipient content", r"4.. 4\.7\.1\b", "greylisted"),
    ("recipient content", r"4", "later"),
    ("recipient content", r"5.. 5\.(2\.2|4\.\d+)\b", "later"),  # a full mailbox, a route that may come back
    ("content", r"5.. 5\.7\.1\b", "content"),  # spam, or against a policy; said of the recipient it is theirs alone
    ("recipient content", r"5", "message"),  # size, limits: nothing that the address is to blame for
)
#: Routers forget connections that nothing was said on, and tell neither end.
_IDLE_SECONDS = 60.0

_SPOKEN: dict[Phase, str] = {
    "connect": "on connecting",
    "login": "to the login",
    "sender": "to the sender",
    "recipient": "to the recipient",
    "content": "to the message",
    "handed over": "to the message",
}
_SERVER = re.compile(r"\w([\w-]{0,61}\w)?(\.\w([\w-]{0,61}\w)?)*\.?")
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")


def _server(name: str) -> str:
    """The name or address of a server, without anything round it."""
    try:
        return str(ip_address(name))
    except ValueError:
        if _SERVER.fullmatch(name) and len(name) <= 253:
            return name
    raise ValueError(f"'{without_controls(name)}' is not the name of a server; write it like smtp.shop.example")


class SmtpSettings(provider.Settings):
    host: Annotated[str, AfterValidator(_server)]
    #: 587 for starttls, 465 for tls, 25 for none, where nothing is said.
    port: int | None = Field(default=None, ge=1, le=65535)
    #: `starttls` and `tls` never fall back to plain text; `none` is for a server on this computer only.
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    #: PEM file of an own certificate authority, instead of the system's.
    ca_file: provider.FilePath | None = None
    #: What we call ourselves in EHLO; this computer's name where nothing is said.
    local_hostname: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._:\[\]-]+$", max_length=253)
    #: Connections used at the same time.
    connections: int = Field(default=4, ge=1, le=100)
    #: A connection is closed after so many messages; some servers insist.
    messages_per_connection: int = Field(default=100, ge=1)
    #: Seconds until a connection stands, until each reply is there, and for one message altogether.
    connect_timeout: float = Field(default=10, gt=0)
    read_timeout: float = Field(default=30, gt=0)
    total_timeout: float = Field(default=60, gt=0)

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError("security: none is for a server on this computer only; use starttls or tls")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        return self


class Smtp:
    """Hands each message to one server; what becomes of it afterwards is not reported back."""

    Settings: ClassVar[type[provider.Settings]] = SmtpSettings
    channels: ClassVar[frozenset[str]] = frozenset({"email"})
    idempotency: ClassVar[Literal["native", "none"]] = "none"
    leaves_machine: ClassVar[bool] = True
    reports_delivery: ClassVar[bool] = False

    def __init__(self, name: str, settings: SmtpSettings, project: Path) -> None:
        self.name = name
        self.max_in_flight = settings.connections
        self._settings = settings
        self._ca_file = project / settings.ca_file if settings.ca_file else None
        if self._ca_file is not None:
            require_certificates(self._ca_file, f"provider '{name}': ca_file '{settings.ca_file}'")
        self._context: ssl.SSLContext | None = None
        self._idle: list[_Session] = []

    async def send(self, message: Message) -> Outcome:
        try:
            letter = _Letter(*envelope(message), compose(message), message)
        except Unmailable as fault:
            return Refused(str(fault), fault.scope)
        waiting = self._waiting()
        if waiting is not None:
            outcome = await self._carried_by(waiting, letter)
            # The server had hung up in the meantime: that says nothing about this message, a new connection may.
            if not (waiting.hung_up and isinstance(outcome, RetryLater)):
                return outcome
        try:
            fresh = _Session(self._settings, self._tls())
        except OSError as error:
            return Refused(f"cannot use ca_file {self._settings.ca_file}: {error.strerror or error}", "provider")
        return await self._carried_by(fresh, letter)

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().quit()

    def _waiting(self) -> _Session | None:
        """The connection used last, so that the others may grow old and go."""
        while self._idle:
            session = self._idle.pop()
            if session.is_fit():
                return session
            session.drop()
        return None

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context(cafile=self._ca_file)
        return self._context

    async def _carried_by(self, session: _Session, letter: _Letter) -> Outcome:
        try:
            outcome = await session.carry(letter)
        except BaseException:  # cancelled in mid-sentence: nobody knows what this connection would say next
            session.drop()
            raise
        if not session.is_fit() or len(self._idle) >= self._settings.connections:
            session.drop()
        elif session.carried >= self._settings.messages_per_connection:
            await session.quit()
        else:
            self._idle.append(session)
        return outcome


class _Letter(NamedTuple):
    sender: str
    recipient: str
    content: bytes
    message: Message


class _Session:
    """One connection, for one message at a time. `_phase` is how far it has come, which says what a failure means."""

    def __init__(self, settings: SmtpSettings, context: ssl.SSLContext) -> None:
        self.carried = 0
        self.hung_up = False
        self._phase: Phase = "connect"
        self._settings = settings
        self._used_at = 0.0
        self._client = SMTP(
            hostname=settings.host,
            port=settings.port or _PORTS[settings.security],
            local_hostname=settings.local_hostname,
            timeout=settings.read_timeout,
            use_tls=settings.security == "tls",
            start_tls=False,  # see _open: a server without it must be told from one where it fails
            tls_context=context,
        )

    def is_fit(self) -> bool:
        """Whether another message can be tried on it."""
        idle = asyncio.get_running_loop().time() - self._used_at
        return self._client.is_connected and idle < _IDLE_SECONDS

    async def carry(self, letter: _Letter) -> Outcome:
        """One message, whatever comes of it."""
        try:
            async with asyncio.timeout(self._settings.total_timeout):
                if not self._client.is_connected:
                    await self._open()
                await self._converse(letter)
        except SMTPResponseException as reply:
            outcome = self._judged(reply, letter.message)
            await self._start_over()
        except (SMTPException, OSError, ValueError) as error:
            outcome = self._broken(error)
            self.drop()
        else:
            outcome = Accepted(f"{letter.message.id}@{letter.sender.rpartition('@')[2]}")
        self.carried += 1
        self._used_at = asyncio.get_running_loop().time()
        return outcome

    async def quit(self) -> None:
        transport = self._client.transport
        with suppress(SMTPException, OSError):
            await self._client.quit(timeout=self._settings.connect_timeout)
        self._end(transport)

    def drop(self) -> None:
        self._end(self._client.transport)

    def _end(self, transport: asyncio.BaseTransport | None) -> None:
        self._client.close()
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()  # a TLS connection would else wait for the other side's farewell, after our loop has ended

    async def _open(self) -> None:
        self._phase = "connect"
        settings = self._settings
        await self._client.connect(timeout=settings.connect_timeout)
        await self._client.ehlo()
        if settings.security == "starttls":
            if not self._client.supports_extension("starttls"):
                raise SMTPException("the server offers no STARTTLS, and nothing is sent in plain text")
            await self._client.starttls(timeout=settings.connect_timeout)
            await self._client.ehlo()
        if settings.username is not None and settings.password is not None:
            self._phase = "login"
            await self._client.login(settings.username, settings.password.get_secret_value())

    async def _converse(self, letter: _Letter) -> None:
        self._phase = "sender"
        await self._client.mail(letter.sender)
        self._phase = "recipient"
        await self._client.rcpt(letter.recipient)
        self._phase = "content"
        go_ahead = await self._client.execute_command(b"DATA")
        protocol = self._client.protocol
        if go_ahead.code != 354:
            raise SMTPDataError(go_ahead.code, go_ahead.message)
        if protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        # The client's own `data` does not say whether it failed before or after this point: all the difference there is.
        self._phase = "handed over"
        protocol.write(letter.content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        reply = await protocol.read_response(timeout=self._settings.read_timeout)
        if reply.code // 100 != 2:
            raise SMTPDataError(reply.code, reply.message)

    async def _start_over(self) -> None:
        """Keep a connection on which only this message failed."""
        if self._phase in {"connect", "login"}:
            self.drop()
            return
        try:
            await self._client.rset()
        except (SMTPException, OSError):
            self.drop()

    def _judged(self, reply: SMTPResponseException, message: Message) -> Outcome:
        said = _ENHANCED.match(reply.message)
        code = f"{reply.code} {said[0]}" if said else f"{reply.code}"
        spoken = f"{self._settings.host} answered {code} {_SPOKEN[self._phase]}"
        if not 400 <= reply.code <= 599:
            self.drop()
            if self._phase == "handed over":
                return Unknown(f"{spoken}: that makes no sense")
            return RetryLater(None, f"{spoken}: that makes no sense", counted=False)
        self.hung_up = reply.code == 421
        if self._phase != "login":  # what a server says to a password need not be repeated
            spoken = f"{spoken}: {quoted(reply.message, message)}"
        return comes_to(_verdict(self._phase, code), spoken)

    def _broken(self, error: Exception) -> Outcome:
        host = self._settings.host
        if self._phase == "handed over":
            return Unknown(f"{host} took the message and did not answer")
        certificate = error if isinstance(error, ssl.SSLCertVerificationError) else error.__cause__
        if isinstance(certificate, ssl.SSLCertVerificationError):
            return Refused(f"{host} has no trusted certificate: {certificate.verify_message}", "provider")
        if isinstance(error, TimeoutError):
            return RetryLater(None, f"{host} took too long to answer {_SPOKEN[self._phase]}", counted=False)
        if isinstance(error, ssl.SSLError):
            return RetryLater(None, f"{host}: no TLS connection: {error.reason or 'broken off'}", counted=False)
        if isinstance(error, OSError):
            self.hung_up = isinstance(error, SMTPServerDisconnected)
            return RetryLater(None, f"no connection to {host}:{self._client.port}", counted=False)
        return Refused(
            f"{host}: {error if isinstance(error, SMTPException) else 'the login makes no sense'}", "provider"
        )


def _verdict(phase: Phase, code: str) -> Verdict:
    """`code` is the reply's, with its enhanced code where it has one: `550 5.1.1`."""
    about = "content" if phase == "handed over" else phase
    return next(verdict for phases, pattern, verdict in VERDICTS if about in phases.split() and re.match(pattern, code))
