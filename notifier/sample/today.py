"""The sample shop while it is open: the daemon, and a few things that happen in the first minute."""

from __future__ import annotations

import logging
import threading
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import orjson

from notifier import daemon
from notifier.daemon.door import listen, located_at
from notifier.errors import UsageError
from notifier.project import Project
from notifier.sample.account import Account
from notifier.sample.history import CARRIER, SHOP, WAREHOUSE, Calendar, Envelope, envelope
from notifier.store import Store
from notifier.store.sql import open_store
from notifier.writing import thaw

__all__ = ["at_a_free_door", "keep_open"]

#: Seconds between looks at what has been sent.
_LOOK = 0.5
#: Seconds in which a daemon that no longer answers is taken for one that is being stopped.
_PATIENCE = 25


def at_a_free_door(project: Project) -> Project:
    """The project at its own port or, where another program has that, at a free one: links lead to where it will be."""
    web = project.config.web
    try:
        listening = listen(web.host, web.port)
    except UsageError:
        listening = listen(web.host, 0)
    with listening:
        found = located_at(project, listening)
        here = found.config.web.model_copy(update={"port": listening.getsockname()[1]})
        return replace(found, config=found.config.model_copy(update={"web": here}))


def keep_open(root: Path, project: Project, out: TextIO) -> int:
    """Run the daemon until Ctrl-C; meanwhile post the day's events to its door and tell what they bring."""
    over = threading.Event()

    def opened(address: str) -> None:
        out.write(f"\nThe shop is open: it takes events at {address}/events. Ctrl-C closes it.\n")
        out.flush()
        threading.Thread(target=_day, args=(root, project, address, out, over), name="day", daemon=True).start()

    try:
        return daemon.run(root, port=project.config.web.port, ready=opened, level=logging.WARNING)
    finally:
        over.set()


def _day(root: Path, project: Project, address: str, out: TextIO, over: threading.Event) -> None:
    account = Account(out, project.zone, counting=False)
    store = open_store(project.config.database, root)
    try:
        told = _news_of(store, account, set(), tell=False)
        for number, one in enumerate(_happenings(Calendar.of(datetime.now(UTC), project.zone)), 1):
            told = _watch(store, account, told, one.wait, over)
            if over.is_set():
                return
            now = datetime.now(UTC)
            account.happened(now, one.what)
            _post(project, address, envelope(one.source, f"today-{number}", one.type, now, one.data))
        told = _watch(store, account, told, 10, over)
        if not over.is_set():
            out.write(
                "\nThat was all for today. The daemon goes on, and 'Look here' above says where to look; Ctrl-C closes the shop.\n"
            )
            out.flush()
        while not over.is_set():
            told = _watch(store, account, told, 60, over)
    except OSError as error:
        if over.wait(_PATIENCE):
            return
        out.write(f"\nThe shop cannot reach the daemon any more: {error}\n")
    finally:
        store.close()


class _Happening(NamedTuple):
    #: Seconds after the one before.
    wait: int
    what: str
    source: str
    type: str
    data: dict[str, Any]


def _happenings(calendar: Calendar) -> tuple[_Happening, ...]:
    boots = {"id": "1050", "carrier": "DHL", "tracking_number": "ZX1050", "eta": calendar.day(2)}
    slipped = {"id": "ZX1048", "order_id": "1048", "tracking_number": "ZX1048", "eta": calendar.day(3)}
    tents = {"sku": "TENT-2", "location": "main", "available": 2, "reorder_point": 3}
    flask = {"id": "1051", "carrier": "EMS", "tracking_number": "ZX1051", "eta": calendar.day(7)}
    return (
        _Happening(3, "order 1050 is handed to the carrier", SHOP, "order.shipped", boots),
        _Happening(10, "the carrier expects order 1048 two days later", CARRIER, "shipment.eta_changed", slipped),
        _Happening(12, "two tents are left on the shelf", WAREHOUSE, "stock.changed", tents),
        _Happening(12, "order 1042, long late, arrives: in two days it will be asked how that was",
                   SHOP, "order.delivered", {"id": "1042"}),
        _Happening(12, "order 1051 is handed to the carrier", SHOP, "order.shipped", flask),
    )  # fmt: skip


def _watch(store: Store, account: Account, told: set[bytes], seconds: float, over: threading.Event) -> set[bytes]:
    """Tell of what is sent in the next seconds."""
    for _ in range(int(seconds / _LOOK)):
        if over.wait(_LOOK):
            break
        told = _news_of(store, account, told)
    return told


def _news_of(store: Store, account: Account, told: set[bytes], *, tell: bool = True) -> set[bytes]:
    """Tell of the messages that left and are not in `told`; all that were told of now."""
    with store.read() as unit:
        sent = [one.key for one in unit.find_messages(states=["accepted"], limit=500)]
        new = [key for key in reversed(sent) if key not in told]
        bodies = unit.bodies(new) if tell else {}
    for key in new:
        if key in bodies:
            account.sent(thaw(bodies[key]))
    return told.union(new)


def _post(project: Project, address: str, event: Envelope) -> None:
    token = project.config.web.events_token
    headers = {"Content-Type": "application/cloudevents+json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token.get_secret_value()}"
    request = urllib.request.Request(f"{address}/events", orjson.dumps(event), headers)  # noqa: S310 - our own door
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own door
        answer.read()
