from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.duration import Duration
from notifier.core.topic import LastWord, Topic, last_word

NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RANKED = ("worst", "bad", "mild")
DELAY = Topic("delay", "order", Duration.parse("1d"), RANKED)


@pytest.mark.parametrize(
    ("told", "may"),
    [
        ({}, {"worst", "bad", "mild"}),
        ({"mild": [0]}, {"worst", "bad"}),
        ({"bad": [0]}, {"worst"}),
        ({"worst": [0]}, set()),
        ({"worst": [0], "bad": [2]}, {"worst"}),  # nobody knows how, but the last word counts
        ({"bad": [1], "mild": [1]}, {"worst"}),
    ],
)
def test_only_a_stronger_rule_tells_again(told, may):
    """What told last is outdone only by what is stronger; of two at one instant the stronger told."""
    instants = {rule: [NOON + hours * HOUR for hours in found] for rule, found in told.items()}
    assert {rule for rule in RANKED if last_word(DELAY, rule, instants) is None} == may


def test_the_one_that_told_is_named():
    """Who has told, and when, for the reason."""
    told = {"mild": [NOON], "bad": [NOON - HOUR, NOON + HOUR]}
    assert last_word(DELAY, "mild", told) == LastWord("bad", NOON + HOUR)


@given(st.dictionaries(st.sampled_from(RANKED), st.lists(st.integers(0, 9), max_size=3)), st.sampled_from(RANKED))
def test_a_message_that_waits_is_silenced_by_a_stronger_one_only(told, rule):
    """Whoever has a place already keeps it, unless a stronger rule has told."""
    instants = {one: [NOON + hours * HOUR for hours in found] for one, found in told.items()}
    stronger = RANKED[: RANKED.index(rule)]
    silenced = last_word(DELAY, rule, instants, again=True)
    assert (silenced is not None) == any(told.get(one) for one in stronger)


def test_of_two_that_waited_the_newer_goes():
    """A message gives way to a newer one of its own rule, and not to itself or an older one."""
    told = {"bad": [NOON, NOON + HOUR]}
    assert last_word(DELAY, "bad", told, again=True, taken_at=NOON) == LastWord("bad", NOON + HOUR)
    assert last_word(DELAY, "bad", told, again=True, taken_at=NOON + HOUR) is None


def test_each_rule_and_each_order_counts_for_itself():
    """Keys differ by rule, by what the topic is one per, and by topic."""
    keys = [*DELAY.keys("order:1").values(), *DELAY.keys("order:2").values()]
    keys += Topic("other", "order", DELAY.every, RANKED).keys("order:1").values()
    assert len(set(keys)) == 9
