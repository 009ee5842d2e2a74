"""A real HTTP server on loopback that does as a test tells it: refuse, throttle, stall, dribble, or lose its answer."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from notifier.testing.authority import authority

__all__ = ["CUT", "DRIP", "HANG", "HANG_UP", "Answering", "HttpServer", "Reply", "Request"]

#: Take the message, and say nothing, for ever.
HANG: Final = "(hang)"
#: Take the message, and close the connection instead of answering.
HANG_UP: Final = "(hang up)"
#: Take the message, and close the connection in the middle of the answer's body.
CUT: Final = "(cut)"
#: Take the message, and answer a byte at a time, never to the end.
DRIP: Final = "(drip)"


@dataclass(frozen=True, slots=True)
class Request:
    """As it came: names of headers in small letters, and the number of the connection (from 1) that it came by."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        head = [f"HTTP/1.1 {self.status} {self.status}", f"Content-Length: {len(self.body)}"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*head, "", ""]).encode("latin-1") + self.body


#: What a test may prescribe: a reply in place of the server's own (the message is then not taken), or what becomes of its own.
Answering = Reply | str


class HttpServer:
    """Runs from `with` to the end of its block, in a thread of its own, on a free port. What it stands for, a subclass
    says in `reply`.
    """

    host = "127.0.0.1"
    #: Seconds between two bytes of a DRIP.
    drip_seconds = 0.05

    def __init__(self, *, tls: bool = False) -> None:
        self.port = 0
        self.ca_pem = b""
        #: Every request, in order.
        self.requests: list[Request] = []
        self.connections = 0
        #: Set once a client has been left without an answer.
        self.stalled = threading.Event()
        self._context = None
        if tls:
            self._context, self.ca_pem = authority(self.host)
        self._next: deque[Answering] = deque()
        self._always: Answering | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="http-server", daemon=True)

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://{self.host}:{self.port}"

    def answer(self, *answers: Answering) -> None:
        """The next answers, each given once."""
        self._next.extend(answers)

    def storm(self, answer: Answering | None) -> None:
        """The answer to everything, until it is None."""
        self._always = answer

    def reply(self, request: Request) -> Reply:
        """What it says of itself, and does: a subclass's own."""
        raise NotImplementedError

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
        self._server = await asyncio.start_server(self._converse, self.host, 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        self._server.close()
        for writer in tuple(self._open):
            writer.transport.abort()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self._open.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    await self._answer(await _request(reader, number), writer)
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.requests.append(request)
        prescribed = self._always or (self._next.popleft() if self._next else None)
        if isinstance(prescribed, Reply):
            writer.write(prescribed.as_bytes())
        else:
            await self._give(self.reply(request), prescribed, writer)
        await writer.drain()

    async def _give(self, reply: Reply, how: str | None, writer: asyncio.StreamWriter) -> None:
        if how is None:
            writer.write(reply.as_bytes())
            return
        self.stalled.set()
        if how == HANG:
            await asyncio.Event().wait()  # until the connection ends and takes this task along
        if how == DRIP:
            for byte in reply.as_bytes()[:-1]:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(self.drip_seconds)
            await asyncio.Event().wait()
        if how == CUT:
            whole = replace(reply, body=reply.body or b" ")
            writer.write(whole.as_bytes()[: -1 - len(whole.body) // 2])
            await writer.drain()
        raise ConnectionResetError


async def _request(reader: asyncio.StreamReader, number: int) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body, number)
