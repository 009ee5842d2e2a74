"""Rules, scenes and subjects for tests of the core, in as few words as a test can bear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from notifier import rulebook
from notifier.core.catalogue import standard
from notifier.core.event import Event, Part
from notifier.core.match import Due, step
from notifier.core.scene import Scene
from notifier.core.subject import Aggregate, fold

NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)


class Text(NamedTuple):
    """What a rule must know of a message text."""

    category: str = "transactional"
    survey: object | None = None
    variables: frozenset[str] = frozenset()
    tells_all: bool = False


TEXTS = {
    "note": Text(),
    "asked_for": Text("requested"),
    "advert": Text("marketing"),
    "csat": Text("survey", survey={}),
}


def by_scope(facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    scopes: dict[str, dict[str, Any]] = {}
    for path, value in facts.items():
        scopes.setdefault(path.partition(".")[0], {})[path] = value
    return scopes


@pytest.fixture(scope="session")
def see():
    """A scene with these facts: `see({"order.total": 5})`, at noon, in Warsaw."""

    def made(facts=None, now=NOON, zone="Europe/Warsaw", working=None):
        more = {} if working is None else {"working": working}
        return Scene(by_scope(facts or {}), now, ZoneInfo(zone), **more)

    return made


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """The rules of a YAML text, without its first two lines."""
    shelf = tmp_path_factory.mktemp("rules")
    (shelf / "rules").mkdir()

    def read(text):
        (shelf / "rules" / "shop.yaml").write_text(f"version: 1\nrules:\n{text}", encoding="utf-8")
        return rulebook.load(shelf, standard(), TEXTS, ("support", "purchasing"))

    return read


@pytest.fixture(scope="session")
def rule(book):
    """One rule from a few keys; an order's, with one message, unless they say otherwise."""

    def read(**keys):
        given = {"id": "r", "about": "order", "send": "{template: note}", **keys}
        return book("  - " + "\n    ".join(f"{key}: {value}" for key, value in given.items())).rules[0]

    return read


@pytest.fixture(scope="session")
def subject():
    """A subject that was told these leaves by one event: `subject("order:1", total=5)`."""

    def made(key, at=NOON, onto=None, **leaves):
        kind = key.partition(":")[0]
        told = {f"{kind}.{name}": value for name, value in leaves.items()}
        return fold(onto or Aggregate(key), Part(kind, key, told), (at, "/shop", "1"))

    return made


@pytest.fixture(scope="session")
def telling():
    """An event of a type, as the rules see it: its parts are not looked at."""

    def made(kind, id_="1", at=NOON, **facts):
        return Event("/shop", id_, kind, at, at, (), facts, b"", b"", b"")

    return made


class Timeline:
    """One subject under a book of rules: told things, and asked what is due."""

    def __init__(self, book, see, subject, telling, key):
        self.see, self.subject, self.telling = see, subject, telling
        self.book = book
        self.one = Aggregate(key)
        self.now = NOON
        self.number = 0

    @property
    def scene(self) -> Scene:
        return self.see(self.one.facts, now=self.now)

    def told(self, at=NOON, kind="order.updated", **leaves):
        """What an event at `at` sets off, by rule id."""
        self.now, self.number = at, self.number + 1
        before = self.one
        self.one = self.subject(self.one.key, at=NOON + self.number * timedelta(microseconds=1), onto=before, **leaves)
        stepped = step(self.book, before, self.one, self.telling(kind, str(self.number), at), self.scene)
        self.one = stepped.aggregate
        return stepped.candidates

    def come(self, at):
        """What comes due at `at`: rules and occurrences."""
        self.now = at
        self.stepped = step(self.book, self.one, self.one, Due(), self.scene)
        self.one = self.stepped.aggregate
        return [(one.rule.id, one.occurrence) for one in self.stepped.candidates]

    @property
    def armed(self):
        return {timer: one.due for timer, one in self.one.memory.armed.items()}


@pytest.fixture(scope="session")
def order(book, see, subject, telling):
    """A subject on its way under the rules of a YAML text: `order("  - {id: …}")`."""
    book = cache(book)

    def made(text, key="order:1"):
        return Timeline(book(text), see, subject, telling, key)

    return made
