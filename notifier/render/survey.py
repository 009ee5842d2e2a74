"""A survey as a template declares it, and the words of its page in one language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from notifier.core.duration import Duration
from notifier.render.language import Direction

__all__ = ["SURVEY_WORDS", "Kind", "SurveyForm", "SurveySettings", "SurveyWords"]

Kind = Literal["csat", "nps", "ces"]
_SCALES: dict[str, tuple[int, int]] = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}

#: The keys of a survey's text that are words of its page, each one line of plain text.
SURVEY_WORDS = ("question", "lowest", "highest", "comment", "send", "missing", "thanks", "changed", "closed")


class _Scale(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    lowest: int = Field(alias="from", ge=0, le=1)
    highest: int = Field(alias="to", ge=2, le=10)


class SurveySettings(BaseModel):
    """`survey:` in a message.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = Field(description="csat (how satisfied), nps (would recommend) or ces (how easy).")
    scale: _Scale | None = Field(None, description="The lowest and the highest answer; the kind's own where not given.")
    closes_after: str | None = Field(None, description="How long answers are taken; `surveys.closes_after` by itself.")

    @field_validator("closes_after")
    @classmethod
    def _duration(cls, text: str | None) -> str | None:
        if text is not None:
            Duration.parse(text)
        return text

    @model_validator(mode="after")
    def _standard_scale(self) -> SurveySettings:
        if self.kind == "nps" and self.scale is not None and (self.scale.lowest, self.scale.highest) != (0, 10):
            raise ValueError("nps is asked from 0 to 10: leave 'scale' out")
        return self

    def form(self) -> SurveyForm:
        lowest, highest = _SCALES[self.kind]
        if self.scale is not None:
            lowest, highest = self.scale.lowest, self.scale.highest
        return SurveyForm(self.kind, lowest, highest, Duration.parse(self.closes_after) if self.closes_after else None)


@dataclass(frozen=True, slots=True)
class SurveyForm:
    """What is asked: a whole number from `lowest` to `highest`, until `closes_after` has passed since the sending.

    None: as the configuration says for all surveys.
    """

    kind: Kind
    lowest: int
    highest: int
    closes_after: Duration | None


@dataclass(frozen=True, slots=True)
class SurveyWords:
    """The page of a survey in one language; all of it is plain text, to be escaped where it is shown."""

    language: str
    direction: Direction
    question: str
    #: What the lowest and the highest number mean.
    lowest: str
    highest: str
    #: The label of the free text.
    comment: str
    #: The button.
    send: str
    #: Where no number was chosen.
    missing: str
    thanks: str
    #: Thanks for an answer that replaces an earlier one.
    changed: str
    closed: str
