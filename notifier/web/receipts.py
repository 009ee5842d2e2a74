"""Where providers say what became of messages: `POST /receipts/NAME`, NAME being the project's name for the provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from notifier import receipts
from notifier.engine import Engine
from notifier.provider import Posted, Reporting, Untrusted
from notifier.web.body import read_body

__all__ = ["taking_receipts"]

#: Bytes: providers that report many messages at once stay below.
_LARGEST = 5 * 1024 * 1024


def taking_receipts(engine: Engine, taken: Callable[[], None]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint; `taken` is called once something was kept. It answers 204, also for what was known before."""

    async def take(request: Request) -> Response:
        name = request.path_params["provider"]
        provider = engine.provider(name)
        if provider is None or not provider.reports_delivery:
            raise HTTPException(404, "no provider of that name reports here")
        headers = {key.lower(): value for key, value in request.headers.items()}
        posted = Posted(request.url.query, headers, await read_body(request, _LARGEST))
        try:
            reports = await run_in_threadpool(cast("Reporting", provider).reports, posted)
        except Untrusted as error:
            raise HTTPException(401, str(error)) from None
        except ValueError:
            raise HTTPException(400, "this is no report") from None
        if await run_in_threadpool(receipts.take, engine, name, reports, engine.now()):
            taken()
        return Response(status_code=204)

    return take
