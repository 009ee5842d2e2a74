from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifier.core.catalogue import standard
from notifier.core.condition import Items
from notifier.core.match import admitted
from notifier.core.matcher import Guard, Matcher
from notifier.core.scene import Scene
from notifier.document import parse
from notifier.rulebook.reading import Reading

from .conftest import NOON

# --- what the matcher finds is what the conditions say ---------------------------------------------------------------

WORDS = st.sampled_from(["DHL", "dhl", "GLS", "Inpost", "STRASSE", "straße"])
COUNTRIES = st.sampled_from(["DE", "AT", "PL"])
STATES = st.sampled_from(["placed", "paid", "packed", "delivered"])
NUMBERS = st.sampled_from([-1, 0, 1, 2.5, 99, 100])
TIMES = st.sampled_from([NOON, NOON - timedelta(days=2), NOON + timedelta(days=1), date(2026, 3, 13)])
ITEMS = st.lists(st.fixed_dictionaries({}, optional={"sku": WORDS, "quantity": NUMBERS, "backordered": st.booleans()}))

FACTS = st.fixed_dictionaries({}, optional={
    "order.carrier": WORDS, "order.status": STATES, "order.total": NUMBERS, "order.eta": TIMES, "order.items": ITEMS,
    "order.promised_at": TIMES, "order.shipping_address.country": COUNTRIES, "customer.country": COUNTRIES,
    "customer.tags": st.lists(WORDS), "shipment.attempts": NUMBERS, "told.r0": st.just(NOON - timedelta(hours=3)),
})  # fmt: skip


def one_or_more(values):
    return values | st.lists(values, min_size=1, max_size=3)


def compared(field, values, *more):
    """A clause on one field: a plain value, or an operator."""
    plain = one_or_more(values)
    operators = [plain, plain.map(lambda value: {"not": value}), st.booleans().map(lambda yes: {"exists": yes}), *more]
    return st.one_of(operators).map(lambda said: {field: said})


def texts(values):
    return st.builds(lambda name, value: {name: value}, st.sampled_from(["contains", "starts_with"]), values)


LINES = NUMBERS | st.sampled_from(["shipment.attempts + 1", "order.total - 2", "shipment.attempts"])
NUMERIC = st.builds(
    lambda name, value: {name: value}, st.sampled_from(["at_least", "at_most", "more_than", "less_than"]), LINES
)
REFERENCES = st.sampled_from(["now", "now - 1d", "order.promised_at", "order.promised_at + 2h", "2026-03-13"])
TIMELY = st.builds(lambda name, value: {name: value}, st.sampled_from(["before", "after"]), REFERENCES) | st.builds(
    lambda name, value: {name: value}, st.sampled_from(["in_last", "in_next"]), st.sampled_from(["1d", "3h"])
)
CLAUSES = st.one_of(
    compared("order.carrier", WORDS, texts(WORDS)),
    compared("order.status", STATES),
    compared("order.total", NUMBERS, NUMERIC),
    compared("order.shipping_address.country", COUNTRIES),
    compared("customer.country", COUNTRIES),
    compared("customer.tags", WORDS, st.builds(lambda value: {"contains": value}, WORDS)),
    TIMELY.map(lambda said: {"order.eta": said}),
    st.booleans().map(lambda yes: {"order.eta": {"exists": yes}}),
    st.builds(
        lambda how, what: {"order.items": {how: what}},
        st.sampled_from(["any", "all", "none"]),
        compared("sku", WORDS) | compared("quantity", NUMBERS, NUMERIC.filter(lambda one: "order" not in str(one))),
    ),
)
CONDITIONS = st.recursive(
    CLAUSES,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: {"all": parts})
        | st.builds(
            lambda name, parts: {name: parts}, st.sampled_from(["any", "none"]), st.lists(inner, min_size=1, max_size=3)
        )
    ),
    max_leaves=6,
)


def read(said):
    """A condition as a rules file would have it; None where the language does not take it."""
    reading = Reading(parse(json.dumps(said), "rules/x.yaml"), standard())
    found = reading.condition((), reading.document.data, ("order", "customer", "shipment"))
    return None if reading.problems else found


GUARDS = st.builds(Guard, st.none() | CONDITIONS.map(read), st.none() | CONDITIONS.map(read), st.booleans())


