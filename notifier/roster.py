"""Gathering what a report lists, from all that the store keeps: page by page, however much that is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from notifier.cast import Cast
from notifier.core.listing import Listing, Selection
from notifier.core.scene import Scene
from notifier.project import Project
from notifier.store import Unit

__all__ = ["gather", "is_empty"]

#: Subjects that are looked at together.
_PAGE = 500


def gather(project: Project, unit: Unit, listing: Listing, now: datetime) -> Selection:
    """The rows, with the facts of `now`, and how many there are in all."""
    selection = Selection(listing)
    for key, scene in _scenes(project, unit, listing, now):
        selection.look_at(key, scene)
    return selection


def is_empty(project: Project, unit: Unit, listing: Listing, now: datetime) -> bool:
    """Whether nothing is to be listed; found out with the first row."""
    return not any(listing.admits(scene) for _, scene in _scenes(project, unit, listing, now))


def _scenes(project: Project, unit: Unit, listing: Listing, now: datetime) -> Iterator[tuple[str, Scene]]:
    keys = unit.each_subject(listing.about, closed=listing.finished)
    while page := list(islice(keys, _PAGE)):
        cast = Cast(project, unit)
        cast.bring(page)
        yield from ((key, cast.scene(cast[key], now)) for key in page)
