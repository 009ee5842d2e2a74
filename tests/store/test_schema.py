from __future__ import annotations

import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from notifier.errors import UsageError
from notifier.store import schema
from notifier.store.sql import SqlStore
from notifier.store.tables import metadata


@pytest.fixture
def file(tmp_path):
    return tmp_path / "notifier.db"


@pytest.fixture
def url(file):
    return f"sqlite:///{file}"


def _run(file, *statements):
    with sqlite3.connect(file) as connection:
        found = [connection.execute(statement).fetchall() for statement in statements]
    connection.close()
    return found[-1]


def _shape(file):
    return _run(
        file, "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%' AND sql <> '' ORDER BY 1, 2"
    )


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_the_migrations_make_the_tables_that_the_code_knows(file, url):
    """Alembic finds nothing to change in a database that was migrated from nothing."""
    schema.upgrade(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_migrations_make_the_same_tables_to_the_letter(tmp_path, file, url):
    """Partial indexes and tables without row ids too, which Alembic does not compare."""
    schema.upgrade(url)
    made = tmp_path / "made.db"
    engine = create_engine(f"sqlite:///{made}")
    metadata.create_all(engine)
    engine.dispose()
    assert _normal(_shape(file)) == _normal(_shape(made))


def _normal(rows):
    """Constraints in whatever order they are written, in one line each."""
    return [(*names, sorted(" ".join(sql.replace(",", " ").replace(")", " ").split()).split())) for *names, sql in rows]


def test_the_list_of_revisions_is_whole():
    """What the code knows without Alembic is what stands in the directory of migrations."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert list(schema.REVISIONS) == found[::-1]


def test_an_upgrade_twice_is_one(file, url):
    """Where there is nothing to do nothing is done."""
    newest = schema.REVISIONS[-1]
    assert schema.status(url) == ("", newest)
    schema.upgrade(url)
    before = _shape(file)
    schema.upgrade(url)
    assert schema.status(url) == (newest, newest)
    assert _shape(file) == before


def test_an_upgrade_that_fails_changes_nothing(file, url):
    """All of it or none: half a migration is never left behind."""
    _run(file, "CREATE VIEW survey_answer AS SELECT 1")
    with pytest.raises(sqlite3.OperationalError, match="survey_answer already exists"):
        schema.upgrade(url)
    assert [name for _, name, _ in _shape(file)] == ["survey_answer"]


def test_a_database_without_tables_is_not_made_unasked(url):
    """Only who says so gets new tables; everybody else is told how."""
    with pytest.raises(UsageError, match=r"no tables yet; run 'notifier db upgrade'"):
        SqlStore(url)
    SqlStore(url, create=True).close()
    SqlStore(url).close()


@pytest.mark.parametrize(
    ("revision", "told"),
    [("0000", "written by a newer notifier"), ("9999", r"written by a newer notifier \(its revision is 9999\)")],
)
def test_a_revision_that_is_not_known_is_refused(file, url, revision, told):
    """An older program keeps its hands off what a newer one has written, and does not upgrade it either."""
    schema.upgrade(url)
    _run(file, f"UPDATE alembic_version SET version_num = '{revision}'")
    with pytest.raises(UsageError, match=told):
        SqlStore(url, create=True)
    with pytest.raises(UsageError, match=told):
        schema.upgrade(url)
    assert schema.status(url) == (revision, schema.REVISIONS[-1])


def test_an_older_database_is_refused_until_it_is_upgraded(url, monkeypatch):
    """A newer program says what to do before it works on what an older one has left."""
    schema.upgrade(url)
    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, "9999"))
    with pytest.raises(UsageError, match=r"written by an older notifier; run 'notifier db upgrade'"):
        SqlStore(url, create=True)


def test_the_database_of_another_program_is_left_alone(file, url):
    """Tables that are not ours are not mixed with ours."""
    _run(file, "CREATE TABLE contacts (name TEXT)")
    for act in (schema.upgrade, SqlStore):
        with pytest.raises(UsageError, match="belongs to another program"):
            act(url)
    assert [name for _, name, _ in _shape(file)] == ["contacts"]
