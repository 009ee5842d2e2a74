"""The events that notifier makes itself: what became of a message, what a person answered.

They go the way of all events, so that rules can watch them; there is no second mechanism.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from notifier.core.local_time import rfc3339

__all__ = ["SOURCE", "about_message", "survey_answered"]

SOURCE = "/notifier"


def about_message(
    kind: str,
    *,
    message: str,
    call: int,
    subject_key: str,
    recipient: str,
    template: str,
    details: Mapping[str, str],
    at: datetime,
) -> list[dict[str, Any]]:
    """`message.accepted` and its like, with `survey.sent` beside it for a survey; none for what went to staff.

    `call` is the number of the call that it is news of: the same news twice is one event.
    """
    who = _who(subject_key, recipient)
    if "customer_id" not in who:
        return []
    data = {"message": message, **{name: text for name, text in details.items() if text}, **who}
    events = [_event(kind, f"{message}-{kind.partition('.')[2]}-{call}", at, data)]
    if kind == "message.accepted" and template.startswith("survey:"):
        asked = {"id": message, "name": template.removeprefix("survey:"), "rule": details["rule"], **who}
        events.append(_event("survey.sent", f"{message}-asked", at, asked))
    return events


def survey_answered(
    *,
    message: str,
    name: str,
    question: str,
    score: int,
    comment: str,
    rule: str,
    subject_key: str,
    recipient: str,
    at: datetime,
    no: int,
) -> dict[str, Any]:
    """`survey.answered`; `no` counts the answers of one person to one survey, of which the last stands."""
    data = {
        "id": message, "name": name, "question": question, "score": score, "comment": comment, "rule": rule,
        **_who(subject_key, recipient),
    }  # fmt: skip
    return _event(
        "survey.answered", f"{message}-answer-{no}", at, {key: value for key, value in data.items() if value != ""}
    )


def _who(subject_key: str, recipient: str) -> dict[str, str]:
    kind, _, id_ = subject_key.partition(":")
    who = {"order_id": id_} if kind == "order" else {}
    if recipient.startswith("customer:"):
        who["customer_id"] = recipient.partition(":")[2]
    return who


def _event(type_: str, id_: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {"specversion": "1.0", "id": id_, "source": SOURCE, "type": type_, "time": rfc3339(at), "data": data}
