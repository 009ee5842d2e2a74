"""Telling systemd how things stand, where it asked (`Type=notify`)."""

from __future__ import annotations

import logging
import os
import socket

__all__ = ["notify"]

_log = logging.getLogger(__name__)


def notify(state: str) -> None:
    """`READY=1`, `STOPPING=1`; nothing where nobody asked."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    name = f"\0{address[1:]}" if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
            sending.sendto(state.encode(), name)
    except OSError as error:
        _log.warning("systemd was not told %s: %s", state, error.strerror)
