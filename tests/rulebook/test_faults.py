from __future__ import annotations

import pytest

from notifier import rulebook
from notifier.core.catalogue import standard
from notifier.errors import Faults


def told(load, text, **files):
    """What a person sees of rules that are refused."""
    with pytest.raises(Faults) as caught:
        load(text, **files)
    return str(caught.value)


def message(text, complaint):
    """`5:22: unknown event` as it is shown: with the file, the line of the text and a caret under the column."""
    line, column, _ = complaint.split(":", 2)
    source = text.splitlines()[int(line) - 1].rstrip()[:200]
    return f"rules/shop.yaml:{complaint}\n    {source}\n    {' ' * (int(column) - 1)}^"


def shown(case):
    return " ".join(f"{key}: {value}" for key, value in case.items()) if isinstance(case, dict) else ""


# What is wrong with one rule: keys that make it so, and line, column and text of the complaint, or of several. Numbers in
# front are those of the bad inputs that rules must survive.

# 18, 21: keys and ids
SHAPE = [
    ({"id": None}, "3:5: 'id' is missing"),
    ({"about": None}, "3:5: 'about' is missing"),
    ({"trigger": None}, "3:5: 'trigger' is missing"),
    ({"send": None}, "3:5: 'send' is missing"),
    ({"id": "'a b'"}, "3:9: an id is made of small letters, digits, - and _, at most 64; got 'a b'"),
    ({"id": "../x"}, "3:9: an id is made of small letters, digits, - and _, at most 64; got '../x'"),
    ({"id": "📦"}, "3:9: an id is made of small letters, digits, - and _, at most 64; got '📦'"),
    ({"id": "A"}, "3:9: an id is made of small letters, digits, - and _, at most 64; got 'A'"),
    ({"id": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}, "3:9: an id is made of small letters, digits, - and _, at most 64; got 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"),
    ({"id": ""}, "3:5: 'id' must be text, not empty"),
    ({"id": "7"}, "3:9: 'id' must be text, not '7'; put quotes around it"),
    ({"about": "orders"}, "4:12: a rule cannot be about 'orders' - did you mean 'order'?"),
    ({"about": "[order]"}, "4:12: 'about' is a word, such as order, or whom news reaches: {orders_with: stock.sku}"),
    ({"about": "{orders: stock.sku}", "trigger": "{event: stock.changed}"}, "4:13: nobody is reached by 'orders' - did you mean 'orders_with'?"),
    ({"about": "{}", "trigger": "{event: stock.changed}"}, "4:12: say whom news reaches: {orders_with: stock.sku}"),
    ({"about": "{orders_with: order.id}", "trigger": "{event: stock.changed}"}, "4:26: write orders_with: stock.sku, the article that the news is of"),
    ({"about": "{orders_with: stock.sku, lines: backorder}", "trigger": "{event: stock.changed}"}, "4:44: lines are all or backordered, not 'backorder' - did you mean 'backordered'?"),
    ({"about": "{people_waiting_for: stock.sku, up_to: stock.available}", "trigger": "{event: stock.changed}"}, "4:12: wave and keep_for are missing; write it like {people_waiting_for: stock.sku, up_to: stock.available, wave: {size: 50, every: 1h}, keep_for: 24h}"),
    ({"about": "{people_waiting_for: stock.sku, up_to: stock.name, wave: {size: 50, every: 1h}, keep_for: 1d}", "trigger": "{event: stock.changed}"}, "4:51: 'stock.name' is text, not a number"),
    ({"about": "{people_waiting_for: stock.sku, up_to: 5, wave: {size: 0, every: 1h}, keep_for: 1d}", "trigger": "{event: stock.changed}"}, "4:67: size is a whole number from 1 to 10,000, got 0"),
    ({"about": "{people_waiting_for: stock.sku, up_to: 5, wave: {size: 5, evry: 1h}, keep_for: 1d}", "trigger": "{event: stock.changed}"}, "4:60: write it like {size: 50, every: 1h}: so many people, and when the next may follow"),
    ({"about": "{people_waiting_for: stock.sku, up_to: 5, wave: {size: 5, every: 1h, most: 2}, keep_for: 1d}", "trigger": "{event: stock.changed}"}, "4:81: unknown key 'most' in wave"),
    ({"about": "{orders_with: stock.sku, line: all}", "trigger": "{event: stock.changed}"}, "4:37: unknown key 'line' beside orders_with - did you mean 'lines'?"),
    ({"about": "{orders_with: stock.sku}"}, "5:22: 'order.shipped' is not about stock; make the rule about: order or customer"),
    ({"about": "{orders_with: stock.sku}", "trigger": "{event: stock.changed}", "include_closed": "true"}, "7:5: news goes to open orders alone; delete include_closed"),
    ({"about": "{orders_with: stock.sku}", "trigger": "{event: stock.changed}", "only_if": "{shipment.status: delivered}"}, "7:15: 'shipment.status' is not known here: only order.…, customer.…, stock.… can be looked at"),
    ({"if_unknown": "go"}, "7:17: 'if_unknown' must be skip, not 'go'"),
    ({"state": "on"}, "7:12: 'state' is one of draft, watch, live, paused, not 'on'"),
    ({"if_already_past": "send_now"}, "7:5: if_already_past belongs to a moment"),
    ({"include_closed": "yes"}, "7:21: 'include_closed' must be true or false, not 'yes'"),
    ({"dealy": "1h"}, "7:5: unknown key 'dealy'"),
    ({"topic": "delay"}, "7:12: no topic 'delay'; there are none"),
    ({"only_if": "{told: delay}"}, "7:21: write it like {topic: delay, in_last: 14d}, or {rule: delivery-overdue, in_last: 2d}"),
    ({"only_if": "{told: {rule: r, topic: x, in_last: 1d}}"}, "7:21: write it like {topic: delay, in_last: 14d}, or {rule: delivery-overdue, in_last: 2d}"),
    ({"only_if": "{told: {rule: nope, in_last: 1d}}"}, "7:28: no rule 'nope'; there are r"),
    ({"only_if": "{told: {topic: nope, in_last: 1d}}"}, "7:29: no topic 'nope'; there are none"),
    ({"only_if": "{told: {rule: r, in_last: 1}}"}, "7:40: '1' needs a unit, like '1m', '1h' or '1d'"),
    ({"trigger": "{becomes_true: {told: {rule: r, in_last: 1d}}}"}, "5:15: this turns true by itself as time passes, which no event tells; use a moment"),
    ({"description": "[a]"}, "7:18: 'description' must be text, not a list"),
    ({"owner": "5"}, "7:12: 'owner' must be text, not '5'; put quotes around it"),
]  # fmt: skip