def lets_through(guard, scene):
    """What a guard says when its conditions are asked themselves."""
    if guard.only_if is not None and guard.only_if.holds(scene) is not True:
        return False
    barred = guard.not_if.holds(scene) if guard.not_if is not None else False
    return barred is False or (barred is None and not guard.unknown_bars)


@given(st.lists(GUARDS, max_size=8), st.lists(FACTS, min_size=1, max_size=5))
@settings(max_examples=200)
@example([Guard(read({"order.carrier": {"not": "DHL"}}))], [{}])
@example([Guard(read({"none": {"order.carrier": "DHL"}})), Guard(None, read({"order.total": 1}), True)], [{}])
@example([Guard(read({"order.total": {"less_than": "shipment.attempts + 1"}}))], [{"order.total": 1}])
@example(
    [
        Guard(read({"order.total": {sign: line}}))
        for line in (6, 5)
        for sign in ("more_than", "at_least", "less_than", "at_most")
    ],
    [{"order.total": total} for total in (4, 5, 5.5, 6, 7)],
)
def test_it_finds_what_the_conditions_say(see, guards, histories):
    """Of any guards, in any facts: those that let through when asked one by one, in the order given."""
    matcher = Matcher((guard, number) for number, guard in enumerate(guards))
    for facts in histories:
        scene = see(facts)
        assert matcher.met(scene) == [number for number, one in enumerate(guards) if lets_through(one, scene)]


# --- what is written is data -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["') or found(0) or ('", "\\'; raise SystemExit #", "{0}\n", "CONSTANT1"])
def test_what_people_write_is_never_run(see, text):
    """A value is compared, whatever it looks like."""
    matcher = Matcher([(Guard(read({"order.carrier": {"contains": text}})), "one")])
    assert matcher.met(see({"order.carrier": "DHL"})) == []
    assert matcher.met(see({"order.carrier": f"at {text} in"})) == ["one"]


# --- it asks few -----------------------------------------------------------------------------------------------------


def test_only_those_that_could_be_met_are_asked(see, monkeypatch):
    """Of a thousand rules for as many carriers, one is asked, though all want the same country."""
    asked = []
    holds = Items.holds

    def counted(items, scene):
        asked.append(items.field.path)
        return holds(items, scene)

    monkeypatch.setattr(Items, "holds", counted)
    guards = [
        Guard(read({"customer.country": "DE", "order.carrier": f"C{number}", "order.items": {"any": {"sku": "TENT"}}}))
        for number in range(1000)
    ]
    matcher = Matcher((guard, number) for number, guard in enumerate(guards))
    facts = {"customer.country": "DE", "order.carrier": "C77", "order.items": [{"sku": "TENT"}]}
    assert matcher.met(see(facts)) == [77]
    assert asked == ["order.items"]


def test_a_time_is_worked_out_once(see, monkeypatch):
    """However many rules compare with it, and only where one gets so far."""
    worked_out = []
    moved = Scene.moved

    def counted(scene, *told, **more):
        worked_out.append(told)
        return moved(scene, *told, **more)

    monkeypatch.setattr(Scene, "moved", counted)
    late = {"order.eta": {"after": "order.promised_at + 1d"}}
    matcher = Matcher((Guard(read({"order.total": {"more_than": line}, **late})), line) for line in range(5))
    facts = {"order.eta": NOON + timedelta(days=2), "order.promised_at": NOON}
    assert matcher.met(see({**facts, "order.total": 3})) == [0, 1, 2]
    assert len(worked_out) == 1
    assert matcher.met(see({**facts, "order.total": 0})) == []
    assert len(worked_out) == 1


def test_a_rules_own_conditions_are_what_is_filed(book, order, see):
    """Through the rules: an event sets off those whose conditions hold, in the order of their files."""
    text = "".join(
        f"  - {{id: r{number}, about: order, trigger: {{event: order.updated}}, send: {{template: note}}, "
        f"only_if: {{order.carrier: {carrier}}}, not_if: {{order.total: {{more_than: {number}}}}}}}\n"
        for number, carrier in enumerate(["DHL", "GLS", "DHL", "[GLS, DHL]", "UPS"])
    )
    fired = order(text).told(carrier="DHL", total=1)
    assert [one.rule.id for one in fired] == ["r2", "r3"]
    scene = see({"order.carrier": "DHL", "order.total": 1})
    assert [one.id for one in book(text).rules if admitted(one, one.sends[0], scene)] == ["r2", "r3"]
