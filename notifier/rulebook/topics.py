"""The topics of all rules files, read before the rules, which name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from notifier.core.rule import ABOUT
from notifier.core.topic import Topic
from notifier.document import Loc
from notifier.rulebook.reading import Reading
from notifier.rulebook.shape import TopicEntry

__all__ = ["topics_of"]


def topics_of(readings: Iterable[Reading], rules: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Topic | None]:
    """Name -> topic, None for one that is there and cannot be read; what is wrong with one is noted in its file's reading. `rules` are all rules as they are written, by id."""
    topics: dict[str, Topic | None] = {}
    for reading in readings:
        data = reading.document.data
        written = data.get("topics") if isinstance(data, dict) else None
        for name, one in written.items() if isinstance(written, dict) else ():
            loc: Loc = ("topics", name)
            if name in topics:
                reading.wrong(loc, f"there is a topic '{name}' already", on_key=True)
            else:
                topics[name] = _topic(reading, loc, one, rules)
    return topics


def _topic(reading: Reading, loc: Loc, written: object, rules: Mapping[str, Mapping[str, Any]]) -> Topic | None:
    try:
        entry = TopicEntry.model_validate(written)
    except ValidationError:
        return None  # the file's shape is looked at as a whole, and says so
    every = reading.duration((*loc, "every"), entry.every)
    if "." in entry.per:
        scopes = {one.scope for one in reading.catalogue.fields.values()}
        known = reading.field((*loc, "per"), entry.per, scopes) is not None
    else:
        known = reading.known((*loc, "per"), entry.per, [one for one in ABOUT if one != "shop"], "nothing is one per")
    for number, rule in enumerate(entry.strongest_first):
        place = (*loc, "strongest_first", number)
        if not reading.known(place, rule, rules, "no rule"):
            continue
        if rule in entry.strongest_first[:number]:
            reading.wrong(place, f"'{rule}' stands here twice", part=rule)
        elif rules[rule].get("topic") != loc[1]:
            reading.wrong(place, f"'{rule}' does not say 'topic: {loc[1]}'", part=rule)
    return Topic(str(loc[1]), entry.per, every, tuple(entry.strongest_first)) if every and known else None
