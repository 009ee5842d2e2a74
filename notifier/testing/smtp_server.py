"""A real SMTP server on loopback that does as a test tells it: refuse, stall, hang up, or lose its answer."""

from __future__ import annotations

import asyncio
import email
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Coroutine
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from typing import Any, Final, Literal, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from notifier.testing.authority import authority

__all__ = ["HANG", "HANG_UP", "Mail", "SmtpServer", "Step"]

#: Say nothing, for ever.
HANG: Final = "(hang)"
#: Close the connection instead of answering.
HANG_UP: Final = "(hang up)"

#: Where an answer can be prescribed. `DATA` is answered before the message is sent, `message` after its final dot.
Step = Literal["connect", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "message", "RSET"]


@dataclass(frozen=True, slots=True)
class Mail:
    """One message as it came, and the number of the connection (from 1) that it came by."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    connection: int

    @property
    def parsed(self) -> EmailMessage:
        return email.message_from_bytes(self.content, policy=policy.default)


class SmtpServer:
    """Runs from `with` to the end of its block, in a thread of its own, on a free port.

    `security` is what a client is offered; with `starttls` or `tls`, `ca_pem` is the certificate authority to trust.
    With a `login` nobody sends without it.
    """

    host = "127.0.0.1"

    def __init__(
        self, security: Literal["none", "starttls", "tls"] = "none", login: tuple[str, str] | None = None
    ) -> None:
        self.port = 0
        self.ca_pem = b""
        self.login = login
        self._security = security
        self._tls: ssl.SSLContext | None = None
        if security != "none":
            self._tls, self.ca_pem = authority(self.host)
        self._script = _Script()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp-server", daemon=True)

    @property
    def received(self) -> list[Mail]:
        """What was taken, also where the answer was lost on the way."""
        return self._script.received

    @property
    def stalled(self) -> threading.Event:
        """Set once a client has been left without an answer."""
        return self._script.stalled

    @property
    def connections(self) -> int:
        """How many were made, since the beginning."""
        return self._script.connections

    def answer(self, step: Step, *answers: str) -> None:
        """The next answers at a step, each given once: a refusal like `450 4.2.1 busy`, `HANG` or `HANG_UP`.

        After the final dot it may be an acceptance, too.
        """
        self._script.answers[step].extend(answers)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        upgrade = self._tls if self._security == "starttls" else None
        self._server = await self._loop.create_server(
            lambda: _Conversation(self._script, upgrade, self.login),
            self.host,
            0,
            ssl=self._tls if self._security == "tls" else None,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        self._server.close()
        for conversation in tuple(self._script.open):
            conversation.hang_up()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


class _Script:
    """What the test wants and what came of it, for all connections."""

    def __init__(self) -> None:
        self.answers: defaultdict[str, deque[str]] = defaultdict(deque)
        self.received: list[Mail] = []
        self.connections = 0
        self.stalled = threading.Event()
        self.open: set[_Conversation] = set()

    async def handle_DATA(self, conversation: _Conversation, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The message is here; only a refusal that was prescribed keeps it from being taken."""
        answers = self.answers["message"]
        if not answers or answers[0].startswith(("2", "(")):
            content = envelope.content if isinstance(envelope.content, bytes) else b""
            mail = Mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), content, conversation.number)
            self.received.append(mail)
        return await conversation.prescribed("message") or "250 2.0.0 taken"


class _Conversation(SMTP):
    """One connection. Each command asks first whether the test has prescribed its answer."""

    def __init__(self, script: _Script, upgrade: ssl.SSLContext | None, login: tuple[str, str] | None) -> None:
        super().__init__(
            script,
            hostname="smtp.example",
            tls_context=upgrade,
            auth_require_tls=upgrade is not None,
            auth_required=upgrade is not None and login is not None,
            authenticator=self._authenticated,
        )
        self.number = 0
        self._script = script
        self._login = login and LoginPassword(login[0].encode(), login[1].encode())
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self.number:  # else it is the same one, now with TLS
            self._script.connections += 1
            self.number = self._script.connections
            self._script.open.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._script.open.discard(self)
        super().connection_lost(error)

    async def prescribed(self, step: Step) -> str:
        """The next answer that the test wants here, empty where it wants none; never returns for HANG and HANG_UP."""
        answers = self._script.answers[step]
        answer = answers.popleft() if answers else ""
        if answer == HANG_UP:
            self.hang_up()
        if answer in {HANG, HANG_UP}:
            self._script.stalled.set()
            await asyncio.Event().wait()  # until the connection ends and takes this task along
        return answer

    def hang_up(self) -> None:
        for transport in (self.transport, self._original_transport):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()

    async def push(self, status: Any) -> None:
        if not self._greeted:
            self._greeted = True
            if await self._answered("connect"):
                return
        await super().push(status)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - the library's names
        if not await self._answered("EHLO"):
            await super().smtp_EHLO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        if not await self._answered("STARTTLS"):
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        if not await self._answered("AUTH"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        if not await self._answered("MAIL"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        if not await self._answered("RCPT"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if not await self._answered("DATA"):
            await super().smtp_DATA(arg)

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802
        if not await self._answered("RSET"):
            await super().smtp_RSET(arg)

    async def _answered(self, step: Step) -> bool:
        answer = await self.prescribed(step)
        if answer:
            await super().push(answer)
            if answer.startswith("421") and self.transport is not None:
                self.transport.close()
        return bool(answer)

    def _authenticated(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        return AuthResult(success=given == self._login, handled=False)
