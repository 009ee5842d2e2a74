from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from notifier.breaker import MISSES, REFUSED_TEXTS, REPAIR, RESTS, TEXT_RESTS, Breaker
from notifier.provider import Accepted, Refused, RetryLater, Unknown
from notifier.testing.provider_contract import sample

ONE, OTHER_SENDER = sample("email", rule="a"), sample("email", rule="a", sender="Other <other@example.org>")
OTHER_RULE = sample("email", rule="b")


class Clock:
    def __init__(self):
        self.at = 1_000.0

    def __call__(self):
        return self.at


def _breaker():
    clock = Clock()
    return Breaker(clock), clock


def _waits(breaker, *messages):
    """Which of them would have to wait; none of them goes."""
    waits = []
    for message in messages:
        waits.append(breaker.wait("mail", message))
        if not waits[-1]:
            breaker.stayed("mail", message)
    return waits


def test_a_wrong_key_stops_the_provider_and_no_other():
    """What refuses everything is left alone at once; another provider goes on."""
    breaker, _ = _breaker()
    assert breaker.learn("mail", ONE, Refused("", "provider")) == REPAIR
    assert _waits(breaker, ONE, OTHER_SENDER, OTHER_RULE) == [REPAIR] * 3
    assert breaker.wait("texts", ONE) == 0


def test_a_sender_stops_alone():
    """A sender that is not allowed is no other sender's trouble."""
    breaker, _ = _breaker()
    breaker.learn("mail", ONE, Refused("", "sender"))
    assert _waits(breaker, ONE, OTHER_SENDER) == [REPAIR, 0]


def test_a_rule_stops_alone():
    """A text that is refused in a row is no other text's trouble; one refusal is nobody's but its reader's."""
    breaker, _ = _breaker()
    for _ in range(REFUSED_TEXTS - 1):
        assert breaker.learn("mail", ONE, Refused("", "content")) == 0
    assert _waits(breaker, ONE) == [0]
    assert breaker.learn("mail", ONE, Refused("", "content")) == TEXT_RESTS[0]
    assert _waits(breaker, ONE, OTHER_RULE) == [TEXT_RESTS[0], 0]


def test_something_taken_in_between_starts_anew():
    """Failures that are not in a row stop nobody."""
    breaker, _ = _breaker()
    for _ in range(10):
        for _ in range(MISSES - 1):
            assert breaker.learn("mail", ONE, Unknown("")) == 0
        breaker.learn("mail", ONE, Refused("", "address"))
    assert _waits(breaker, ONE) == [0]


def test_the_rests_grow():
    """A provider that fails again each time is left alone longer each time, up to a limit."""
    breaker, clock = _breaker()
    rests = []
    for _ in range(MISSES + len(RESTS)):
        rests.append(breaker.learn("mail", ONE, RetryLater(None, "", counted=False)))
        clock.at += rests[-1]
    assert rests == [0] * (MISSES - 1) + [*RESTS, RESTS[-1]]


def test_one_goes_ahead():
    """After a rest one call tries, the others wait for it; where it did not go after all, another one does."""
    breaker, clock = _breaker()
    breaker.learn("mail", ONE, Refused("", "provider"))
    clock.at += REPAIR
    assert breaker.wait("mail", ONE) == 0
    assert 0 < breaker.wait("mail", OTHER_RULE) <= 10
    breaker.stayed("mail", ONE)
    assert breaker.wait("mail", OTHER_RULE) == 0
    breaker.learn("mail", OTHER_RULE, Accepted("1"))
    assert [breaker.wait("mail", one) for one in (ONE, OTHER_RULE, OTHER_SENDER)] == [0, 0, 0]


def test_who_was_told_how_long_keeps_to_it():
    """A wait that was asked for lasts, whatever else comes back meanwhile; then all go, and not one ahead."""
    breaker, clock = _breaker()
    breaker.learn("mail", ONE, RetryLater(timedelta(seconds=40), "", counted=False))
    breaker.learn("mail", ONE, RetryLater(timedelta(seconds=10), "", counted=False))
    breaker.learn("mail", ONE, Accepted("1"))
    assert _waits(breaker, OTHER_RULE) == [40]
    clock.at += 40
    assert [breaker.wait("mail", one) for one in (ONE, OTHER_RULE)] == [0, 0]


def test_a_message_that_is_to_wait_alone_stops_nobody():
    """Greylisting, a full mailbox and a refused address are about one message."""
    breaker, _ = _breaker()
    for outcome in (RetryLater(timedelta(minutes=5), ""), RetryLater(None, ""), Refused("", "address"), Refused("")):
        for _ in range(20):
            assert breaker.learn("mail", ONE, outcome) == 0
    assert _waits(breaker, ONE) == [0]


OUTCOMES = st.sampled_from(
    [
        Accepted("1"), Unknown(""), RetryLater(None, ""), RetryLater(None, "", counted=False),
        RetryLater(timedelta(seconds=90), "", counted=False), *(Refused("", scope) for scope in ("message", "address",
        "content", "sender", "provider")),
    ]
)  # fmt: skip


@given(st.lists(st.tuples(OUTCOMES, st.floats(0, 400), st.sampled_from([ONE, OTHER_SENDER, OTHER_RULE]))))
def test_nobody_waits_for_ever(history):
    """Whatever happened, each may go within the longest rest, and once it is taken the way is free for its like."""
    breaker, clock = _breaker()
    for outcome, later, message in history:
        clock.at += later
        if not breaker.wait("mail", message):
            breaker.learn("mail", message, outcome)
    for _ in range(3):
        clock.at += max(breaker.wait("mail", ONE), 0)
        if not breaker.wait("mail", ONE):
            break
    else:
        clock.at += max(REPAIR, *TEXT_RESTS, 60)
        assert breaker.wait("mail", ONE) == 0
    breaker.learn("mail", ONE, Accepted("1"))
    clock.at += 90
    assert [breaker.wait("mail", ONE) for _ in range(3)] == [0, 0, 0]
