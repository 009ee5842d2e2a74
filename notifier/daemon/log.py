"""What the daemon says about itself: a line an event on standard error, JSON where `NOTIFIER_LOG=json`.

No address, no token and no secret is in it: what we log names messages, rules and subjects.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from notifier.errors import UsageError

__all__ = ["begin"]


def begin(level: int = logging.INFO, environ: Mapping[str, str] = os.environ) -> None:
    """Set logging up from `level` on, unless whoever called has done so. Raises UsageError for a form that there is not."""
    form = environ.get("NOTIFIER_LOG", "") or "text"
    if form not in {"text", "json"}:
        raise UsageError(f"NOTIFIER_LOG is '{form}'; it can be text or json")
    logging.getLogger("notifier").setLevel(level)
    # A look at the files that takes longer than the time between two looks is no news.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    if logging.getLogger().handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form == "json" else _Text("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class _Text(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 - theirs
        return _instant(record)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return orjson.dumps(told).decode()


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
