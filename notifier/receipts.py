"""What became of messages after a provider had taken them, as the provider tells it.

A message is found by our own id, which travels with it, and which was written down before it left: no report can come too early.
What is told becomes events, so that rules can watch it; the same told twice, or in another order, comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from notifier.core import own_event
from notifier.core.local_time import rfc3339
from notifier.engine import Engine
from notifier.ingest import absorb
from notifier.links import PURPOSES
from notifier.provider import Report
from notifier.store import Unit
from notifier.store.record import Outgoing

__all__ = ["take"]


def take(engine: Engine, provider: str, reports: Sequence[Report], now: datetime) -> int:
    """Keep what a provider reports; of how many messages that it really was given. Durable once this returns."""
    with engine.store.read() as unit:
        sent = unit.messages([key for one in reports if (key := _key(one))])
    heard = [(sent[key], one) for one in reports if (key := _key(one)) in sent and sent[key].provider == provider]
    if not heard:
        return 0
    # A refusal after the fact is no doubt either: it was taken, and came back.
    engine.dispatch.confirm({outgoing.key: report.id for outgoing, report in heard}, now)
    with engine.store.begin() as unit:
        events = [event for outgoing, report in heard for event in _events(engine, unit, outgoing, report, now)]
        absorb(engine.project, unit, [engine.reader.read(event, now) for event in events], now)
    return len({outgoing.key for outgoing, _ in heard})


def _key(report: Report) -> bytes:
    try:
        return bytes.fromhex(report.message)
    except ValueError:
        return b""


def _events(engine: Engine, unit: Unit, outgoing: Outgoing, report: Report, now: datetime) -> Iterator[dict[str, Any]]:
    """Named by the message and what is told of it, so that each is told once."""
    if report.kind in ("delivered", "bounced"):
        yield from _about(f"message.{report.kind}", outgoing, report, now)
    if report.kind == "unwanted" and outgoing.recipient.startswith("customer:"):
        yield from (_revoked(outgoing, purpose, now) for purpose in PURPOSES)
    # In a rehearsal it was not the customer's address that it came back from.
    if report.closes and outgoing.recipient.startswith("customer:") and not engine.project.redirect(outgoing.channel):
        unit.suppress(engine.project.digest(outgoing.channel, outgoing.address), outgoing.channel, report.reason, now)
        yield from _about("message.suppressed", outgoing, report, now)


def _about(kind: str, outgoing: Outgoing, report: Report, now: datetime) -> list[dict[str, Any]]:
    return own_event.about_message(
        kind,
        message=outgoing.id,
        call=outgoing.calls,
        subject_key=outgoing.subject_key,
        recipient=outgoing.recipient,
        template=outgoing.template,
        details={
            "rule": outgoing.rule, "channel": outgoing.channel, "provider": outgoing.provider, "reason": report.reason
        },
        at=now,
    )  # fmt: skip


def _revoked(outgoing: Outgoing, purpose: str, now: datetime) -> dict[str, Any]:
    who = outgoing.recipient.partition(":")[2]
    return {
        "specversion": "1.0",
        "id": f"{outgoing.id}-{outgoing.channel}-{purpose}-unwanted",
        "source": own_event.SOURCE,
        "type": "consent.changed",
        "time": rfc3339(now),
        "data": {"customer_id": who, "channel": outgoing.channel, "purpose": purpose, "state": "revoked"},
    }
