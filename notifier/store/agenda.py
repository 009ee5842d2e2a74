"""Who is due when, in memory."""

from __future__ import annotations

from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

__all__ = ["Agenda"]

Key = TypeVar("Key", str, bytes)


class Agenda(Generic[Key]):
    """At most one instant a key. A heap, in which what was moved or taken out stays until it comes to the top."""

    def __init__(self) -> None:
        self.due: dict[Key, datetime] = {}
        self._heap: list[tuple[datetime, Key]] = []

    def put(self, key: Key, due: datetime | None) -> None:
        """The key is due then, instead of when it was; None takes it out."""
        if due is None:
            self.due.pop(key, None)
        elif self.due.get(key) != due:
            self.due[key] = due
            heappush(self._heap, (due, key))
            if len(self._heap) > 2 * len(self.due) + 1000:
                self._heap = [(due, key) for key, due in self.due.items()]
                heapify(self._heap)

    def first(self) -> datetime | None:
        heap, due = self._heap, self.due
        while heap and due.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def until(self, now: datetime, limit: int | None = None) -> list[Key]:
        """Keys due at or before `now`, by (due, key). They stay."""
        heap, found = self._heap, dict[Key, datetime]()
        while heap and heap[0][0] <= now and (limit is None or len(found) < limit):
            due, key = heappop(heap)
            if self.due.get(key) == due:
                found[key] = due
        for key, due in found.items():
            heappush(heap, (due, key))
        return list(found)
