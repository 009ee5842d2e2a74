from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Delete, Select, Update

from notifier.errors import Unreachable, UsageError
from notifier.store import queries
from notifier.store.dialect import DIALECTS, Add, Lookup, Statement, located
from notifier.store.sql import SqlStore, open_store
from notifier.testing.store_samples import NOON, digest, order, outgoing, telling

QUERIES = {name: one for name, one in vars(queries).items() if isinstance(one, (Add, Lookup, Select, Update, Delete))}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'notifier.db'}"


@pytest.fixture
def store(url):
    store = SqlStore(url, create=True)
    yield store
    store.close()


def _count_up(store, times):
    for _ in range(times):
        with store.begin() as unit:
            unit.set_note("counter", str(int(unit.note("counter") or 0) + 1))


def test_threads_lose_no_update(store):
    """What one thread read cannot be changed by another before the first has written."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(_count_up, [store] * 4, [50] * 4))
    with store.read() as unit:
        assert unit.note("counter") == "200"


def test_processes_lose_no_update(store, url):
    """Two connections to one file take turns as well: a writer locks before it reads."""
    other = SqlStore(url)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_count_up, [store, other], [50] * 2))
    other.close()
    with store.read() as unit:
        assert unit.note("counter") == "100"


def test_what_another_process_wrote_is_seen(store, url):
    """A subject that is kept at hand is read again once anybody else has written."""
    with store.begin() as unit:
        unit.save([order("1", total=1)])
    other = SqlStore(url)
    with other.begin() as unit:
        unit.save([order("1", total=2)])
    other.close()
    with store.begin() as unit:
        assert unit.load(["order:1"])["order:1"].facts["order.total"] == 2


def test_what_was_rolled_back_is_not_kept_at_hand(store):
    """A subject that was saved in vain is not what the next unit loads."""
    with pytest.raises(ZeroDivisionError), store.begin() as unit:
        unit.save([order("1", total=1)])
        raise ZeroDivisionError
    with store.begin() as unit:
        assert not unit.load(["order:1"])["order:1"].known


def test_a_reader_sees_one_moment(store):
    """A reader is not disturbed by a writer beside it, nor the writer by a reader."""
    with store.read() as reader:
        assert reader.note("rulebook") == ""
        with store.begin() as unit:
            unit.set_note("rulebook", "a1b2")
        assert reader.note("rulebook") == ""
    with store.read() as reader:
        assert reader.note("rulebook") == "a1b2"


def test_a_reader_cannot_write(store):
    """A slip that writes where it should only read is refused."""
    with pytest.raises(Unreachable), store.read() as unit:
        unit.set_note("rulebook", "a1b2")


def test_it_is_all_there_after_a_restart(store, url):
    """What was committed is on the disk: another connection, opened later, finds it."""
    with store.begin() as unit:
        unit.append([telling("1")])
        unit.save([order("1", due=NOON, total=1)])
        unit.enqueue([outgoing("1", tried=("email",))])
    store.close()
    again = SqlStore(url)
    with again.read() as unit:
        assert unit.load(["order:1"]) == {"order:1": order("1", due=NOON, total=1)}
        assert unit.messages([digest("1")])[digest("1")].tried == ("email",)
        assert unit.newness([telling("1")]) == ["duplicate"]
    again.close()


def test_the_number_of_a_deleted_message_does_not_come_back(store, url):
    """Numbers stand in links: the next message must not answer to an old one's."""
    with store.begin() as unit:
        unit.enqueue([outgoing("1"), outgoing("2")])
    with sqlite3.connect(url.removeprefix("sqlite:///")) as other:
        other.execute("DELETE FROM message")
    other.close()
    with store.begin() as unit:
        unit.enqueue([outgoing("3")])
        assert unit.messages([digest("3")])[digest("3")].number == 3


# what goes wrong outside ----------------------------------------------------------------------------------------------


def test_a_full_disk_is_said_and_got_over(store):
    """The unit fails with one clear line, nothing of it stays, and with room again the same store goes on."""
    pages = store._writer
    pages.say("PRAGMA page_count")
    pages.say(f"PRAGMA max_page_count = {pages._cursor.fetchone()[0] + 1}")
    with pytest.raises(Unreachable, match=r"notifier\.db: the disk is full"), store.begin() as unit:
        unit.append([telling("1")])
        unit.keep_bodies([(digest(number), str(number).encode() * 999) for number in range(99_000)])
    pages.say("PRAGMA max_page_count = 1000000")
    with store.begin() as unit:
        assert unit.newness([telling("1")]) == ["new"]
        unit.append([telling("1")])


def test_a_database_in_use_is_said_and_got_over(store, url):
    """Another process that does not let go is a clear line, and no reason to start anew."""
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store._writer.say("PRAGMA busy_timeout = 1")
    with pytest.raises(Unreachable, match="locked by another process"), store.begin():
        pass
    other.execute("ROLLBACK")
    other.close()
    _count_up(store, 1)


def test_a_file_that_is_no_database(tmp_path, url):
    """A file of another kind is named, and left as it is."""
    Path(tmp_path / "notifier.db").write_text("Dear diary, " * 99, "utf-8")
    with pytest.raises(Unreachable, match=r"notifier\.db: the file is not a SQLite database"):
        SqlStore(url, create=True)
    assert Path(tmp_path / "notifier.db").read_text("utf-8").startswith("Dear diary")


def test_a_database_that_may_only_be_read(store, url):
    """It can be looked at, and a write says what is the matter."""
    path = url.removeprefix("sqlite:///")
    readable = SqlStore(f"sqlite:///file:{path}?mode=ro&uri=true")
    with readable.read() as unit:
        assert unit.counts()["events"] == 0
    with pytest.raises(Unreachable, match="cannot be written to"), readable.begin() as unit:
        unit.set_note("rulebook", "a1b2")
    readable.close()


