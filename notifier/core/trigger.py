"""When a trigger goes off, and whether it still stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from notifier.core.condition import NumberRef
from notifier.core.local_time import instant, shift_day
from notifier.core.rule import BecomesTrue, Calendar, Change, FollowUp, NoNews, Timed, Trigger
from notifier.core.scene import Scene

__all__ = ["changed", "due", "follow_up_due", "ready_again", "silence", "stands"]


def due(trigger: Timed, scene: Scene) -> datetime | None:
    """The instant at which its time comes, None while that is unknown; by the calendar, the next after now."""
    if isinstance(trigger, Calendar):
        coming = trigger.after(scene.now, scene.zone, scene.working("shop"))
        return coming and coming.at
    if isinstance(trigger, NoNews):
        start = silence(trigger, scene)
        return start and scene.moved(start, trigger.lasts, ends_day=False, calendar=trigger.calendar)
    when = trigger.when
    if trigger.at is None:
        return when.resolve(scene)
    base: Any = scene.value(trigger.field.path) if trigger.field else when.base
    if base is None:
        return None
    day: date = base.astimezone(scene.zone).date() if isinstance(base, datetime) else base
    return instant(shift_day(day, when.by, scene.working(when.calendar)), trigger.at, scene.zone)


def silence(trigger: Trigger, scene: Scene) -> datetime | None:
    """Since when nothing was heard; None for other triggers, and while neither news nor a beginning is known."""
    if not isinstance(trigger, NoNews):
        return None
    told = [scene.value(one.path) for one in trigger.fields]
    return max((scene.instant(one, ends_day=False) for one in told if one is not None), default=None)


def follow_up_due(follow_up: FollowUp, left: datetime, scene: Scene) -> datetime | None:
    """When what follows a message that left at `left` is due; None while what it is counted from is unknown."""
    counted = follow_up.counted_from
    start = left if counted is None else scene.value(counted.path)
    if start is None:
        return None
    return scene.moved(start, follow_up.after, ends_day=counted is not None and counted.ends_day)


def changed(trigger: Change, before: Any, after: Any, scene: Scene) -> bool:
    """Whether going from `before` to `after` is the change that the trigger waits for; from or to unknown never is."""
    if before is None or after is None or before == after:
        return False
    return _far_enough(trigger, before, after, scene) and _crosses(trigger, before, after, scene)


def _far_enough(trigger: Change, before: Any, after: Any, scene: Scene) -> bool:
    ends_day = trigger.field.ends_day
    if trigger.later_by is not None:
        line = scene.moved(before, trigger.later_by, ends_day=ends_day)
        return scene.instant(after, ends_day=ends_day) >= line
    if trigger.earlier_by is not None:
        line = scene.moved(before, -trigger.earlier_by, ends_day=ends_day)
        return scene.instant(after, ends_day=ends_day) <= line
    if trigger.to is not None and after not in trigger.to:
        return False
    return trigger.from_ is None or before in trigger.from_


def _crosses(trigger: Change, before: Any, after: Any, scene: Scene) -> bool:
    if trigger.rises_above is not None:
        line = _line(trigger.rises_above, scene)
        return line is not None and before <= line < after
    if trigger.falls_below is not None:
        line = _line(trigger.falls_below, scene)
        return line is not None and before >= line > after
    return True


def _line(reference: object, scene: Scene) -> Any:
    return reference.resolve(scene) if isinstance(reference, NumberRef) else reference


def stands(trigger: Trigger, seen: Mapping[str, Any], scene: Scene) -> bool:
    """Whether what set a message off is still so, by today's facts: the second look before it leaves."""
    if isinstance(trigger, Calendar):
        # What has waited so long that the next has come gives way to that.
        since = seen.get("event.time") or scene.now
        last = trigger.latest(scene.now, since, scene.zone, scene.working("shop"))
        return last is None or last.at <= since
    if isinstance(trigger, Timed):
        moment = due(trigger, scene)
        return moment is not None and moment <= scene.now
    if isinstance(trigger, Change):
        if seen.get("change.field") != trigger.field.path:
            return False  # an edit made it wait for another change
        before, now = seen.get("change.before"), scene.value(trigger.field.path)
        return changed(trigger, before, now, scene)
    if isinstance(trigger, BecomesTrue):
        return trigger.condition.holds(scene) is True
    return True


def ready_again(trigger: Trigger, scene: Scene) -> bool:
    """Whether one that fires but once may fire again: what it waited for was false, or what it asks for is so."""
    if isinstance(trigger, BecomesTrue):
        return trigger.condition.holds(scene) is False
    return isinstance(trigger, Change) and trigger.ready_again is not None and trigger.ready_again.holds(scene) is True
