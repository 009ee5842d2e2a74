from __future__ import annotations

from datetime import timedelta
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from notifier.core.decide import Question
from notifier.store.memory import MemoryStore
from notifier.store.record import KeyTaken
from notifier.store.sql import SqlStore
from notifier.testing.store_samples import HOUR, NOON, digest, match, order, outgoing, telling

_names = st.sampled_from("abcd")
_hours = st.integers(-3, 3).map(lambda hours: NOON + hours * HOUR)
_states = st.sampled_from(["held", "pending", "claimed", "posting", "unknown", "accepted", "dropped"])
_reasons = st.sampled_from(["paused", "quiet_hours"])


class Agreement(RuleBasedStateMachine):
    """Does the same to a store in a file and to one in memory, some of it in vain, and compares what they say."""

    def __init__(self):
        super().__init__()
        self.directory = TemporaryDirectory()
        self.stores = [
            MemoryStore(keep_events=True),
            SqlStore(f"sqlite:///{self.directory.name}/notifier.db", create=True),
        ]

    def teardown(self):
        self.stores[1].close()
        self.directory.cleanup()

    def both(self, act, *, keep=True):
        """Run `act` in a unit of each store; `keep` commits it. Both give, or refuse, the same."""
        found = []
        for store in self.stores:
            said = None
            try:
                with store.begin() as unit:
                    said = act(unit)
                    assert keep
            except (KeyTaken, AssertionError) as error:
                said = (said, type(error))
            found.append(said)
        assert found[0] == found[1]

    @rule(name=_names, content=_names, keep=st.booleans())
    def append(self, name, content, keep):
        self.both(lambda unit: unit.append([telling("x"), telling(name, content)]), keep=keep)

    @rule(
        names=st.sets(_names), due=_hours | st.none(), status=st.sampled_from(["paid", "delivered"]), keep=st.booleans()
    )
    def save(self, names, due, status, keep):
        self.both(lambda unit: unit.save([order(name, due=due, status=status) for name in sorted(names)]), keep=keep)

    @rule(name=_names, state=_states, due=_hours, priority=st.integers(1, 2), reason=_reasons, keep=st.booleans())
    def enqueue(self, name, state, due, priority, reason, keep):
        one = outgoing(name, state=state, due_at=due, priority=priority, reason=reason, lease_until=due)
        self.both(lambda unit: unit.enqueue([one]), keep=keep)

    @rule(name=_names, state=_states, due=_hours, keep=st.booleans())
    def put(self, name, state, due, keep):
        one = outgoing(name, state=state, due_at=due, lease_until=due + HOUR)
        self.both(lambda unit: unit.put([one]), keep=keep)

    @rule(now=_hours, limit=st.integers(1, 3), keep=st.booleans())
    def claim(self, now, limit, keep):
        self.both(lambda unit: [one.key for one in unit.claim(now, limit, "t", now + HOUR)], keep=keep)

    @rule(reason=_reasons, now=_hours, keep=st.booleans())
    def wake(self, reason, now, keep):
        self.both(lambda unit: unit.wake(reason, now), keep=keep)

    @rule(slot=_names, message=_names, at=_hours, keep=st.booleans())
    def take(self, slot, message, at, keep):
        def act(unit):
            unit.add_uses([(digest("use"), at, digest(message))])
            unit.take_slots([(digest(slot), digest(message))])

        self.both(act, keep=keep)

    @rule(messages=st.sets(_names), keep=st.booleans())
    def free(self, messages, keep):
        self.both(lambda unit: unit.free([digest(name) for name in messages]), keep=keep)

    @rule(skus=st.sets(_names), name=_names, owed=st.integers(0, 1), keep=st.booleans())
    def hold(self, skus, name, owed, keep):
        self.both(lambda unit: unit.keep_lines([(sku, f"order:{name}", owed) for sku in skus]), keep=keep)

    @rule(skus=st.sets(_names), name=_names, keep=st.booleans())
    def let_go(self, skus, name, keep):
        self.both(lambda unit: unit.drop_lines([(sku, f"order:{name}") for sku in skus]), keep=keep)

    @rule(name=_names, keep=st.booleans())
    def add_match(self, name, keep):
        self.both(lambda unit: unit.add_matches([match(name)]), keep=keep)

    @invariant()
    def they_say_the_same(self):
        said = []
        for store in self.stores:
            with store.read() as unit:
                said.append(_said(unit))
        assert said[0] == said[1]


def _said(unit):
    asked = [Question("slot", digest(name)) for name in "abcd"] + [Question("uses", digest("use"), NOON)]
    late = NOON + timedelta(hours=2)
    return [
        unit.counts(),
        unit.next_due(),
        unit.answers(asked),
        unit.load(f"order:{name}" for name in "abcd"),
        unit.due_subjects(NOON, 2),
        unit.open_subjects("order:a", 2),
        unit.newness([telling("a", "a"), telling("b", "c"), telling("x")]),
        unit.find_messages(),
        [one.key for one in unit.expired_claims(late, 2)],
        [one.key for one in unit.unknown_messages(late, 2)],
        [unit.orders_with(sku, "order:a", 2, owed=owed) for sku in "abcd" for owed in (False, True)],
        unit.matches_of("order:1043"),
        [one.id for one in unit.events("order:1043")],
    ]


TestAgreement = Agreement.TestCase
TestAgreement.settings = settings(max_examples=25, stateful_step_count=25)
