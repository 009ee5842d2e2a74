"""What several rules tell about: of one delay a customer hears once a day, unless a stronger rule has worse to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from notifier.core.duration import Duration

__all__ = ["LastWord", "Topic", "last_word"]


@dataclass(frozen=True, slots=True)
class Topic:
    """Rules that tell about the same thing, for the same `per`."""

    name: str
    #: A kind of subject (`order`) or a field.
    per: str
    every: Duration
    #: Ids of rules.
    strongest_first: tuple[str, ...]

    def keys(self, counted: str) -> Mapping[str, bytes]:
        """Rule -> the key under which its uses are kept, for what `per` stands for here."""
        return {
            rule: blake2b(f"topic\0{self.name}\0{rule}\0{counted}".encode(), digest_size=16).digest()
            for rule in self.strongest_first
        }


class LastWord(NamedTuple):
    """The rule that told last, and when."""

    rule: str
    at: datetime


def last_word(
    topic: Topic,
    rule: str,
    told: Mapping[str, Sequence[datetime]],
    *,
    again: bool = False,
    taken_at: datetime | None = None,
) -> LastWord | None:
    """Who has told already, so that `rule` may not; None where it may.

    Only a rule that is stronger than the one that told last may tell again. `told` holds the instants that count, by rule.
    `again` is the second look at a message that has its own place there already, since `taken_at`: a stronger one silences
    it, and a newer one of the same rule, which was held as well.
    """
    strength = topic.strongest_first.index(rule)
    words = [LastWord(one, max(told[one])) for one in topic.strongest_first if told.get(one)]
    if again:
        stronger = [word for word in words if topic.strongest_first.index(word.rule) < strength]
        newer = [word for word in words if word.rule == rule and taken_at is not None and word.at > taken_at]
        return next(iter([*stronger, *newer]), None)
    # Of two at one instant the stronger has the word: it stands first.
    last = max(words, key=lambda word: word.at, default=None)
    return last if last and topic.strongest_first.index(last.rule) <= strength else None
