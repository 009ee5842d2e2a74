"""A certificate authority for one server on loopback, which nobody trusts who is not told to."""

from __future__ import annotations

import ssl
from typing import NamedTuple

__all__ = ["Authority", "authority"]


class Authority(NamedTuple):
    """The server's side, and the PEM file's content by which a client trusts it."""

    context: ssl.SSLContext
    ca_pem: bytes


def authority(host: str) -> Authority:
    import trustme

    made = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("localhost", host).configure_cert(context)
    return Authority(context, made.cert_pem.bytes())