# 19, 20: triggers
TRIGGERS = [
    ({"trigger": "x"}, "5:14: say what kind of trigger it is, such as {event: order.shipped}"),
    ({"trigger": "order.cancelled"}, "5:14: say what kind of trigger it is, such as {event: order.cancelled}"),
    ({"trigger": "[a]"}, "5:14: 'trigger' must be a mapping (key: value), not a list"),
    ({"trigger": "{}"}, "5:14: a trigger is one of event, moment, no_news, change, becomes_true, every, cron"),
    ({"trigger": "{silense: 72h}"}, "5:15: unknown trigger 'silense'; it is one of event, moment, no_news, change, becomes_true, every, cron"),
    ({"trigger": "{evnt: order.shipped}"}, "5:15: unknown trigger 'evnt' - did you mean 'event'?"),
    ({"trigger": "{event: order.shipped, moment: order.eta}"}, "5:37: a rule has one trigger; this is a second beside 'event'"),
    ({"trigger": "{event: order.shiped}"}, "5:22: unknown event 'order.shiped' - did you mean 'order.shipped'?"),
    ({"trigger": "{event: shipment.redy}"}, "5:22: unknown event 'shipment.redy' - did you mean 'shipment.ready_for_pickup'?"),
    ({"trigger": "{event: [order.shipped, order.nope]}"}, "5:38: unknown event 'order.nope'"),
    ({"trigger": "{event: []}"}, "5:22: event names one event, or a list of them"),
    ({"trigger": "{event: {a: 1}}"}, "5:22: event names one event, or a list of them"),
    ({"trigger": "{event: shipment.scanned}"}, "5:22: 'shipment.scanned' is not about an order; make the rule about: shipment"),
    ({"trigger": "{event: order.shipped, at: '09:00'}"}, "5:37: unknown key 'at' beside event"),
    ({"trigger": "{at: 09:00}"}, "5:14: a trigger is one of event, moment, no_news, change, becomes_true, every, cron"),
    ({"trigger": "{moment: order.promissed_at}"}, "5:23: unknown field 'order.promissed_at' - did you mean 'order.promised_at'?"),
    ({"trigger": "{moment: order.total}"}, "5:23: 'order.total' is a number, not a time"),
    ({"trigger": "{moment: now + 1d}"}, "5:23: 'now' has no moment of its own here; name a field or a date"),
    ({"trigger": "{moment: 5}"}, "5:23: a time is a field, a date or now, give or take a duration; got 5"),
    ({"trigger": "{moment: tomorrow}"}, "5:23: 'tomorrow' is not a time; write it like order.promised_at + 1d, or 2026-12-01"),
    ({"trigger": "{moment: order.eta + 1}"}, "5:35: '1' needs a unit, like '1m', '1h' or '1d'"),
    ({"trigger": "{moment: order.eta + 1 fortnight}"}, "5:35: '1 fortnight' is not a length of time; write '15m', '2h', '3d', '1d12h' or '2 business days'"),
    ({"trigger": "{moment: order.eta + 1d, at: 25:00}"}, "5:43: '25:00' is not a time of day; write it like 09:00"),
    ({"trigger": "{moment: order.eta + 1h, at: 09:00}"}, "5:23: with 'at' the moment is counted in days, not hours or minutes"),
    ({"trigger": "{moment: order.eta, at: 9}"}, "5:38: '9' is not a time of day; write it like 09:00"),
    ({"trigger": "{moment: customer.name}"}, "5:23: 'customer.name' is text, not a time"),
    ({"trigger": "{moment: shipment.eta}"}, "5:23: 'shipment.eta' is not known here: only order.…, customer.… can be looked at"),
    ({"about": "shipment", "trigger": "{moment: order.eta}"}, "5:23: 'order.eta' does not belong to the shipment itself"),
    ({"trigger": "{moment: 2026-12-01}"}, "5:23: a plain date needs a time of day: at: 09:00"),
    ({"trigger": "{moment: 2026-02-30, at: 09:00}"}, "5:23: there is no 2026-02-30"),
    ({"trigger": "{moment: 2026-12-01T10:00:00}"}, "5:23: 2026-12-01T10:00:00 has no zone; add Z or +01:00, or write the date alone"),
    ({"trigger": "{moment: 9999-12-31, at: 09:00}"}, "5:23: 9999-12-31 is too far away; years are 1900 to 2999"),
    ({"trigger": "{moment: order.eta, calender: shop}"}, "5:34: unknown key 'calender' beside moment - did you mean 'calendar'?"),
    ({"trigger": "{moment: order.eta, calendar: customer}"}, "5:44: no calendar 'customer'; there are shop, destination, carrier"),
    ({"trigger": "{no_news: 3d}"}, "5:24: write it like {of: shipment.scanned, for: 3d, counted_from: shipment.created_at}"),
    ({"trigger": "{no_news: {of: order.paid}}"}, "5:24: write it like {of: shipment.scanned, for: 3d, counted_from: shipment.created_at}"),
    ({"trigger": "{no_news: {of: order.shiped, for: 3d}}"}, "5:29: unknown event 'order.shiped' - did you mean 'order.shipped'?"),
    ({"trigger": "{no_news: {of: [order.paid, 5], for: 3d}}"}, "5:29: of names one event, or a list of them"),
    ({"trigger": "{no_news: {of: order.updated, for: 3d}}"}, "5:29: no time is kept of 'order.updated' for an order; those with one: order.placed, order.paid, order.shipped, order.delivered, order.cancelled, order.returned, order.refunded"),
    ({"about": "customer", "trigger": "{no_news: {of: customer.updated, for: 3d}}"}, "5:29: no time is kept of 'customer.updated' for a customer; those with one: none"),
    ({"trigger": "{no_news: {of: order.paid, for: 3}}"}, "5:46: '3' needs a unit, like '3m', '3h' or '3d'"),
    ({"trigger": "{no_news: {of: order.paid, for: 3d, counted_from: order.total}}"}, "5:64: 'order.total' is an amount, not a time"),
    ({"trigger": "{no_news: {of: order.paid, for: 3d, counted_from: 5}}"}, "5:64: counted_from names a time field"),
    ({"trigger": "{no_news: {of: order.paid, for: 3d, since: order.placed_at}}"}, "5:50: unknown key 'since' in no_news"),
    ({"trigger": "{no_news: {of: order.paid, for: 3d}, at: '09:00'}"}, "5:51: unknown key 'at' beside no_news"),
    ({"trigger": "{becomes_true: }"}, "5:15: say what becomes true: {order.eta: {after: order.promised_at}}"),
    ({"trigger": "{becomes_true: {}}"}, "5:29: no condition is written here; delete the key or add one"),
    ({"trigger": "{becomes_true: {order.totl: 5}}"}, "5:30: unknown field 'order.totl' - did you mean 'order.total'?"),
    ({"trigger": "{becomes_true: {order.eta: {before: now}}}"}, "5:15: this turns true by itself as time passes, which no event tells; use a moment"),
    ({"trigger": "{becomes_true: {any: [{order.total: 5}, {order.eta: {in_last: 1d}}]}}"}, "5:15: this turns true by itself as time passes, which no event tells; use a moment"),
    ({"trigger": "{becomes_true: {customer.name: x}}"}, "5:15: nothing here belongs to the order itself, whose events set the rule off"),
    ({"trigger": "{change: order.eta, later_by: 1d, ready_again: {above: 5}}"}, "5:48: ready_again is for numbers; order.eta is a time"),
    ({"trigger": "{change: order.total, falls_below: 5, ready_again: 8}"}, "5:65: write it like {above: order.… + 3}, or {below: 5}"),
    ({"trigger": "{change: order.total, falls_below: 5, ready_again: {over: 8}}"}, "5:65: write it like {above: order.… + 3}, or {below: 5}"),
    ({"trigger": "{change: order.total, falls_below: 5, ready_again: {above: 3}}"}, "5:73: this is so already when it crosses 5; write 5 or further above"),
    ({"trigger": "{change: order.total, rises_above: 5, ready_again: {below: 8.5}}"}, "5:73: this is so already when it crosses 5; write 5 or further below"),
    ({"trigger": "{change: order.total, falls_below: 5, ready_again: {below: 3}}"}, "5:66: after falls_below ready_again is {above: …}: well back before the line"),
    ({"trigger": "{change: order.total, falls_below: order.total - 3}"}, "5:49: 'order.total' is compared with itself here; write a number or another field"),
    ({"trigger": "{change: order.total, falls_below: 5, ready_again: {above: x}}"}, "5:73: order.total is a number, got 'x'"),
    ({"still_true_after": "1h"}, "7:5: still_true_after belongs to change and becomes_true: nothing else can end again"),
    ({"trigger": "{change: order.total, to: 5}", "still_true_after": "1"}, "7:23: '1' needs a unit, like '1m', '1h' or '1d'"),
    ({"trigger": "{moment: order.eta + 999999999w}"}, "5:35: '999999999w' is longer than 400 days"),
    ({"trigger": "{change: order.eta}"}, "5:23: say how it changes, in one way: later_by, earlier_by, rises_above, falls_below, to, from (to and from may stand together)"),
    ({"trigger": "{change: order.etta, later_by: 1d}"}, "5:23: unknown field 'order.etta' - did you mean 'order.eta'?"),
    ({"trigger": "{change: 5, to: 1}"}, "5:23: change names a field"),
    ({"trigger": "{change: customer.name, to: x}"}, "5:23: 'customer.name' is not known here: only order.… can be looked at"),
    ({"trigger": "{change: order.eta, later_by: 1d, earlier_by: 1d}"}, "5:23: say how it changes, in one way: later_by, earlier_by, rises_above, falls_below, to, from (to and from may stand together)"),
    ({"trigger": "{change: order.eta, later_by: 1}"}, "5:44: '1' needs a unit, like '1m', '1h' or '1d'"),
    ({"trigger": "{change: order.total, later_by: 1d}"}, "5:36: later_by is for times; order.total is an amount"),
    ({"trigger": "{change: order.eta, rises_above: 5}"}, "5:34: rises_above is for numbers; order.eta is a time"),
    ({"trigger": "{change: order.total, rises_above: lots}"}, "5:49: order.total is a number, got 'lots'"),
    ({"trigger": "{change: order.total, rises_above: order.eta}"}, "5:49: 'order.eta' is a time, not a number"),
    ({"trigger": "{change: order.total, rises_above: order.totl}"}, "5:49: unknown field 'order.totl' - did you mean 'order.total'?"),
    ({"trigger": "{change: order.status, to: sent}"}, "5:41: order.status is never 'sent'; it is one of placed, paid, packed, shipped, in_transit, out_for_delivery, ready_for_pickup, delivered, returned, refunded, cancelled"),
    ({"trigger": "{change: order.eta, to: 2026-03-01}"}, "5:34: to is for single values; order.eta is a time"),
    ({"trigger": "{change: order.items, to: a}"}, "5:36: to is for single values; order.items is a list of items"),
    ({"trigger": "{change: order.status, to: []}"}, "5:41: an empty list is never met"),
    ({"trigger": "{change: order.status, to: null}"}, "5:41: nothing stands here; to ask whether order.status is known, write {exists: true} or {exists: false}"),
    ({"trigger": "{change: order.status, laterby: 1d}"}, "5:37: unknown key 'laterby' beside change - did you mean 'later_by'?"),
    ({"trigger": "{change: order.carrier, later_by: 1d}"}, "5:38: later_by is for times; order.carrier is text"),
    ({"trigger": "{change: order.total, rises_above: true}"}, "5:49: order.total is a number, got true"),
    ({"about": "shipment"}, "5:22: 'order.shipped' is not about a shipment; make the rule about: order or customer"),
    ({"trigger": "{event: waitlist.joined}"}, "5:22: 'waitlist.joined' is not about an order; make the rule about: customer"),
    ({"trigger": "{event: stock.changed}"}, "5:22: 'stock.changed' is not about an order; make the rule about: stock"),
]  # fmt: skip

