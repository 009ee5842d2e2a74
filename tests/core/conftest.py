"""Rules, scenes and subjects for tests of the core, in as few words as a test can bear."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from notifier import rulebook
from notifier.core.catalogue import standard
from notifier.core.event import Event, Part
from notifier.core.scene import Scene
from notifier.core.subject import Aggregate, fold

NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)


class Text(NamedTuple):
    """What a rule must know of a message text."""

    category: str = "transactional"
    survey: object | None = None
    variables: frozenset[str] = frozenset()


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
