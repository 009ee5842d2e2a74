"""JSON Schema of `config/notifier.yaml`, for editors, with the settings of every provider that is installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import available_timezones

from notifier import provider
from notifier.config.sections import CHANNELS, Config
from notifier.core.catalogue import standard
from notifier.core.duration import PATTERN
from notifier.core.value import country_codes, currency_codes

__all__ = ["DRAFT", "DURATION", "codes", "config_schema"]

Schema = dict[str, Any]

#: The one that every editor knows.
DRAFT = "http://json-schema.org/draft-07/schema#"
DURATION: Schema = {
    "type": "string",
    "pattern": rf"^(?=.*[1-9])\s*{PATTERN}\s*$",
    "patternErrorMessage": "A length of time: 15m, 2h, 3d, 1d12h, 2 business days.",
}
#: What any value may be instead: it comes from the environment.
_VARIABLE: Schema = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"}
#: Kinds of text of which more is known than that they are text.
_KINDS = ("duration", "clock", "timezone", "country", "currency", "time_of_an_order")
_NOT_TEXT = ("integer", "number", "boolean")


def config_schema(config: Config | None = None) -> Schema:
    """The schema; of a project with this configuration it knows the providers by name."""
    whole = _referable(Config.model_json_schema(ref_template="#/definitions/{model}"))
    definitions = {**_texts(), **{name: _referable(one) for name, one in whole.pop("$defs").items()}}
    kinds = []
    for kind in provider.installed():
        settings = provider.find(kind).Settings.model_json_schema(ref_template=f"#/definitions/{kind}.{{model}}")
        definitions.update({f"{kind}.{name}": _referable(one) for name, one in settings.pop("$defs", {}).items()})
        kinds.append(_referable(settings))
        kinds[-1]["properties"]["type"] = {"const": kind}
    whole["properties"]["providers"]["additionalProperties"] = {"anyOf": kinds}
    for channel in CHANNELS:
        _name_providers(definitions[channel.title()], config.providers if config else ())
    return {"$schema": DRAFT, **whole, "title": "Configuration of notifier", "definitions": definitions}


def codes(known: Iterable[str]) -> Schema:
    """Codes are offered in capitals, and read however they are written."""
    listed = sorted(known)
    length = f"{{{len(listed[0])}}}"
    return {"anyOf": [{"enum": listed}, {"type": "string", "pattern": f"^(?![A-Z]{length}$)[A-Za-z]{length}$"}]}


def _texts() -> dict[str, Schema]:
    """What each of those kinds of text may be."""
    order = [one.path for one in standard().fields.values() if one.type == "time" and one.scope == "order"]
    return {
        "duration": DURATION,
        "clock": {"type": "string", "pattern": r"^\s*(?:[01]?\d|2[0-3]):[0-5]\d\s*$"},
        "timezone": {"enum": sorted(available_timezones())},
        "country": codes(country_codes()),
        "currency": codes(currency_codes()),
        "time_of_an_order": {"enum": order},
    }


def _referable(schema: Any) -> Any:
    """The same, but that `${NAME}` may stand for whatever is no free text."""
    if isinstance(schema, list):
        return [_referable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") in _KINDS:
        said = {name: one for name, one in schema.items() if name not in ("type", "format")}
        return {**said, "anyOf": [{"$ref": f"#/definitions/{schema['format']}"}, _VARIABLE]}
    open_ = {name: _inside(name, one) for name, one in schema.items()}
    if schema.get("type") in _NOT_TEXT or "enum" in schema or "pattern" in schema:
        said = {name: open_.pop(name) for name in ("title", "description", "default") if name in open_}
        return {**said, "anyOf": [open_, _VARIABLE]}
    return open_


def _inside(keyword: str, value: Any) -> Any:
    """What a keyword of a schema holds, referable where it is schemas."""
    if keyword in ("propertyNames", "default"):
        return value
    return {name: _referable(one) for name, one in value.items()} if keyword == "properties" else _referable(value)


def _name_providers(section: Schema, names: Iterable[str]) -> None:
    """Offer the names under `providers`, of which check says whether they are right."""
    listed = next(one for one in section["properties"]["providers"]["anyOf"] if one.get("type") == "array")
    listed["items"] = {"anyOf": [*({"const": name} for name in names), {"type": "string"}]}