# 23: conditions
CONDITIONS = [
    ({"only_if": "{order.stauts: paid}"}, "7:15: unknown field 'order.stauts' - did you mean 'order.status'?"),
    ({"only_if": "{stauts: paid}"}, "7:15: unknown field 'stauts' - did you mean 'order.status'?"),
    ({"only_if": "{}"}, "7:14: no condition is written here; delete the key or add one"),
    ({"only_if": "[a]"}, "7:14: conditions are a mapping, of which all must hold; for one of several write any: [{…}, {…}]"),
    ({"only_if": "order.total >= 50"}, "7:14: conditions are a mapping; write {order.total: {at_least: 50}}"),
    ({"not_if": "order.status = paid"}, "7:13: conditions are a mapping; write {order.status: paid}"),
    ({"only_if": "late"}, "7:14: conditions are a mapping; write {order.total: {at_least: 50}}"),
    ({"only_if": "{order.total: '> 50'}"}, "7:28: order.total is a number, got '> 50'; write {more_than: 50}"),
    ({"only_if": "{order.total: {gte: 50}}"}, "7:29: order.total takes is, not, at_least, at_most, more_than, less_than, exists, not 'gte' - did you mean 'at_least'?"),
    ({"only_if": "{order.eta: {'>': now}}"}, "7:27: order.eta takes before, after, in_last, in_next, exists, not '>' - did you mean 'after'?"),
    ({"only_if": "{order.currency: {in: [EUR]}}"}, "7:32: order.currency takes is, not, exists, not 'in' - did you mean 'is'?"),
    ({"only_if": "{customer.country: Germany}"}, "7:33: 'Germany' is not a two-letter country code (ISO 3166) - did you mean 'DE'?"),
    ({"only_if": "{customer.country: Atlantis}"}, "7:33: 'Atlantis' is not a two-letter country code (ISO 3166)"),
    ({"only_if": "{order.status: '!paid'}"}, "7:29: order.status is never '!paid'; write {not: paid}"),
    ({"only_if": "{order.status: not paid}"}, "7:29: order.status is never 'not paid'; write {not: paid}"),
    ({"only_if": "{order.tags: vip}"}, "7:15: unknown field 'order.tags' - did you mean 'customer.tags'?"),
    ({"only_if": "{order.items.sku: X}"}, "7:15: unknown field 'order.items.sku'; write order.items: {any: {sku: …}}"),
    ({"only_if": "{customer: {country: DE}}"}, "7:15: unknown field 'customer'; write customer.country: …"),
    ({"only_if": "{or: [{order.total: 5}]}"}, "7:15: unknown field 'or' - did you mean 'any'?"),
    ({"only_if": "{not: {order.total: 5}}"}, "7:15: unknown field 'not' - did you mean 'none'?"),
    ({"only_if": "{order.eta: {older_than: 7d}}"}, "7:27: order.eta takes before, after, in_last, in_next, exists, not 'older_than'; write {before: now - 7d}"),
    ({"only_if": "{order.total: {between: [1, 5]}}"}, "7:29: order.total takes is, not, at_least, at_most, more_than, less_than, exists, not 'between'; write {at_least: 1, at_most: 5}"),
    ({"only_if": "{order.currency: {gte: EUR}}"}, "7:32: order.currency takes is, not, exists, not 'gte'"),
    ({"only_if": "{survey.score: 5}"}, "7:15: 'survey.score' is not known here: only order.…, customer.… can be looked at"),
    ({"only_if": "{stock.available: 5}"}, "7:15: 'stock.available' is not known here: only order.…, customer.… can be looked at"),
    ({"only_if": "{order.status: sent}"}, "7:29: order.status is never 'sent'; it is one of placed, paid, packed, shipped, in_transit, out_for_delivery, ready_for_pickup, delivered, returned, refunded, cancelled"),
    ({"only_if": "{order.status: {nott: paid}}"}, "7:30: order.status takes is, not, exists, not 'nott' - did you mean 'not'?"),
    ({"only_if": "{order.status: {at_least: paid}}"}, "7:30: order.status takes is, not, exists, not 'at_least'"),
    ({"only_if": "{order.total: '100'}"}, "7:28: order.total is a number, got '100'"),
    ({"only_if": "{order.total: {at_least: '100'}}"}, "7:39: order.total is a number, got '100'"),
    ({"only_if": "{order.total: true}"}, "7:28: order.total is a number, got true"),
    ({"only_if": "{order.eta: now}"}, "7:26: order.eta is a time; compare it with before, after, in_last, in_next, exists"),
    ({"only_if": "{order.eta: {before: order.carrier}}"}, "7:35: 'order.carrier' is text, not a time"),
    ({"only_if": "{order.eta: {before: 5}}"}, "7:35: a time is a field, a date or now, give or take a duration; got 5"),
    ({"only_if": "{order.eta: {in_last: 1}}"}, "7:36: '1' needs a unit, like '1m', '1h' or '1d'"),
    ({"only_if": "{order.eta: {in_last: 0m}}"}, "7:36: '0m' is no time at all"),
    ({"only_if": "{order.eta: {exists: yes}}"}, "7:35: exists is true or false, got 'yes'"),
    ({"only_if": "{order.status: }"}, "7:15: nothing stands here; to ask whether order.status is known, write {exists: true} or {exists: false}"),
    ({"only_if": "{order.eta: null}"}, "7:26: order.eta is a time; compare it with before, after, in_last, in_next, exists"),
    ({"only_if": "{order.status: []}"}, "7:29: an empty list is never met"),
    ({"only_if": "{customer.country: USA}"}, "7:33: 'USA' is not a two-letter country code (ISO 3166) - did you mean 'US'?"),
    ({"only_if": "{customer.country: XYZ}"}, "7:33: 'XYZ' is not a two-letter country code (ISO 3166)"),
    ({"only_if": "{order.currency: EURO}"}, "7:31: 'EURO' is not a currency code (ISO 4217) - did you mean 'EUR'?"),
    ({"only_if": "{customer.timezone: Warsaw}"}, "7:34: 'Warsaw' is not a zone - did you mean 'Europe/Warsaw'?"),
    ({"only_if": "{customer.timezone: ../../etc/passwd}"}, "7:34: '../../etc/passwd' is not a zone"),
    ({"only_if": "{customer.name: 5}"}, "7:30: customer.name is text, got 5; put quotes round it if it is meant"),
    ({"only_if": "{customer.name: {contains: 5}}"}, "7:41: customer.name is compared with text, got 5"),
    ({"only_if": "{customer.tags: {contains: [a, b]}}"}, "7:41: customer.tags is compared with text, got ['a', 'b']"),
    ({"only_if": "{customer.name: true}"}, "7:30: customer.name is text, got true; put quotes round it if it is meant"),
    ({"only_if": "{any: [a]}"}, "7:21: conditions are written as field: what it must be"),
    ({"only_if": "{anny: [{order.total: 1}]}"}, "7:15: unknown field 'anny' - did you mean 'any'?"),
    ({"only_if": "{any: {any: {any: {any: {any: {order.total: 1}}}}}}"}, "7:44: conditions stand inside one another at most 5 deep"),
    ({"only_if": "{any: []}"}, "7:20: no condition is written here; delete the key or add one"),
    ({"only_if": "{order.items: {every: {sku: a}}}"}, "7:29: items take any, all or none, not 'every'"),
    ({"only_if": "{order.items: a}"}, "7:28: order.items is a list of items; compare it with any, all, none, exists"),
    ({"only_if": "{order.items: {any: {skuu: a}}}"}, "7:35: unknown field 'skuu' - did you mean 'sku'?"),
    ({"only_if": "{order.items: {any: {quantity: lots}}}"}, "7:45: quantity is a number, got 'lots'"),
    ({"not_if": "{order.status: {not: paid}}"}, "7:29: 'not' inside not_if is a double no; turn it round or move it to only_if"),
    ({"not_if": "{none: {order.status: {not: paid}}}"}, "7:36: 'not' inside not_if is a double no; turn it round or move it to only_if"),
    ({"about": "customer", "trigger": "{event: order.placed}", "only_if": "{order.total: 5}"}, "7:15: 'order.total' is not known here: only customer.… can be looked at"),
    ({"only_if": "{order.items: {exists: maybe}}"}, "7:37: exists is true or false, got 'maybe'"),
    ({"only_if": "{order.total: {at_least: order.totl}}"}, "7:39: unknown field 'order.totl' - did you mean 'order.total'?"),
    ({"only_if": "{order.eta: {before: now + 1}}"}, "7:41: '1' needs a unit, like '1m', '1h' or '1d'"),
]  # fmt: skip

