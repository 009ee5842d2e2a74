"""Changes in memory that can be taken back."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import datetime
from typing import Any

from notifier.store.agenda import Agenda
from notifier.store.record import KeyTaken

__all__ = ["Steps"]


class Steps:
    """Notes, for each change, how to undo it."""

    def __init__(self) -> None:
        self._steps_back: list[tuple[Any, ...]] = []

    def _set(self, mapping: MutableMapping[Any, Any], key: Any, value: Any) -> None:
        if key in mapping:
            self._steps_back.append((mapping.__setitem__, key, mapping[key]))
        else:
            self._steps_back.append((mapping.__delitem__, key))
        mapping[key] = value

    def _remove(self, mapping: MutableMapping[Any, Any], key: Any) -> None:
        self._steps_back.append((mapping.__setitem__, key, mapping.pop(key)))

    def _add(self, rows: list[Any], row: Any) -> None:
        self._steps_back.append((rows.pop,))
        rows.append(row)

    def _date(self, agenda: Agenda[Any], key: Any, due: datetime | None) -> None:
        before = agenda.due.get(key)
        if before != due:
            self._steps_back.append((agenda.put, key, before))
            agenda.put(key, due)

    def _set_once(self, mapping: MutableMapping[Any, Any], key: Any, value: Any, what: str) -> None:
        if key in mapping:
            raise KeyTaken(f"this {what} is there already")
        self._set(mapping, key, value)
