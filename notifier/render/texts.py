"""All texts of a project: read once, checked whole, written in a millisecond.

texts = Texts.load(project, config, config.catalogue())
context = scope({"order": {"order.number": "1043"}, "customer": {"customer.first_name": "Dana"}}, catalogue)
rendered = texts.render("delivery_late", "email", texts.language("delivery_late", "email", "pl-PL"), context, zone)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from notifier.config import Config
from notifier.core import sms
from notifier.core.catalogue import Catalogue
from notifier.document import legible
from notifier.errors import Faults, NoTranslation, Problem, RenderFailed
from notifier.render.language import Direction, Language, chain
from notifier.render.layout import Layout
from notifier.render.markdown import tidied, unfit_for_customers
from notifier.render.program import Program
from notifier.render.sample import sample_context
from notifier.render.scope import Group, Scope, scopes, shape_of
from notifier.render.survey import SurveyWords
from notifier.render.template import WAY_OUT, Template, Text, read_template

__all__ = ["MOST_SEGMENTS", "Rendered", "Texts"]

#: An SMS that would be longer is cut, at the end of a word and never inside of a link.
MOST_SEGMENTS = 3
_LONGEST_SUBJECT = 250
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A written message. `subject` and `html` are empty for SMS; `language` is BCP 47."""

    subject: str
    text: str
    html: str
    language: str
    direction: Direction