# 19: what is sent
SENDING = [
    ({"send": "{}"}, "6:11: say what to send: either 'template' or 'survey'"),
    ({"send": "[]"}, "6:11: 'send' is empty; write at least one"),
    ({"send": "note"}, "6:11: say what it is: {template: note}, or {survey: note}"),
    ({"send": "{template: nota}"}, "6:22: no template 'nota' - did you mean 'note'?"),
    ({"send": "{survey: note}"}, "6:20: no survey 'note'; there are csat, nps, broken"),
    ({"send": "{template: csat}"}, "6:12: 'csat' is a survey; write survey: csat"),
    ({"send": "{template: note, survey: csat}"}, "6:11: say what to send: either 'template' or 'survey'"),
    ({"send": "{template: note, to: team.suport}"}, "6:32: nobody is called 'team.suport' - did you mean 'team.support'?"),
    ({"send": "{template: note, to: support}"}, "6:32: nobody is called 'support' - did you mean 'team.support'?"),
    ({"send": "{template: note, channels: fax}"}, "6:38: unknown channel 'fax'; there are preferred, email, sms"),
    ({"send": "{template: note, channels: [email, smss]}"}, "6:46: unknown channel 'smss' - did you mean 'sms'?"),
    ({"send": "{template: note, channels: {all: [email]}}"}, "6:38: 'channels' must be a list, not a mapping"),
    ({"send": "{template: note, category: urgent}"}, "6:38: 'category' is one of critical, transactional, requested, survey, marketing, staff, not 'urgent'"),
    ({"send": "{template: note, after: 2}"}, "6:35: '2' needs a unit, like '2m', '2h' or '2d'"),
    ({"send": "{template: note, after: 0m}"}, "6:35: '0m' is no time at all"),
    ({"send": "{template: note, after: 2d, useless_after: 1d}"}, "6:54: it would be useless before it may go out"),
    ({"send": "{template: note, useless_after: 1 month}"}, "6:43: '1 month' is not a length of time; write '15m', '2h', '3d', '1d12h' or '2 business days'"),
    ({"send": "{template: all, collect: {per: customer}}"}, "6:27: a window ends once: {per: team, for: 30m} or {per: team, until: 16:00}"),
    ({"send": "{template: all, collect: {per: customer, for: 1h, until: 16:00}}"}, "6:27: a window ends once: {per: team, for: 30m} or {per: team, until: 16:00}"),
    ({"send": "{template: all, collect: {per: team, for: 1h}}"}, "6:42: this goes to a customer: write per: customer, or a field"),
    ({"send": "{template: all, to: team.support, collect: {per: customer, for: 1h}}"}, "6:60: this goes to a team: write per: team, or a field"),
    ({"send": "{template: all, collect: {per: order.carier, for: 1h}}"}, "6:42: unknown field 'order.carier' - did you mean 'order.carrier'?"),
    ({"send": "{template: all, collect: {per: customer, for: 1}}"}, "6:57: '1' needs a unit, like '1m', '1h' or '1d'"),
    ({"send": "{template: all, collect: {per: customer, until: 25:00}}"}, "6:59: '25:00' is not a time of day; write it like 09:00"),
    ({"send": "{template: all, useless_after: 1h, collect: {per: customer, for: 2h}}"}, "6:76: what comes first would be useless before the window ends"),
    ({"send": "{template: note, collect: {per: customer, for: 1h}}"}, "6:28: the text 'note' tells of one match alone; go through 'matches' in it, in every language"),
    ({"send": "{template: note, collect: }"}, "6:28: 'collect' has nothing behind it; delete it or write what it is"),
    ({"brake": "{hold_all_if_over: 0, in: 1h}"}, "7:31: 'hold_all_if_over' must be at least 1"),
    ({"brake": "{hold_all_if_over: 5}"}, "7:12: 'in' is missing"),
    ({"brake": "{hold_all_if_over: 5, in: 1}"}, "7:38: '1' needs a unit, like '1m', '1h' or '1d'"),
    ({"brake": "5"}, "7:12: 'brake' must be a mapping (key: value), not '5'"),
    ({"send": "[{template: note}, {template: nope}]"}, "6:41: no template 'nope' - did you mean 'note'?"),
    ({"send": "[{template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}, {template: note}]"}, "6:11: 'send' has 21 entries: write at most 20"),
    ({"about": "stock", "trigger": "{event: stock.changed}"}, "6:11: a rule about stock writes to a team: to: team.NAME"),
    ({"if_already_past": "send"}, "7:22: 'if_already_past' is one of skip, send_now, not 'send'"),
    ({"about": "customer", "trigger": "{event: order.placed}", "send": "{template: order_text}"}, "6:22: the text 'order_text' speaks of order.number, which nobody knows where this rule fires"),
    ({"send": "{template: score_text}"}, "6:22: the text 'score_text' speaks of survey.score, which nobody knows where this rule fires"),
    ({"send": "{template: change_text}"}, "6:22: the text 'change_text' speaks of change.before, which nobody knows where this rule fires"),
]  # fmt: skip

