"""People who wait for an article, told in waves: first come first served, and never more promised than there is.

What is there to promise is what the rule counts (`up_to`), less the units that open orders wait for, less what is promised to
others: from the moment that a message is decided upon until it is dropped, or until what it promised lapses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from notifier.cast import Cast
from notifier.core.audience import ARTICLE, RUN, PeopleWaiting, Wish
from notifier.core.decide import Decision
from notifier.core.match import Candidate, admitted, go_on_at, go_on_runs, next_wave, with_event, without_run
from notifier.core.rule import Rule
from notifier.core.scene import Scene
from notifier.core.subject import Aggregate, Run
from notifier.decisions import decide_all
from notifier.project import Project
from notifier.store import Unit
from notifier.store.record import Promise

__all__ = ["go_on", "left_over", "wake"]

#: Of those who wait, how many are read at once.
_PAGE = 50


def go_on(project: Project, unit: Unit, cast: Cast, article: str, rule: Rule, now: datetime, room: int) -> int:  # noqa: PLR0917
    """Reach the next people of a run, looking at no more than `room`; how many were looked at."""
    subject = cast[article]
    run = subject.memory.runs.get(rule.id)
    if run is None:
        return 0
    assert isinstance(rule.audience, PeopleWaiting)
    scene = cast.scene(subject, now)
    if run.began is None or (run.served >= rule.audience.size and next_wave(rule.audience, run, scene) <= now):
        run = run._replace(wave=run.wave + 1, began=now, served=0)
    wave = _Wave(project, unit, cast, rule, rule.audience, scene, run)
    wave.reach(room)
    wave.end(room)
    return wave.looked_at


def left_over(unit: Unit, audience: PeopleWaiting, scene: Scene) -> float:
    """Units of the article that may be promised now."""
    sku = scene.value("stock.sku")
    return (audience.up_to.resolve(scene) or 0) - unit.spoken_for(sku, scene.now)


def wake(project: Project, cast: Cast, sku: str, now: datetime) -> Aggregate | None:
    """Let runs of the article look again: something has changed about what is left, or about who waits."""
    subject = cast[f"stock:{sku}"]
    memory = subject.memory
    if memory.runs:
        memory = go_on_runs(project.book, memory, cast.scene(subject, now))
    return None if memory is subject.memory else cast.put(subject.remembering(memory))


@dataclass(slots=True)
class _Wave:
    project: Project
    unit: Unit
    cast: Cast
    rule: Rule
    audience: PeopleWaiting
    #: The article's.
    scene: Scene
    run: Run
    looked_at: int = 0

    @property
    def sku(self) -> str:
        return str(self.scene.value("stock.sku"))

    @property
    def left(self) -> float:
        return left_over(self.unit, self.audience, self.scene) - self.run.watched

    def _next(self, limit: int) -> list[tuple[Wish, int]]:
        """Those whose turn it is, each with how often units were promised for it; nobody who asked for more than there is."""
        return self.unit.queue(self.sku, self.run.occurrence, self.left, limit)

    def reach(self, room: int) -> None:
        while self.run.served < self.audience.size and self.looked_at < room:
            page = self._next(min(_PAGE, room - self.looked_at))
            if not page:
                return
            self.cast.bring(wish.customer_key for wish, _ in page)
            left = self.left
            for wish, tries in page:
                self.looked_at += 1
                if wish.units <= left and self._reach(wish, tries):
                    left -= wish.units
                    self.run = self.run._replace(served=self.run.served + 1)
                    if self.run.served >= self.audience.size:
                        return

    def _reach(self, wish: Wish, tries: int) -> bool:
        """Decide about one; whether units go there. Who gets no message by this news is not asked again for it."""
        decision = self._decide(wish, tries)
        if decision is not None and decision.name != "drop":
            self.unit.promise([Promise(decision.key, wish.sku, wish.customer_key, wish.entry, wish.units)])
            return True
        self.unit.pass_over(wish.sku, wish.customer_key, self.run.occurrence)
        watched = decision is not None and getattr(decision.outcome, "reason", "") == "watching"
        if watched:
            self.run = self.run._replace(watched=self.run.watched + wish.units)
        return watched

    def _decide(self, wish: Wish, tries: int) -> Decision | None:
        now, run, (send,) = self.scene.now, self.run, self.rule.sends
        seen = {
            **run.seen, ARTICLE: f"stock:{wish.sku}", RUN: run.occurrence, "waitlist.sku": wish.sku,
            "waitlist.quantity": wish.units, "waitlist.entry": wish.entry,
        }  # fmt: skip
        occurrence = f"{run.occurrence}/{wish.entry}{f'/{tries}' if tries else ''}"
        candidate = Candidate(self.rule, send, wish.customer_key, occurrence, now, seen)
        if not admitted(self.rule, send, with_event(self.cast.scene_of(candidate, now), seen)):
            return None
        return next(iter(decide_all(self.project, self.unit, self.cast, [candidate], now)), None)

    def end(self, room: int) -> None:
        """Arm what is to come: more of this wave, the next, or a promise that lapses; or close the run."""
        subject, run, now = self.cast[f"stock:{self.sku}"], self.run, self.scene.now
        memory = subject.memory
        if self._next(1):
            moment = now if self.looked_at >= room else next_wave(self.audience, run, self.scene)
            memory = go_on_at(self.rule, run, memory, moment)
        elif not self.unit.anybody_waits(self.sku, run.occurrence):
            memory = without_run(self.rule.id, memory)
        elif (lapse := self.unit.next_lapse(self.sku, now)) is not None:
            memory = go_on_at(self.rule, run, memory, max(lapse, next_wave(self.audience, run, self.scene)))
        else:
            # Until there is news of the article, of an order for it, or of somebody who waits.
            memory = memory._replace(runs={**memory.runs, self.rule.id: run})
        self.cast.put(subject.remembering(memory))
