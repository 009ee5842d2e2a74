from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.catalogue import standard
from notifier.core.condition import OPERATORS, AllOf, AnyOf, Finding, NoneOf
from notifier.document import parse
from notifier.rulebook.reading import Reading

NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SCOPES = ("order", "customer", "stock", "shipment", "survey")


def condition(text):
    """A block of conditions as a rules file has it."""
    reading = Reading(parse(text, "rules/x.yaml"), standard())
    found = reading.condition((), reading.document.data, SCOPES)
    assert not reading.problems, reading.problems
    return found


# --- three values ----------------------------------------------------------------------------------------------------

#: A clause that is true, false or unknown of an order with a total of 100 and nothing else.
SAYS = {True: "order.total: 100", False: "order.total: 5", None: "order.number: '7'"}
ORDER = {"order.total": 100}


def table(block):
    """Truth of a block over every two values."""
    return {
        (one, other): condition(f"{block}: [{{{SAYS[one]}}}, {{{SAYS[other]}}}]")
        for one, other in itertools.product(SAYS, repeat=2)
    }


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("all", {(True, True): True, (True, False): False, (True, None): None, (False, False): False,
                 (False, None): False, (None, None): None}),
        ("any", {(True, True): True, (True, False): True, (True, None): True, (False, False): False,
                 (False, None): None, (None, None): None}),
        ("none", {(True, True): False, (True, False): False, (True, None): False, (False, False): True,
                  (False, None): None, (None, None): None}),
    ],
)  # fmt: skip
def test_truth_tables(see, block, expected):
    """Unknown stays unknown through all, any and none, unless the rest settles it."""
    for pair, one in table(block).items():
        wanted = expected.get(pair, expected.get(pair[::-1], "missing"))
        assert one.holds(see(ORDER)) is wanted, pair


def test_several_keys_are_and(see):
    """Of several fields all must hold; a block beside a field is one of them."""
    both = condition("order.total: 100\norder.currency: EUR")
    assert both.holds(see(ORDER)) is None
    assert both.holds(see({**ORDER, "order.currency": "EUR"})) is True
    assert both.holds(see({**ORDER, "order.currency": "PLN"})) is False
    beside = condition("order.total: 100\nnone: {order.currency: EUR}")
    assert beside.holds(see({**ORDER, "order.currency": "PLN"})) is True
    assert beside.holds(see(ORDER)) is None


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        ("any: {order.total: 100, order.currency: PLN}", True),
        ("any: [{order.total: 100, order.currency: PLN}]", None),
        ("none: {order.total: 100, order.currency: PLN}", False),
        ("none: [{order.total: 5, order.currency: PLN}]", True),
        ("all: {order.total: 100, order.currency: PLN}", None),
    ],
)
def test_each_key_of_a_mapping_is_one_of_them(see, block, wanted):
    """Under a block each key counts by itself; in a list the keys of an entry belong together."""
    assert condition(block).holds(see(ORDER)) is wanted


def _kleene(kind, values):
    """The same in another way: of minimum and maximum, with a half for unknown."""
    numbers = [{True: 1.0, False: 0.0, None: 0.5}[value] for value in values]
    found = {"all": min, "any": max, "none": lambda many: 1 - max(many)}[kind](numbers)
    return {1.0: True, 0.0: False, 0.5: None}[found]


class Known:
    def __init__(self, truth):
        self.truth = truth

    def holds(self, scene):
        return self.truth


@given(st.recursive(
    st.sampled_from([True, False, None]),
    lambda inner: st.tuples(st.sampled_from(["all", "any", "none"]), st.lists(inner, min_size=1, max_size=4)),
))  # fmt: skip
def test_blocks_are_kleenes_logic(tree):
    """However deep they stand in one another."""
    kinds = {"all": AllOf, "any": AnyOf, "none": NoneOf}

    def built(one):
        return kinds[one[0]](tuple(built(inner) for inner in one[1])) if isinstance(one, tuple) else Known(one)

    def expected(one):
        return _kleene(one[0], [expected(inner) for inner in one[1]]) if isinstance(one, tuple) else one

    assert built(tree).holds(None) is expected(tree)


# --- operators -------------------------------------------------------------------------------------------------------