# limits
LIMITS = [
    ({"limit": "{}"}, "7:12: a limit is {once_per: order} or {at_most: 3, per: order, in_any: 7d}"),
    ({"limit": "{once_per: []}"}, "7:23: 'once_per' is empty; write at least one"),
    ({"limit": "{once_per: shop}"}, "7:23: a rule about order cannot count by 'shop'; there are order, customer"),
    ({"limit": "{once_per: order.promissed_at}"}, "7:23: unknown field 'order.promissed_at' - did you mean 'order.promised_at'?"),
    ({"limit": "{once_per: order, at_most: 1}"}, "7:12: a limit is {once_per: order} or {at_most: 3, per: order, in_any: 7d}"),
    ({"limit": "{once_per: order, per: order}"}, "7:12: once_per stands alone; with a window write {at_most: 1, per: order, in_any: 7d}"),
    ({"limit": "{at_most: 3}"}, "7:12: at_most needs per and in_any: {at_most: 3, per: order, in_any: 7d}"),
    ({"limit": "{at_most: 0, per: order, in_any: 7d}"}, "7:22: 'at_most' must be at least 1"),
    ({"limit": "{at_most: 2, per: order, in_any: 7}"}, "7:45: '7' needs a unit, like '7m', '7h' or '7d'"),
    ({"limit": "{at_most: lots, per: order, in_any: 7d}"}, "7:22: 'at_most' must be a whole number, not 'lots'"),
    ({"limit": "once"}, "7:12: 'limit' must be a mapping (key: value), not 'once'"),
    ({"limit": "{once_per: survey.id}"}, "7:23: 'survey.id' is not known here: only order.…, customer.… can be looked at"),
    ({"limit": "{at_most: 2, per: [], in_any: 7d}"}, ["7:12: at_most needs per and in_any: {at_most: 3, per: order, in_any: 7d}", "7:30: 'per' is empty; write at least one"]),
    ({"limit": "{at_most: 2000, per: order, in_any: 7d}"}, "7:22: 'at_most' must be at most 1000"),
    ({"limit": "{once_per: [order, customer, shop]}"}, "7:41: a rule about order cannot count by 'shop'; there are order, customer"),
    ({"limit": "{often: true}"}, ["7:12: a limit is {once_per: order} or {at_most: 3, per: order, in_any: 7d}", "7:13: unknown key 'often'; known here: at_most, in_any, once_per, per"]),
]  # fmt: skip