class Texts:
    """The texts of a project. Nothing changes in it; a reload makes another."""

    def __init__(
        self, templates: Mapping[str, Template], root: Group, config: Config, catalogue: Catalogue, layout: Layout
    ) -> None:
        #: By name; what rules are checked against.
        self.templates = MappingProxyType(dict(templates))
        self._root = root
        self._config = config
        self._catalogue = catalogue
        self._layout = layout
        self._links_shape = root.fields["links"]
        self._shop = layout.shop

    @classmethod
    def load(cls, project: Path, config: Config, catalogue: Catalogue) -> Texts:
        """Read and check everything under `templates/`; raises Faults with all that is wrong there."""
        texts, problems = cls._read(project, config, catalogue)
        if faults := [problem for problem in problems if not problem.warning]:
            raise Faults(faults)
        return texts

    @classmethod
    def readable(cls, project: Path, config: Config, catalogue: Catalogue) -> Texts:
        """What can be read of a project with faults in its texts: for looking further, not for sending."""
        return cls._read(project, config, catalogue)[0]

    @classmethod
    def _read(cls, project: Path, config: Config, catalogue: Catalogue) -> tuple[Texts, list[Problem]]:
        root = shape_of(catalogue, {name for links in config.links.values() for name in links})
        layout = Layout(project, root, _shop(config, root), config.shop.locale)
        found: dict[str, Template] = {}
        for folder in _folders(project, layout.problems):
            template = read_template(folder, f"templates/{folder.name}", root, layout)
            if template is not None:
                found[folder.name] = template
        return cls(found, root, config, catalogue, layout), list(dict.fromkeys(layout.problems))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.templates)

    def template(self, name: str) -> Template:
        """Raises KeyError."""
        return self.templates[name]

    def warnings(self) -> tuple[Problem, ...]:
        """What works, but hardly as it was meant. Takes a while: every SMS is written once."""
        found = [
            *self._layout.problems,
            *self._doubtful_links(),
            *(doubt for template in self.templates.values() for doubt in self._doubts(template)),
        ]
        return tuple(dict.fromkeys(problem for problem in found if problem.warning))

    def carries(self, name: str, channel: str) -> bool:
        """Whether the template has a text for the channel in any language; raises KeyError."""
        return self.templates[name].carries(channel)

    def language(self, name: str, channel: str, wanted: str | None) -> str:
        """The language to write in: `pt-BR`, `pt`, then the shop's. Raises NoTranslation, and KeyError for the name."""
        template = self.templates[name]
        for tag in (*chain(wanted or ""), *chain(self._config.shop.locale)):
            text = template.texts.get(tag)
            if text is not None and text.carries(channel):
                return tag
            if text is not None and channel == "sms" and text.declines_sms:
                break  # on purpose: another channel serves them better than another tongue
        raise NoTranslation(f"templates/{name}: no {channel} in '{wanted or ''}', nor in '{self._config.shop.locale}'")

    def render(self, name: str, channel: str, code: str, context: Mapping[str, Any], zone: ZoneInfo) -> Rendered:
        """Write one message. `context` comes from `scope`, `code` from `language`; times are said in the zone.

        Raises RenderFailed, with the file, the line and what is missing.
        """
        text = self._text(name, channel, code)
        names = {**context, "shop": self._shop, "links": self._links(text.language, context)}
        if channel == "sms":
            return self._sms(text, names, zone)
        return self._email(self.templates[name], text, names, zone)

    def survey_page(self, name: str, code: str | None) -> SurveyWords:
        """The words of a survey's page, in the language or what it falls back to; raises NoTranslation, KeyError."""
        template = self.templates[name]
        for tag in (*chain(code or ""), *chain(self._config.shop.locale), *template.texts):
            words = template.texts[tag].words if tag in template.texts else None
            if words is not None:
                return words
        raise NoTranslation(f"templates/{name}: is no survey")

    # --- writing

    def _text(self, name: str, channel: str, code: str) -> Text:
        text = self.templates[name].texts.get(code)
        if text is None or not text.carries(channel):
            raise NoTranslation(f"templates/{name}: no {channel} in '{code}'")
        return text

    def _email(self, template: Template, text: Text, names: Mapping[str, Any], zone: ZoneInfo) -> Rendered:
        assert text.subject is not None
        assert text.html is not None
        assert text.text is not None
        if template.category in WAY_OUT and names["links"].find("unsubscribe") is None:
            raise RenderFailed(
                f"{text.file}: links.unsubscribe is not known: a {template.category} needs a way out of it"
            )
        subject = _one_line(text.subject.write(names, zone))[:_LONGEST_SUBJECT]
        if not subject:
            raise RenderFailed(f"{text.file}: the subject is empty")
        preheader = _one_line(text.preheader.write(names, zone)) if text.preheader is not None else ""
        plain = tidied(text.text.write(names, zone))
        if not plain.strip():
            raise RenderFailed(f"{text.file}: the text is empty")
        frame = self._layout.frame(text.language.code)
        given = {"category": template.category, "subject": subject, "preheader": preheader}
        framed = frame.around_text(names, zone, {**given, "body": plain})
        if text.unframed:
            html = text.html.write({**names, **frame.for_html(given)}, zone)
        else:
            html = text.html.write(names, zone)
            for joint in text.joints:
                html = html.replace(joint, "")
            html = frame.around_html(names, zone, {**given, "body": html})
        return Rendered(subject, framed, html, text.language.code, text.language.direction)

    def _sms(self, text: Text, names: Mapping[str, Any], zone: ZoneInfo) -> Rendered:
        assert text.sms is not None
        said = _as_sms(text.sms.write(names, zone))
        if not said:
            raise RenderFailed(f"{text.file}: the SMS is empty")
        if sms.measure(said).segments > MOST_SEGMENTS:
            said = sms.shorten(said, MOST_SEGMENTS)
        return Rendered("", said, "", text.language.code, text.language.direction)

    def _links(self, spoken: Language, context: Mapping[str, Any]) -> Scope:
        shop = self._config.shop
        links: dict[str, Any] = {
            "shop": shop.url,
            "contact": f"mailto:{shop.support_email}" if shop.support_email else shop.url,
            "track": context["order"].find("tracking_url") or context["shipment"].find("tracking_url"),
        }
        for tag in (*reversed(chain(shop.locale)), *reversed(chain(spoken.code))):
            links.update(self._config.links.get(tag, {}))
        links |= {name: url for name, url in context["links"].items() if url is not None}
        assert isinstance(self._links_shape, Group)
        return Scope(self._links_shape, {f"links.{name}": url for name, url in links.items()})

    # --- doubts

    def _doubts(self, template: Template) -> Iterator[Problem]:
        yield from self._incomplete(template)
        for code, text in template.texts.items():
            if text.sms is not None:
                yield from self._long_sms(template, code, text, text.sms)

    def _doubtful_links(self) -> Iterator[Problem]:
        for code, pages in self._config.links.items():
            for name, url in pages.items():
                if reason := unfit_for_customers(url):
                    yield Problem(
                        "config/notifier.yaml", 0, 0, f"links: {code}: {name}: '{url}' {reason}", warning=True
                    )

    def _incomplete(self, template: Template) -> Iterator[Problem]:
        """Languages that lack something that the shop's own language has."""
        own = next((tag for tag in chain(self._config.shop.locale) if tag in template.texts), None)
        if own is None:
            why = f"has no text in the shop's language '{self._config.shop.locale}', to which all others fall back"
            yield Problem(f"templates/{template.name}", 0, 0, why, warning=True)
            return
        yield from self._untranslated(template, own)
        model = template.texts[own]
        for text in template.texts.values():
            lacking = sorted(model.in_body - text.in_body) if text.text is not None else []
            if lacking:
                yield Problem(text.file, 0, 0, f"does not say {', '.join(lacking)}, as {own}.md does", warning=True)
            for channel in ("email", "sms"):
                declined = channel == "sms" and text.declines_sms
                if model.carries(channel) and not text.carries(channel) and not declined:
                    yield Problem(text.file, 0, 0, f"has no {channel}, as {own}.md has", warning=True)

    def _untranslated(self, template: Template, own: str) -> Iterator[Problem]:
        """Languages that the shop's pages and other texts are in. Colleagues are written to in one that they share."""
        spoken = {tag for one in self.templates.values() if one.category != "staff" for tag in one.texts}
        wanted = spoken & set(self._config.links) - set(template.texts)
        lacking = sorted(tag for tag in wanted if not set(chain(tag)) & set(template.texts))
        if lacking and template.category != "staff":
            why = f"has no text in {', '.join(lacking)}, as others have; these customers get '{own}'"
            yield Problem(f"templates/{template.name}", 0, 0, why, warning=True)

    def _long_sms(self, template: Template, code: str, text: Text, program: Program) -> Iterator[Problem]:
        context = scopes(self._root, sample_context(template.name, self._config, self._catalogue, code))
        names = {**context, "shop": self._shop, "links": self._links(text.language, context)}
        try:
            said = _as_sms(program.write(names, ZoneInfo(self._config.shop.timezone)))
        except RenderFailed as failure:
            yield Problem(text.file, 0, 0, f"sms, with sample values: {failure}", warning=True)
            return
        if (size := sms.measure(said)).segments > MOST_SEGMENTS:
            much = f"the SMS takes {size.segments} segments ({size.encoding}); it will be cut to {MOST_SEGMENTS}"
            yield Problem(text.file, 0, 0, much, warning=True)


def _folders(project: Path, problems: list[Problem]) -> list[Path]:
    folder = project / "templates"
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.iterdir()):
        if not path.is_dir() or path.name == "layout" or path.name.startswith((".", "_")):
            continue
        if re.fullmatch(r"[a-z][a-z0-9_]*", path.name):
            found.append(path)
        else:
            name = f"templates/{legible(path.name)}"
            problems.append(Problem(name, 0, 0, "is named with small letters, digits and _, like delivery_late"))
    return found


def _shop(config: Config, root: Group) -> Scope:
    shape = root.fields["shop"]
    assert isinstance(shape, Group)
    values = {f"shop.{name}": value for name, value in config.shop.model_dump().items()}
    return Scope(shape, values)


def _one_line(text: str) -> str:
    return " ".join(_TURNING.sub("", _CONTROLS.sub(" ", text)).split())


def _as_sms(text: str) -> str:
    return sms.simplify(sms.clean(" ".join(text.split())))
