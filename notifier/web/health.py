"""`/healthz` and `/readyz`, for whoever starts, stops and watches the process."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from notifier.engine import Engine
from notifier.errors import NotifierError
from notifier.store import schema
from notifier.store.dialect import located

__all__ = ["healthz", "readiness"]


def healthz(_: Request) -> Response:
    """That the process answers; asks nothing of the database."""
    return PlainTextResponse("ok\n")


def readiness(engine: Engine, fault: Callable[[], str]) -> Callable[[Request], Response]:
    """The endpoint: 200, or 503 with what is wrong. `fault` is what the process itself has to say, empty for nothing."""

    def readyz(_: Request) -> Response:
        wrong = fault() or _database(engine)
        return PlainTextResponse(f"{wrong or 'ok'}\n", 503 if wrong else 200)

    return readyz


def _database(engine: Engine) -> str:
    try:
        with engine.store.read() as unit:
            unit.note("rulebook")
        has, wants = schema.status(located(engine.project.config.database, engine.project.root))
    except NotifierError:
        return "the database does not answer"
    return "" if has == wants else "the database is not of this version; ask 'notifier db status'"
