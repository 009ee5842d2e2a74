"""The shape of a rules file: which keys there are and what kind of value each takes.

What the values mean (fields, durations, templates) is read by the rest of this package.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from notifier.rulebook.slips import conditions_said, trigger_said

__all__ = [
    "BrakeEntry", "CollectEntry", "FollowUpEntry", "LimitEntry", "ListEntry", "RuleEntry", "RulesFile", "SendEntry", "TopicEntry",
]  # fmt: skip

Category = Literal["critical", "transactional", "requested", "survey", "marketing", "staff"]
Words = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]
Keys = Annotated[Words, Field(min_length=1)]
Conditions = Annotated[dict[str, Any] | None, BeforeValidator(conditions_said)]


_ID = r"^[a-z0-9_-]{1,64}$"


def _id(text: str) -> str:
    if not re.fullmatch(_ID, text):
        raise ValueError(f"an id is made of small letters, digits, - and _, at most 64; got '{text[:80]}'")
    return text


def _about(value: Any) -> Any:
    if not isinstance(value, str | dict):
        raise ValueError("'about' is a word, such as order, or whom news reaches: {orders_with: stock.sku}")  # noqa: TRY004
    return value


def _sends(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError(f"say what it is: {{template: {value}}}, or {{survey: {value}}}")  # noqa: TRY004 - as above
    return [value] if isinstance(value, dict) else value


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wording(Entry):
    """What is common to all that is sent."""

    template: str | None = Field(None, description="A folder under templates/.")
    survey: str | None = Field(None, description="A folder under templates/ whose message.yaml has a survey.")
    channels: Words = Field([], description="In order of trial: preferred, email, sms.")
    category: Category | None = Field(None, description="The template's own where it is not given.")
    only_if: Conditions = Field(None, description="Conditions for this message, beside the rule's.")
    not_if: Conditions = Field(None, description="Conditions that must not be known to be true for this message.")
    useless_after: Any = Field(None, description="A duration. Not sent later than this after what set it off.")


class CollectEntry(Entry):
    per: str = Field(description="customer, team or a field: what has the same goes out in one message.")
    lasts: Any = Field(None, alias="for", description="A duration: so long after the first match.")
    until: Any = Field(None, description="A time of day: the next one after the first match.")


class SendEntry(Wording):
    to: str = Field("customer", description="customer, or team.NAME.")
    after: Any = Field(None, description="A duration. Sent so long after what set it off.")
    collect: CollectEntry | None = Field(None, description="Into one message what comes in a window.")


class FollowUpEntry(Wording):
    after: Any = Field(description="A duration after the message, or after counted_from.")
    counted_from: str | None = Field(None, description="A time field; waited for while it is not known.")


class LimitEntry(Entry):
    once_per: Keys | None = Field(None, description="order, customer, … or fields: one message for the same of these.")
    at_most: Annotated[int, Field(ge=1, le=1000)] | None = Field(None, description="So many messages ...")
    per: Keys | None = Field(None, description="... for the same of these ...")
    in_any: Any = Field(None, description="... in any stretch of this length: a duration.")


class BrakeEntry(Entry):
    hold_all_if_over: Annotated[int, Field(ge=1, le=1_000_000)] = Field(description="More messages than this ...")
    within: Any = Field(alias="in", description="... in any stretch of this length: a duration.")


class ListEntry(Entry):
    orders: Conditions = Field(None, description="Conditions on orders: one row an order. {} lists all.")
    shipments: Conditions = Field(None, description="Conditions on parcels: one row a parcel.")
    stock: Conditions = Field(None, description="Conditions on articles: one row an article.")
    customers: Conditions = Field(None, description="Conditions on customers: one row a customer.")
    sort: Words = Field([], description="Fields; with - before it, from the highest down: -order.total.")
    most: Annotated[int, Field(ge=1, le=1000)] = Field(200, description="So many rows at most.")
    when_empty: Literal["skip", "send"] = Field("skip", description="What to do where there is nothing to list.")


class RuleEntry(Entry):
    id: Annotated[str, AfterValidator(_id)] = Field(
        description="Small letters, digits, - and _, at most 64.", json_schema_extra={"pattern": _ID}
    )
    description: str = Field("", description="For people.")
    owner: str = Field("", description="For people; where it names a team, that team hears that the rule is braked.")
    about: Annotated[Any, AfterValidator(_about)] = Field(
        description="What one match is: an order, a parcel, an article, a person, the shop; or whom news reaches."
    )
    trigger: Annotated[dict[str, Any], BeforeValidator(trigger_said)] = Field(
        description="What sets it off: exactly one of event, moment, no_news, change, becomes_true, every, cron."
    )
    only_if: Conditions = Field(None, description="Conditions that must be known to be true.")
    not_if: Conditions = Field(None, description="Conditions that must not be known to be true.")
    if_unknown: Literal["skip"] | None = Field(None, description="skip: an unknown not_if drops as well.")
    include_closed: StrictBool = Field(
        default=False, description="true: also for orders and parcels that are finished."
    )
    if_already_past: Literal["skip", "send_now"] = Field(
        "skip", description="For a moment that is over when its subject first becomes known."
    )
    still_true_after: Any = Field(None, description="A duration. Only if what set it off lasts that long.")
    send: Annotated[list[SendEntry], BeforeValidator(_sends)] = Field(
        min_length=1, max_length=20, description="One thing, or a list of up to 20."
    )
    list_: ListEntry | None = Field(None, alias="list", description="What a report lists; for about: shop.")
    limit: LimitEntry | None = Field(None, description="How often, for the same order, customer or value.")
    topic: str | None = Field(None, description="What it tells about, together with other rules: see topics.")
    follow_up: FollowUpEntry | None = Field(None, description="What comes some time after the message has left.")
    brake: BrakeEntry | None = Field(
        None, description="How much is too much: the rest is held until somebody has approved it."
    )
    state: Literal["draft", "watch", "live", "paused"] = Field(
        "live", description="live sends; watch decides and sends nothing; paused holds; draft is only checked."
    )


class TopicEntry(Entry):
    per: str = Field("order", description="For which the rules are one: order, customer, or a field.")
    every: Any = Field(description="A duration. Within it only a stronger rule tells again.")
    strongest_first: Keys = Field(description="The ids of all rules of the topic.")


class RulesFile(Entry):
    version: Literal[1]
    topics: dict[str, TopicEntry] = {}
    rules: list[dict[str, Any]]
