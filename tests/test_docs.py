"""The documentation says what the code does: its tables are compared with the code, its examples are tried.

Tables between `<!-- table: NAME -->` and `<!-- end -->` are written by this file: `python tests/test_docs.py`.
"""

from __future__ import annotations

import json
import re
import shlex
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_origin
from zoneinfo import ZoneInfo

import orjson
import pytest
from jsonschema import Draft7Validator
from pydantic import BaseModel

from notifier import provider, rulebook, ruletest
from notifier.backtest import run as backtest
from notifier.config.sections import CATEGORIES, CHANNELS, Config, DeclaredField
from notifier.core.catalogue import RANKS, Field, standard
from notifier.core.condition import BLOCKS, OPERATORS
from notifier.core.decide import REASONS
from notifier.core.rule import ABOUT
from notifier.document import parse
from notifier.editor import schemas
from notifier.project import load
from notifier.render.grammar import FILTERS
from notifier.render.reading import MessageSettings
from notifier.render.scope import LINKS
from notifier.render.speech import DATE_FORMS
from notifier.render.survey import SURVEY_WORDS, SurveySettings
from notifier.rulebook.audience import AUDIENCES
from notifier.rulebook.reading import TAKES
from notifier.rulebook.shape import FollowUpEntry, LimitEntry, RuleEntry, SendEntry, TopicEntry
from notifier.rulebook.trigger import TRIGGERS
from notifier.ruletest.reading import STANDINGS
from notifier.ruletest.shape import CaseEntry, ExpectEntry, StepEntry, SuiteFile
from notifier.sample.history import Calendar
from notifier.sample.history import events as events_up_to

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), ROOT / "providers" / "README.md", *DOCS.rglob("*.md")])

Row = tuple[str, ...]


# --- tables that are written from the code --------------------------------------------------------------------------


def settings() -> Iterator[Row]:
    yield "setting", "default", "what it means"
    yield from _settings(Config, "")


def _settings(model: type[BaseModel], above: str) -> Iterator[Row]:
    for name, field in model.model_fields.items():
        path = f"{above}{field.alias or name}"
        inner, step = _section(field.annotation)
        if inner is provider.Settings:
            yield f"`{path}.NAME.type`", "", "Who carries it; the settings of each type are below."
        elif inner is not None:
            yield from _settings(inner, f"{path}{step}.")
        else:
            meaning = field.description or _PLAIN.get(name) or f"The same, for `{name}`."
            yield f"`{path}`", _default(field.get_default(call_default_factory=True)), meaning


#: What no description is needed for in the code.
_PLAIN = {
    "description": "For people.",
    "type": f"One of {', '.join(f'`{one}`' for one in get_args(DeclaredField.model_fields['type'].annotation))}.",
}


def _section(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The model inside an annotation, and how a path steps into it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    inside = [_section(one)[0] for one in get_args(annotation) if one is not Ellipsis]
    found = next((one for one in inside if one is not None), None)
    origin = get_origin(annotation)
    if found is None or origin in (typing.Union, types.UnionType, typing.Annotated):
        return found, ""
    return found, ".NAME" if isinstance(origin, type) and issubclass(origin, Mapping) else "[]"


def _default(value: Any) -> str:
    if value is None or type(value).__name__ == "PydanticUndefinedType":
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"`{key}: {one}`" for key, one in value.items()) or "empty"
    if isinstance(value, list | tuple | frozenset):
        return ", ".join(f"`{one}`" for one in value) or "empty"
    return f"`{value}`" if value != "" else "empty"


def events() -> Iterator[Row]:
    yield "event", "what happened", "status", "sets"
    for one in standard().events.values():
        yield f"`{one.name}`", one.doc, f"`{one.status}`" if one.status else "", f"`{one.at}`" if one.at else ""


def fields() -> Iterator[Row]:
    yield "field", "type", "what it is"
    for one in standard().fields.values():
        yield _field_row(one)


