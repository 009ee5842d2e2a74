from __future__ import annotations

import asyncio
import json
import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest

from notifier import daemon, lock
from notifier.config import Web
from notifier.core.local_time import rfc3339
from notifier.daemon.door import listen
from notifier.engine import Engine
from notifier.errors import Busy, Faults, Unreachable, UsageError
from notifier.project import load
from notifier.provider import Accepted
from notifier.store.sql import open_store
from notifier.testing.smtp_server import HANG, SmtpServer

#: Seconds after which a test has failed.
PATIENCE = 60

RULES = """
version: 1
rules:
  - {{id: shipped, about: order, trigger: {{event: order.shipped}}, send: {{template: {template}}}}}
"""


def shipped(name, **customer):
    customer = {"id": f"c-{name}", "email": f"{name}@example.com", **customer}
    return {
        "specversion": "1.0", "id": f"e-{name}", "source": "/shop", "type": "order.shipped",
        "time": rfc3339(datetime.now(UTC)), "data": {"id": name, "number": name, "customer": customer},
    }  # fmt: skip


@pytest.fixture
def project(project):
    """A project with a single rule and no hours or limits, so that the time of day decides nothing."""
    for file in (project / "rules").glob("*.yaml"):
        file.unlink()
    (project / "rules" / "only.yaml").write_text(RULES.format(template="order_shipped"), encoding="utf-8")
    (project / "config" / "notifier.yaml").write_text("shop: {name: Example Shop}\n", encoding="utf-8")
    return project


class Pigeon:
    """A provider that tells when it was given something, and carries it once the gate is open."""

    idempotency = "none"
    max_in_flight = 4

    def __init__(self, name):
        self.name = name
        self.given = queue.Queue()
        self.gate = threading.Event()
        self.gate.set()

    async def send(self, message):
        self.given.put(message)
        await asyncio.to_thread(self.gate.wait, PATIENCE)
        return Accepted(message.id)

    async def close(self):
        """Nothing is left open."""


class Heard(logging.Handler):
    """What the daemon logs, to be waited for."""

    def __init__(self):
        super().__init__()
        self.lines = queue.Queue()

    def emit(self, record):
        self.lines.put(record.getMessage())

    def until(self, text):
        """The lines up to the first that has this text in it."""
        heard = []
        while not heard or text not in heard[-1]:
            heard.append(self.lines.get(timeout=PATIENCE))
        return heard


