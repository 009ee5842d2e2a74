"""`notifier preview`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.options import HERE, AsJson, Root
from notifier.cli.terminal import emit, flowed, plural, say, styled

if TYPE_CHECKING:
    from notifier.project import Project
    from notifier.render import Rendered
    from notifier.store import Unit


def preview(
    *,
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="A directory under templates/.")],
    locale: Annotated[str, typer.Option(metavar="LANG", help="The language asked for, like fa or pt-BR.")] = "",
    channel: Annotated[str, typer.Option(metavar="CHANNEL", help="email or sms.")] = "",
    about: Annotated[
        str,
        typer.Option(
            "--about",
            "--order",
            metavar="SUBJECT",
            help="What is in the database, like order:1043, stock:SKU, the number of an order, or shop; else made up.",
        ),
    ] = "",
    matches: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="Of how many a text tells that goes through `matches`.")
    ] = 3,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the e-mail's HTML there.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show the e-mail in the browser.")] = False,
    root: Root = HERE,
    as_json: AsJson = False,
) -> None:
    """Show a text as a customer would get it.

    It is written for a made-up order, or for one from the database, or another subject that the text speaks of. Of an SMS it says how it is encoded and how many segments it takes.

    Examples:
      notifier preview delivery_late --locale fa
      notifier preview delivery_late --channel sms --order order:1043
      notifier preview delivery_late --open
      notifier preview late_orders_report --about shop
    """
    from notifier.project import load

    project = load(root, sends=False)
    name, channel = _known(project, template.removeprefix("survey:"), channel)
    facts, now = _facts(project, name, about, locale)
    if not about and "matches" in project.texts.templates[name].variables:
        facts = _collected(facts, matches, locale or project.config.shop.locale)
    rendered = _written(project, name, channel, locale=locale, facts=facts, now=now)
    if html or open_:
        page = _write_page(rendered, html or root / "var" / "preview" / f"{name}.{rendered.language}.html")
        if open_:
            import webbrowser

            webbrowser.open(page.absolute().as_uri())
    if as_json:
        emit(_record(name, channel, rendered))
    else:
        _show(name, channel, rendered)


def _known(project: Project, name: str, channel: str) -> tuple[str, str]:
    """The template and the channel, if both are there."""
    from notifier.document import suggest
    from notifier.errors import UsageError

    texts = project.texts
    if name not in texts.templates:
        near = suggest(name, texts.names) or f"; there are {', '.join(texts.names)}"
        raise UsageError(f"no template '{name}'{near}")
    carried = [one for one in ("email", "sms") if texts.carries(name, one)]
    if channel and channel not in carried:
        raise UsageError(f"templates/{name} has no text for '{channel}'; it has {' and '.join(carried)}")
    return name, channel or carried[0]


def _facts(project: Project, name: str, about: str, locale: str) -> tuple[dict[str, Any], datetime]:
    """What the text can speak of, and when it is written."""
    from notifier.clock import clock, rehearsing
    from notifier.core.rule import ABOUT
    from notifier.render.sample import NOW, sample_context

    now = clock()() if about or rehearsing() else NOW
    spoken = locale or project.config.shop.locale
    facts: dict[str, Any] = sample_context(name, project.config, project.catalogue, spoken, now)
    if about:
        # Nothing made up stands beside what is known: a parcel that is not there has no link.
        facts = {scope: one for scope, one in facts.items() if scope not in (*ABOUT, "list")}
        facts |= _facts_about(project, name, about)
    return facts, now


def _collected(facts: dict[str, Any], count: int, code: str) -> dict[str, Any]:
    from notifier.render.sample import several

    made_up = {scope: values for scope, values in facts.items() if scope != "links"}
    return {**facts, "matches": several(made_up, count, code)}


def _facts_about(project: Project, name: str, about: str) -> dict[str, Any]:
    """What is known about a subject, if the text speaks of such a one."""
    from notifier.cast import Cast
    from notifier.cli.explain import subject_key
    from notifier.clock import clock
    from notifier.core.subject import SHOP
    from notifier.errors import UsageError
    from notifier.store.sql import open_store

    key = subject_key(about) if ":" in about or about == SHOP else f"order:{about}"
    store = open_store(project.config.database, project.root, create=True)
    try:
        with store.read() as unit:
            cast = Cast(project, unit)
            subject = cast[key]
            if not subject.known and key != SHOP:
                raise UsageError(f"nothing is known about {key}; without --about the text is shown for a made-up one")
            facts = {"customer": {}, **cast.scene(subject, clock()()).facts}
            if key == SHOP:
                facts["list"] = _listed(project, unit, name, clock()())
    finally:
        store.close()
    scopes = {path.partition(".")[0] for path in project.texts.templates[name].variables}
    if scopes.isdisjoint(facts):
        spoken = " and ".join(sorted(scopes - {"links", "shop", "matches"}))
        raise UsageError(f"templates/{name} speaks of {spoken or 'nothing'}, not of {key}; name another with --about")
    return facts


def _listed(project: Project, unit: Unit, name: str, now: datetime) -> dict[str, Any]:
    """What the report that this text is for would list."""
    from notifier.errors import UsageError
    from notifier.roster import gather

    for rule in project.book.rules:
        if rule.listing is not None and any(send.template == name for send in rule.sends):
            return gather(project, unit, rule.listing, now).facts()
    raise UsageError(f"no rule about the shop lists something with the text '{name}'; leave out --about")


def _written(
    project: Project, name: str, channel: str, *, locale: str, facts: dict[str, Any], now: datetime
) -> Rendered:
    from notifier.core.scene import zone_of
    from notifier.errors import RenderFailed, UsageError
    from notifier.render import scope

    customer = facts["customer"]
    try:
        code = project.texts.language(name, channel, locale or customer.get("customer.locale"))
        context = scope(facts, project.catalogue, now)
        return project.texts.render(name, channel, code, context, zone_of(customer, project.zone))
    except RenderFailed as error:
        raise UsageError(str(error)) from error


def _write_page(rendered: Rendered, path: Path) -> Path:
    from notifier.errors import UsageError

    if not rendered.html:
        raise UsageError("an SMS has no HTML; leave out --html and --open, or say --channel email")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered.html, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path


def _record(name: str, channel: str, rendered: Rendered) -> dict[str, Any]:
    from notifier.core.sms import measure

    record: dict[str, Any] = {
        "template": name, "channel": channel, "locale": rendered.language, "direction": rendered.direction,
        "subject": rendered.subject or None, "text": rendered.text, "html": rendered.html or None,
    }  # fmt: skip
    if channel == "sms":
        size = measure(rendered.text)
        record |= {"encoding": size.encoding, "characters": size.characters, "segments": size.segments}
    return record


def _show(name: str, channel: str, rendered: Rendered) -> None:
    from notifier.core.sms import measure

    say(styled(f"{name}, {channel}, {rendered.language}", dim=True))
    if channel == "sms":
        size = measure(rendered.text)
        count = f"{plural(size.characters, 'character')}, {plural(size.segments, 'segment')}"
        say(styled(f"{size.encoding}, {count}", dim=True))
    else:
        say(styled(f"Subject: {rendered.subject}", bold=True))
    say()
    say(flowed(rendered.text))
