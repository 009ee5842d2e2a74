"""The page behind "do not send me such messages", for people and for mail programs (RFC 8058).

A mail program posts without ever having looked, and expects 200. So everybody gets the same page, whether something was
ended just now, long ago, or never was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from notifier import feedback
from notifier.engine import Engine
from notifier.feedback import Leaving
from notifier.web.body import read_body
from notifier.web.page import page, words

__all__ = ["unsubscribe_page"]

_LARGEST = 64 * 1024


def unsubscribe_page(engine: Engine) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint: GET asks, POST does it, whatever its body says."""

    async def show(request: Request) -> Response:
        token = request.path_params["token"]
        if request.method == "POST":
            await read_body(request, _LARGEST)
            return _page(engine, await run_in_threadpool(feedback.unsubscribe, engine, token, engine.now()), done=True)
        leaving = await run_in_threadpool(feedback.leaving, engine, token)
        return page("unknown", "en", 404) if leaving is None else _page(engine, leaving, done=False)

    return show


def _page(engine: Engine, leaving: Leaving | None, *, done: bool) -> Response:
    shop = engine.project.config.shop
    spoken, said = words(leaving.outgoing.language if leaving else "", shop.locale)
    purpose = leaving.purposes[0] if leaving and len(leaving.purposes) == 1 else "both"
    channel = leaving.channels[0] if leaving and len(leaving.channels) == 1 else "both"
    return page("unsubscribe", spoken, shop=shop.name, words=said, purpose=purpose, channel=channel, done=done)
