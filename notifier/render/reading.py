"""The files under `templates/`, read: front matter, text, settings; every fault with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from notifier import document
from notifier.document import Document
from notifier.errors import Faults, Problem
from notifier.render.program import Program, checked, pieces, program
from notifier.render.scope import Group
from notifier.render.source import Fault, Part, Tag
from notifier.render.survey import SURVEY_WORDS, SurveySettings
from notifier.syntax import problem_at

__all__ = ["Faulty", "File", "MessageSettings", "Wording", "front_matter"]

Model = TypeVar("Model", bound=BaseModel)
Category = Literal["critical", "transactional", "requested", "survey", "marketing", "staff"]


class MessageSettings(BaseModel):
    """`templates/NAME/message.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category: Category = Field(description="What kind of message it is: decides consent, quiet hours and limits.")
    description: str = Field("", description="For colleagues: when it is sent.")
    topic: str | None = Field(None, description="The piece of news that it brings; a rule's own topic wins.")
    owner: str | None = Field(None, description="Who looks after the text.")
    about: Literal["order", "shipment", "stock", "customer", "shop"] = Field("order", description="What it speaks of.")
    links: tuple[str, ...] = Field((), description="Names of links that the e-mail must contain, in every language.")
    survey: SurveySettings | None = Field(None, description="Where the message asks something.")


class _Front(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str | None = None
    preheader: str | None = None
    sms: str | None = None


class _SurveyFront(_Front):
    question: str
    lowest: str
    highest: str
    comment: str
    send: str
    missing: str
    thanks: str
    changed: str
    closed: str


class Faulty(Exception):
    """This file cannot be used; what is wrong with it has been noted."""


@dataclass(slots=True)
class File:
    """One file, and what has been found wrong in all of them. `name` is how people are shown it."""

    path: Path
    name: str
    problems: list[Problem] = field(default_factory=list)
    lines: tuple[str, ...] = ()

    def text(self) -> str:
        """The whole file; raises Faulty."""
        try:
            raw = document.content(self.path)
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise self._refused(Problem(self.name, 0, 0, "is not UTF-8; save it as UTF-8")) from None
        except FileNotFoundError:
            raise self._refused(Problem(self.name, 0, 0, "is missing")) from None
        except OSError as error:
            raise self._refused(Problem(self.name, 0, 0, f"cannot be read: {error.strerror or error}")) from None
        if len(raw) > document.LARGEST:
            raise self._refused(Problem(self.name, 0, 0, f"is larger than {document.LARGEST // 1024} KiB"))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.lines = tuple(text.split("\n"))
        if "\x00" in text:
            raise self._refused(Problem(self.name, 0, 0, "has NUL characters in it; it is no text"))
        return text

    def yaml(self, text: str, first_line: int = 1) -> Document:
        """A part of the file as YAML, places counted in the whole file; raises Faulty."""
        try:
            return document.parse("\n" * (first_line - 1) + text, self.name)
        except Faults as faults:
            raise self._refused(*faults.problems) from None

    def model(self, found: Document, model: type[Model]) -> Model:
        """A document as a model; raises Faulty."""
        try:
            return document.validate(found, model)
        except Faults as faults:
            raise self._refused(*faults.problems) from None

    def checked(self, parts: Iterable[str | Part | Tag], code: str, root: Group) -> frozenset[str]:
        """The full paths of what the parts name; raises Faulty."""
        try:
            return checked(parts, code, root)
        except ExceptionGroup as group:
            raise self._refused(
                *(self.place(fault) for fault in group.exceptions if isinstance(fault, Fault))
            ) from None

    def place(self, fault: Fault) -> Problem:
        """A fault with its line of the file; the caret goes to the word that it names."""
        row, column = fault.line - 1, fault.column - 1
        if fault.word:
            row, column = self._word(fault.word, row, column) or (row, column)
        return problem_at(self.name, self.lines, min(row, len(self.lines) - 1), column, fault.text)

    def _word(self, word: str, row: int, column: int) -> tuple[int, int] | None:
        pattern = re.compile(rf"(?<![\w.]){re.escape(word)}(?!\w)" if word[0].isalpha() else re.escape(word))
        for at in range(row, len(self.lines)):
            if found := pattern.search(self.lines[at], column if at == row else 0):
                return at, found.start()
        return None

    def note(self, text: str, *, warning: bool = False) -> None:
        """Something about the file as a whole."""
        self.problems.append(Problem(self.name, 0, 0, text, warning=warning))

    def _refused(self, *problems: Problem) -> Faulty:
        self.problems.extend(problems)
        return Faulty()


@dataclass(frozen=True, slots=True)
class Wording:
    """A text file taken apart. `front` has the keys that are given; `body` begins in line `first_line`."""

    front: Document
    values: dict[str, str]
    body: str
    first_line: int


def front_matter(file: File, *, survey: bool) -> Wording:
    """Read a text file: YAML between two lines of three dashes, then Markdown. Raises Faulty."""
    text = file.text()
    lines = text.split("\n")
    end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if lines[0].rstrip() != "---" or end is None:
        file.note("begins with a line '---', then subject: and sms:, then a line '---', then the text")
        raise Faulty
    front = file.yaml("\n".join(lines[1:end]), 2)
    if front.data is None:
        file.note("has nothing between its lines '---'; write subject: there")
        raise Faulty
    values = file.model(front, _SurveyFront if survey else _Front).model_dump(exclude_none=True)
    body = "\n".join(lines[end + 1 :])
    _complete(file, front, values, body)
    return Wording(front, values, body, end + 2)


def _complete(file: File, front: Document, values: dict[str, str], body: str) -> None:
    """There is an e-mail or an SMS, and no half of one."""
    problems = [front.problem((key,), f"'{key}' is empty") for key, value in values.items() if not value.strip()]
    if body.strip() and "subject" not in values:
        problems.append(front.problem((), "'subject' is missing: the e-mail needs one"))
    elif "subject" in values and not body.strip():
        problems.append(front.problem(("subject",), "there is a subject, but no text under the second line '---'"))
    elif not body.strip() and "sms" not in values:
        problems.append(front.problem((), "there is neither an e-mail nor an 'sms'"))
    for key in SURVEY_WORDS:
        if "{{" in values.get(key, "") or "{%" in values.get(key, ""):
            text = f"'{key}' is for a page that knows no order: no {{{{ }}}} in it"
            problems += [front.problem((key,), text, part="{")]
    if problems:
        file.problems.extend(problems)
        raise Faulty


def line_program(file: File, front: Document, key: str, code: str, root: Group) -> tuple[Program, frozenset[str]]:
    """A value of the front matter as a program for one line, and what it names; raises Faulty."""
    try:
        parts = [_placed(front, key, piece) for piece in pieces(code, front.data[key])]
        used = checked(parts, code, root)
    except Fault as fault:
        problems = [front.problem((key,), fault.text, part=fault.word or None)]
    except ExceptionGroup as group:
        faults = [fault for fault in group.exceptions if isinstance(fault, Fault)]
        problems = [front.problem((key,), fault.text, part=fault.word or None) for fault in faults]
    else:
        return program(file.name, parts, code, "line"), used
    file.problems.extend(problems)
    raise Faulty


def _placed(front: Document, key: str, piece: str | Tag) -> str | Tag:
    """A tag of a value, with its place in the file: YAML has folded lines and taken quotes away."""
    if isinstance(piece, str):
        return piece
    place = front.problem((key,), "", part=piece.inner.strip())
    return replace(piece, line=place.line, column=place.column)
