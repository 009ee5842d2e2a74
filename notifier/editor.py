"""What an editor is told of a project: a JSON Schema beside the rules and one beside the configuration.

The first line of the starter's files names them, so that editors offer names and mark slips while one types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from notifier.config import Config, config_schema
from notifier.config import load as load_config
from notifier.errors import UsageError
from notifier.project import Project, texts_of
from notifier.rulebook import Surroundings, TemplateInfo, rules_schema

__all__ = ["FILES", "outdated", "schemas", "write"]

#: Where each schema lies, seen from the project.
FILES: Mapping[str, str] = {"rules": "rules/rules.schema.json", "config": "config/notifier.schema.json"}


def schemas(root: Path) -> Mapping[str, bytes]:
    """The schemas of a project, by the names in FILES; raises Faults where the configuration cannot be read."""
    config = load_config(root, sends=False)
    return _schemas(config, texts_of(root, config, config.catalogue())[1])


def write(root: Path) -> list[Path]:
    """Put both where the project's files name them; gives what was written. Raises Faults and UsageError."""
    texts = {root / FILES[what]: text for what, text in schemas(root).items()}
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
    return list(texts)


def outdated(project: Project) -> Iterator[str]:
    """Those that are there and do not say what the project is now."""
    there = {what: project.root / file for what, file in FILES.items() if (project.root / file).is_file()}
    for what, text in _schemas(project.config, project.texts.templates).items() if there else ():
        if what in there and there[what].read_bytes() != text:
            yield FILES[what]


def _schemas(config: Config, templates: Mapping[str, TemplateInfo | None]) -> Mapping[str, bytes]:
    around = Surroundings(config.catalogue(), dict(sorted(templates.items())), tuple(config.teams))
    drawn = {"rules": rules_schema(around), "config": config_schema(config)}
    return {
        what: orjson.dumps(one, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE) for what, one in drawn.items()
    }
