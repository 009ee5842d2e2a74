"""The server: events and receipts in, pages for customers, and whether all is well."""

from __future__ import annotations

import logging
from collections.abc import Callable

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from notifier.engine import Engine
from notifier.errors import Unreachable
from notifier.web.events import taking_events
from notifier.web.health import healthz, readiness
from notifier.web.inbox import Inbox
from notifier.web.page import HEADERS, page, stylesheet
from notifier.web.receipts import taking_receipts
from notifier.web.survey import survey_page
from notifier.web.unsubscribe import unsubscribe_page

__all__ = ["Inbox", "application"]

_log = logging.getLogger(__name__)


def application(engine: Engine, inbox: Inbox, fault: Callable[[], str] = lambda: "") -> Starlette:
    """The server as an ASGI application. `fault` says why the process is not ready, empty where it is."""
    server = Starlette(
        routes=[
            Route("/events", taking_events(engine, inbox), methods=["POST"]),
            Route("/s/{token:path}", survey_page(engine, inbox.taken), methods=["GET", "POST"]),
            Route("/u/{token:path}", unsubscribe_page(engine), methods=["GET", "POST"]),
            Route("/receipts/{provider}", taking_receipts(engine, inbox.taken), methods=["POST"]),
            Route("/static/page.css", stylesheet),
            Route("/healthz", healthz),
            Route("/readyz", readiness(engine, fault)),
        ],
        exception_handlers={HTTPException: _refused, Unreachable: _unreachable, Exception: _broken},
    )
    server.router.redirect_slashes = False  # an address is ours or it is not: nobody is sent elsewhere
    return server


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _told(request, error.status_code, error.detail, dict(error.headers or {}))


async def _unreachable(request: Request, error: Exception) -> Response:
    _log.warning("%s: %s", _place(request), error)
    return _told(request, 503, "the database does not answer; come back", {"Retry-After": "10"})


async def _broken(request: Request, error: Exception) -> Response:
    _log.error("%s: %s", _place(request), type(error).__name__)
    return _told(request, 500, "this is a fault of ours", {})


def _told(request: Request, status: int, detail: str, headers: dict[str, str]) -> Response:
    """In the form that whoever asked can read: JSON for programs, a page for people."""
    if request.url.path == "/events":
        return Response(orjson.dumps({"error": detail}), status, headers, "application/json")
    if request.url.path.startswith(("/s/", "/u/")):
        answer = page("trouble", "en", status, ours=status >= 500)
        answer.headers.update(headers)
        return answer
    return PlainTextResponse(
        f"{detail}\n", status, {**headers, "X-Content-Type-Options": HEADERS["X-Content-Type-Options"]}
    )


def _place(request: Request) -> str:
    """Where it happened, without the token that would let a reader of logs answer for somebody else."""
    path = request.url.path
    return f"{request.method} {path[:3]}…" if path.startswith(("/s/", "/u/")) else f"{request.method} {path}"
