"""A small project to write texts into, and one short way to have them written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifier.config import Config
from notifier.errors import Faults
from notifier.render import Rendered, Texts, scope

ORDER = {"order": {"order.id": "1043", "order.number": "1043"}}


class Shelf:
    """A project with one template, `note`, unless a test adds others."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = Config.model_validate({
            "shop": {"name": "Example Shop", "timezone": "Europe/Warsaw", "support_email": "help@shop.example"},
            "links": {"en": {"returns": "https://shop.example/returns"}, "pl": {"returns": "https://shop.example/zwroty"}},
        })  # fmt: skip
        self.settings("category: transactional")

    def settings(self, yaml: str, name: str = "note") -> None:
        self.write(f"{name}/message.yaml", yaml)

    def write(self, path: str, text: str) -> Path:
        file = self.root / "templates" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def text(self, body: str, *, code: str = "en", subject: str = "News", **front: str) -> None:
        quoted = {key: value.replace("'", "''") for key, value in {"subject": subject, **front}.items()}
        lines = "".join(f"{key}: '{value}'\n" for key, value in quoted.items())
        self.write(f"note/{code}.md", f"---\n{lines}---\n{body}\n")

    def load(self) -> Texts:
        return Texts.load(self.root, self.config, self.config.catalogue())

    def faults(self) -> list[str]:
        """The first line of each problem."""
        try:
            self.load()
        except Faults as faults:
            return [str(problem).split("\n")[0] for problem in faults.problems]
        return []

    def render(
        self, facts: Mapping[str, Any] | None = None, *, channel: str = "email", code: str = "en", **options: Any
    ) -> Rendered:
        context = scope(ORDER if facts is None else facts, self.config.catalogue(), **options)
        return self.load().render("note", channel, code, context, ZoneInfo("Europe/Warsaw"))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def say(shelf: Shelf) -> Callable[..., str]:
    """What a text's body says in plain text, without the foot."""

    def said(body: str, facts: Mapping[str, Any] | None = None, *, code: str = "en", **options: Any) -> str:
        shelf.text(body, code=code)
        return shelf.render(facts, code=code, **options).text.rpartition("\n--\n")[0].strip()

    return said
