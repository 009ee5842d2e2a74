"""Whom a connection may trust: who has a certificate that counts, and this computer itself."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from pathlib import Path

from notifier.errors import UsageError

__all__ = ["is_loopback", "require_certificates"]


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_certificates(path: Path, shown: str) -> None:
    """Raises UsageError where a file holds no certificate: better now than with the first message."""
    if not path.is_file():
        raise UsageError(f"{shown} is not there, or is no file")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:
        why = "there is no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise UsageError(f"{shown} cannot be used: {why}") from error