TAGS = {"customer.tags": ["regular", "b2b"]}
SEEN = [
    ("order.status: shipped", {"order.status": "shipped"}, True),
    ("order.status: [paid, shipped]", {"order.status": "shipped"}, True),
    ("order.status: [paid, packed]", {"order.status": "shipped"}, False),
    ("order.status: {not: shipped}", {"order.status": "shipped"}, False),
    ("order.status: {not: [paid, packed]}", {"order.status": "shipped"}, True),
    ("order.total: 99.5", {"order.total": 99.5}, True),
    ("order.total: {at_least: 100}", {"order.total": 100}, True),
    ("order.total: {at_least: 100}", {"order.total": 99.99}, False),
    ("order.total: {at_most: 100}", {"order.total": 100}, True),
    ("order.total: {at_most: 100}", {"order.total": 100.01}, False),
    ("order.total: {more_than: 100}", {"order.total": 100}, False),
    ("order.total: {more_than: 100}", {"order.total": 101}, True),
    ("order.total: {less_than: 100}", {"order.total": 100}, False),
    ("order.total: {less_than: 100}", {"order.total": 0}, True),
    ("order.total: {at_least: 10, less_than: 20}", {"order.total": 20}, False),
    ("order.total: {at_least: 10, less_than: 20}", {"order.total": 10}, True),
    ("stock.available: {at_most: stock.reorder_point}", {"stock.available": 3, "stock.reorder_point": 3}, True),
    ("stock.available: {more_than: stock.reorder_point + 3}", {"stock.available": 6, "stock.reorder_point": 3}, False),
    ("stock.available: {less_than: stock.reorder_point - 1.5}", {"stock.available": 1, "stock.reorder_point": 3}, True),
    ("stock.available: {less_than: stock.reorder_point}", {"stock.available": 1}, None),
    ("order.number: {contains: b2b}", {"order.number": "xB2B-7"}, True),
    ("order.number: {starts_with: b2b}", {"order.number": "B2B-7"}, True),
    ("order.number: {starts_with: b2b}", {"order.number": "xB2B-7"}, False),
    ("customer.name: {contains: ß}", {"customer.name": "STRASSE"}, True),
    ("customer.country: pl", {"customer.country": "PL"}, True),
    ("customer.tags: regular", TAGS, True),
    ("customer.tags: [vip, b2b]", TAGS, True),
    ("customer.tags: vip", TAGS, False),
    ("customer.tags: {not: vip}", TAGS, True),
    ("customer.tags: {not: [vip, b2b]}", TAGS, False),
    ("customer.tags: {contains: regular}", TAGS, True),
    ("customer.tags: {contains: reg}", TAGS, False),
    ("order.eta: {before: now}", {"order.eta": NOON - HOUR}, True),
    ("order.eta: {before: now}", {"order.eta": NOON}, False),
    ("order.eta: {after: now + 2d}", {"order.eta": NOON + 49 * HOUR}, True),
    ("order.eta: {after: now - 1h}", {"order.eta": NOON - HOUR}, False),
    ("order.eta: {before: order.promised_at}", {"order.eta": NOON, "order.promised_at": NOON + HOUR}, True),
    ("order.eta: {before: order.promised_at}", {"order.eta": NOON}, None),
    ("order.eta: {after: '2026-03-14'}", {"order.eta": NOON}, False),
    ("order.eta: {after: 2026-03-13T13:00:00+02:00}", {"order.eta": NOON}, True),
    ("order.eta: {before: '2026-03-13T12:30:00Z + 1h'}", {"order.eta": NOON + HOUR}, True),
    ("order.placed_at: {in_last: 7d}", {"order.placed_at": NOON - 167 * HOUR}, True),
    ("order.placed_at: {in_last: 7d}", {"order.placed_at": NOON - 169 * HOUR}, False),
    ("order.placed_at: {in_last: 7d}", {"order.placed_at": NOON + HOUR}, False),
    ("order.placed_at: {in_last: 7d}", {"order.placed_at": NOON}, True),
    ("order.eta: {in_next: 1d}", {"order.eta": NOON + 24 * HOUR}, True),
    ("order.eta: {in_next: 1d}", {"order.eta": NOON - HOUR}, False),
    ("order.eta: {in_next: 2 business days}", {"order.eta": NOON + 96 * HOUR}, True),
    ("order.eta: {in_next: 2 business days}", {"order.eta": NOON + 97 * HOUR}, False),
    ("order.eta: {exists: true}", {"order.eta": NOON}, True),
    ("order.eta: {exists: false}", {"order.eta": NOON}, False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "facts", "truth"), SEEN)
def test_operators(see, text, facts, truth):
    """Each operator as the documentation says; what an operand needs and nobody knows makes the clause unknown."""
    assert condition(text).holds(see(facts)) is truth


def test_every_operator_is_tried():
    """No operator is left out of the table."""
    tried = {name for text, *_ in SEEN for name in OPERATORS if f"{name}:" in text} | {"is"}
    assert tried == set(OPERATORS)


DAYS = [
    # The promise ends with the day where the customer is: until then it is not over, and after it, it is.
    ("order.promised_at: {before: now}", "2026-03-13T22:59:59Z", False),
    ("order.promised_at: {before: now}", "2026-03-13T23:00:01Z", True),
    ("order.promised_at: {in_last: 1h}", "2026-03-13T23:30:00Z", True),
    # Any other date begins with its day.
    ("order.placed_at: {before: now}", "2026-03-12T22:59:59Z", False),
    ("order.placed_at: {before: now}", "2026-03-12T23:00:01Z", True),
    ("order.placed_at: {before: order.promised_at}", "2026-03-01T00:00:00Z", True),
]


@pytest.mark.parametrize(("text", "now", "truth"), DAYS)
def test_plain_dates(see, text, now, truth):
    """A date that promises lasts until the next local midnight, another date begins at its own."""
    facts = {"order.promised_at": date(2026, 3, 13), "order.placed_at": date(2026, 3, 13)}
    assert condition(text).holds(see(facts, now=datetime.fromisoformat(now))) is truth


