from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.store import memory
from notifier.store.agenda import Agenda
from notifier.store.memory import MemoryStore
from notifier.testing.store_samples import NOON, order, telling


def test_few_subjects_are_kept_thawed(monkeypatch):
    """However long the history, only those that were touched last stay as they are, and no other is forgotten."""
    monkeypatch.setattr(memory, "LIVE", 3)
    store = MemoryStore()
    for number in range(20):
        with store.begin() as unit:
            unit.save([order(str(number), total=number)])
        assert len(unit._live) <= 3
    with store.read() as unit:
        found = unit.load(f"order:{number}" for number in range(20))
        assert [one.facts["order.total"] for one in found.values()] == list(range(20))
    assert len(unit._live) <= 3


def test_a_unit_that_fails_leaves_frozen_subjects_as_they_were(monkeypatch):
    """What was frozen before a unit in vain comes back as it was, in whatever order the unit had loaded and saved."""
    monkeypatch.setattr(memory, "LIVE", 1)
    store = MemoryStore()
    with store.begin() as unit:
        unit.save([order("1", total=1), order("2", total=2), order("3", total=3)])
    with pytest.raises(ZeroDivisionError), store.begin() as unit:
        unit.load(["order:1"])
        unit.save([order("1", total=10), order("2", total=20), order("4", total=40)])
        unit.save([order("1", total=100)])
        raise ZeroDivisionError
    with store.begin() as unit:
        found = unit.load(["order:1", "order:2", "order:3", "order:4"])
        assert [one.facts.get("order.total") for one in found.values()] == [1, 2, 3, None]


def test_bodies_of_events_are_kept_only_where_asked_for():
    """A backtest needs to know what it has seen, not what stood in it."""
    store = MemoryStore()
    with store.begin() as unit:
        unit.append([telling("1")])
        assert unit.newness([telling("1")]) == ["duplicate"]
        assert unit.counts()["events"] == 1
        assert unit.events("order:1043") == []
    assert list(store.each_event()) == []


def test_a_unit_inside_a_unit_is_a_mistake():
    """One thread has one unit at a time: a second would commit or take back what belongs to the first."""
    store = MemoryStore()
    with store.begin() as unit:
        unit.set_note("rulebook", "a1b2")
        with pytest.raises(RuntimeError, match="open already"), store.begin():
            pass
    with store.read() as unit:
        assert unit.note("rulebook") == "a1b2"


_hours = st.integers(0, 20)


@given(st.lists(st.tuples(st.sampled_from("abcde"), _hours | st.none()), max_size=60), _hours, st.integers(1, 6))
def test_an_agenda_is_a_sorted_list_of_the_last_words(said, now, limit):
    """However often keys are moved, taken out and put back, it gives what was said last, in order."""
    agenda = Agenda()
    told = {}
    for key, hour in said:
        agenda.put(key, None if hour is None else NOON + timedelta(hours=hour))
        told[key] = hour
        due = sorted((hour, key) for key, hour in told.items() if hour is not None)
        assert agenda.first() == (NOON + timedelta(hours=due[0][0]) if due else None)
    wanted = [key for hour, key in due if hour <= now] if said else []
    for _ in range(2):
        assert agenda.until(NOON + timedelta(hours=now), limit) == wanted[:limit]
    assert agenda.until(NOON + timedelta(hours=now)) == wanted


def test_an_agenda_does_not_grow_with_what_was_moved():
    """A time that moves ten thousand times is one entry in the end, and not ten thousand."""
    agenda = Agenda()
    for minute in range(10_000):
        agenda.put("order:1", NOON + timedelta(minutes=minute))
    assert len(agenda._heap) <= 1100
    assert agenda.first() == NOON + timedelta(minutes=9_999)
