"""Texts: what is sent, in every language, safe against what stands in names and in texts themselves.

`Texts.load` reads `templates/` and says all that is wrong there; `Texts.render` writes one message.
"""

from __future__ import annotations

from notifier.render.language import Direction, normalised
from notifier.render.sample import sample_context
from notifier.render.scope import scope
from notifier.render.survey import SurveyForm, SurveyWords
from notifier.render.template import Template
from notifier.render.texts import MOST_SEGMENTS, Rendered, Texts

__all__ = [
    "MOST_SEGMENTS",
    "Direction",
    "Rendered",
    "SurveyForm",
    "SurveyWords",
    "Template",
    "Texts",
    "normalised",
    "sample_context",
    "scope",
]
