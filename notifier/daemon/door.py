"""The web server in a thread of its own, on a socket that is open before anything starts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from socket import AF_INET, AF_INET6, IPPROTO_TCP, TCP_NODELAY, create_server, socket
from threading import Thread
from typing import Any

import uvicorn

from notifier.config import Web
from notifier.errors import UsageError
from notifier.project import Project

__all__ = ["Door", "listen", "located_at"]

_log = logging.getLogger(__name__)


def listen(host: str, port: int) -> socket:
    """A socket that listens; port 0 takes a free one. Raises UsageError where it cannot."""
    try:
        listening = create_server((host, port), family=AF_INET6 if ":" in host else AF_INET, backlog=2048)
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"{host}:{port} cannot be listened on ({why}); set web.host and web.port") from error
    # asyncio does so only for the sockets that it made itself; without it each answer waits 40 ms for an acknowledgement.
    listening.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    return listening


def _address(listening: socket) -> str:
    host, port = listening.getsockname()[:2]
    return Web(host=host, port=port, public_base_url="").public_base_url


def located_at(project: Project, listening: socket) -> Project:
    """The project with links that lead where it really listens, unless the configuration says what they begin with."""
    web = project.config.web
    if web.public_base_url != Web(host=web.host, port=web.port, public_base_url="").public_base_url:
        return project
    there = web.model_copy(update={"public_base_url": _address(listening)})
    return replace(project, config=project.config.model_copy(update={"web": there}))


class Door:
    """Serves an ASGI application. `broken` is called where it ends by itself."""

    def __init__(self, application: Any, listening: socket, broken: Callable[[], None]) -> None:
        self.address = _address(listening)
        self._listening = listening
        self._broken = broken
        self._server = uvicorn.Server(
            uvicorn.Config(application, access_log=False, log_config=None, server_header=False, lifespan="off")
        )
        self._thread = Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float) -> None:
        """Answer what was asked, for so many seconds, and close."""
        self._server.config.timeout_graceful_shutdown = round(patience)
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(patience + 5)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listening])
        except Exception:  # noqa: BLE001 - the end of a thread must be seen
            _log.exception("the web server broke")
        finally:
            self._broken()
