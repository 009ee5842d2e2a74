"""What every store must keep, as a suite to subclass: `class TestMine(StoreContract)` with a fixture `store`."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from notifier.core.decide import Question
from notifier.core.policy import Mute
from notifier.core.subject import Aggregate
from notifier.store import Store, Unit
from notifier.store.record import Attempt, DecisionRow, KeyTaken, Quarantined, RulesText
from notifier.testing.outbox_contract import OutboxContract
from notifier.testing.shelf_contract import ShelfContract
from notifier.testing.store_samples import HOUR, NOON, SECOND, aggregates, digest, match, order, outgoing, telling

__all__ = ["StoreContract"]

#: As many as no single query takes at once.
MANY = 1_300


class StoreContract(OutboxContract, ShelfContract):
    """Each test is one promise of `notifier.store`."""

    @pytest.fixture
    def store(self) -> Store:
        """A new store that keeps the bodies of events."""
        return pytest.fail("a contract needs a fixture named 'store'")

    # transactions ---------------------------------------------------------------------------------------------------

    def test_a_unit_that_fails_leaves_nothing(self, store: Store) -> None:
        """After an exception everything is as it was before the unit: rows, links, armed times, messages, notes."""
        with store.begin() as unit:
            _write_everything(unit, "before")
            unit.save([order("1043", due=NOON)])
        before = _seen_whole(store)
        with pytest.raises(ZeroDivisionError), store.begin() as unit:
            _write_everything(unit, "during")
            unit.save([order("1043", due=NOON - HOUR, status="delivered"), order("1044", due=NOON)])
            unit.put([outgoing("before", state="unknown", due_at=NOON - HOUR)])
            unit.free([digest("before")])
            unit.lift_mute("mute", "rule:before")
            unit.next_due()
            raise ZeroDivisionError
        assert _seen_whole(store) == before

    def test_a_unit_sees_what_it_wrote(self, store: Store) -> None:
        """Inside a unit its own writes are there at once."""
        with store.begin() as unit:
            _write_everything(unit, "here")
            assert unit.newness([telling("here")]) == ["duplicate"]
            assert unit.match(digest("here")) == match("here")
            assert unit.next_due() == NOON

    def test_what_is_committed_can_be_read(self, store: Store) -> None:
        """A reader that starts after a commit sees it; what nobody noted is empty."""
        with store.begin() as unit:
            unit.set_note("rulebook", "a1b2")
        with store.read() as unit:
            assert unit.note("rulebook") == "a1b2"
            assert unit.note("another") == ""

    # events ---------------------------------------------------------------------------------------------------------

    def test_newness(self, store: Store) -> None:
        """The same event again is a duplicate, another content under its name a conflict, within a batch as well."""
        with store.begin() as unit:
            unit.append([telling("1")])
        with store.begin() as unit:
            asked = [telling("1"), telling("1", "other"), telling("2"), telling("2"), telling("2", "other")]
            assert unit.newness(asked) == ["duplicate", "conflict", "new", "duplicate", "conflict"]
            assert unit.newness([]) == []

    def test_an_event_is_kept_once(self, store: Store) -> None:
        """A second row for one event is refused by the store itself."""
        with store.begin() as unit:
            unit.append([telling("1")])
        with pytest.raises(KeyTaken), store.begin() as unit:
            unit.append([telling("2"), telling("1", "other")])
        with store.read() as unit:
            assert unit.newness([telling("2")]) == ["new"]

    def test_many_events_at_once(self, store: Store) -> None:
        """No batch is too large to be asked about or kept."""
        events = [telling(str(number)) for number in range(MANY)]
        with store.begin() as unit:
            unit.append(events)
            assert unit.newness([*events, telling("another")]) == ["duplicate"] * MANY + ["new"]
        assert [one.id for one in store.each_event()] == [one.id for one in events]

    def test_the_events_of_a_subject(self, store: Store) -> None:
        """They come oldest first, whatever order they arrived in, as they were told."""
        late, early, same = telling("b", time=NOON + HOUR), telling("c"), telling("a")
        with store.begin() as unit:
            unit.append([late, early, telling("x", subject_key="order:1044"), same])
            told = unit.events("order:1043")
            assert [one.id for one in told] == ["a", "c", "b"]
            assert (told[2].type, told[2].source, told[2].time) == ("order.updated", "shop", NOON + HOUR)
            assert (told[2].received, told[2].body) == (late.received, late.body)
            assert unit.events("order:unknown") == []

    # subjects -------------------------------------------------------------------------------------------------------

    # One store and one test serve all examples: each writes its subject whole, whatever was there before.
    @settings(
        max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
    )
    @given(one=aggregates())
    def test_a_subject_comes_back_as_it_was(self, store: Store, one: Aggregate) -> None:
        """Whatever was told of it, and whatever the engine remembers of it."""
        with store.begin() as unit:
            unit.save([one])
        with store.read() as unit:
            assert unit.load([one.key]) == {one.key: one}

    def test_an_unknown_subject_is_a_fresh_one(self, store: Store) -> None:
        """Nobody has to ask first whether a subject is there."""
        with store.begin() as unit:
            unit.save([order("1043", total=10)])
            found = unit.load(["order:1043", "order:1", "order:1"])
        assert found == {"order:1043": order("1043", total=10), "order:1": Aggregate("order:1")}

    def test_the_last_save_stands(self, store: Store) -> None:
        """A subject is written whole: nothing of what it was before is left."""
        with store.begin() as unit:
            unit.save([order("1043", due=NOON, status="placed")])
        with store.begin() as unit:
            assert unit.load(["order:1043"]) == {"order:1043": order("1043", due=NOON, status="placed")}
            unit.save([order("1043", status="delivered")])
            assert unit.load(["order:1043"]) == {"order:1043": order("1043", status="delivered")}
        with store.begin() as unit:
            assert unit.load(["order:1043"]) == {"order:1043": order("1043", status="delivered")}
            assert unit.next_due() is None
            assert unit.due_subjects(NOON, 10) == []
            assert unit.open_subjects("", 10) == []

    def test_more_subjects_than_are_kept_at_hand(self, store: Store) -> None:
        """Old ones come back as well as new ones."""
        with store.begin() as unit:
            unit.save(order(str(number), total=number) for number in range(5 * MANY))
        with store.begin() as unit:
            found = unit.load(f"order:{number}" for number in range(5 * MANY))
        assert [one.facts["order.total"] for one in found.values()] == list(range(5 * MANY))

    def test_links(self, store: Store) -> None:
        """A reference leads to every subject known under it, in order; one that nobody has is left out."""
        with store.begin() as unit:
            unit.link([("tracking", "ZX1", "shipment:2"), ("tracking", "ZX1", "order:1"), ("sku", "ZX1", "stock:9")])
            unit.link([("tracking", "ZX1", "shipment:2")])
        with store.begin() as unit:
            asked = [("tracking", "ZX1"), ("sku", "ZX1"), ("tracking", "ZX2"), ("sku", "ZX1")]
            assert unit.linked(asked) == {
                ("tracking", "ZX1"): ["order:1", "shipment:2"],
                ("sku", "ZX1"): ["stock:9"],
            }

    def test_due_subjects(self, store: Store) -> None:
        """Those whose time has come, the earliest first and then by key; asking changes nothing."""
        with store.begin() as unit:
            unit.save([order("3", due=NOON), order("1", due=NOON), order("2", due=NOON - HOUR)])
            unit.save([order("4", due=NOON + SECOND), order("5")])
            assert unit.due_subjects(NOON, 10) == ["order:2", "order:1", "order:3"]
            assert unit.due_subjects(NOON, 2) == ["order:2", "order:1"]
            unit.save([order("2", due=NOON + HOUR)])
            unit.save([order("2", due=NOON - HOUR)])
            assert unit.due_subjects(NOON, 10) == ["order:2", "order:1", "order:3"]
            assert unit.due_subjects(NOON - 2 * HOUR, 10) == []

    def test_open_subjects_in_pages(self, store: Store) -> None:
        """All that are not closed are found, each once, page by page."""
        with store.begin() as unit:
            unit.save([order(name) for name in "edcba"])
            unit.save([order("f", status="cancelled"), order("b", status="delivered")])
            assert unit.open_subjects("", 3) == ["order:a", "order:c", "order:d"]
            assert unit.open_subjects("order:d", 3) == ["order:e"]
            assert unit.open_subjects("order:e", 3) == []

    def test_each_subject_of_a_kind(self, store: Store) -> None:
        """All of a kind come in order, the closed ones only where they are asked for, and nobody of another kind."""
        with store.begin() as unit:
            unit.save([order(f"{number:04}") for number in reversed(range(MANY))])
            unit.save(
                [order("0007", status="delivered"), Aggregate("customer:7"), Aggregate("shop"), Aggregate("orders")]
            )
        with store.read() as unit:
            every = [f"order:{number:04}" for number in range(MANY)]
            assert list(unit.each_subject("order", closed=True)) == every
            assert list(unit.each_subject("order", closed=False)) == [one for one in every if one != "order:0007"]
            assert list(unit.each_subject("shipment", closed=True)) == []

    def test_what_belongs_to_a_customer(self, store: Store) -> None:
        """Whoever says to be of a customer is found, finished or not, but not the customer and nobody else's."""
        with store.begin() as unit:
            unit.save(
                [order("2", customer_key="customer:7"), order("1", customer_key="customer:7", status="delivered")]
            )
            unit.save([order("3", customer_key="customer:8"), order("4"), Aggregate("customer:7")])
        with store.read() as unit:
            assert unit.subjects_of("customer:7") == ["order:1", "order:2"]
            assert unit.subjects_of("customer:9") == []

    def test_what_was_refused_is_kept(self, store: Store) -> None:
        """The last that were refused come back whole, the newest first."""
        refused = [Quarantined(NOON, "shop", f"fault {number}", b"{") for number in range(3)]
        with store.begin() as unit:
            unit.quarantine(refused)
            assert unit.quarantined(2) == [refused[2], refused[1]]
        with store.read() as unit:
            assert unit.quarantined(9) == refused[::-1]

    # decisions ------------------------------------------------------------------------------------------------------

    def test_matches(self, store: Store) -> None:
        """A match comes back with what it saw: times as times, dates as dates."""
        seen = {"survey.score": 2, "change.before": NOON, "change.after": date(2026, 3, 20), "survey.comment": "Żółw"}
        one = match("1", seen=seen, trigger_at=NOON - HOUR)
        with store.begin() as unit:
            unit.add_matches([one])
        with store.begin() as unit:
            assert unit.match(one.key) == one
            assert unit.match(digest("2")) is None
            assert unit.known_matches([one.key, digest("2")]) == {one.key}

    def test_a_match_is_there_once(self, store: Store) -> None:
        """One occurrence, one match: the store itself refuses a second, and with it the whole unit."""
        with store.begin() as unit:
            unit.add_matches([match("1")])
        with pytest.raises(KeyTaken), store.begin() as unit:
            unit.add_matches([match("2"), match("1")])
        with store.read() as unit:
            assert unit.known_matches([digest("2")]) == set()

    def test_the_matches_of_a_subject(self, store: Store) -> None:
        """They come by time and rule, each with its decisions in the order in which they were made."""
        late, early, same = match("1", at=NOON + HOUR), match("2", rule="b"), match("3", rule="a")
        held = DecisionRow(late.key, NOON, "hold", "quiet_hours", "", NOON + HOUR, "email", "pl", "apology", "staff")
        sent = DecisionRow(late.key, NOON, "send", channel="email")
        with store.begin() as unit:
            unit.add_matches([late, early, same, match("4", subject_key="order:1044")])
            unit.add_decisions([held, DecisionRow(same.key, NOON, "drop", "stale"), sent])
            found = unit.matches_of("order:1043")
        assert [one for one, _ in found] == [same, early, late]
        assert [rows for _, rows in found] == [[DecisionRow(same.key, NOON, "drop", "stale")], [], [held, sent]]

    def test_answers(self, store: Store) -> None:
        """A slot is taken or free, uses are counted from an instant on, an address has a reason or none."""
        slot, use, other = digest("slot"), digest("use"), digest("other use")
        with store.begin() as unit:
            unit.take_slots([(slot, digest("m1"))])
            unit.add_uses([(use, NOON + HOUR, digest("m1")), (use, NOON, digest("m2")), (other, NOON, digest("m3"))])
            unit.add_uses([(use, NOON - SECOND, digest("m4"))])
            unit.suppress(digest("dana"), "email", "complaint", NOON)
            unit.open_windows([(digest("w"), NOON + HOUR, digest("m1"))])
        expected = {
            Question("slot", slot): True,
            Question("slot", use): False,
            Question("uses", use, NOON): [NOON, NOON + HOUR],
            Question("uses", use, NOON + SECOND): [NOON + HOUR],
            Question("uses", other, NOON - HOUR): [NOON],
            Question("uses", slot, NOON): [],
            Question("count", use, NOON): 2,
            Question("count", use, NOON + SECOND): 1,
            Question("count", slot, NOON): 0,
            Question("window", digest("w")): NOON + HOUR,
            Question("window", slot): None,
            Question("suppressed", digest("dana")): "complaint",
            Question("suppressed", digest("eve")): "",
        }
        with store.read() as unit:
            assert unit.answers(list(expected)) == expected
            assert unit.answers([]) == {}

    def test_a_slot_is_taken_once(self, store: Store) -> None:
        """Two messages cannot take one slot."""
        with store.begin() as unit:
            unit.take_slots([(digest("slot"), digest("m1"))])
        with pytest.raises(KeyTaken), store.begin() as unit:
            unit.take_slots([(digest("slot"), digest("m2"))])

    def test_what_is_dropped_gives_back_its_place(self, store: Store) -> None:
        """Slots and uses of a freed message are free again; those of others are not."""
        asked = [Question("slot", digest("s1")), Question("slot", digest("s2")), Question("uses", digest("u"), NOON)]
        with store.begin() as unit:
            unit.take_slots([(digest("s1"), digest("m1")), (digest("s2"), digest("m2"))])
            unit.add_uses([(digest("u"), NOON, digest("m1")), (digest("u"), NOON + HOUR, digest("m2"))])
        with store.begin() as unit:
            unit.free([digest("m1"), digest("m3")])
            assert list(unit.answers(asked).values()) == [False, True, [NOON + HOUR]]
            unit.take_slots([(digest("s1"), digest("m3"))])

    # people and operators -------------------------------------------------------------------------------------------

    def test_the_last_word_on_an_address_stands(self, store: Store) -> None:
        """A second suppression gives the reason anew."""
        with store.begin() as unit:
            unit.suppress(digest("dana"), "email", "bounce", NOON)
            unit.suppress(digest("dana"), "email", "complaint", NOON + HOUR)
            asked = Question("suppressed", digest("dana"))
            assert unit.answers([asked]) == {asked: "complaint"}

    def test_mutes(self, store: Store) -> None:
        """What an operator said stands until it is said anew or lifted."""
        paused, muted = Mute("pause", "rule:a", NOON, "stocktaking"), Mute("mute", "all")
        with store.begin() as unit:
            unit.add_mute(Mute("pause", "rule:a"), NOON)
            unit.add_mute(paused, NOON)
            unit.add_mute(muted, NOON)
        with store.begin() as unit:
            assert unit.mutes() == [muted, paused]
            assert unit.lift_mute("mute", "all")
            assert not unit.lift_mute("mute", "all")
            assert unit.mutes() == [paused]

    def test_answers_to_surveys(self, store: Store) -> None:
        """The last answer stands, and what was never answered has none."""
        with store.begin() as unit:
            unit.answer(digest("1"), 5, "", NOON)
            unit.answer(digest("1"), 2, "późno 🐢", NOON + HOUR)
            assert unit.answer_to(digest("1")) == (2, "późno 🐢", NOON + HOUR)
            assert unit.answer_to(digest("2")) is None

    # the whole ------------------------------------------------------------------------------------------------------

    def test_when_there_is_something_to_do(self, store: Store) -> None:
        """The earliest of armed times and of messages that wait or whose outcome is unknown; nothing else counts."""
        with store.begin() as unit:
            assert unit.next_due() is None
            unit.enqueue([outgoing("1", state="failed"), outgoing("2", state="claimed", lease_until=NOON)])
            assert unit.next_due() is None
            unit.save([order("1", due=NOON + 4 * HOUR), order("2", due=NOON + 5 * HOUR)])
            assert unit.next_due() == NOON + 4 * HOUR
            unit.enqueue([outgoing("3", state="unknown", due_at=NOON + 3 * HOUR)])
            assert unit.next_due() == NOON + 3 * HOUR
            unit.enqueue([outgoing("4", state="pending", priority=90, due_at=NOON + 2 * HOUR)])
            assert unit.next_due() == NOON + 2 * HOUR
            unit.enqueue([outgoing("5", state="held", due_at=NOON + HOUR)])
            assert unit.next_due() == NOON + HOUR
            unit.put([outgoing(name, state="dropped") for name in "345"])
            unit.save([order("1")])
            assert unit.next_due() == NOON + 5 * HOUR

    def test_counts(self, store: Store) -> None:
        """Everything is counted, and messages by state."""
        with store.begin() as unit:
            assert unit.counts() == {"events": 0, "quarantined": 0, "subjects": 0, "armed": 0, "matches": 0}
            unit.append([telling("1"), telling("2")])
            unit.quarantine([Quarantined(NOON, "shop", "not JSON", b"{")])
            unit.save([order("1", due=NOON), order("2"), order("3", status="delivered")])
            unit.add_matches([match("1")])
            unit.enqueue([outgoing("1"), outgoing("2", state="held"), outgoing("3")])
            assert unit.counts() == {
                "events": 2, "quarantined": 1, "subjects": 3, "armed": 1, "matches": 1,
                "messages.held": 1, "messages.pending": 2,
            }  # fmt: skip

    def test_notes(self, store: Store) -> None:
        """The last note stands."""
        with store.begin() as unit:
            unit.set_note("rulebook", "a")
            unit.set_note("rulebook", "b")
            assert unit.note("rulebook") == "b"

    def test_what_was_dropped_since(self, store: Store) -> None:
        """Decisions not to send, each with its match, the newest first; neither what was sent nor what was before."""
        with store.begin() as unit:
            unit.add_matches([match("1"), match("2"), match("3")])
            rows = [
                DecisionRow(digest("1"), NOON, "drop", "muted"),
                DecisionRow(digest("2"), NOON + HOUR, "hold", "paused"),
                DecisionRow(digest("3"), NOON + HOUR, "send"),
                DecisionRow(digest("2"), NOON + 2 * HOUR, "drop", "superseded", "it is there"),
            ]
            unit.add_decisions(rows)
        with store.read() as unit:
            assert unit.dropped(NOON, 9) == [(match("2"), rows[3]), (match("1"), rows[0])]
            assert unit.dropped(NOON + SECOND, 9) == [(match("2"), rows[3])]
            assert unit.dropped(NOON, 1) == [(match("2"), rows[3])]

    def test_which_rules_were_in_force_when(self, store: Store) -> None:
        """Each text is kept with when it came, in that order, the same one twice where it came back."""
        first, second = RulesText(NOON, "a", b"{}"), RulesText(NOON + HOUR, "b", b'{"rules/r.yaml": "-"}')
        third = RulesText(NOON + 2 * HOUR, "a", b"{}")
        for one in (first, second, third):
            with store.begin() as unit:
                unit.add_rules_text(one)
        with store.read() as unit:
            assert unit.rules_texts() == [first, second, third]


