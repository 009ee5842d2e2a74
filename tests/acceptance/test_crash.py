"""Processes that are killed at work, as `kill -9`, a power cut or a full memory do it, and what they leave behind."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from notifier.engine import Engine
from notifier.project import load
from notifier.store.sql import open_store

from .conftest import NOW, envelope

#: When what nobody knows of has waited long enough for word.
LATER = "2026-03-14T19:00:00Z"
RULE = """
version: 1
rules:
  - {id: shipped, about: order, trigger: {event: order.shipped}, send: {template: order_shipped}}
"""
OUTBOXES = "shop: {name: Example Shop}\n"
CONSOLE = """
shop: {name: Example Shop}
providers: {screen: {type: console}}
channels: {email: {providers: [screen]}, sms: {providers: [screen]}}
"""


def to_be_told(count: int) -> list[dict[str, str]]:
    """So many customers with an address, and as many with a telephone."""
    by_email = [{"id": f"e{n}", "email": f"{n}@example.com"} for n in range(count)]
    by_sms = [{"id": f"s{n}", "phone": f"+1202555{n:04}", "country": "US"} for n in range(100, 100 + count)]
    return [one for pair in zip(by_email, by_sms, strict=True) for one in pair]


class Shop:
    """A project with messages due, and processes at work on it."""

    def __init__(self, root: Path, configuration: str, customers: list[dict[str, str]]) -> None:
        self.root = root
        self.screen = root / "screen.txt"
        for file in (root / "rules").glob("*.yaml"):
            file.unlink()
        for folder in (root / "templates").iterdir():
            if folder.name not in ("layout", "order_shipped"):
                shutil.rmtree(folder)
        (root / "rules" / "only.yaml").write_text(RULE, encoding="utf-8")
        (root / "config" / "notifier.yaml").write_text(configuration, encoding="utf-8")
        events = [envelope(one["id"], "order.shipped", NOW, {"id": one["id"], "customer": one}) for one in customers]
        with self.opened() as engine:
            engine.ingest(events)

    def opened(self) -> Engine:
        store = open_store("sqlite:///var/notifier.db", self.root, create=True)
        return Engine(load(self.root), store, lambda: datetime.fromisoformat(NOW), providers={})

    def tick(self, now: str = NOW, *, killed_after: int | None = None) -> None:
        """One pass; it may be killed as soon as so many messages have left altogether."""
        with self.screen.open("ab") as screen:
            command = [sys.executable, "-m", "notifier", "tick"]
            environ = {**os.environ, "NOTIFIER_NOW": now}
            process = subprocess.Popen(command, cwd=self.root, stdout=screen, env=environ)
        while process.poll() is None:
            if killed_after is not None and self._progress() >= killed_after:
                process.kill()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.002)
        assert process.returncode == (0 if killed_after is None else -signal.SIGKILL)

    def _progress(self) -> int:
        new, sms = self.root / "var/outbox/email/new", self.root / "var/outbox/sms.ndjson"
        lines = sms.read_bytes().count(b"\n") if sms.exists() else 0
        return lines + sum(1 for _ in new.glob("*")) + self.screen.read_bytes().count(b"Id: ")

    def told(self) -> Counter[str]:
        """Who was told, and how often."""
        outbox = self.root / "var" / "outbox"
        letters = [one.read_text() for one in (outbox / "email" / "new").glob("*")]
        by_email = [re.search(r"^To: (.*)$", letter, re.MULTILINE)[1] for letter in letters]
        sms = outbox / "sms.ndjson"
        by_sms = [json.loads(line)["to"] for line in sms.read_bytes().splitlines()] if sms.exists() else []
        return Counter([*by_email, *by_sms, *re.findall(r"─ \w+ to (\S+) ─", self.screen.read_text("utf-8"))])

    def taken(self) -> int:
        """How many events are there for good."""
        store = open_store("sqlite:///var/notifier.db", self.root, create=True)
        with closing(store), store.read() as unit:
            return unit.counts()["events"]

    def states(self) -> Counter[str]:
        with self.opened() as engine, engine.store.read() as unit:
            return Counter(one.state for one in unit.find_messages(limit=10_000))


def test_outboxes_hold_each_message_exactly_once(few_languages):
    """Killed again and again while it sends: nothing is lost, nothing is there twice, and no lease is waited for."""
    customers = to_be_told(300)
    shop = Shop(few_languages, OUTBOXES, customers)
    for point in sorted(random.Random(1043).sample(range(1, 400), 3)):
        shop.tick(killed_after=point)
    shop.tick()
    assert shop.told() == Counter(one.get("email") or one["phone"] for one in customers)
    assert shop.states() == {"accepted": 600}


def test_elsewhere_only_what_was_in_flight_is_in_doubt(few_languages):
    """Where a provider cannot tell a copy, each death costs one message in flight at most: a second e-mail, or one SMS."""
    customers, kills = to_be_told(40), 2
    shop = Shop(few_languages, CONSOLE, customers)
    for point in sorted(random.Random(1043).sample(range(1, 30), kills)):
        shop.tick(killed_after=point)
    shop.tick()
    shop.tick(LATER)
    told, states = shop.told(), shop.states()
    assert states["accepted"] + states["abandoned"] == len(customers)
    assert states["abandoned"] <= kills
    assert {one["email"] for one in customers if "email" in one} <= set(told)
    assert len({one["phone"] for one in customers if "phone" in one} - set(told)) <= states["abandoned"]
    assert sum(count - 1 for count in told.values()) <= kills
    assert max(told.values()) <= 2


def test_a_file_that_was_half_taken_is_taken_again(few_languages):
    """What was committed before the death counts once, what was not is taken now: no event lost, none twice."""
    customers = to_be_told(150)
    shop = Shop(few_languages, OUTBOXES, [])
    lines = [
        json.dumps(envelope(one["id"], "order.shipped", NOW, {"id": one["id"], "customer": one})).encode() + b"\n"
        for one in customers
    ]
    command = [sys.executable, "-m", "notifier", "ingest", "-"]
    process = subprocess.Popen(
        command,
        cwd=few_languages,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "NOTIFIER_NOW": NOW},
    )
    process.stdin.writelines(lines[:250])
    process.stdin.flush()
    while not shop.taken():
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.01)
    process.kill()
    process.communicate()
    before = shop.taken()
    with shop.opened() as engine:
        statuses = Counter(one.status for one in engine.ingest(lines))
    assert 0 < before < len(customers)
    assert statuses == {"duplicate": before, "accepted": len(customers) - before}
    assert shop.states() == {"pending": len(customers)}