@pytest.fixture
def heard():
    logger, handler = logging.getLogger("notifier"), Heard()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The calendar of a day, many times faster."""
    monkeypatch.setattr(daemon, "_WAKE", 0.2)
    monkeypatch.setattr(daemon, "_LOOK", 0.2)


@pytest.fixture
def pigeons():
    return {"outbox": Pigeon("outbox"), "texts": Pigeon("texts")}


@contextmanager
def at_work(root, pigeons, roles=daemon.ROLES):
    """A daemon at work, with pigeons for providers, and a client at its door."""
    project = load(root)
    store = open_store(project.config.database, root, create=True)
    with (
        listen("127.0.0.1", 0) as listening,
        Engine(project, store, providers=pigeons) as engine,
        daemon.Daemon(engine, listening, roles, project.config) as running,
        httpx.Client(base_url=running.address, trust_env=False, timeout=PATIENCE) as client,
    ):
        client.engine = engine
        client.running = running
        yield client


def states(engine):
    with engine.store.read() as unit:
        return [one.state for one in unit.find_messages()]


# --- what it does -----------------------------------------------------------------------------------------------------


def test_the_log_counts_what_happens(project, pigeons, heard):
    """A line for each batch of events and for each page of messages: how many, and of nobody the name."""
    with at_work(project, pigeons) as client:
        gone = shipped("gone", email=None)
        sent = shipped("1043")
        client.post("/events", json=[sent, sent, {"id": "x"}, gone])
        lines = heard.until("messages: ")
        assert lines[-2:] == ["events: 2 taken, 1 known before, 1 refused (in quarantine)", "messages: 1 sent"]
        pigeons["outbox"].send = None  # whoever calls it is met by an error
        client.post("/events", json=[shipped("1044"), shipped("1045"), shipped("1046")])
        lines = heard.until("messages: ")
    (trouble,) = [line for line in lines if "provider" in line]
    assert trouble.startswith("provider outbox: TypeError in the provider's code (carriers.py, line ")
    assert lines[-1] == "messages: 3 of unknown fate"
    assert not any("1043" in line or "example.com" in line for line in lines)


def test_an_event_becomes_a_message_at_once(project, pigeons):
    """What comes in by the door leaves by a provider, with nobody asking and no clock striking."""
    with at_work(project, pigeons) as client:
        assert client.post("/events", json=shipped("1043")).status_code == 202
        message = pigeons["outbox"].given.get(timeout=PATIENCE)
    assert (message.to, message.rule) == ("1043@example.com", "shipped")


def test_a_slow_provider_holds_nobody_else_up(project, pigeons):
    """While one provider keeps its calls waiting, messages by another leave."""
    pigeons["outbox"].gate.clear()
    with at_work(project, pigeons) as client:
        client.post("/events", json=shipped("slow"))
        pigeons["outbox"].given.get(timeout=PATIENCE)
        client.post("/events", json=shipped("quick", phone="+12025550143", preferred_channel="sms", country="US"))
        assert pigeons["texts"].given.get(timeout=PATIENCE).to == "+12025550143"
        pigeons["outbox"].gate.set()


def test_what_another_process_wrote_is_found(project, pigeons):
    """The calendar looks again and again, for what came into the database by another way."""
    with at_work(project, pigeons) as client:
        store = open_store(client.engine.project.config.database, project)
        with Engine(client.engine.project, store, providers={}) as other:
            other.ingest([shipped("elsewhere")])
        assert pigeons["outbox"].given.get(timeout=PATIENCE).subject_key == "order:elsewhere"


def test_once_ends_when_nothing_is_due(project):
    """`once` does what there is to do, and leaves with 0; the signals are as before."""
    with Engine(load(project), open_store("sqlite:///var/notifier.db", project, create=True)) as engine:
        engine.ingest([shipped("1043"), shipped("1044")])
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    assert daemon.run(project, port=0, once=True) == 0
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)] == before
    assert len(list((project / "var" / "outbox" / "email" / "new").iterdir())) == 2


@pytest.mark.parametrize(("roles", "expected"), [(["engine"], "pending"), (["engine", "dispatch"], "accepted")])
def test_a_part_can_run_alone(project, roles, expected):
    """Without the role `dispatch` nothing is sent; without `web` nothing listens."""
    with Engine(load(project), open_store("sqlite:///var/notifier.db", project, create=True)) as engine:
        engine.ingest([shipped("1043")])
    seen = []
    assert daemon.run(project, port=0, once=True, ready=seen.append, roles=roles) == 0
    assert seen == [""]
    with Engine(load(project), open_store("sqlite:///var/notifier.db", project)) as engine:
        assert states(engine) == [expected]


def test_a_database_that_comes_back(project, pigeons, heard, monkeypatch):
    """Trouble with the database is said once, not once a round; work goes on when it answers again."""

    class Down:
        tried_again = threading.Event()
        rounds = 0

        def begin(self):
            self.rounds += threading.current_thread().name == "engine"
            if self.rounds == 3:
                self.tried_again.set()
            raise Unreachable("notifier.db: the disk is full; make room")

        read = begin

    monkeypatch.setattr("notifier.daemon.worker._FIRST_PAUSE", 0.1)
    with at_work(project, pigeons) as client:
        heard.until("notifier is open")
        whole, client.engine.store = client.engine.store, Down()
        assert client.post("/events", json=shipped("1043")).status_code == 503
        assert client.get("/readyz").status_code == 503
        heard.until("the disk is full; make room; trying again")
        assert Down.tried_again.wait(PATIENCE)
        client.engine.store = whole
        assert not [line for line in heard.until("at work again") if "trying again" in line]
        assert client.post("/events", json=shipped("1043")).status_code == 202
        pigeons["outbox"].given.get(timeout=PATIENCE)


def test_a_database_that_was_deleted(project, pigeons, heard):
    """Nothing is taken that would be lost: senders are told to come back, the log says it once, a new start goes on."""
    with at_work(project, pigeons) as client:
        heard.until("notifier is open")
        for name in ("notifier.db", "notifier.db-wal", "notifier.db-shm"):
            (project / "var" / name).unlink()
        assert client.post("/events", json=shipped("1043")).status_code == 503
        assert client.get("/readyz").status_code == 503
        assert "the database was deleted or replaced while it was in use" in heard.until("trying again")[-1]
    with at_work(project, pigeons) as client:
        assert client.post("/events", json=shipped("1043")).status_code == 202
        pigeons["outbox"].given.get(timeout=PATIENCE)


def test_a_fault_in_one_round_is_not_the_end(project, pigeons, heard, monkeypatch):
    """A fault of ours is logged, and the next round is made."""
    with at_work(project, pigeons) as client:
        heard.until("notifier is open")
        with monkeypatch.context() as broken:
            broken.setattr(client.engine, "fire", lambda: 1 // 0)
            client.running._wake()
            heard.until("a round failed")
        heard.until("at work again")
        client.post("/events", json=shipped("1043"))
        pigeons["outbox"].given.get(timeout=PATIENCE)


# --- reloading --------------------------------------------------------------------------------------------------------


def test_a_changed_rule_takes_effect(project, pigeons, heard):
    """An edited file is noticed, and what comes after it goes by the new rule."""
    with at_work(project, pigeons) as client:
        heard.until("notifier is open")
        (project / "rules" / "only.yaml").write_text(RULES.format(template="delivery_late"), encoding="utf-8")
        heard.until("rules in force: 1")
        client.post("/events", json=shipped("1043"))
        pigeons["outbox"].given.get(timeout=PATIENCE)
        with client.engine.store.read() as unit:
            assert [one.template for one in unit.find_messages()] == ["delivery_late"]


def test_a_broken_rule_never_takes_effect(project, pigeons, heard):
    """A file with faults is named with line and column; the old rules go on, and the process is not ready until it is mended."""
    file = project / "rules" / "only.yaml"
    good = file.read_text(encoding="utf-8")
    with at_work(project, pigeons) as client:
        heard.until("notifier is open")
        file.write_text(good.replace("order.shipped", "order.shiped"), encoding="utf-8")
        heard.until("not reloaded")
        assert "rules/only.yaml:4:" in heard.until("did you mean")[-1]
        answer = client.get("/readyz")
        assert (answer.status_code, answer.text) == (
            503,
            "the project's files have faults; the rules in force are older\n",
        )
        client.post("/events", json=shipped("1043"))
        assert pigeons["outbox"].given.get(timeout=PATIENCE).rule == "shipped"
        file.write_text(good, encoding="utf-8")
        heard.until("rules in force: 1")
        assert client.get("/readyz").status_code == 200


def test_a_configuration_that_is_gone_is_no_configuration(project, pigeons, heard):
    """A file that was deleted leaves what it said in force, loudly; an empty one is meant as it stands."""
    file = project / "config" / "notifier.yaml"
    file.write_text("shop: {name: Other Shop}\n", encoding="utf-8")
    with at_work(project, pigeons) as client:
        heard.until("notifier is open")
        file.unlink()
        heard.until("not reloaded; what was in force stays so")
        assert heard.until("is gone")[-1].startswith("config/notifier.yaml is gone; put it back")
        assert client.get("/readyz").status_code == 503
        assert client.engine.project.config.shop.name == "Other Shop"
        file.write_text("", encoding="utf-8")
        heard.until("rules in force: 1")
        assert client.get("/readyz").status_code == 200
        assert client.engine.project.config.shop.name == "Example Shop"


def test_what_needs_a_restart_is_said(project, pigeons, heard):
    """The database, the server and the providers stay as they are until the next start, and the log says so."""
    with at_work(project, pigeons) as client:
        heard.until("notifier is open")
        text = "shop: {name: Other Shop}\nweb: {port: 9000}\nproviders: {other: {type: maildir, path: var/x}}\n"
        (project / "config" / "notifier.yaml").write_text(text, encoding="utf-8")
        said = heard.until("rules in force")
        assert [line for line in said if "started again" in line] == [
            f"changes of '{name}' take effect when notifier is started again" for name in ("web", "providers")
        ]
        assert client.engine.project.config.shop.name == "Other Shop"
        client.post("/events", json=shipped("1043"))
        assert pigeons["outbox"].given.get(timeout=PATIENCE).id
        assert client.engine.project.config.web.port != 9000


# --- starting ---------------------------------------------------------------------------------------------------------


def test_only_one_at_a_time(project, pigeons):
    """A second one is refused at once and in words, and so is everything else that takes the lock."""
    with lock.hold(project), pytest.raises(Busy, match="another notifier is at work on this project"):
        daemon.run(project, port=0, once=True)
    assert daemon.run(project, port=0, once=True) == 0


def test_it_lives_in_real_time(project, monkeypatch):
    """With NOTIFIER_NOW set it refuses to start."""
    monkeypatch.setenv("NOTIFIER_NOW", "2026-03-13T22:00:00Z")
    with pytest.raises(UsageError, match="NOTIFIER_NOW is set"):
        daemon.run(project, port=0, once=True)


def test_it_does_not_start_on_faults(project):
    """A broken project is no project to start with."""
    (project / "rules" / "only.yaml").write_text("rules: [\n", encoding="utf-8")
    with pytest.raises(Faults):
        daemon.run(project, port=0, once=True)


def test_an_unknown_role_is_refused(project):
    """A role that there is not is named, with those that there are."""
    with pytest.raises(UsageError, match="no role 'mail'; roles: web, engine, dispatch"):
        daemon.run(project, port=0, once=True, roles=["web", "mail"])


def test_a_port_in_use_is_said(project):
    """Where somebody else listens the port is named, and what to set."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            UsageError, match=rf"127\.0\.0\.1:{port} cannot be listened on \(.+\); set web.host and web.port"
        ):
            daemon.run(project, port=port, once=True)