def item_fields() -> Iterator[Row]:
    yield "field", "type", "what it is"
    for one in standard().fields["order.items"].items.values():
        yield _field_row(one)


def _field_row(one: Field) -> Row:
    choices = f": {', '.join(f'`{choice}`' for choice in one.choices)}" if one.choices else ""
    marks = [mark for mark, is_so in (("a plain date is the end of that day", one.ends_day),) if is_so]
    return f"`{one.path}`", one.type, "; ".join([one.doc, *marks]) + choices


TABLES: Mapping[str, tuple[str, Callable[[], Iterator[Row]]]] = {
    "settings": ("configuration.md", settings),
    "events": ("events.md", events),
    "fields": ("events.md", fields),
    "item fields": ("events.md", item_fields),
}


def _table(rows: Iterable[Row]) -> str:
    head, *body = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([head, f"|{'---|' * (len(head.split(' | ')))}", *body])


def _region(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)


def write_tables() -> None:
    for name, (page, rows) in TABLES.items():
        path = DOCS / page
        text = path.read_text("utf-8")
        written = f"{_table(rows())}\n"
        path.write_text(_region(name).sub(lambda found, new=written: found[1] + new + found[2], text), "utf-8")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_code_is(name: str) -> None:
    """Settings, events and fields stand in the docs as they are in the code; `python tests/test_docs.py` writes them."""
    page, rows = TABLES[name]
    found = _region(name).search((DOCS / page).read_text("utf-8"))
    assert found, f"docs/{page} has no table '{name}'"
    assert found[0].splitlines()[1:-1] == _table(rows()).splitlines()


# --- tables that are written by hand --------------------------------------------------------------------------------


def _listed(page: str, heading: str) -> set[str]:
    """The code words in the first column of the first table under a heading."""
    text = (DOCS / page).read_text("utf-8")
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,3}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/{page} has no heading '{heading}'"
    table = re.search(r"^\|[-|]+\|\n((?:^\|.*\n)+)", found[2], re.MULTILINE)
    cells = re.findall(r"^\| ([^|]+) \|", table[1], re.MULTILINE) if table else []
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def _keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


HAND_WRITTEN: Mapping[tuple[str, str], Iterable[str]] = {
    ("reasons.md", "The reasons"): REASONS,
    ("rules.md", "Triggers"): TRIGGERS,
    ("rules.md", "Changes"): TRIGGERS["change"],
    ("rules.md", "Operators"): {*(set(OPERATORS) - {"is"}), "exists"},
    ("rules.md", "Blocks"): BLOCKS,
    ("rules.md", "Keys of a rule"): _keys(RuleEntry),
    ("rules.md", "What to send"): _keys(SendEntry),
    ("rules.md", "Limits"): _keys(LimitEntry),
    ("rules.md", "Topics"): _keys(TopicEntry),
    ("rules.md", "Follow-up"): _keys(FollowUpEntry),
    ("rules.md", "What a rule is about"): (*ABOUT, *(f"{{{name}: stock.sku}}" for name in AUDIENCES)),
    ("rules.md", "News that reaches others"): ("orders_with", *AUDIENCES["orders_with"][1]),
    ("rules.md", "People who wait"): ("people_waiting_for", *AUDIENCES["people_waiting_for"][1]),
    ("rules.md", "States"): get_args(RuleEntry.model_fields["state"].annotation),
    ("testing.md", "A file of tests"): _keys(SuiteFile),
    ("testing.md", "A test"): _keys(CaseEntry),
    ("testing.md", "A step"): _keys(StepEntry),
    ("testing.md", "An expectation"): _keys(ExpectEntry),
    ("testing.md", "Why a rule did not send"): STANDINGS,
    ("messages.md", "message.yaml"): _keys(MessageSettings),
    ("messages.md", "Filters"): FILTERS,
    ("messages.md", "Dates"): DATE_FORMS,
    ("messages.md", "Links"): LINKS,
    ("messages.md", "The survey's settings"): _keys(SurveySettings),
    ("messages.md", "The survey's words"): SURVEY_WORDS,
    ("configuration.md", "Categories"): CATEGORIES,
    ("events.md", "The life of an order"): RANKS,
    **{
        ("configuration.md", f"type: {kind}"): _keys(provider.find(kind).Settings) - {"type"}
        for kind in provider.installed()
    },
}


