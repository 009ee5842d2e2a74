"""One folder under `templates/`: what kind of message it is, and its text in each language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from notifier.document import legible, suggest
from notifier.errors import Problem
from notifier.render.grammar import COLLECTED
from notifier.render.language import Language, language, normalised
from notifier.render.layout import Layout
from notifier.render.markdown import body, html_parts
from notifier.render.program import Program, pieces, program
from notifier.render.reading import Faulty, File, MessageSettings, Wording, front_matter, line_program
from notifier.render.scope import Group
from notifier.render.source import Fault
from notifier.render.survey import SURVEY_WORDS, SurveyForm, SurveyWords

__all__ = ["WAY_OUT", "Template", "Text", "read_template"]

#: Categories whose e-mails must offer a way out of them.
WAY_OUT = frozenset({"survey", "marketing"})


@dataclass(frozen=True, slots=True)
class Text:
    """A message in one language. A channel without a text has None."""

    file: str
    language: Language
    subject: Program | None = None
    preheader: Program | None = None
    sms: Program | None = None
    html: Program | None = None
    text: Program | None = None
    #: Cut out of the written HTML: see `markdown.Body`.
    joints: tuple[str, ...] = ()
    #: True where `LANG.html.j2` is the whole HTML and the layout has no part in it.
    unframed: bool = False
    words: SurveyWords | None = None
    #: Full paths of what is named, in the e-mail's body and anywhere.
    in_body: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    #: True for `sms: null`: this language has no SMS on purpose.
    declines_sms: bool = False

    def carries(self, channel: str) -> bool:
        return self.sms is not None if channel == "sms" else self.text is not None


@dataclass(frozen=True, slots=True)
class Template:
    """What can be sent, in all its languages."""

    name: str
    category: str
    topic: str | None
    owner: str | None
    description: str
    about: str
    #: Names of links that every e-mail of it contains.
    links: tuple[str, ...]
    survey: SurveyForm | None
    texts: Mapping[str, Text] = field(repr=False)

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self.texts)

    @property
    def variables(self) -> frozenset[str]:
        """Full paths of all that the texts name (`order.eta`), in any language."""
        return frozenset(path for text in self.texts.values() for path in text.variables)

    @property
    def tells_all(self) -> bool:
        """Whether it tells of all that was collected, in every language."""
        return all(COLLECTED in text.variables for text in self.texts.values())

    def carries(self, channel: str) -> bool:
        return any(text.carries(channel) for text in self.texts.values())


def read_template(folder: Path, shown: str, root: Group, layout: Layout) -> Template | None:
    """Read a folder, adding to the layout's `problems` all that is wrong; None where it cannot be used."""
    problems = layout.problems
    file = File(folder / "message.yaml", f"{shown}/message.yaml", problems)
    try:
        settings = file.model(file.yaml(file.text()), MessageSettings)
    except Faulty:
        return None
    form = settings.survey.form() if settings.survey is not None else None
    links = (*settings.links, "survey") if form is not None and "survey" not in settings.links else settings.links
    known = root.fields["links"]
    if isinstance(known, Group) and (strange := [name for name in links if name not in known.fields]):
        file.note(
            f"there is no link '{strange[0]}'{suggest(strange[0], known.fields)}; links: in the config names them"
        )
    texts: dict[str, Text] = {}
    template = Template(
        folder.name, settings.category, settings.topic, settings.owner, settings.description, settings.about, links,
        form, texts,
    )  # fmt: skip
    files = _text_files(folder, shown, problems)
    for path in files:
        one = File(path, f"{shown}/{path.name}", problems)
        try:
            texts[path.stem] = _Reading(one, template, root, layout).text()
        except Faulty:
            continue
    if not files:
        problems.append(Problem(shown, 0, 0, "has no text; write one a language, such as en.md"))
    return template