def _write_everything(unit: Unit, name: str) -> None:
    """One row of each kind, all called `name`."""
    unit.append([telling(name)])
    unit.quarantine([Quarantined(NOON, "shop", "not JSON", name.encode())])
    unit.link([("tracking", name, "shipment:1")])
    unit.save([order(name, due=NOON)])
    unit.add_matches([match(name)])
    unit.add_decisions([DecisionRow(digest(name), NOON, "send")])
    unit.take_slots([(digest(name), digest(name))])
    unit.add_uses([(digest("use"), NOON, digest(name))])
    unit.enqueue([outgoing(name)])
    unit.start_attempts([Attempt(digest(name), 1, "console", NOON)])
    unit.keep_bodies([(digest(name), b"body"), (digest("shared"), name.encode())])
    unit.suppress(digest("dana"), "email", name, NOON)
    unit.add_mute(Mute("mute", f"rule:{name}"), NOON)
    unit.answer(digest("survey"), 5, name, NOON)
    unit.add_rules_text(RulesText(NOON, name, name.encode()))
    unit.set_note("rulebook", name)


def _seen_whole(store: Store) -> list[Any]:
    """What the names `before` and `during` lead to, and what is there in all."""
    names = ("before", "during")
    keys = [digest(name) for name in names]
    asked = [Question("slot", key) for key in keys]
    asked += [Question("uses", digest("use"), NOON), Question("suppressed", digest("dana"))]
    with store.read() as unit:
        return [
            unit.counts(), unit.next_due(), unit.mutes(), unit.note("rulebook"), unit.answers(asked),
            unit.newness([telling(name) for name in names]), unit.events("order:1043"), list(unit.matches_of("order:1043")),
            unit.load(["order:before", "order:during", "order:1043", "order:1044"]), unit.open_subjects("", 10),
            unit.due_subjects(NOON, 10), unit.linked([("tracking", name) for name in names]), unit.known_matches(keys),
            unit.find_messages(), unit.messages(keys), [unit.attempts(key) for key in keys],
            unit.rules_texts(), unit.bodies([*keys, digest("shared")]), unit.answer_to(digest("survey")), unit.unknown_messages(NOON, 10),
        ]  # fmt: skip