@pytest.mark.parametrize(("page", "heading"), HAND_WRITTEN, ids=lambda value: value)
def test_a_list_is_complete_and_holds_nothing_else(page: str, heading: str) -> None:
    """Whatever the code knows of a kind is in the docs' list of that kind, and nothing that it does not know."""
    assert _listed(page, heading) == set(HAND_WRITTEN[page, heading])


def test_every_operator_is_listed_with_the_types_that_take_it() -> None:
    """The table of types in rules.md is the one by which rules are checked."""
    text = (DOCS / "rules.md").read_text("utf-8")
    rows = re.findall(r"^\| ((?:`[a-z]+`(?:, )?)+) \| ((?:a plain value|`[a-z_]+`|, )+) \|$", text, re.MULTILINE)
    told = {
        kind: {"is" if word == "a plain value" else word.strip("`") for word in operators.split(", ")}
        for kinds, operators in rows
        for kind in re.findall(r"`([a-z]+)`", kinds)
    }
    assert told == {kind: set(operators) for kind, operators in TAKES.items()}


def test_every_channel_is_named_where_rules_choose_one() -> None:
    """rules.md names every channel there is."""
    text = (DOCS / "rules.md").read_text("utf-8")
    assert all(f"`{channel}`" in text for channel in CHANNELS)


# --- examples -------------------------------------------------------------------------------------------------------


def _blocks(page: Path, language: str) -> Iterator[tuple[int, str]]:
    text = page.read_text("utf-8")
    for found in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, found.start()) + 2, found[1]


def _examples(starting: str) -> list[Any]:
    return [
        pytest.param(block, id=f"{page.relative_to(ROOT)}:{line}")
        for page in PAGES
        for line, block in _blocks(page, "yaml")
        if block.startswith(starting)
    ]


@pytest.mark.parametrize("block", _examples("version: 1"))
def test_an_example_of_rules_works(block: str, project: Path) -> None:
    """Every rules file that the docs show is accepted in a new project."""
    for file in rulebook.files(project):
        file.unlink()
    (project / "rules" / "example.yaml").write_text(block, "utf-8")
    assert load(project).book.rules
    assert _marked(project) == []


@pytest.mark.parametrize("block", _examples("- id:"))
def test_an_example_of_a_rule_works(block: str, project: Path) -> None:
    """Every single rule that the docs show is accepted beside the starter's."""
    indented = "".join(f"  {line}" if line.strip() else line for line in block.splitlines(keepends=True))
    for file in rulebook.files(project):
        file.unlink()
    (project / "rules" / "example.yaml").write_text(f"version: 1\nrules:\n{indented}", "utf-8")
    assert load(project).book.rules
    assert _marked(project) == []


def _marked(project: Path) -> list[str]:
    """What an editor that knows the project's schema would mark in the example."""
    found = json.loads(schemas(project)["rules"])
    data = parse((project / "rules" / "example.yaml").read_text("utf-8"), "example.yaml").data
    return [error.message for error in Draft7Validator(found).iter_errors(data)]


@pytest.mark.parametrize("block", _examples("fixtures:"))
def test_an_example_of_tests_passes(block: str, project: Path) -> None:
    """Every file of tests that the docs show passes with the starter's rules."""
    path = project / "rules" / "tests" / "example.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(block, "utf-8")
    for suite in ruletest.load(load(project), [path]):
        stand = ruletest.Stand(suite)
        for case in suite.cases:
            trial = stand.run(case)
            assert list(ruletest.failure_lines(trial, ruletest.judge(trial))) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_yaml_in_the_docs_is_yaml(page: Path) -> None:
    """Whatever is shown as YAML can be read as such."""
    for line, block in _blocks(page, "yaml"):
        assert parse(block, f"{page.name}:{line}").data is not None


