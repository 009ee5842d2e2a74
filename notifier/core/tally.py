"""What is counted under which key: occurrences, limits, topics, caps and brakes. Sixteen bytes each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b

from notifier.core.audience import WAITLIST_ENTRY
from notifier.core.local_time import rfc3339
from notifier.core.match import Candidate
from notifier.core.scene import Scene
from notifier.core.subject import Aggregate

__all__ = ["brake_key", "decision_key", "limit_key", "recipient_of", "topic_keys", "use_key", "window_key"]


def recipient_of(candidate: Candidate, aggregate: Aggregate, scene: Scene) -> str:
    """`customer:ID`, `team:NAME`, or empty where the subject belongs to nobody that we know."""
    if candidate.send.to != "customer":
        return candidate.send.to.replace(".", ":", 1)
    if aggregate.kind == "shipment":
        return str(scene.value("order.customer_key") or "")
    return aggregate.customer_key


def decision_key(candidate: Candidate, recipient: str) -> bytes:
    """16 bytes, the same for the same (rule, send, subject, recipient, occurrence): what "once" hangs on."""
    parts = (candidate.rule.id, str(candidate.send.index), candidate.subject_key, recipient, candidate.occurrence)
    return blake2b("\0".join(parts).encode(), digest_size=16).digest()


def use_key(recipient: str, category: str) -> bytes:
    """What a person's frequency cap counts."""
    return blake2b(f"cap\0{recipient}\0{category}".encode(), digest_size=16).digest()


def limit_key(candidate: Candidate, scene: Scene) -> bytes:
    """What the rule's limit counts: empty where it has none. A follow-up follows its message and has none of its own."""
    rule = candidate.rule
    if rule.limit is None or rule.follows_up(candidate.send):
        return b""
    counted = (_counted(key, candidate, scene) for key in rule.limit.keys)
    values = [rule.id, str(candidate.send.index), *counted]
    return blake2b("\0".join(values).encode(), digest_size=16).digest()


def _counted(key: str, candidate: Candidate, scene: Scene) -> str:
    """What a key of a limit stands for here. What is not known is nobody else's: two unknowns are not the same."""
    path = _STANDS_FOR.get(key, key)
    value = scene.value(path) if key != candidate.rule.about else None
    if value is None:
        return candidate.subject_key
    if key == "order":
        return f"order:{value}"
    return rfc3339(value) if isinstance(value, datetime) else str(value)


_STANDS_FOR = {"customer": "order.customer_key", "order": "order.id", WAITLIST_ENTRY: "waitlist.entry"}


def topic_keys(candidate: Candidate, scene: Scene) -> Mapping[str, bytes]:
    """Rule -> what its telling about the candidate's topic is counted under; empty for what has no topic, as staff's."""
    topic = candidate.rule.topic
    if topic is None or candidate.send.to != "customer" or candidate.rule.follows_up(candidate.send):
        return {}
    return topic.keys(_counted(topic.per, candidate, scene))


def window_key(candidate: Candidate, recipient: str, scene: Scene) -> bytes:
    """What is collected together; empty where nothing is."""
    collect = candidate.send.collect
    if collect is None:
        return b""
    same = "" if collect.per in ("customer", "team") else _counted(collect.per, candidate, scene)
    parts = ("window", candidate.rule.id, str(candidate.send.index), recipient, collect.per, same)
    return blake2b("\0".join(parts).encode(), digest_size=16).digest()


def brake_key(rule: str) -> bytes:
    """What a rule's brake counts."""
    return blake2b(f"brake\0{rule}".encode(), digest_size=16).digest()
