"""What people write who know another language, and how it is said here."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from babel import Locale

from notifier.core.value import country_codes

__all__ = ["block_said", "compared", "conditions_said", "country_said", "negated", "operator_said", "trigger_said"]

_SIGNS = {
    ">=": "at_least",
    "<=": "at_most",
    ">": "more_than",
    "<": "less_than",
    "!=": "not",
    "<>": "not",
    "==": "is",
    "=": "is",
}
_OF_TIMES = {"more_than": "after", "at_least": "after", "less_than": "before", "at_most": "before"}
_WORDS = {
    "gte": "at_least", "ge": "at_least", "min": "at_least", "lte": "at_most", "le": "at_most", "max": "at_most",
    "gt": "more_than", "greater_than": "more_than", "above": "more_than", "over": "more_than", "lt": "less_than",
    "below": "less_than", "under": "less_than", "ne": "not", "is_not": "not", "not_in": "not", "eq": "is", "equals": "is",
    "in": "is", "one_of": "is", "any_of": "is", "includes": "contains", "has": "contains", "like": "contains",
    "begins_with": "starts_with", "known": "exists", "is_known": "exists", "later_than": "after", "earlier_than": "before",
    "since": "after", "until": "before",
}  # fmt: skip
#: What stands where a field or a block should.
_BLOCKS = {
    "or": "any", "either": "any", "any_of": "any", "one_of": "any", "and": "all", "all_of": "all", "both": "all", "not": "none",
    "nor": "none", "neither": "none", "none_of": "none",
}  # fmt: skip
#: Lengths of time and ranges have no word of their own.
_SPANS = {
    "older_than": "{before: now - 7d}", "newer_than": "{in_last: 7d}", "within": "{in_last: 7d}", "not_in_last": "{before: now - 7d}",
    "between": "{at_least: 1, at_most: 5}", "range": "{at_least: 1, at_most: 5}",
}  # fmt: skip
_NEGATED = re.compile(r"(?:!\s*=?|not\s+|<>\s*)(\S.*)", re.IGNORECASE)
_SIGN = "|".join(map(re.escape, sorted(_SIGNS, key=len, reverse=True)))
_COMPARISON = re.compile(rf"\s*({_SIGN})\s*(\S.*)")
_SENTENCE = re.compile(rf"\s*([\w.]+)\s*({_SIGN})\s*(\S.*)")


def operator_said(word: str, takes: Collection[str]) -> str:
    """` - did you mean 'at_least'?` for `>=`, `gte` and their kin, of what a field takes; else nothing."""
    meant = _SIGNS.get(word.strip()) or _WORDS.get(word.strip().casefold(), "")
    meant = meant if meant in takes else _OF_TIMES.get(meant, "")
    if meant in takes:
        return f" - did you mean '{meant}'?"
    said = _SPANS.get(word.strip().casefold(), "")
    return f"; write {said}" if said[1:].partition(":")[0] in takes else ""


def block_said(key: str, value: Any, scopes: Collection[str]) -> str:
    """What was meant by a key that is no field: `or`, or a scope with its fields inside; else nothing."""
    if key in scopes and isinstance(value, dict) and value:
        return f"; write {key}.{next(iter(value))}: …"
    meant = _BLOCKS.get(key.strip().casefold(), "")
    return f" - did you mean '{meant}'?" if meant else ""


def negated(value: str, choices: Collection[str]) -> str:
    """`; write {not: paid}` for `!paid`; else nothing."""
    found = _NEGATED.fullmatch(value.strip())
    return f"; write {{not: {found[1]}}}" if found and found[1] in choices else ""


def country_said(name: str) -> str:
    """` - did you mean 'DE'?` for `Germany`, or for a code with one letter more (`USA`); else nothing."""
    codes = {text.casefold(): str(code) for code, text in Locale("en").territories.items() if code in country_codes()}
    meant = codes.get(name.strip().casefold(), "")
    if not meant and len(name) == 3 and name[:2].upper() in country_codes():
        meant = name[:2].upper()
    return f" - did you mean '{meant}'?" if meant else ""


def compared(value: Any) -> str:
    """`; write {at_least: 50}` for the value `>= 50`; else nothing."""
    found = _COMPARISON.fullmatch(value) if isinstance(value, str) else None
    return f"; write {_operand(*found.groups())}" if found else ""


def conditions_said(value: Any) -> Any:
    """A block of conditions as it is; raises ValueError, with the words that were meant, for what is none."""
    if isinstance(value, str):
        found = _SENTENCE.fullmatch(value)
        meant = f"{{{found[1]}: {_operand(found[2], found[3])}}}" if found else "{order.total: {at_least: 50}}"
        raise ValueError(f"conditions are a mapping; write {meant}")  # noqa: TRY004 - for pydantic
    if isinstance(value, list):
        raise ValueError("conditions are a mapping, of which all must hold; for one of several write any: [{…}, {…}]")  # noqa: TRY004 - for pydantic
    return value


def trigger_said(value: Any) -> Any:
    """The same for a trigger."""
    if isinstance(value, str):
        meant = f"{{event: {value}}}" if re.fullmatch(r"[a-z]+\.[a-z_]+", value) else "{event: order.shipped}"
        raise ValueError(f"say what kind of trigger it is, such as {meant}")  # noqa: TRY004 - as above
    return value


def _operand(sign: str, value: str) -> str:
    operator = _SIGNS[sign]
    return value if operator == "is" else f"{{{operator}: {value}}}"