# --- links and commands ---------------------------------------------------------------------------------------------


def _anchor(heading: str) -> str:
    words = re.sub(r"[^\w\- ]", "", heading.replace("`", "").strip().lower())
    return words.replace(" ", "-")


def _anchors(page: Path) -> set[str]:
    prose = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", prose, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    """A link to a file leads to a file that is there, and to a heading that it has."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`(?!\])", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:|\{\{", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def _commands() -> Mapping[str, Any]:
    from typer.main import get_command

    from notifier.cli.app import app

    return dict(get_command(app).commands)  # type: ignore[attr-defined]


def _called(page: Path) -> Iterator[list[str]]:
    """The `notifier …` commands in a page, in words."""
    text = page.read_text("utf-8")
    for call in re.findall(r"(?:^|[`\s])notifier ((?:--?[a-z]|[a-z])[^`\n#]*)", "\n".join(_code(text))):
        try:
            yield shlex.split(call.strip().rstrip("\\"))
        except ValueError:
            yield call.split()


def _code(text: str) -> Iterator[str]:
    for kind, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if kind in ("", "sh", "console", "ini"):
            yield block
    yield from (f"`{found}`" for found in re.findall(r"`(notifier [^`]+)`", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_docs_exist(page: Path) -> None:
    """Every `notifier COMMAND --option` that a page shows is one that there is."""
    commands, unknown = _commands(), []
    for words in _called(page):
        rest = [word for word in words if not word.startswith("-")]
        if words[:1] == ["--project"]:
            rest = rest[1:]
        if not rest:
            continue
        command = commands.get(rest[0])
        if command is not None and hasattr(command, "commands") and len(rest) > 1:
            command = command.commands.get(rest[1])
        options = {name for one in getattr(command, "params", ()) for name in (*one.opts, *one.secondary_opts)}
        strange = [
            word
            for word in words
            if word.startswith("--") and word.partition("=")[0] not in {*options, "--project", "--help"}
        ]
        if command is None or strange:
            unknown.append(" ".join(words))
    assert unknown == []


def test_the_tutorials_numbers_are_those_of_the_sample(project: Path, tmp_path: Path) -> None:
    """Its first rule sends 16 messages, the right one 9, and the seven between are the orders that it names."""
    page = DOCS / "tutorial.md"
    now = datetime(2026, 11, 10, 0, 30, tzinfo=UTC)
    history = tmp_path / "history.ndjson"
    told = events_up_to(Calendar.of(now, ZoneInfo("Europe/Warsaw")), now)
    history.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in told))
    for file in rulebook.files(project):
        file.unlink()
    sent, in_time = [], []
    for _, block in list(_blocks(page, "yaml"))[:2]:
        (project / "rules" / "late.yaml").write_text(block, "utf-8")
        result = backtest(load(project), history)
        sent.append({one["subject"] for one in result.decisions() if one["outcome"] == "send"})
        in_time.append(result.delays.total.in_time)
        result._lines.close()
    text = page.read_text("utf-8")
    assert [len(orders) for orders in sent] == [16, 9]
    assert in_time == [7, 0]
    assert all(f"late    {count:>2} " in text for count in (16, 9))
    assert sorted(sent[0] - sent[1]) == re.findall(r"^(order:\d+)$", text, re.MULTILINE)


def test_every_page_is_found_from_the_readme() -> None:
    """The README leads to every page of the documentation."""
    linked = set(re.findall(r"\]\((docs/[\w/.-]+)", (ROOT / "README.md").read_text("utf-8")))
    pages = {str(page.relative_to(ROOT)) for page in DOCS.glob("*.md")}
    assert pages <= linked


if __name__ == "__main__":
    write_tables()