@pytest.mark.parametrize("name", ["notifier.db", "notifier.db-wal", "notifier.db-shm"])
def test_the_file_that_stands_in_the_way_is_named(store, tmp_path, monkeypatch, name):
    """Root may have left a log behind that we may not write to; once it is ours, the same store goes on."""
    monkeypatch.setattr(os, "access", lambda path, _: str(path) != str(tmp_path / name))
    store._writer.say("PRAGMA query_only = ON")  # as on a connection that was opened while it could not write
    with pytest.raises(Unreachable, match=f"/{name} may not be written to by this user; change its owner"):
        _count_up(store, 1)
    _count_up(store, 1)


@pytest.mark.parametrize("put_in_its_place", [None, "another"])
def test_a_file_that_is_no_longer_there(store, url, tmp_path, put_in_its_place):
    """What is written to a deleted file would be lost with the process: it is refused, and so is reading."""
    _count_up(store, 1)
    file = tmp_path / "notifier.db"
    file.rename(tmp_path / "aside.db")
    if put_in_its_place:
        SqlStore(url, create=True).close()
    for ask in (store.begin, store.read):
        with pytest.raises(Unreachable, match="was deleted or replaced while it was in use"), ask():
            pass


def test_a_file_that_goes_while_it_is_written_to(store, tmp_path):
    """What was committed to a file that nobody will find again is not called done."""
    with pytest.raises(Unreachable, match="was deleted or replaced"), store.begin() as unit:
        unit.set_note("rulebook", "a1b2")
        (tmp_path / "notifier.db").unlink()


def test_a_directory_that_cannot_be_made(tmp_path):
    """A path that leads through a file is an answer, not a traceback."""
    (tmp_path / "var").write_text("", "utf-8")
    with pytest.raises(Unreachable, match="cannot be made"):
        open_store("sqlite:///var/notifier.db", tmp_path, create=True)


def test_a_directory_in_the_place_of_the_file(tmp_path):
    """What cannot be opened is named, with what to look at."""
    (tmp_path / "notifier.db").mkdir()
    with pytest.raises(Unreachable, match=r"notifier\.db: it cannot be opened"):
        open_store("sqlite:///notifier.db", tmp_path, create=True)


# where it is ----------------------------------------------------------------------------------------------------------


def test_a_relative_path_is_the_projects(tmp_path):
    """The database lies in the project, from wherever the command was called; its directory is made."""
    open_store("sqlite:///var/deep/notifier.db", tmp_path, create=True).close()
    assert (tmp_path / "var" / "deep" / "notifier.db").exists()
    open_store(f"sqlite:///{tmp_path / 'var' / 'deep' / 'notifier.db'}", tmp_path / "elsewhere").close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/shop", "var/notifier.db", ""])
def test_what_is_no_place_for_a_database(url, tmp_path):
    """A setting that cannot work is refused with one that can."""
    with pytest.raises(UsageError, match=r"write sqlite:///var/notifier\.db"):
        located(url, tmp_path)


# the statements -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A store that is only asked how it would answer."""
    store = SqlStore(f"sqlite:///{tmp_path_factory.mktemp('planned') / 'notifier.db'}", create=True)
    yield store
    store.close()


def _worded(query, dialect=DIALECTS["sqlite"]):
    if isinstance(query, Lookup):
        query = query.worded(3)
    return Statement(query.worded(dialect) if isinstance(query, Add) else query, dialect)


def _plan(store, query):
    statement = _worded(query)
    store._writer.say(f"EXPLAIN QUERY PLAN {statement.text}", [0] * len(statement.names))
    return " / ".join(row[-1] for row in store._writer._cursor.fetchall())


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("name", QUERIES)
def test_every_statement_suits_both_databases(name, dialect):
    """Each compiles for SQLite and PostgreSQL alike, with as many places as parameters."""
    statement = _worded(QUERIES[name], dialect)
    assert statement.text.count("?" if dialect.name == "sqlite" else "%s") == len(statement.names)


@pytest.mark.parametrize("name", [name for name, query in QUERIES.items() if not isinstance(query, Add)])
def test_no_query_reads_a_whole_table(name, planned):
    """Each is served by an index, in order, so that a year of messages is no slower than a day of them.

    But for what only people ask, and whose index every event would pay for.
    """
    plan = _plan(planned, QUERIES[name])
    assert "TEMP B-TREE" not in plan or name == "HELD_FOR"
    assert "SCAN" not in plan or name in {"DROPPED", "MUTES", "RULES_TEXTS", "STATES", "SUBJECTS_OF"}


@pytest.mark.parametrize(
    ("name", "index"),
    {
        "DUE": "ix_message_waiting",
        "PRIORITY": "ix_message_waiting",
        "FIRST_WAITING": "ix_message_waiting",
        "WAKE": "ix_message_state",
        "EXPIRED": "ix_message_in_hand",
        "UNKNOWN_MESSAGES": "ix_message_unknown",
        "FIRST_UNKNOWN": "ix_message_unknown",
        "NEWEST_IN": "ix_message_state",
        "STATES": "ix_message_state",
        "NEWEST_OF_IN": "ix_message_subject_key_number",
        "DUE_SUBJECTS": "ix_subject_next_due_key",
        "FIRST_SUBJECT": "ix_subject_next_due_key",
        "OPEN_SUBJECTS": "ix_subject_open",
    }.items(),
)
def test_what_is_asked_all_the_time_has_an_index_of_its_own(name, index, planned):
    """What is due next is found among what is still to do, however much is done."""
    assert f"INDEX {index} " in _plan(planned, QUERIES[name]) + " "