# follow-ups
FOLLOW_UPS = [
    ({"follow_up": "{survey: csat}"}, "7:16: 'after' is missing"),
    ({"follow_up": "{after: 2d}"}, "7:16: say what to send: either 'template' or 'survey'"),
    ({"follow_up": "{survey: csat, after: 2d, counted_from: order.total}"}, "7:56: 'order.total' is an amount, not a time"),
    ({"follow_up": "{survey: csat, after: 2d, counted_from: shipment.eta}"}, "7:56: 'shipment.eta' is not known here: only order.… can be looked at"),
    ({"follow_up": "{survey: csat, after: 2d, to: team.support}"}, "7:42: unknown key 'to'; known here: after, category, channels, counted_from, not_if, only_if, survey, template, useless_after"),
    ({"about": "stock", "trigger": "{event: stock.changed}", "send": "{template: note, to: team.support}", "follow_up": "{survey: csat, after: 1d}"}, "7:5: a follow-up goes to the customer, and stock has none"),
]  # fmt: skip


# What comes by the calendar, and its list.
_REPORT = {"about": "shop", "trigger": "{every: day, at: 08:00}", "send": "{template: note, to: team.support}"}
REPORTS = [({**_REPORT, **keys}, told) for keys, told in [
    ({"trigger": "{every: day}"}, "5:15: say at what time of day: at: 08:00"),
    ({"trigger": "{every: weekdays, at: 08:00}"}, "5:22: every is one of day, weekday, monday, tuesday, wednesday, thursday, friday, saturday, sunday, month - did you mean 'weekday'?"),
    ({"trigger": "{every: 1d, at: 08:00}"}, "5:22: every is one of day, weekday, monday, tuesday, wednesday, thursday, friday, saturday, sunday, month"),
    ({"trigger": "{every: [monday], at: 08:00}"}, "5:22: every is one of day, weekday, monday, tuesday, wednesday, thursday, friday, saturday, sunday, month - did you mean 'monday'?"),
    ({"trigger": "{every: day, at: 8}"}, "5:31: '8' is not a time of day; write it like 09:00"),
    ({"trigger": "{every: day, at: 08:00, timezone: Europe/Warszaw}"}, "5:48: 'Europe/Warszaw' is not a zone - did you mean 'Europe/Warsaw'?"),
    ({"trigger": "{every: day, at: 08:00, skip_holidays: yes}"}, "5:53: skip_holidays is true or false, got 'yes'"),
    ({"trigger": "{every: day, at: 08:00, calendar: shop}"}, "5:38: unknown key 'calendar' beside every"),
    ({"trigger": "{cron: 0 8 * *}"}, "5:21: '0 8 * *' has 4 parts; cron has five: minute hour day month weekday"),
    ({"trigger": "{cron: '0 25 * * *'}"}, "5:21: '25' is no hour: 0 to 23"),
    ({"trigger": "{cron: '0 8 * * fri-mon'}"}, "5:21: 'fri-mon' holds no day of the week"),
    ({"trigger": "{cron: '0 8 30 feb *'}"}, "5:21: '0 8 30 feb *' is a day that never comes"),
    ({"trigger": "{cron: '0 8 * * mo'}"}, "5:21: 'mo' is no day of the week: 0 to 7, or mon, tue, wed, thu, fri, sat, sun"),
    ({"trigger": "{cron: '0 8 * * 1..5'}"}, "5:21: '1..5' is no day of the week; write a number, *, 1-5 or */2"),
    ({"trigger": "{cron: 8}"}, '5:21: cron is five parts in quotes: "0 8 * * mon-fri" is 08:00 from Monday to Friday'),
    ({"trigger": "{event: order.shipped}"}, "5:15: a rule about the shop has every, cron, moment, not event"),
    ({"trigger": "{moment: order.promised_at}"}, "5:23: 'order.promised_at' is not known here: nothing can be looked at"),
    ({"about": "order", "send": "{template: note}"}, "5:15: what comes by the calendar is about: shop, and can list; for one message each use moment"),
    ({"about": "order", "trigger": "{event: order.shipped}", "list": "{orders: {}}"}, "7:5: a list belongs to a rule about: shop"),
    ({"list": "{}"}, "7:11: say what to list, one of orders, shipments, stock, customers: {orders: {order.promised_at: {before: now}}}"),
    ({"list": "{orders: {}, stock: {}}"}, "7:24: say what to list, one of orders, shipments, stock, customers: {orders: {order.promised_at: {before: now}}}"),
    ({"list": "{order: {}, stock: {}}"}, "7:12: unknown key 'order' - did you mean 'orders'?"),
    ({"list": "{orders: {order.totl: {at_least: 5}}}"}, "7:21: unknown field 'order.totl' - did you mean 'order.total'?"),
    ({"list": "{stock: {order.total: 5}}"}, "7:20: 'order.total' is not known here: only stock.… can be looked at"),
    ({"list": "{orders: {}, sort: -order.totl}"}, "7:31: unknown field 'order.totl' - did you mean 'order.total'?"),
    ({"list": "{orders: {}, sort: order.items}"}, "7:30: a list cannot be put in order by 'order.items', which is a list itself"),
    ({"list": "{orders: {}, most: 0}"}, "7:30: 'most' must be at least 1"),
    ({"list": "{orders: {}, when_empty: drop}"}, "7:36: 'when_empty' is one of skip, send, not 'drop'"),
    ({"send": "{template: note}"}, "6:11: a rule about the shop writes to a team: to: team.NAME"),
    ({"send": "{template: list_text, to: team.support}"}, "6:22: the text 'list_text' speaks of list.count, which nobody knows where this rule fires; it has no list"),
    ({"send": "{template: list_text, to: team.support}", "list": "{stock: {}}"}, "6:22: the text 'list_text' speaks of list.customer.name, which nobody knows where this rule fires"),
    ({"send": "{template: order_text, to: team.support}", "list": "{orders: {}}"}, "6:22: the text 'order_text' speaks of customer.first_name, which nobody knows where this rule fires; of each row of the list it is row.customer.first_name"),
    ({"only_if": "{order.total: 5}"}, "7:5: nothing is known of the shop itself; conditions stand in the list: list: {orders: {…}}"),
    ({"send": "{template: note, to: team.support, not_if: {order.total: 5}}"}, "6:46: nothing is known of the shop itself; conditions stand in the list: list: {orders: {…}}"),
    ({"follow_up": "{survey: csat, after: 2d}"}, "7:5: a follow-up goes to the customer, and the shop has none"),
    ({"limit": "{once_per: order}"}, "7:23: a rule about shop cannot count by 'order'; there are shop"),
    ({"still_true_after": "2h"}, "7:5: still_true_after belongs to change and becomes_true: nothing else can end again"),
]]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "complaints"), [*SHAPE, *TRIGGERS, *CONDITIONS, *SENDING, *LIMITS, *FOLLOW_UPS, *REPORTS], ids=shown
)
def test_one_rule(load, lines, keys, complaints):
    """Each fault of a rule in one line that says what and where, what is likely meant, and the place under a caret."""
    text = "version: 1\nrules:\n" + lines(**keys)
    complaints = [complaints] if isinstance(complaints, str) else complaints
    assert told(load, text) == "\n".join(message(text, one) for one in complaints)


