"""Which rules were in force when, as they were kept; read again with what the project knows today."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import orjson

from notifier import rulebook
from notifier.core.rule import Book, Rule
from notifier.errors import Faults
from notifier.project import Project
from notifier.store import Unit
from notifier.store.record import RulesText

__all__ = ["Version", "Versions"]


class Version(NamedTuple):
    """The rules of one stretch of time."""

    #: From when on; None where nothing was ever kept, and it is the rules of today.
    since: datetime | None
    book: Book
    #: Why they cannot be read any more; the book is then empty.
    fault: str = ""


class Versions:
    """All rules that were ever in force."""

    def __init__(self, project: Project, unit: Unit) -> None:
        self._project = project
        self._texts = unit.rules_texts()
        self._read: dict[str, Version] = {}

    @property
    def first(self) -> datetime | None:
        """Since when it is known; None where nothing was kept."""
        return self._texts[0].since if self._texts else None

    def at(self, moment: datetime) -> Version:
        """Those in force at an instant. What was before the first is not known: that one must do."""
        kept = [one for one in self._texts if one.since <= moment] or self._texts[:1]
        return self._of(kept[-1]) if kept else Version(None, self._project.book)

    def _of(self, kept: RulesText) -> Version:
        book = self._project.book
        if kept.hash == book.hash:
            return Version(kept.since, book)
        if kept.hash not in self._read:
            self._read[kept.hash] = self._recalled(kept)
        return self._read[kept.hash]._replace(since=kept.since)

    def _recalled(self, kept: RulesText) -> Version:
        project = self._project
        teams = tuple(project.config.teams)
        try:
            book = rulebook.recall(orjson.loads(kept.text), project.catalogue, project.texts.templates, teams)
        except Faults as faults:
            return Version(kept.since, Book(()), str(faults.problems[0]).partition("\n")[0])
        return Version(kept.since, book)

    def rule(self, id_: str) -> Rule | None:
        """The rule of this name as it was last, where there ever was one."""
        found = self._project.book.by_id.get(id_)
        for kept in reversed(self._texts) if found is None else ():
            found = found or self._of(kept).book.by_id.get(id_)
        return found

    def names(self) -> set[str]:
        """The ids of all rules that there ever were."""
        return {id_ for kept in self._texts for id_ in self._of(kept).book.by_id} | set(self._project.book.by_id)
