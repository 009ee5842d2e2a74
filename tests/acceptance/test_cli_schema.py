from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from notifier.document import read
from notifier.editor import FILES

STALE = "rules/rules.schema.json: warning: does not know the project as it is now, and editors go by it: run 'notifier schema --write'\n"


@pytest.mark.parametrize("what", FILES)
def test_a_new_project_has_what_its_files_name(notifier, tmp_path, what):
    """`init` writes each schema where the first line of the files beside it says, and marks nothing in them."""
    notifier("init", "new", inside=tmp_path)
    schema = tmp_path / "new" / FILES[what]
    files = sorted(schema.parent.glob("*.yaml"))
    assert files
    for file in files:
        named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.read_text(encoding="utf-8"))
        assert named, file
        assert (file.parent / named[1]).resolve() == schema.resolve()
        assert list(Draft7Validator(json.loads(schema.read_bytes())).iter_errors(read(file).data)) == []


@pytest.mark.parametrize("what", FILES)
def test_a_schema_is_printed(notifier, project, what):
    """To standard output, what `--write` puts beside the files."""
    assert notifier("schema", "--write").out == "rules/rules.schema.json written\nconfig/notifier.schema.json written\n"
    found = notifier("schema", what)
    assert (found.code, found.err) == (0, "")
    assert found.out.encode() == (project / FILES[what]).read_bytes()
    assert notifier("schema", "--write", what).code == 2


def test_a_schema_knows_the_project(notifier, project):
    """Teams, texts and fields of the project's own are offered, and check says when a schema does not know them yet."""
    notifier("schema", "--write")
    config = project / "config" / "notifier.yaml"
    text = config.read_text(encoding="utf-8").replace("teams:\n", "teams:\n  desk: {email: desk@example.com}\n")
    config.write_text(text + "fields: {order.gift: {type: bool}}\n", encoding="utf-8")
    found = notifier("check")
    assert (found.code, found.err) == (0, STALE)
    assert notifier("schema", "--write").code == 0
    assert notifier("check").err == ""
    definitions = json.loads((project / FILES["rules"]).read_bytes())["definitions"]
    assert "team.desk" in definitions["order.send"]["properties"]["to"]["enum"]
    assert "order.gift" in definitions["order.conditions"]["properties"]


def test_a_schema_is_there_while_rules_and_texts_are_broken(notifier, project):
    """That is when one needs it."""
    (project / "rules" / "stock.yaml").write_text("x: 1\n", encoding="utf-8")
    (project / "templates" / "low_stock" / "pl.md").write_text("", encoding="utf-8")
    found = notifier("schema")
    assert found.code == 0
    assert "low_stock" in json.loads(found.out)["definitions"]["stock.send"]["properties"]["template"]["enum"]


def test_a_schema_that_cannot_be_written(notifier, project):
    """What stands in the way is told in one line."""
    (project / FILES["config"]).mkdir()
    ended = notifier("schema", "--write")
    assert (ended.code, ended.err) == (
        2,
        f"notifier: {Path(project) / FILES['config']} cannot be written: Is a directory\n",
    )
