"""Rules files of a few lines, read as a project reads them."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from jsonschema import Draft7Validator

from notifier import rulebook
from notifier.core.catalogue import standard
from notifier.document import parse


class Text(NamedTuple):
    """What a rule must know of a message text."""

    category: str = "transactional"
    survey: object | None = None
    variables: frozenset[str] = frozenset()
    tells_all: bool = False


TEXTS = {
    "note": Text(),
    "all": Text(tells_all=True),
    "advert": Text("marketing"),
    "order_text": Text(variables=frozenset({"order.number", "customer.first_name"})),
    "score_text": Text(variables=frozenset({"survey.score", "order.number"})),
    "list_text": Text(variables=frozenset({"list.count", "list.rows", "list.order.number", "list.customer.name"})),
    "change_text": Text(variables=frozenset({"change.before", "event.type", "shop.name"})),
    "csat": Text("survey", survey={}),
    "nps": Text("survey", survey={}),
    "broken": None,
}
TEAMS = ("support", "purchasing")


@pytest.fixture(scope="session")
def lines():
    """A rule as YAML from a few keys, all in their places: `id` in line 3, `trigger` in line 5, others from line 7."""

    def written(**keys):
        plain = {"id": "r", "about": "order", "trigger": "{event: order.shipped}", "send": "{template: note}"}
        given = {key: value for key, value in {**plain, **keys}.items() if value is not None}
        return "  - " + "\n    ".join(f"{key}: {value}" for key, value in given.items()) + "\n"

    return written


@pytest.fixture(scope="session")
def marks():
    """What an editor with the schema of these names would mark in a rules file."""
    drawn = {}

    def found(text, catalogue=None):
        of = catalogue or standard()
        names = (*of.fields, *of.events)
        if names not in drawn:
            drawn[names] = Draft7Validator(rulebook.rules_schema(rulebook.Surroundings(of, TEXTS, TEAMS)))
        return [error.message for error in drawn[names].iter_errors(parse(text, "shop.yaml").data)]

    return found


@pytest.fixture
def load(tmp_path, marks):
    """The book of one rules file, or of several by name. What is accepted here no editor marks."""

    def read(text=None, catalogue=None, **files):
        for name, content in {**({"shop": text} if text is not None else {}), **files}.items():
            path = tmp_path / "rules" / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        book = rulebook.load(tmp_path, catalogue or standard(), TEXTS, TEAMS)
        for path in rulebook.files(tmp_path):
            assert marks(path.read_text(encoding="utf-8"), catalogue) == []
        return book

    return read