# --- what is not known -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "order.status: shipped", "order.status: {not: shipped}", "order.total: {at_least: 1}", "order.total: {not: 1}",
        "order.eta: {before: now}", "order.eta: {in_next: 1d}", "order.number: {contains: x}",
        "none: {order.status: shipped}", "none: [{order.status: shipped}, {order.total: 1}]",
        "order.total: {at_least: 1, at_most: 5}",
    ],
)  # fmt: skip
def test_a_missing_field_is_unknown(see, text):
    """No comparison with what is missing is true, nor is its negation."""
    assert condition(text).holds(see({})) is None


def test_only_exists_sees_absence(see):
    """Whether something is known can always be answered."""
    assert condition("order.eta: {exists: false}").holds(see({})) is True
    assert condition("order.eta: {exists: true}").holds(see({})) is False
    assert condition("order.items: {exists: false}").holds(see({})) is True


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("customer.tags: regular", False),
        ("customer.tags: {not: regular}", True),
        ("customer.tags: {contains: regular}", False),
        ("order.items: {any: {sku: A}}", False),
        ("order.items: {all: {sku: A}}", True),
        ("order.items: {none: {sku: A}}", True),
    ],
)
def test_a_missing_list_is_an_empty_list(see, text, truth):
    """Nobody has a tag that nobody has told of."""
    assert condition(text).holds(see({})) is truth
    assert condition(text).holds(see({"customer.tags": [], "order.items": []})) is truth


# --- items -----------------------------------------------------------------------------------------------------------

TENT = {"sku": "TENT-2", "quantity": 1, "backordered": True, "price": 90, "promised_at": date(2026, 3, 13)}
ROPE = {"sku": "ROPE-9", "quantity": 4, "backordered": False, "price": 8}
BAG = {"sku": "BAG-0"}
ITEMS = [
    ("any: {backordered: true}", [TENT, ROPE], True),
    ("any: {backordered: true}", [ROPE], False),
    ("any: {backordered: true}", [ROPE, BAG], None),
    ("any: {backordered: true}", [TENT, BAG], True),
    ("all: {backordered: false}", [ROPE], True),
    ("all: {backordered: false}", [ROPE, BAG], None),
    ("all: {backordered: false}", [TENT, BAG], False),
    ("none: {backordered: true}", [ROPE], True),
    ("none: {backordered: true}", [TENT], False),
    ("none: {backordered: true}", [ROPE, BAG], None),
    # Two words about one item must both be true of the same one.
    ("any: {sku: ROPE-9, backordered: true}", [TENT, ROPE], False),
    ("any: {sku: TENT-2, price: {more_than: 50}}", [TENT, ROPE], True),
    ("any: {any: [{sku: BAG-0}, {quantity: {at_least: 4}}]}", [TENT, ROPE], True),
    ("any: {promised_at: {before: now}}", [TENT], False),
    ("any: {promised_at: {before: now + 12h}}", [TENT], True),
    ("any: {order.total: 100, sku: TENT-2}", [TENT], True),
    ("{any: {sku: TENT-2}, none: {sku: BAG-0}}", [TENT, ROPE], True),
    ("{any: {sku: TENT-2}, none: {sku: BAG-0}}", [TENT, BAG], False),
    ("{any: {sku: TENT-2}, exists: true}", [TENT], True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "items", "truth"), ITEMS)
def test_items(see, text, items, truth):
    """Of the lines of an order: any, all, none; a line that does not say leaves it open."""
    block = text if text.startswith("{") else f"{{{text}}}"
    assert condition(f"order.items: {block}").holds(see({"order.items": items, "order.total": 100})) is truth


# --- for people ------------------------------------------------------------------------------------------------------


def test_findings_say_what_was_seen(see):
    """Each clause is told with what it found, for an explanation; a list by how many it holds."""
    block = condition(
        "order.total: {at_least: 100}\nany: [{order.eta: {before: now}}, {order.status: [paid, packed]}]\n"
        "order.items: {any: {backordered: true}}\norder.number: {exists: false}"
    )
    facts = {"order.total": 99, "order.eta": NOON - HOUR, "order.items": [TENT, ROPE]}
    assert list(block.findings(see(facts))) == [
        Finding("order.total: {at_least: 100}", False, "order.total is 99"),
        Finding("order.eta: {before: now}", True, "order.eta is Fri 2026-03-13 12:00"),
        Finding("order.status: paid, packed", None, "order.status is unknown"),
        Finding("any of order.items: backordered: true", True, "2 items"),
        Finding("order.number: {exists: false}", True, "order.number is unknown"),
    ]


def test_fields_are_all_that_is_looked_at():
    """What a condition reads is known beforehand, operands included."""
    block = condition("stock.available: {at_most: stock.reorder_point}\nall: [{order.eta: {after: order.promised_at}}]")
    assert [one.path for one in block.fields()] == [
        "stock.available", "stock.reorder_point", "order.eta", "order.promised_at",
    ]  # fmt: skip
