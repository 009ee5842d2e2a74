"""What a command does not need, it does not load: each starts as quickly as it can."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from notifier.store.sql import open_store

_RUN = """
import sys
from notifier.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""
#: Slow to load, and of use to few: all countries' holidays, the makers of tables, and progress bars.
NEVER = {"holidays.countries", "alembic", "sqlalchemy.orm", "rich"}
#: The day after NOW: what is kept too long is deleted, and no report is due.
SUNDAY = "2026-03-15T09:00:00Z"
RECORDS = NEVER | {"notifier.project", "notifier.render", "notifier.engine", "jinja2", "markdown_it"}


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (["--version"], RECORDS | {"notifier.config", "sqlalchemy", "pydantic"}),
        (["status"], RECORDS),
        (["outbox", "list"], RECORDS),
        (["ingest", "events.ndjson"], NEVER),
        (["tick"], NEVER),
    ],
)
def test_commands_load_what_they_need(arguments, unneeded, few_languages, events, process):
    """On a database that is there already, whose reports are armed: to make one takes the makers of tables, and to say
    when a report comes next that skips holidays takes the holidays.
    """
    open_store("sqlite:///var/notifier.db", few_languages, create=True).close()
    assert process("tick").code == 0
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments],
        cwd=few_languages,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NOTIFIER_NOW": SUNDAY},
    )
    assert sorted(unneeded & set(done.stderr.split())) == []
