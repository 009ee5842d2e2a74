"""Bodies of requests, read no further than they may be long: Content-Length is only a claim."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

__all__ = ["read_body", "read_form"]

#: Bytes and fields of a form.
_LARGEST_FORM = 64 * 1024
_MOST_FIELDS = 100
#: Seconds for a whole body to arrive.
_PATIENCE = 20.0


async def read_body(request: Request, limit: int) -> bytes:
    """The body; HTTPException 413 past `limit` bytes, 415 where it is compressed, 408 where it takes too long."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HTTPException(415, "send the body uncompressed", {"Accept-Encoding": "identity"})
    claimed = request.headers.get("content-length", "")
    if claimed.isdecimal() and int(claimed[:20]) > limit:
        raise HTTPException(413, f"a body has at most {limit:,} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise HTTPException(413, f"a body has at most {limit:,} bytes")
    except TimeoutError:
        raise HTTPException(408, f"the body did not arrive within {_PATIENCE:.0f} s") from None
    except ClientDisconnect:
        raise HTTPException(400, "the connection closed before the body was complete") from None
    return bytes(body)


async def read_form(request: Request) -> list[tuple[str, str]]:
    """The fields of a form as browsers send one without files, in order; HTTPException 413 or 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"application/x-www-form-urlencoded", ""}:
        raise HTTPException(415, "send application/x-www-form-urlencoded")
    body = await read_body(request, _LARGEST_FORM)
    try:
        return parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise HTTPException(413, f"a form has at most {_MOST_FIELDS} fields") from None
