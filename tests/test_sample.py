"""The sample shop: it must be worth looking at at every hour, and never in anybody's way."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier import lock, sample
from notifier.backtest import run as backtest
from notifier.core.catalogue import standard
from notifier.core.contact import canonical_email, canonical_phone
from notifier.errors import Busy, UsageError
from notifier.project import load
from notifier.sample.history import Calendar, events
from notifier.sample.shop import ORDERS, PEOPLE
from notifier.sample.today import _happenings

HOURS = ["2026-11-09T23:05:00Z", "2026-03-29T06:30:00Z", "2026-07-01T21:59:00Z"]


def opened(root: Path, monkeypatch: pytest.MonkeyPatch, now: str) -> tuple[int, str]:
    monkeypatch.setenv("NOTIFIER_NOW", now)
    out = io.StringIO()
    return sample.run(root, once=True, out=out), out.getvalue()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    """The shop as one morning shows it: where, exit code, what was told."""
    root = tmp_path_factory.mktemp("here") / "var" / "sample"
    with pytest.MonkeyPatch.context() as patch:
        return root, *opened(root, patch, "2026-11-10T09:30:00Z")


@pytest.mark.parametrize("now", HOURS[:2])
def test_there_are_late_orders_at_every_hour(now: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Just after midnight and on the day the clocks change: overdue notices, a survey, low stock, exit 0."""
    code, told = opened(tmp_path / "sample", monkeypatch, now)
    assert code == 0
    assert len(re.findall(r"delivery-overdue +order \d+ +->", told)) >= 8
    for sight in ("low-stock", "eta-slipped", "close-the-loop", "survey)", "order 1043", "superseded", "no_address"):
        assert sight in told


def test_everybody_is_told_in_their_own_language(shop: tuple[Path, int, str]) -> None:
    """All the seven languages of the starter are in what was told."""
    assert set(re.findall(r"\((\w\w), (?:e-mail|SMS)", shop[2])) == {"de", "hu", "pl", "ru", "ms", "fa", "en"}


def test_messages_lie_in_the_outbox(shop: tuple[Path, int, str]) -> None:
    """As many messages as are told of are in the Maildir and in the file of SMS."""
    root, _, told = shop
    mails = list((root / "var/outbox/email/new").iterdir())
    texts = (root / "var/outbox/sms.ndjson").read_text("utf-8").splitlines()
    assert f"{len(mails) + len(texts)} messages were sent" in told
    assert {json.loads(line)["to"] for line in texts} <= {person.phone for person in PEOPLE.values()}


def test_its_history_can_be_replayed(shop: tuple[Path, int, str]) -> None:
    """history.ndjson holds events that are all taken, of which every field is known."""
    root, _, _ = shop
    result = backtest(load(root), root / "history.ndjson")
    assert result.rejects == []
    assert result.summary.ignored == {}
    assert result.summary.by_rule["delivery-overdue"]["send"] >= 8
    result._lines.close()


def _survey_links(told: str) -> list[str]:
    """The tokens of links that the sample shows; they must open the same page after another opening."""
    return re.findall(r"/s/(\S+)", told)


def test_a_second_opening_keeps_what_was_edited_and_begins_the_story_anew(
    shop: tuple[Path, int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules stay as they were left; the outbox holds the new story only."""
    root, _, told = shop
    rules = root / "rules" / "stock.yaml"
    rules.write_text(rules.read_text("utf-8").replace("id: low-stock", "id: low-shelf"), "utf-8")
    code, again = opened(root, monkeypatch, "2026-11-10T09:30:00Z")
    assert code == 0
    assert "low-shelf" in again
    assert again.count(" -> ") == told.count(" -> ")
    assert _survey_links(told) == _survey_links(again) != []
    assert len(list((root / "var/outbox/email/new").iterdir())) < told.count(" -> ") + len(ORDERS)


def test_nothing_sent_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every rule a draft the exit code is 1, so that CI notices."""
    root = tmp_path / "sample"
    sample.opening._laid_out(root)
    for file in (root / "rules").glob("*.yaml"):
        live = file.read_text("utf-8").replace("    state: watch\n", "")
        file.write_text(live.replace("    about:", "    state: draft\n    about:"), "utf-8")
    code, told = opened(root, monkeypatch, "2026-11-10T09:30:00Z")
    assert code == 1
    assert "0 messages were sent" in told


def test_nobody_elses_project_is_touched(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is not the sample shop is refused, and stays as it is."""
    (project / "var").mkdir()
    (project / "var" / "notifier.db").write_text("dear", "utf-8")
    with pytest.raises(UsageError, match="is not the sample shop: name another directory"):
        opened(project, monkeypatch, "2026-11-10T09:30:00Z")
    assert (project / "var" / "notifier.db").read_text("utf-8") == "dear"


def test_a_shop_that_is_open_is_not_opened_twice(shop: tuple[Path, int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process holds it, its files are left alone."""
    root, _, _ = shop
    before = sorted((root / "var").rglob("*"))
    with lock.hold(root), pytest.raises(Busy):
        opened(root, monkeypatch, "2026-11-10T09:30:00Z")
    assert sorted((root / "var").rglob("*")) == before


def test_nobody_in_it_is_real() -> None:
    """Addresses are under example.com and example.org, numbers are reserved ones, and all of them can be written to."""
    for person in PEOPLE.values():
        if person.email:
            assert re.fullmatch(r"\w+@example\.(com|org)", person.email)
            assert canonical_email(person.email)
        if person.phone:
            assert re.fullmatch(r"\+1\d{3}55501\d\d", person.phone)
            assert canonical_phone(person.phone, None)


def test_the_story_tells_no_event_before_it_happens() -> None:
    """Up to any instant of the day, all events lie before it, in order, each with a name of its own."""
    for now in map(datetime.fromisoformat, HOURS):
        told = events(Calendar.of(now, UTC), now)
        times = [one["time"] for one in told]
        assert times == sorted(times)
        assert datetime.fromisoformat(times[-1]) <= now
        assert len({(one["source"], one["id"]) for one in told}) == len(told) > 100


def test_today_speaks_of_what_there_is() -> None:
    """The events of the first minute are of known types, about orders that are still open."""
    for one in _happenings(Calendar.of(datetime(2026, 11, 10, tzinfo=UTC), UTC)):
        assert one.type in standard().events
        order = one.data.get("order_id") or one.data.get("id")
        assert order is None or "delivered" not in {n.what for o in ORDERS if o.number == order for n in o.news}


def test_the_shop_stays_open_until_it_is_closed(tmp_path: Path) -> None:
    """Without --once the daemon answers at its door, takes the day's events, and Ctrl-C ends it with exit code 0."""
    script = "import sys; from pathlib import Path; from notifier import sample; "
    script += "sys.exit(sample.run(Path(sys.argv[1]), once=False, out=sys.stdout))"
    command = [sys.executable, "-c", script, str(tmp_path / "sample")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line)
            if "order 1050     -> Anna" in line:
                process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, "".join(told)
    assert any("The shop is open: it takes events at http://127.0.0.1:" in line for line in told)
    assert any("order-shipped    order 1050     -> Anna" in line for line in told)
    assert "on the clock of Europe/Warsaw:" in told[0]
    assert not any(" INFO " in line for line in told)
