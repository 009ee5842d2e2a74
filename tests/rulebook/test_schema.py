from __future__ import annotations

import pytest
from jsonschema import Draft7Validator

from notifier import rulebook
from notifier.core.catalogue import EventType, Field, standard


def test_the_schema_is_one():
    """Editors know the draft, and every reference in it leads somewhere."""
    schema = rulebook.rules_schema(rulebook.Surroundings(standard(), {}, ()))
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    references = set(_references(schema))
    assert references <= {f"#/definitions/{name}" for name in schema["definitions"]}


def _references(schema):
    if isinstance(schema, list):
        for one in schema:
            yield from _references(one)
    elif isinstance(schema, dict):
        for key, one in schema.items():
            if key == "$ref" and isinstance(one, str):
                yield one
            else:
                yield from _references(one)


@pytest.mark.parametrize(
    "slip",
    [
        {"id": "Late"},
        {"about": "orders"},
        {"state": "on"},
        {"dealy": "1h"},
        {"only_if": ""},
        {"only_if": "{order.stauts: paid}"},
        {"only_if": "{order.status: payed}"},
        {"only_if": "{order.status: {at_least: paid}}"},
        {"only_if": "{order.total: '200'}"},
        {"only_if": "{order.total: {at_lest: 200}}"},
        {"only_if": "{order.total: {at_least: order.eta}}"},
        {"only_if": "{order.eta: {after: order.promissed_at}}"},
        {"only_if": "{order.eta: {in_next: 3}}"},
        {"only_if": "{order.items: {any: {backorderd: true}}}"},
        {"only_if": "{any: [{order.number: 5}]}"},
        {"only_if": "{customer.country: POL}"},
        {"not_if": "{shipment.status: delivered}"},
        {"trigger": "{event: order.shiped}"},
        {"trigger": "{event: stock.changed}"},
        {"trigger": "{moment: order.promised_at + 1}"},
        {"trigger": "{moment: order.promised_at + 1d, at: 9 am}"},
        {"trigger": "{moment: order.total}"},
        {"trigger": "{moment: order.eta, event: order.paid}"},
        {"trigger": "{change: order.eta, later: 1d}"},
        {"trigger": "{change: order.total, later_by: 1d}"},
        {"trigger": "{change: order.status, to: deliverd}"},
        {"trigger": "{no_news: {of: order.updated, for: 3d}}"},
        {"trigger": "{becomes_true: {order.totl: 5}}"},
        {"send": "note"},
        {"send": "{template: ntoe}"},
        {"send": "{template: csat}"},
        {"send": "{survey: csat, template: note}"},
        {"send": "{template: note, to: support}"},
        {"send": "{template: note, channels: [mail]}"},
        {"send": "{template: note, category: urgent}"},
        {"send": "[{template: note, after: 2}]"},
        {"send": "{template: note, collect: {per: custmer, for: 1h}}"},
        {"send": "{template: note, collect: {per: customer}}"},
        {"brake": "{hold_all_if_over: 0, in: 1h}"},
        {"brake": "{hold_all_if_over: 5, in: 1}"},
        {"limit": "{once_per: orders}"},
        {"limit": "{at_most: 2, per: order}"},
        {"follow_up": "{survey: csat}"},
        {"follow_up": "{survey: csat, after: 2d, counted_from: order.total}"},
        {"about": "stock", "trigger": "{event: stock.changed}"},
    ],
    ids=str,
)
def test_slips_are_marked(marks, lines, slip):
    """What is mistyped every day is marked while one types."""
    assert marks("version: 1\nrules:\n" + lines()) == []
    assert marks("version: 1\nrules:\n" + lines(**slip))


def test_a_projects_own_names_are_offered(marks, lines):
    """Fields, choices and events of the project's own are names like all others."""
    own = standard().declare(
        [EventType("order.wrapped", "it is wrapped")], [Field("order.gift", "choice", "how", ("box", "bag"))]
    )
    wrapped = {"trigger": "{event: order.wrapped}", "only_if": "{order.gift: [box]}"}
    assert marks("version: 1\nrules:\n" + lines(**wrapped), own) == []
    assert marks("version: 1\nrules:\n" + lines(**wrapped))
    assert marks("version: 1\nrules:\n" + lines(only_if="{order.gift: bx}"), own)


def test_names_come_with_what_they_mean():
    """An editor shows beside a field what it is, and its type."""
    schema = rulebook.rules_schema(rulebook.Surroundings(standard(), {}, ()))
    eta = schema["definitions"]["order.facts"]["properties"]["order.eta"]
    assert (
        eta["description"] == "When the carrier expects to deliver: the latest of the parcels that are under way (time)"
    )
    assert schema["properties"]["rules"]["items"]["properties"]["limit"]["description"]
