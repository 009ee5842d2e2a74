"""One line of a timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

__all__ = ["Entry", "Kind"]

Kind = Literal["event", "match", "decision", "attempt", "answer", "armed", "verdict"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened, or is to come: as a sentence for people and as a record for scripts."""

    at: datetime
    kind: Kind
    text: str
    record: Mapping[str, Any]
    #: False for what only scripts want: that a message was accepted is told by its attempt.
    told: bool = True
