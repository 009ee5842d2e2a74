"""`POST /events`: CloudEvents in any of their HTTP forms, and NDJSON; answered once they are committed.

    202  {"accepted": 2, "duplicate": 1, "rejected": [{"index": 3, "reason": "data.id: is missing"}]}

`index` counts from 0, in the order of the body. What is rejected is in quarantine.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from notifier.core.cloudevent import decode
from notifier.engine import Engine
from notifier.errors import EventRefused, Unreachable
from notifier.intake import Receipt
from notifier.web.body import read_body
from notifier.web.inbox import Full, Inbox

__all__ = ["LARGEST_BODY", "MOST_EVENTS", "taking_events"]

_log = logging.getLogger(__name__)

LARGEST_BODY = 5 * 1024 * 1024
#: Of one request; they are committed together, and other requests wait for them.
MOST_EVENTS = 1_000

_ONE_OR_MANY = {"application/json", "application/cloudevents+json", "application/cloudevents-batch+json"}
_LINES = {"application/x-ndjson", "application/ndjson", "application/jsonl"}
_FORMS = (
    "application/cloudevents+json, application/cloudevents-batch+json, application/json or application/x-ndjson,"
    " or an event's attributes as ce- headers"
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class _Unreadable(Exception):
    """Not JSON, or nothing that holds events."""


def taking_events(engine: Engine, inbox: Inbox) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint."""

    async def take(request: Request) -> Response:
        _admit(engine, request)
        body = await read_body(request, LARGEST_BODY)
        try:
            arrived = _arrived(request, body)
        except _Unreadable as error:
            if body.strip():
                await _put(inbox, [body])
            raise HTTPException(400, str(error)) from None
        if len(arrived) > MOST_EVENTS:
            raise HTTPException(413, f"{len(arrived):,} events at once; send at most {MOST_EVENTS:,}")
        return _answer(await _put(inbox, arrived))

    return take


def _admit(engine: Engine, request: Request) -> None:
    """Whoever knows the token; where none is configured, programs on this computer.

    A page in a browser on this computer is not such a program: it may be anybody's, and comes under another host's name
    where that name was turned to this computer's address.
    """
    token = engine.project.config.web.events_token
    if token is None:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        if not (_is_here(request.client.host if request.client else "") and _is_here(host or "")):
            raise HTTPException(403, "without web.events_token only this computer may send events")
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    known = token.get_secret_value().encode()
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("latin-1"), known):
        raise HTTPException(401, "send Authorization: Bearer and the events token", {"WWW-Authenticate": "Bearer"})


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _arrived(request: Request, body: bytes) -> Sequence[Any]:
    """The events as they came: decoded, or as bytes where a line is not JSON. Raises _Unreadable for all of it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _LINES:
        lines = [_line(line) for line in body.splitlines() if line.strip()]
        if all(isinstance(line, bytes) for line in lines):
            raise _Unreadable("no line is JSON" if lines else "the body is empty")
        return lines
    if "ce-specversion" in request.headers and not kind.startswith("application/cloudevents"):
        return [_binary(request, kind, body)]
    if kind not in _ONE_OR_MANY:
        raise HTTPException(415, f"send {_FORMS}")
    try:
        value = decode(body)
    except EventRefused as error:
        raise _Unreadable(str(error)) from None
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list) and value:
        return value
    raise _Unreadable("there is no event in it")


def _line(line: bytes) -> Any:
    try:
        return decode(line)
    except EventRefused:
        return line


def _binary(request: Request, kind: str, body: bytes) -> dict[str, Any]:
    """The binary form: attributes in headers, percent-encoded, and the data alone in the body."""
    envelope: dict[str, Any] = {
        name.removeprefix("ce-"): _unescaped(value) for name, value in request.headers.items() if name[:3] == "ce-"
    }
    if kind:
        envelope["datacontenttype"] = kind
    if body.strip():
        try:
            envelope["data"] = decode(body)
        except EventRefused as error:
            raise _Unreadable(str(error)) from None
    return envelope


def _unescaped(value: str) -> str:
    quoted = _QUOTED.fullmatch(value)
    plain = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value
    return unquote(plain.encode("latin-1").decode("utf-8", "replace"))


async def _put(inbox: Inbox, arrived: Sequence[Any]) -> list[Receipt]:
    try:
        return await inbox.put(arrived)
    except Full:
        raise HTTPException(503, "too much is waiting; come back", {"Retry-After": "2"}) from None
    except Unreachable:
        raise HTTPException(503, "the database does not answer; come back", {"Retry-After": "10"}) from None
    except Exception:  # noqa: BLE001 - the inbox has logged it
        raise HTTPException(500, "this is a fault of ours; nothing was taken") from None


def _answer(receipts: Sequence[Receipt]) -> Response:
    rejected = [(index, one) for index, one in enumerate(receipts) if one.status == "rejected"]
    duplicate = sum(one.status == "duplicate" for one in receipts)
    status = 202
    if conflicts := sum(one.conflict for _, one in rejected):
        _log.warning("events that came before with other content: %d; they are in quarantine", conflicts)
    if len(rejected) == len(receipts):
        status = 409 if all(one.conflict for _, one in rejected) else 422
    told = {
        "accepted": len(receipts) - len(rejected) - duplicate,
        "duplicate": duplicate,
        "rejected": [{"index": index, "reason": one.reason} for index, one in rejected],
    }
    return Response(orjson.dumps(told), status, media_type="application/json")