def _text_files(folder: Path, shown: str, problems: list[Problem]) -> list[Path]:
    found = []
    for path in sorted(folder.iterdir()):
        named = legible(path.name)
        name = named.removesuffix(".html.j2") if named.endswith(".html.j2") else Path(named).stem
        if path.name == "message.yaml" or path.name.startswith(".") or path.name.endswith("~"):
            continue
        if not path.name.endswith((".md", ".html.j2")):
            problems.append(Problem(f"{shown}/{named}", 0, 0, "is no text: texts are LANG.md and LANG.html.j2"))
        elif text := _misnamed(path, name):
            problems.append(Problem(f"{shown}/{named}", 0, 0, text))
        elif path.suffix == ".md":
            found.append(path)
    return found


def _misnamed(path: Path, name: str) -> str:
    tag = normalised(name)
    try:
        language(tag or name)
    except ValueError:
        return f"'{name}' is no language; name the file like en.md, de.md or pt-BR.md"
    if tag != name:
        return f"is named in another way than languages are; rename it to {tag}{path.name[len(name) :]}"
    if path.suffix != ".md" and not (path.parent / f"{name}.md").exists():
        return f"needs {name}.md beside it, for the subject and the plain text"
    return ""


@dataclass(slots=True)
class _Reading:
    """Reads the text of one language."""

    file: File
    template: Template
    root: Group
    layout: Layout
    used: set[str] = field(default_factory=set)

    def text(self) -> Text:
        wording = front_matter(self.file, survey=self.template.survey is not None)
        code = self.file.path.stem
        before = len(self.file.problems)
        lines = {
            key: self._line(wording, key, code) for key in ("subject", "preheader", "sms") if key in wording.values
        }
        html, plain, joints, in_body = self._email(wording, code)
        own = self._own_html(code) if html is not None else None
        if any(not problem.warning for problem in self.file.problems[before:]):
            raise Faulty
        return Text(
            self.file.name, language(code), lines.get("subject"), lines.get("preheader"), lines.get("sms"), own or html,
            plain, () if own else joints, own is not None, self._survey_words(wording, code), in_body,
            frozenset(self.used), "sms" in wording.front.data and "sms" not in wording.values,
        )  # fmt: skip

    def _line(self, wording: Wording, key: str, code: str) -> Program | None:
        try:
            line, used = line_program(self.file, wording.front, key, code, self.root)
        except Faulty:
            return None
        self.used |= used
        return line

    def _email(
        self, wording: Wording, code: str
    ) -> tuple[Program | None, Program | None, tuple[str, ...], frozenset[str]]:
        nothing = (None, None, (), frozenset[str]())
        if not wording.body.strip():
            return nothing
        try:
            found = pieces(code, wording.body, wording.first_line)
            made = body(found, self.layout.styles, rtl=language(code).direction == "rtl")
            used = self.file.checked(found, code, self.root)
            self.layout.frame(code)
        except Fault as fault:
            line = max(fault.line, wording.first_line)
            self.file.problems.append(self.file.place(Fault(fault.text, line, fault.column, fault.word)))
            return nothing
        except Faulty:
            return nothing
        self.used |= used
        self._required(self.file, used, self.template.links)
        html = program(self.file.name, made.html, code, "html")
        return html, program(self.file.name, made.text, code, "text"), made.joints, used

    def _own_html(self, code: str) -> Program | None:
        path = self.file.path.with_name(f"{code}.html.j2")
        if not path.exists():
            return None
        file = File(path, self.file.name.removesuffix(".md") + ".html.j2", self.file.problems)
        try:
            found = pieces(code, file.text())
            used = file.checked(found, code, self.layout.root_with(self.root))
        except Fault as fault:
            file.problems.append(file.place(fault))
            return None
        except Faulty:
            return None
        self.used |= {path for path in used if "." in path}
        must = (*self.template.links, *(("unsubscribe",) if self.template.category in WAY_OUT else ()))
        self._required(file, used, must)
        return program(file.name, html_parts(found), code, "html")

    def _required(self, file: File, used: Iterable[str], links: Iterable[str]) -> None:
        for name in links:
            if f"links.{name}" not in used:
                file.note(f"must contain a link to {{{{ links.{name} }}}}; without it the message leads nowhere")

    def _survey_words(self, wording: Wording, code: str) -> SurveyWords | None:
        if self.template.survey is None:
            return None
        words = {key: " ".join(wording.values[key].split()) for key in SURVEY_WORDS}
        return SurveyWords(code, language(code).direction, **words)
