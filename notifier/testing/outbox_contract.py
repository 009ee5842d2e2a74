"""What every store must keep about messages on their way; part of `notifier.testing.store_contract`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import timedelta

import pytest

from notifier.store import Store
from notifier.store.record import Attempt, KeyTaken, Outgoing
from notifier.testing.store_samples import HOUR, NOON, SECOND, digest, outgoing

__all__ = ["OutboxContract", "enqueued"]


def enqueued(store: Store, *messages: Outgoing) -> None:
    with store.begin() as unit:
        unit.enqueue(messages)


def _names(messages: Iterable[Outgoing], *names: object) -> list[object]:
    """What the messages were called, out of `names`."""
    known = {digest(name): name for name in names}
    return [known[one.key] for one in messages]


class OutboxContract:
    """The fixture `store` is that of `StoreContract`."""

    def test_a_message_comes_back_as_it_was(self, store: Store) -> None:
        """Every field of it, with the number that the store gave it."""
        one = outgoing(
            "1", state="held", reason="quiet_hours", channel="sms", language="pl", address="+15550100123",
            tried=("email", "sms"), calls=3, attempts=2, ambiguous=1, provider="console", provider_id="p1", token="t",
            lease_until=NOON + timedelta(microseconds=1), lead=digest("0"),
        )  # fmt: skip
        enqueued(store, one, outgoing("2"))
        with store.read() as unit:
            found = unit.messages([one.key, digest("2"), digest("3")])
            assert found[one.key] == dataclasses.replace(one, number=found[one.key].number)
            assert 0 < found[one.key].number < found[digest("2")].number
            assert unit.message_numbered(found[one.key].number) == found[one.key]
            assert unit.message_numbered(0) is None

    def test_a_message_is_there_once(self, store: Store) -> None:
        """One match, one message."""
        enqueued(store, outgoing("1"))
        with pytest.raises(KeyTaken):
            enqueued(store, outgoing("2"), outgoing("1"))
        with store.read() as unit:
            assert unit.messages([digest("2")]) == {}

    def test_the_order_of_claims(self, store: Store) -> None:
        """What is due leaves by priority, then by when it was due, then by age; the rest stays."""
        enqueued(
            store,
            outgoing("e", priority=30, due_at=NOON - 9 * HOUR),
            outgoing("c"),
            outgoing("d"),
            outgoing("b", state="held", due_at=NOON - HOUR),
            outgoing("a", priority=10),
            outgoing("early", due_at=NOON + SECOND),
            outgoing("sent", state="accepted"),
            outgoing("unknown", state="unknown"),
        )
        with store.begin() as unit:
            assert _names(unit.claim(NOON, 2, "t", NOON + HOUR), *"abcde") == ["a", "b"]
            assert _names(unit.claim(NOON, 10, "t", NOON + HOUR), *"abcde") == ["c", "d", "e"]
            assert unit.claim(NOON, 10, "t", NOON + HOUR) == []

    def test_a_claim_is_a_lease(self, store: Store) -> None:
        """What is claimed has its token and its end, and comes up when that has passed, not before."""
        enqueued(store, outgoing("1"), outgoing("2"), outgoing("3"))
        with store.begin() as unit:
            (first, second) = unit.claim(NOON, 2, "token", NOON + HOUR)
            assert (first.state, first.token, first.lease_until) == ("claimed", "token", NOON + HOUR)
            unit.put([dataclasses.replace(second, state="posting", lease_until=NOON + 2 * HOUR)])
        with store.begin() as unit:
            assert unit.messages([first.key])[first.key] == first
            assert unit.expired_claims(NOON + HOUR - SECOND, 10) == []
            assert unit.expired_claims(NOON + HOUR, 10) == [first]
            assert _names(unit.expired_claims(NOON + 2 * HOUR, 10), "1", "2", "3") == ["1", "2"]
            assert _names(unit.expired_claims(NOON + 2 * HOUR, 1), "1", "2", "3") == ["1"]
            unit.put([dataclasses.replace(first, state="accepted")])
            assert _names(unit.expired_claims(NOON + 2 * HOUR, 10), "1", "2", "3") == ["2"]

    def test_put_writes_the_whole_message(self, store: Store) -> None:
        """What is put is what is there, but for the number; what was never enqueued stays unknown."""
        enqueued(store, outgoing("1", reason="quiet_hours"))
        changed = outgoing("1", state="pending", priority=5, due_at=NOON - HOUR, address="dana@example.com", calls=1)
        with store.begin() as unit:
            number = unit.messages([changed.key])[changed.key].number
            unit.put([changed, outgoing("never")])
            assert unit.messages([changed.key, digest("never")]) == {
                changed.key: dataclasses.replace(changed, number=number)
            }
            assert unit.next_due() == NOON - HOUR
            assert len(unit.claim(NOON - HOUR, 10, "t", NOON)) == 1

    def test_messages_of_unknown_outcome(self, store: Store) -> None:
        """They come up when their grace is over, the earliest first."""
        enqueued(store, *(outgoing(hours, state="unknown", due_at=NOON + hours * HOUR) for hours in (2, 1, 3)))
        with store.read() as unit:
            assert unit.unknown_messages(NOON, 10) == []
            assert _names(unit.unknown_messages(NOON + 2 * HOUR, 10), 1, 2, 3) == [1, 2]
            assert _names(unit.unknown_messages(NOON + 9 * HOUR, 2), 1, 2, 3) == [1, 2]
            assert unit.next_due() == NOON + HOUR

    def test_what_is_collected(self, store: Store) -> None:
        """A message knows those that go as a part of it, by number, as long as they do; the last window stands."""
        lead, other = digest("a"), digest("x")
        enqueued(
            store,
            outgoing("a", state="held", lead=lead),
            outgoing("c", state="collected", lead=lead),
            outgoing("b", state="collected", lead=lead),
            outgoing("d", state="dropped", lead=lead),
            outgoing("x", state="held", lead=other),
            outgoing("y", state="collected", lead=other),
        )
        with store.begin() as unit:
            assert _names(unit.members(lead), "b", "c") == ["c", "b"]
            unit.put([outgoing("b", state="collected", lead=other), outgoing("c", state="dropped")])
            assert unit.members(lead) == []
            assert _names(unit.members(other), "b", "y") == ["b", "y"]
            unit.open_windows([(digest("w"), NOON, lead), (digest("v"), NOON, other)])
            unit.open_windows([(digest("w"), NOON + HOUR, other)])
        with store.read() as unit:
            assert unit.windows([digest("w"), digest("z")]) == {digest("w"): (NOON + HOUR, other)}

    def test_what_is_held_for_a_reason(self, store: Store) -> None:
        """Counted by rule; what waits for something else, or has left, does not count."""
        enqueued(
            store,
            outgoing("a", state="held", reason="brake", rule="late"),
            outgoing("b", state="held", reason="brake", rule="late"),
            outgoing("c", state="held", reason="brake", rule="early"),
            outgoing("d", state="held", reason="quiet_hours", rule="late"),
            outgoing("e", state="pending", reason="brake", rule="late"),
        )
        with store.read() as unit:
            assert unit.held_for("brake") == {"early": 1, "late": 2}
            assert unit.held_for("paused") == {}

    def test_waking(self, store: Store) -> None:
        """Everything held for one reason is due now; what is held for another, or not held, is not."""
        later = NOON + 9 * HOUR
        enqueued(
            store,
            outgoing("1", state="held", reason="paused", due_at=later),
            outgoing("2", state="held", reason="quiet_hours", due_at=later),
            outgoing("3", state="pending", reason="paused", due_at=later),
            outgoing("4", state="held", reason="paused", due_at=later),
        )
        with store.begin() as unit:
            assert unit.wake("paused", NOON) == 2
            assert unit.wake("muted", NOON) == 0
            assert unit.next_due() == NOON
            assert _names(unit.claim(NOON, 10, "t", later), *"1234") == ["1", "4"]

    def test_finding_messages(self, store: Store) -> None:
        """Newest first, by state, by subject, by both, and in pages."""
        enqueued(
            store,
            outgoing("1", state="failed"),
            outgoing("2", state="held"),
            outgoing("3", state="failed", subject_key="order:1044"),
            outgoing("4", state="delivered"),
        )
        with store.read() as unit:
            newest = unit.find_messages()
            assert _names(newest, *"1234") == ["4", "3", "2", "1"]
            assert _names(unit.find_messages(states=["failed"]), *"1234") == ["3", "1"]
            assert _names(unit.find_messages(states=["held", "failed"], limit=2), *"1234") == ["3", "2"]
            assert _names(unit.find_messages(subject_key="order:1043"), *"1234") == ["4", "2", "1"]
            assert _names(unit.find_messages(states=["failed"], subject_key="order:1043"), *"1234") == ["1"]
            assert _names(unit.find_messages(limit=2, after=newest[1].number), *"1234") == ["2", "1"]
            assert unit.find_messages(states=["bounced", "unknown"]) == []

    def test_attempts(self, store: Store) -> None:
        """An attempt is there before the call and learns its end; its number is given out once."""
        second = Attempt(digest("1"), 2, "smtp", NOON)
        with store.begin() as unit:
            unit.start_attempts(
                [second, Attempt(digest("1"), 1, "console", NOON - HOUR), Attempt(digest("2"), 1, "x", NOON)]
            )
        ended = dataclasses.replace(second, ended_at=NOON + SECOND, outcome="retry", detail="421 try later")
        with store.begin() as unit:
            unit.end_attempt(ended)
            assert unit.attempts(digest("1")) == [Attempt(digest("1"), 1, "console", NOON - HOUR), ended]
            assert unit.attempts(digest("3")) == []
        with pytest.raises(KeyTaken), store.begin() as unit:
            unit.start_attempts([Attempt(digest("1"), 2, "smtp", NOON)])

    def test_bodies(self, store: Store) -> None:
        """The bytes of a message come back to the byte, and the last ones stand."""
        with store.begin() as unit:
            unit.keep_bodies([(digest("1"), b"first"), (digest("2"), bytes(range(256)) * 40)])
            unit.keep_bodies([(digest("1"), b"again")])
        with store.read() as unit:
            assert unit.bodies([digest("1"), digest("2"), digest("3")]) == {
                digest("1"): b"again",
                digest("2"): bytes(range(256)) * 40,
            }
