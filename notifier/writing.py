"""Writing one message: who writes, to whom, in whose words, with which links."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from html import escape
from typing import Any

import orjson

from notifier.cast import Cast
from notifier.core.decide import SendNow
from notifier.core.listing import Selection
from notifier.core.match import Candidate, with_event
from notifier.core.message import Message, masked
from notifier.core.scene import Scene
from notifier.links import Links
from notifier.project import Project
from notifier.render import scope
from notifier.store.record import Outgoing

__all__ = ["Writer", "freeze", "thaw"]


#: Where the visible part of a page begins.
_BODY = re.compile("<body[^>]*>")


class Writer:
    """Writes the messages of one project."""

    def __init__(self, project: Project, links: Links) -> None:
        self._project = project
        self._links = links

    def write(  # noqa: PLR0917 - all that a message is made of
        self,
        cast: Cast,
        outgoing: Outgoing,
        candidate: Candidate,
        scene: Scene,
        where: SendNow,
        listed: Selection | None = None,
        others: Sequence[Candidate] = (),
    ) -> Message:
        """The message, by the facts of `scene`; in a report, of what it lists; and of the `others` that it tells as well.

        Raises RenderFailed.
        """
        project, send = self._project, candidate.send
        links = self._links.of(outgoing)
        facts: dict[str, Any] = {
            **_facts(cast, candidate, scene),
            "links": links,
            **({"list": listed.facts()} if listed else {}),
        }
        if others:
            told = (_facts(cast, one, cast.scene_of(one, scene.now)) for one in others)
            facts["matches"] = [_facts(cast, candidate, scene), *told]
        context = scope(facts, project.catalogue, scene.now)
        written = project.texts.render(send.template, where.channel, where.language, context, scene.zone)
        message = Message(
            id=outgoing.id,
            channel=where.channel,
            to=where.address,
            sender=self._sender(where.channel, send.category),
            subject=written.subject,
            text=written.text,
            html=written.html,
            locale=written.language,
            category=send.category,
            rule=outgoing.rule,
            subject_key=outgoing.subject_key,
            written_at=scene.now,
            headers=self._links.headers(links) if where.channel == "email" else (),
        )
        return self._redirected(message, outgoing.recipient)

    def _redirected(self, message: Message, recipient: str) -> Message:
        """In a rehearsal everything goes to one address, and an e-mail says for whom it was meant."""
        instead = self._project.redirect(message.channel)
        if not instead:
            return message
        if message.channel != "email":
            return replace(message, to=instead)
        meant = f"{recipient}, {masked(message.to)}" if message.to else recipient
        meant = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in meant)
        line = f"[A rehearsal: this is meant for {meant}]"
        return replace(
            message,
            to=instead,
            text=f"{line}\n\n{message.text}",
            html=_BODY.sub(lambda body: f"{body[0]}<p>{escape(line)}</p>", message.html, count=1),
            headers=(*message.headers, ("X-Notifier-Meant-For", meant)),
        )

    def _sender(self, channel: str, category: str) -> str:
        channels = self._project.config.channels
        return str(channels.email.sender_of(category) if channel == "email" else channels.sms.sender)


def _facts(cast: Cast, candidate: Candidate, scene: Scene) -> dict[str, Mapping[str, Any]]:
    """The scene's facts, what belongs to the event, and the order that an event about a customer speaks of."""
    facts = dict(with_event(scene, candidate.seen).facts)
    order_id = next((value for path, value in candidate.seen.items() if path.endswith(".order_id")), None)
    if "order" not in facts and order_id:
        facts["order"] = cast[f"order:{order_id}"].facts
    return facts


_FIELDS = tuple(one.name for one in fields(Message))


def freeze(message: Message) -> bytes:
    """A written message as it is kept, so that every attempt sends the same."""
    return orjson.dumps({name: getattr(message, name) for name in _FIELDS})


def thaw(body: bytes) -> Message:
    record = orjson.loads(body)
    record["written_at"] = datetime.fromisoformat(record["written_at"])
    record["headers"] = tuple((name, value) for name, value in record["headers"])
    return Message(**record)