def test_answers_leave_at_once():
    """Connections that are taken send what they have, however short, without waiting for more."""
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        taken, _ = listening.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_links_lead_where_it_listens(project):
    """With a port of its own, links lead to that port; with a public address, there."""
    with daemon.opened(project, port=0) as one:
        assert one._engine.project.config.web.public_base_url == one.address
    config = project / "config" / "notifier.yaml"
    config.write_text("web: {public_base_url: https://notify.shop.example}\n", encoding="utf-8")
    with daemon.opened(project, port=0) as one:
        assert one._engine.project.config.web.public_base_url == "https://notify.shop.example"


def test_the_address_of_every_interface_can_be_opened():
    """`0.0.0.0` is where it listens, and nowhere that one could go to."""
    assert Web(host="0.0.0.0", port=8025).public_base_url == "http://127.0.0.1:8025"


# --- stopping ---------------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
from pathlib import Path
from notifier import daemon
exec(sys.argv[2])
sys.exit(daemon.run(Path(sys.argv[1]), port=0, ready=lambda address: print(address, flush=True)))
"""


@contextmanager
def process(project, before="", **environment):
    """The daemon in a process of its own, and its address; `before` is done in that process first."""
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(project), before]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    ) as running:
        try:
            yield running, running.stdout.readline().strip()
        finally:
            running.kill()


def post(address, event):
    return httpx.post(f"{address}/events", json=event, trust_env=False, timeout=PATIENCE).status_code


def hanging(project, server):
    """The project, with a mail server that takes the message and says nothing."""
    server.answer("message", HANG)
    text = f"providers: {{mail: {{type: smtp, host: 127.0.0.1, port: {server.port}, security: none}}}}\n"
    (project / "config" / "notifier.yaml").write_text(text, encoding="utf-8")
    return project


def posting(project):
    """The id of the one message, of which nobody knows whether it was sent."""
    with Engine(load(project), open_store("sqlite:///var/notifier.db", project)) as engine, engine.store.read() as unit:
        (message,) = unit.find_messages()
    assert message.state == "posting"
    return message.id


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(project, number):
    """SIGTERM or Ctrl-C: what was taken is kept, what is under way is finished, and the exit code is 0."""
    with process(project) as (running, address):
        assert [post(address, shipped(f"o{n}")) for n in range(20)] == [202] * 20
        running.send_signal(number)
        _, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0
    assert "stopped" in errors
    assert "Traceback" not in errors
    with Engine(load(project), open_store("sqlite:///var/notifier.db", project)) as engine:
        left = states(engine)
    assert len(left) == 20
    assert set(left) <= {"pending", "accepted"}


def test_calls_in_flight_are_finished_and_settled(project, pigeons, heard, monkeypatch):
    """A call that is under way when it is told to stop comes back, and its message is settled."""
    monkeypatch.setattr("notifier.daemon.worker._SLOW", 0.05)
    pigeons["outbox"].gate.clear()
    with at_work(project, pigeons) as client:
        client.post("/events", json=shipped("1043"))
        pigeons["outbox"].given.get(timeout=PATIENCE)
        client.running.stop()
        closing = threading.Thread(target=client.running.close)
        closing.start()
        heard.until("stopping")
        assert client.post("/events", json=shipped("1044")).status_code == 503
        assert states(client.engine) == ["posting"]
        closing.join(0.5)
        assert closing.is_alive()
        pigeons["outbox"].gate.set()
        closing.join(PATIENCE)
        assert states(client.engine) == ["accepted"]
        assert client.running.finished


def test_calls_that_do_not_come_back_are_given_up(project):
    """Whoever hangs has a while; then it ends all the same, with 0, and says what may or may not have been sent."""
    with SmtpServer() as server, process(hanging(project, server), "daemon._PATIENCE = 0.2") as (running, address):
        assert post(address, shipped("1043")) == 202
        assert server.stalled.wait(PATIENCE)
        running.terminate()
        _, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0
    assert f"not all calls came back; being sent: {posting(project)}" in errors


def test_a_second_signal_ends_it_at_once(project):
    """Whoever cannot wait learns which messages may or may not have been sent."""
    with SmtpServer() as server, process(hanging(project, server)) as (running, address):
        assert post(address, shipped("1043")) == 202
        assert server.stalled.wait(PATIENCE)
        running.terminate()
        for line in running.stderr:
            if "stopping" in line:
                break
        running.terminate()
        _, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 128 + signal.SIGTERM
    assert f"stopped at once; being sent: {posting(project)}" in errors


def test_a_hangup_reads_the_project_again(project):
    """SIGHUP reloads at once; with NOTIFIER_LOG=json each line is one object, and names no address and no token."""
    with process(project, NOTIFIER_LOG="json") as (running, address):
        post(address, shipped("1043"))
        httpx.get(f"{address}/s/1.secret", trust_env=False)
        running.send_signal(signal.SIGHUP)
        lines = []
        for line in running.stderr:
            lines.append(json.loads(line))
            if sum("rules in force" in one["text"] for one in lines) == 2:
                break
        running.terminate()
        _, errors = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0
    lines += map(json.loads, errors.splitlines())
    assert {tuple(line) for line in lines} == {("at", "level", "logger", "text")}
    assert "example.com" not in str(lines)
    assert "secret" not in str(lines)


def test_systemd_is_told(project, tmp_path, monkeypatch):
    """Where systemd asked, it hears when the daemon is ready and when it stops."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert daemon.run(project, port=0, once=True) == 0
        assert [listening.recv(100) for _ in range(2)] == [b"READY=1", b"STOPPING=1"]
