"""The second look at messages, before they leave: with the facts of that moment, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from notifier.carriers import Carriers
from notifier.cast import Cast
from notifier.core.decide import Answers, Decision, Drop, decide, questions
from notifier.core.grounds import grounds
from notifier.core.match import Candidate
from notifier.core.policy import Policy
from notifier.core.rule import OnEvent
from notifier.store import Unit
from notifier.store.record import Outgoing

__all__ = ["Look"]


@dataclass(slots=True)
class Look:
    """Messages looked at together, in one transaction."""

    unit: Unit
    cast: Cast
    policy: Policy
    now: datetime
    carriers: Carriers | None = None
    #: What is to be told to the rules at the end.
    events: list[dict[str, Any]] = field(default_factory=list)
    #: Of what is collected in one message, the last match about each subject.
    _last: dict[bytes, dict[str, bytes]] = field(default_factory=dict)

    def decide(self, candidate: Candidate, outgoing: Outgoing) -> Decision:
        """The second look: with today's facts, trigger and all."""
        subject = self.cast[candidate.subject_key]
        scene = self.cast.scene_of(candidate, self.now)
        asked = questions(candidate, subject, scene, self.policy, again=True)
        answers = Answers(self.unit.answers(asked) if asked else {})
        decision = decide(
            candidate, subject, scene, answers, self.policy, again=True, taken_at=outgoing.created_at,
            tried=outgoing.tried, braked=outgoing.reason == "brake",
        )  # fmt: skip
        if self._told_later(candidate, outgoing):
            return replace(decision, outcome=Drop("superseded", "of what was collected, a later match tells the same"))
        return decision

    def _told_later(self, candidate: Candidate, outgoing: Outgoing) -> bool:
        """Whether the same went off again in the window: it is told once, as it is now. What events brought stays apart."""
        lead = outgoing.lead
        if lead is None or outgoing.calls or isinstance(candidate.rule.trigger, OnEvent):
            return False
        if lead not in self._last:
            together = [*self.unit.messages([lead]).values(), *self.unit.members(lead)]
            together.sort(key=lambda one: one.number)
            self._last[lead] = {one.subject_key: one.key for one in together}
        return self._last[lead].get(outgoing.subject_key, outgoing.key) != outgoing.key

    def grounds(self, decision: Decision, outgoing: Outgoing) -> str:
        return grounds(decision, self.cast.scene_of(decision.candidate, self.now), self.policy, outgoing.tried)