NOTHING = "has nothing behind it; delete it or write what it is"


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"only_if": ""}, f"7:5: 'only_if' {NOTHING}"),
        ({"not_if": ""}, f"7:5: 'not_if' {NOTHING}"),
        ({"limit": ""}, f"7:5: 'limit' {NOTHING}"),
        ({"send": "{template: note, channels: []}"}, f"6:28: 'channels' {NOTHING}"),
        ({"send": "{template: note, only_if: }"}, f"6:28: 'only_if' {NOTHING}"),
        (
            {"only_if": "{order.total: {}}"},
            "7:28: order.total is compared with nothing; delete it or say what it must be",
        ),
    ],
)
def test_half_a_rule_is_not_a_rule_for_everybody(load, lines, keys, complaint):
    """A condition, limit or list of channels whose lines were taken out is a fault, not the absence of one."""
    text = "version: 1\nrules:\n" + lines(**keys)
    assert told(load, text) == message(text, complaint)


def test_linked_folders_are_read_once(load, lines, tmp_path):
    """A folder elsewhere that is linked in counts, and one that links back to itself ends."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "more.yaml").write_text("version: 1\nrules:\n" + lines(id="linked"))
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "linked").symlink_to(tmp_path / "shared")
    (tmp_path / "rules" / "again").symlink_to(tmp_path / "rules")
    book = load("version: 1\nrules:\n" + lines())
    assert [one.id for one in book.rules] == ["linked", "r"]


def test_a_folder_that_cannot_be_read_is_a_fault(tmp_path):
    """It must not pass for a folder without rules, whose waiting messages would be given up."""
    (tmp_path / "rules").write_text("not a folder")
    with pytest.raises(Faults, match=r"^rules: cannot be read: Not a directory"):
        rulebook.load(tmp_path, standard(), {}, ())


TOPICS = [
    ("{d: {every: 1d, strongest_first: [r]}}", "topic: d", ""),
    ("{d: {every: 1, strongest_first: [r]}}", "topic: d", "3:21: '1' needs a unit, like '1m', '1h' or '1d'"),
    ("{d: {every: 1d, strongest_first: [r, nope]}}", "topic: d", "3:46: no rule 'nope'; there are r"),
    ("{d: {every: 1d, strongest_first: [r, r]}}", "topic: d", "3:46: 'r' stands here twice"),
    ("{d: {every: 1d, strongest_first: [r]}}", "owner: x", "3:43: 'r' does not say 'topic: d'"),
    ("{d: {every: 1d, strongest_first: []}}", "topic: d", "3:42: 'strongest_first' is empty; write at least one"),
    ("{d: {strongest_first: [r]}}", "topic: d", "3:13: 'every' is missing"),
    ("{d: {per: shop, every: 1d, strongest_first: [r]}}", "topic: d", "3:19: nothing is one per 'shop'; there are order, shipment, stock, customer"),
    ("{d: {per: order.totl, every: 1d, strongest_first: [r]}}", "topic: d", "3:19: unknown field 'order.totl' - did you mean 'order.total'?"),
    ("[d]", "topic: d", "3:9: 'topics' must be a mapping (key: value), not a list"),
]  # fmt: skip


@pytest.mark.parametrize(("topics", "key", "complaint"), TOPICS)
def test_topics(load, topics, key, complaint):
    """What is wrong with a topic is said at its place, before or with what it makes of the rules."""
    rule = f"  - {{id: r, about: order, trigger: {{event: order.shipped}}, send: {{template: note}}, {key}}}\n"
    text = f"version: 1\n\ntopics: {topics}\nrules:\n{rule}"
    if complaint:
        assert message(text, complaint) in told(load, text)
    else:
        assert load(text).rules[0].topic.strongest_first == ("r",)


def test_a_topic_that_cannot_be_read_is_known_all_the_same(load, lines):
    """One mistake in a topic is one fault, not one for each rule that names it."""
    asks = lines(id="s", only_if="{told: {topic: d, in_last: 1d}}")
    text = "version: 1\ntopics: {d: {strongest_first: [r]}}\nrules:\n" + lines(topic="d") + asks
    assert [line for line in told(load, text).splitlines() if line.startswith("rules/")] == [
        "rules/shop.yaml:2:13: 'every' is missing"
    ]


def test_a_topic_must_rank_its_rules_and_fit_them(load, lines):
    """A rule that a topic does not rank would never know who is stronger; one about stock has no order."""
    stock = lines(
        id="s", about="stock", topic="d", trigger="{event: stock.changed}", send="{template: note, to: team.support}"
    )
    text = "version: 1\ntopics: {d: {every: 1d, strongest_first: [s]}}\nrules:\n" + lines(topic="d") + stock
    found = told(load, text)
    assert "topic 'd' does not rank this rule; add it to strongest_first" in found
    assert "topic 'd' is one per order, and this rule is about stock" in found


FILES = [
    ("", "rules/shop.yaml: no rules in it; delete the file or write 'version: 1' and 'rules:'"),
    ("# nothing yet\n", "rules/shop.yaml: no rules in it; delete the file or write 'version: 1' and 'rules:'"),
    ("version: 1\nrules: []\n", "rules: no rules found; write some, or copy the starter's with 'notifier init DIR'"),
    ("- a\n", "1:1: the file must be a mapping (key: value), not a list"),
    ("version: 1\n", "1:1: 'rules' is missing"),
    ("rules: []\n", "1:1: 'version' is missing"),
    ("version: 2\nrules: []\n", "1:10: 'version' must be 1, not '2'"),
    ("version: 1.10\nrules: []\n", "1:10: 'version' must be 1, not '1.10'"),
    ("version: 1\nrules: {a: 1}\n", "2:8: 'rules' must be a list, not a mapping"),
    ("version: 1\nrules: [late]\n", "2:9: item 1 of 'rules' must be a mapping (key: value), not 'late'"),
    ("version: 1\nrules: []\nrulez: []\n", "3:1: unknown key 'rulez' - did you mean 'rules'?"),
    ("version: 1\nrules:\n\t- id: a\n", "3:1: indented with a tab; use spaces"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "complaint"), FILES)
def test_whole_files(load, text, complaint):
    """A file that is no rules file, or has none, says so."""
    shown = complaint if complaint.startswith("rules") else message(text.replace("\t", " "), complaint)
    assert told(load, text) == shown


def test_no_files_at_all(load):
    """A project without rules is told where to get some."""
    assert told(load, None) == "rules: no rules found; write some, or copy the starter's with 'notifier init DIR'"


def test_all_faults_of_all_files_at_once(load, lines):
    """Whoever mends rules sees everything that is wrong, file by file, line by line."""
    wrong = lines(id="a", trigger="{event: order.shiped}", dealy="1h", only_if="{order.stauts: paid}")
    first = "version: 1\nrules:\n" + wrong + lines(id="b", send="{template: nota}")
    second = "version: 1\nrules:\n" + lines(id="c", state="on")
    assert [line for line in told(load, None, one=first, two=second).splitlines() if line.startswith("rules/")] == [
        "rules/one.yaml:5:22: unknown event 'order.shiped' - did you mean 'order.shipped'?",
        "rules/one.yaml:7:5: unknown key 'dealy'",
        "rules/one.yaml:8:15: unknown field 'order.stauts' - did you mean 'order.status'?",
        "rules/one.yaml:12:22: no template 'nota' - did you mean 'note'?",
        "rules/two.yaml:7:12: 'state' is one of draft, watch, live, paused, not 'on'",
    ]


HIDING = [
    {"id": "'Bad Id'"},
    {"id": None},
    {"about": "ordr"},
    {"about": "parcel"},
    {"about": None},
    {"trigger": "{event: order.shipped, whne: 3d}"},
    {"trigger": "shipped"},
    {"trigger": None},
    {"send": "note"},
    {"send": None},
    {"dealy": "1h"},
]


@pytest.mark.parametrize("keys", HIDING, ids=shown)
def test_no_fault_of_a_rule_hides_another(load, lines, keys):
    """One run says it all, also where what is wrong comes before the rest, and says nothing that is not so."""
    also_wrong = {"only_if": "{order.stauts: paid}", "limit": "{once_per: order, at_mots: 3}"}
    text = "version: 1\nrules:\n" + lines(**keys, **also_wrong)
    (first, *rest) = [line for line in told(load, text).splitlines() if line.startswith("rules/")]
    assert [line.split(": ", 1)[1] for line in rest] == [
        "unknown field 'order.stauts' - did you mean 'order.status'?",
        "unknown key 'at_mots' - did you mean 'at_most'?",
    ]
    assert "rules/shop.yaml:" in first


def test_no_fault_of_a_file_hides_its_rules(load, lines):
    """A key too many beside `rules:` is told together with what is wrong in them."""
    text = "verison: 1\nrules:\n" + lines(state="on") + "  - late\n"
    assert [line for line in told(load, text).splitlines() if line.startswith("rules/")] == [
        "rules/shop.yaml:1:1: 'version' is missing",
        "rules/shop.yaml:1:1: unknown key 'verison' - did you mean 'version'?",
        "rules/shop.yaml:7:12: 'state' is one of draft, watch, live, paused, not 'on'",
        "rules/shop.yaml:8:5: item 2 of 'rules' must be a mapping (key: value), not 'late'",
    ]


# --- rules together --------------------------------------------------------------------------------------------------


def test_21_two_rules_of_one_name(load, lines):
    """An id is unique in the project; the second is told where the first stands, also in another file."""
    text = "version: 1\nrules:\n" + lines() + lines(id="b") + lines()
    assert told(load, text) == message(text, "11:9: duplicate rule id 'r' (first at rules/shop.yaml:3)")
    other = told(load, "version: 1\nrules:\n" + lines(), more="version: 1\nrules:\n" + lines())
    assert other.startswith("rules/shop.yaml:3:9: duplicate rule id 'r' (first at rules/more.yaml:3)\n")


SURVEY = {"about": "customer", "trigger": "{event: survey.answered}"}
CIRCLES = {
    "an answer asks again": ([{**SURVEY, "send": "{survey: csat}"}], ["5:14: this rule sets itself off: a -> a"]),
    "by name": (
        [{**SURVEY, "only_if": "{survey.name: csat}", "send": "{survey: csat}"}],
        ["5:14: this rule sets itself off: a -> a"],
    ),
    "by name among others": (
        [{**SURVEY, "only_if": "{survey.score: 1, survey.name: [nps, csat]}", "send": "{survey: csat}"}],
        ["5:14: this rule sets itself off: a -> a"],
    ),
    "a name that need not be": (
        [{**SURVEY, "only_if": "{any: [{survey.name: nps}, {survey.score: 1}]}", "send": "{survey: csat}"}],
        ["5:14: this rule sets itself off: a -> a"],
    ),
    "by a follow-up": (
        [{"trigger": "{event: survey.sent}", "follow_up": "{survey: csat, after: 1d}"}],
        ["5:14: this rule sets itself off: a -> a"],
    ),
    "a message about messages": (
        [{"trigger": "{event: message.accepted}"}], ["5:14: this rule sets itself off: a -> a"],
    ),
    "two that feed each other": (
        [
            {**SURVEY, "only_if": "{survey.name: csat}", "send": "{survey: nps}"},
            {**SURVEY, "only_if": "{survey.name: nps}", "send": "{survey: csat}"},
        ],
        ["5:14: this rule sets itself off: a -> b -> a", "10:14: this rule sets itself off: b -> a -> b"],
    ),
    "three, and one that only starts them": (
        [
            {**SURVEY, "only_if": "{survey.name: csat}", "send": "{survey: nps}"},
            {"about": "customer", "trigger": "{event: message.failed}", "send": "{template: note, to: team.support}"},
            {**SURVEY, "only_if": "{survey.name: nps}", "send": "{survey: csat}"},
            {"send": "{survey: csat}"},
        ],
        ["5:14: this rule sets itself off: a -> c -> a", "14:14: this rule sets itself off: c -> a -> c"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "complaints"), CIRCLES.values(), ids=CIRCLES)
def test_22_circles(load, lines, rules, complaints):
    """Rules that would set each other off for ever are found beforehand, with the way round."""
    text = "version: 1\nrules:\n" + "".join(lines(id="abcd"[n], **rule) for n, rule in enumerate(rules))
    assert told(load, text) == "\n".join(message(text, one) for one in complaints)


def test_22_no_rule_is_compared_with_all_others(load, lines, monkeypatch):
    """Only rules that wait for what sending makes can be on a circle: thousands of others cost nothing."""
    compared = []
    monkeypatch.setattr(rulebook, "_feeds", lambda *pair: compared.append(pair))
    rules = [{"id": f"r{n}", "trigger": "{event: order.shipped}"} for n in range(20)]
    load("version: 1\nrules:\n" + "".join(lines(**rule) for rule in rules))
    assert compared == []


NO_CIRCLES = {
    "another survey": [{**SURVEY, "only_if": "{survey.name: nps}", "send": "{survey: csat}"}],
    "an answer brings a message": [{**SURVEY, "send": "{template: note}"}],
    "a message about messages, to a team": [
        {"trigger": "{event: message.accepted}", "send": "{template: note, to: team.support}"}
    ],
    "a chain with an end": [
        {**SURVEY, "only_if": "{survey.name: csat}", "send": "{survey: nps}"},
        {**SURVEY, "only_if": "{survey.name: nps}", "send": "{template: note}"},
    ],
}


@pytest.mark.parametrize("rules", NO_CIRCLES.values(), ids=NO_CIRCLES)
def test_no_circles(load, lines, rules):
    """What comes to an end is no circle."""
    text = "version: 1\nrules:\n" + "".join(lines(id="abcd"[n], **rule) for n, rule in enumerate(rules))
    assert len(load(text).rules) == len(rules)
