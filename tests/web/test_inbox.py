from __future__ import annotations

import asyncio
import threading

import pytest

from notifier.errors import Unreachable
from notifier.intake import Receipt
from notifier.web.inbox import Full, Inbox


class Till:
    """Takes batches in when it is let, and remembers them."""

    def __init__(self, taken_by=lambda events: None):
        self.batches = []
        self.go = threading.Event()
        self._check = taken_by

    def __call__(self, events):
        self.batches.append(list(events))
        assert self.go.wait(30)
        self._check(events)
        return [Receipt("accepted", str(event)) for event in events]


async def all_put(inbox, parcels, then):
    """Put every parcel before anything is answered, then see what becomes of each."""
    waiting = [asyncio.ensure_future(inbox.put(parcel)) for parcel in parcels]
    await asyncio.sleep(0)
    then()
    return await asyncio.gather(*waiting, return_exceptions=True)


def reasons(outcomes):
    return [[one.reason for one in receipts] for receipts in outcomes]


@pytest.fixture
def kept():
    """Inboxes that are closed when the test is over, whatever came of it."""
    made = []
    yield made
    for inbox, till in made:
        till.go.set()
        inbox.close()


def started(kept, till, **how):
    inbox = Inbox(till, **how)
    kept.append((inbox, till))
    inbox.start()
    return inbox


def test_what_waits_is_committed_together(kept):
    """While one commit is under way all that comes waits, and then goes in one more; each gets its own receipts."""
    till = Till()
    inbox = started(kept, till)
    parcels = [[f"{one}a", f"{one}b"] for one in range(100)]
    outcomes = asyncio.run(all_put(inbox, parcels, till.go.set))
    assert reasons(outcomes) == parcels
    assert len(till.batches) <= 2


def test_a_transaction_has_an_end(kept):
    """No more than 1,000 events go into one transaction, however many wait."""
    till = Till()
    inbox = started(kept, till)
    asyncio.run(all_put(inbox, [[one] * 300 for one in range(12)], till.go.set))
    assert sum(map(len, till.batches)) == 3600
    assert max(map(len, till.batches)) <= 1000


def test_a_parcel_of_any_size_is_taken_whole(kept):
    """One request's events are never split between transactions."""
    till = Till()
    inbox = started(kept, till)
    till.go.set()
    outcomes = asyncio.run(all_put(inbox, [list(range(1500))], lambda: None))
    assert len(outcomes[0]) == 1500
    assert [len(batch) for batch in till.batches] == [1500]


def test_a_full_inbox_says_so(kept):
    """Where there is no more room, senders are told at once; those before them are served."""
    till = Till()
    inbox = started(kept, till, room=10)
    outcomes = asyncio.run(all_put(inbox, [[one] * 5 for one in range(6)], till.go.set))
    full = [isinstance(outcome, Full) for outcome in outcomes]
    assert full in ([False] * 2 + [True] * 4, [False] * 3 + [True] * 3)  # the thread may have begun with the first


def test_a_closed_inbox_finishes_what_it_took():
    """Closing takes nothing new, and answers all that was there."""
    till = Till()
    inbox = Inbox(till)

    def close():
        inbox.start()
        till.go.set()
        inbox.close()

    async def before_and_after():
        before = await all_put(inbox, [["a"], ["b"]], close)
        return before, await all_put(inbox, [["c"]], lambda: None)

    before, after = asyncio.run(before_and_after())
    assert reasons(before) == [["a"], ["b"]]
    assert [type(outcome) for outcome in after] == [Full]


def test_a_fault_takes_nobody_else_down(kept):
    """Where a batch cannot be taken through a fault of ours, each request is tried by itself."""

    def poison(events):
        if "bad" in events:
            raise RuntimeError("no such thing")

    till = Till(poison)
    inbox = started(kept, till)
    outcomes = asyncio.run(all_put(inbox, [["a"], ["bad"], ["b"]], till.go.set))
    assert isinstance(outcomes[1], RuntimeError)
    assert reasons([outcomes[0], outcomes[2]]) == [["a"], ["b"]]


def test_an_unreachable_database_is_told_to_everybody(kept):
    """There is no use in trying each by itself where the database does not answer."""

    def down(_):
        raise Unreachable("the disk is full")

    till = Till(down)
    inbox = started(kept, till)
    outcomes = asyncio.run(all_put(inbox, [["a"], ["b"], ["c"]], till.go.set))
    assert [type(outcome) for outcome in outcomes] == [Unreachable] * 3
    assert len(till.batches) <= 2


def test_a_sender_that_hung_up_does_no_harm(kept):
    """Events of a request that was given up are taken all the same, and its neighbours are answered."""
    till = Till()
    inbox = started(kept, till)

    async def hang_up():
        gone, staying = (asyncio.ensure_future(inbox.put([name])) for name in ("gone", "staying"))
        await asyncio.sleep(0)
        gone.cancel()
        till.go.set()
        return await staying

    assert reasons([asyncio.run(hang_up())]) == [["staying"]]
    assert sorted(event for batch in till.batches for event in batch) == ["gone", "staying"]
