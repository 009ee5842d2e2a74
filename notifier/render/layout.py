"""The brand's frame round every e-mail: its HTML and its plain text, its look, and its words in each language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import escape
from pydantic import BaseModel, ConfigDict, Field

from notifier import starter
from notifier.errors import Problem
from notifier.render.language import chain, language
from notifier.render.markdown import html_parts, tidied
from notifier.render.program import Program, pieces, program
from notifier.render.reading import Faulty, File
from notifier.render.scope import Group, Leaf, Scope, Shape
from notifier.render.source import Fault
from notifier.render.voice import Rendered

__all__ = ["Frame", "Layout"]

_FOLDER = Path("templates") / "layout"
#: What the frame can name beside shop.* and links.*.
_NAMES = (
    "subject", "preheader", "body", "language", "direction", "category", "why", "questions", "or_phone", "unsubscribe",
)  # fmt: skip


class _Why(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    critical: str
    transactional: str
    requested: str
    survey: str
    marketing: str
    staff: str


class _Words(BaseModel):
    """`templates/layout/words/LANG.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    questions: str
    or_phone: str
    unsubscribe: str
    why: _Why


class _Brand(BaseModel):
    """`templates/layout/brand.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    styles: Mapping[str, str] = Field(description="CSS by HTML tag, and for button.")


@dataclass(frozen=True, slots=True)
class _Said:
    """One text of the frame, for HTML and for plain text."""

    html: Rendered
    text: Rendered


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame in one language."""

    code: str
    direction: str
    html: Program
    text: Program
    words: Mapping[str, _Said]

    def around_html(self, names: Mapping[str, Any], zone: ZoneInfo, given: Mapping[str, str]) -> str:
        """The whole HTML; for `given` see `for_html`."""
        return self.html.write({**names, **self.for_html(given)}, zone)

    def around_text(self, names: Mapping[str, Any], zone: ZoneInfo, given: Mapping[str, str]) -> str:
        """The whole plain text; `given` are `category`, `subject`, `preheader` and `body`, all plain."""
        said = {name: each.text for name, each in self.words.items()}
        return tidied(self.text.write({**names, **self._said(said, given, Rendered.of)}, zone))

    def for_html(self, given: Mapping[str, str]) -> dict[str, Rendered]:
        """What HTML can name; `given` are `category`, `subject` and `preheader`, plain, and `body`, HTML."""

        def shown(text: str) -> Rendered:
            return Rendered.of(str(escape(text)), text)

        said = {name: each.html for name, each in self.words.items()}
        body = {"body": Rendered.of(given["body"])} if "body" in given else {}
        return {**self._said(said, given, shown), **body}

    def _said(
        self, words: Mapping[str, Rendered], given: Mapping[str, str], shown: Callable[[str], Rendered]
    ) -> dict[str, Rendered]:
        made = {name: shown(text) for name, text in given.items()}
        made |= {"language": shown(self.code), "direction": shown(self.direction)}
        return {**words, **made, "why": words[f"why.{given['category']}"]}


class Layout:
    """The folder `templates/layout`; what a project does not have there is the starter's."""

    def __init__(self, project: Path, root: Group, shop: Scope, fallback: str) -> None:
        self.project = project
        self.shop = shop
        self.fallback = fallback
        self.problems: list[Problem] = []
        own: dict[str, Shape] = {name: Leaf(name, "text") for name in _NAMES}
        self._own = own
        self._root = Group("", {"shop": root.fields["shop"], "links": root.fields["links"], **own})
        self._frames: dict[str, Frame] = {}

    @cached_property
    def styles(self) -> Mapping[str, str]:
        """CSS by HTML tag."""
        file = self._file("brand.yaml")
        try:
            brand = file.model(file.yaml(file.text()), _Brand)
        except Faulty:
            return {}
        return brand.styles

    def root_with(self, root: Group) -> Group:
        """What HTML that stands alone can name: everything, and what the frame can."""
        return Group("", {**root.fields, **self._own})

    def frame(self, code: str) -> Frame:
        """The frame for texts in a language; raises Faulty."""
        if code not in self._frames:
            html = self._program("email.html.j2", code)
            text = self._program("email.txt.j2", code)
            words = self._words(code)
            self._frames[code] = Frame(code, language(code).direction, html, text, words)
        return self._frames[code]

    def _program(self, name: str, code: str) -> Program:
        file = self._file(name)
        try:
            found = pieces(code, file.text())
        except Fault as fault:
            raise self._refused(file.place(fault)) from None
        if "links.unsubscribe" not in file.checked(found, code, self._root):
            text = "must contain links.unsubscribe: surveys and advertising may not go out without a way out of them"
            raise self._refused(Problem(file.name, 0, 0, text))
        if name.endswith(".html.j2"):
            return program(file.name, html_parts(found), code, "html")
        return program(file.name, found, code, "text")

    def _refused(self, problem: Problem) -> Faulty:
        self.problems.append(problem)
        return Faulty()

    def _words(self, code: str) -> Mapping[str, _Said]:
        file = self._words_file(code)
        found = file.model(file.yaml(file.text()), _Words)
        texts = {"questions": found.questions, "or_phone": found.or_phone, "unsubscribe": found.unsubscribe}
        texts |= {f"why.{name}": text for name, text in found.why.model_dump().items()}
        return {name: self._said(file, code, text) for name, text in texts.items()}

    def _said(self, file: File, code: str, text: str) -> _Said:
        """Said once, when read: what a text of the frame names, the shop, is the same in every message."""
        names, zone = {"shop": self.shop}, ZoneInfo("UTC")
        try:
            found = pieces(code, text)
        except Fault as fault:
            raise self._refused(file.place(Fault(fault.text, 1, 1, text[:20]))) from None
        file.checked(found, code, Group("", {"shop": self._root.fields["shop"]}))
        escaped = [str(escape(each)) if isinstance(each, str) else each for each in found]
        html = program(file.name, escaped, code, "html").write(names, zone)
        plain = program(file.name, found, code, "text").write(names, zone)
        return _Said(Rendered.of(html), Rendered.of(plain))

    def _words_file(self, code: str) -> File:
        for tag in chain(code):
            if (file := self._file(f"words/{tag}.yaml")).path.exists():
                return file
        missing = f"{_FOLDER.as_posix()}/words/{code}.yaml"
        text = f"is missing: the foot of e-mails in '{code}' will be in '{self.fallback}'"
        self.problems.append(Problem(missing, 0, 0, text, warning=True))
        wanted = [f"words/{tag}.yaml" for tag in (*chain(self.fallback), "en")]
        return next(file for name in wanted if (file := self._file(name)).path.exists())

    def _file(self, name: str) -> File:
        own = self.project / _FOLDER / name
        path = own if own.exists() else starter.root() / _FOLDER / name
        return File(path, f"{_FOLDER.as_posix()}/{name}", self.problems)
