"""What `check` warns of in a configuration: what works, but hardly as it was meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from notifier import starter
from notifier.config import CHANNELS, FILE
from notifier.config.kinds import is_loopback
from notifier.core import braking
from notifier.document import Document, Loc, read, suggest
from notifier.errors import Problem
from notifier.project import Project
from notifier.provider import find
from notifier.render.scope import LINKS

__all__ = ["doubts"]

#: Names that belong to nobody, so that examples can use them.
_EXAMPLE = re.compile(r"(?:[@/.]|^)(?:[\w-]+\.example|example\.(?:com|net|org))(?![\w.-]*\w)", re.IGNORECASE)


def doubts(project: Project, document: Document) -> Iterator[Problem]:
    """Warnings; `document` is the configuration as it is written."""
    yield from _without_effect(document)
    yield from _misspelt_links(project, document)
    yield from _untold_brakes(project, document)
    sending = [name for name in CHANNELS if _leaves(project, name)]
    if sending:
        yield from _examples(project, document, sending)
        yield from _own_address(project, document)


def _without_effect(document: Document) -> Iterator[Problem]:
    """Settings that are understood, and that nothing acts upon so far: nobody should count on them."""
    written = document.data if isinstance(document.data, dict) else {}
    for channel, settings in (written.get("channels") or {}).items():
        if len((settings or {}).get("providers") or ()) > 1:
            text = "only the first provider of a channel is used so far"
            yield document.problem(("channels", channel, "providers"), text, warning=True)


def _untold_brakes(project: Project, document: Document) -> Iterator[Problem]:
    """Brakes of which nobody would hear."""
    braked = [rule for rule in project.book.rules if any(project.policy.brake_of(rule, send) for send in rule.sends)]
    untold = [rule.id for rule in braked if not project.hears_of(rule)]
    if not untold or "brake" not in (document.data if isinstance(document.data, dict) else {}):
        return
    if braking.TEMPLATE not in project.texts.templates:
        text = f"nobody hears of it when a rule is braked: there is no text templates/{braking.TEMPLATE}; copy the starter's"
    else:
        more = f" and {len(untold) - 1:,} more" if len(untold) > 1 else ""
        text = (
            f"nobody hears of it when rule {untold[0]}{more} is braked; name a team: 'tell: TEAM' here, or as its owner"
        )
    yield document.problem(("brake",), text, on_key=True, warning=True)


def _misspelt_links(project: Project, document: Document) -> Iterator[Problem]:
    """Pages that no text names, under a name that is nearly one that texts do name."""
    templates = project.texts.templates.values()
    named = {path.removeprefix("links.") for one in templates for path in one.variables if path.startswith("links.")}
    known = named | set(LINKS)
    for language, pages in project.config.links.items():
        for name in pages:
            if name not in known and (hint := suggest(name, known)):
                text = f"no text names the link '{name}'{hint}"
                yield document.problem(("links", language, name), text, on_key=True, warning=True)


def _leaves(project: Project, channel: str) -> bool:
    """Whether what goes by this channel gets past this computer."""
    config = project.config
    return any(find(config.providers[name].type).leaves_machine for name in config.channels.providers(channel))


def _examples(project: Project, document: Document, sending: Collection[str]) -> Iterator[Problem]:
    """What was never the shop's own, once messages really go out."""
    for loc, value in _read_by_customers(project, sending):
        if value == _starters(loc) or _EXAMPLE.search(value):
            text = f"'{loc[-1]}' is still an example, and messages leave this computer: write your own"
            yield document.problem(loc, text, warning=True)


def _read_by_customers(project: Project, sending: Collection[str]) -> Iterator[tuple[Loc, str]]:
    config = project.config
    for name in ("name", "url", "postal_address", "support_email", "support_phone"):
        yield ("shop", name), str(getattr(config.shop, name) or "")
    if "email" in sending:
        yield from (
            (("channels", "email", "from", name), sender) for name, sender in config.channels.email.sender.items()
        )
        yield from ((("teams", name, "email"), team.email) for name, team in config.teams.items() if team.email)
    if "sms" in sending:
        yield ("channels", "sms", "sender"), config.channels.sms.sender
    for language, pages in config.links.items():
        # One of a language is enough to see what is meant.
        yield from ((("links", language, name), url) for name, url in list(pages.items())[:1])


def _starters(loc: Loc) -> object:
    """What the starter has there."""
    value = read(starter.root() / FILE).data
    for step in loc:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _own_address(project: Project, document: Document) -> Iterator[Problem]:
    host = urlsplit(project.config.web.public_base_url).hostname or ""
    if is_loopback(host):
        text = f"customers cannot follow links to {host}: set public_base_url to where they reach this server"
        yield document.problem(("web", "public_base_url"), text, warning=True)
