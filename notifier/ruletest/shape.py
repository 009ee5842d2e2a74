"""The shape of a file of rule tests: which keys there are and what kind of value each takes.

What the values mean (fields, times, rules) is read by the rest of this package.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["CaseEntry", "ExpectEntry", "StepEntry", "SuiteFile", "WhyNotEntry"]

Words = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str | int | float) else value)]
Name = Annotated[str, Field(min_length=1)]
Block = dict[str, Any]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StepEntry(Entry):
    at: str = Field(description="When it happens.")
    event: str | None = Field(None, description="The type of an event, like order.shipped.")
    data: Block = Field({}, description="What the event says.")
    set_: Block | None = Field(None, alias="set", description="Fields and what they are from now on.")


class ExpectEntry(Entry):
    at: str | None = None
    rule: str | None = None
    outcome: Literal["send", "hold", "drop"] = "send"
    reason: str | None = Field(None, description="The reason code of a hold or a drop.")
    until: str | None = Field(None, description="Until when it is held.")
    about: str | None = Field(None, description="The subject, like order:1043.")
    to: str | None = Field(None, description="customer, customer:ID or team.NAME.")
    channel: Literal["email", "sms"] | None = None
    template: str | None = None
    survey: str | None = None
    locale: str | None = Field(None, description="The language that it is written in.")
    subject: Words = Field([], description="Texts that the e-mail's subject line holds.")
    contains: Words = Field([], description="Texts that the message holds, its subject line included.")
    not_contains: Words = Field([], description="Texts that it does not hold.")


class WhyNotEntry(Entry):
    rule: str
    reason: str


class CaseEntry(Entry):
    name: Name
    given: dict[str, Block] = Field({}, description="What is known at the start, by kind of subject.")
    start: str | None = None
    timeline: list[StepEntry] = []
    run_until: str | None = None
    expect: list[ExpectEntry]
    why_not: list[WhyNotEntry] = []


class SuiteFile(Entry):
    version: Literal[1] = 1
    rules: Words | None = Field(None, description="The files of rules that are in force; all where it is not given.")
    fixtures: dict[str, str | Block] = Field({}, description="What every test is given, by kind: a file, or the facts.")
    #: Each is a CaseEntry.
    tests: list[Block] = Field(min_length=1)
