"""A rule that suddenly sends far too much: on both stores, from the event to what an operator says."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier import release, rulebook
from notifier.core.policy import Mute
from notifier.project import Project
from notifier.store import Store
from notifier.store.memory import MemoryStore
from notifier.store.record import Outgoing
from notifier.store.sql import open_store

from .conftest import Shop

SHIPPED = """
version: 1
rules:
  - id: shipped
    owner: support
    about: order
    trigger: {event: order.shipped}
    send: {template: order_shipped}
    limit: {once_per: order}
    brake: {hold_all_if_over: 2, in: 1h}
"""


def _under(project: Project, root: Path, rules: str) -> Project:
    (root / "rules").mkdir(exist_ok=True)
    (root / "rules" / "rules.yaml").write_text(rules)
    texts, teams = project.texts.templates, tuple(project.config.teams)
    return replace(project, book=rulebook.load(root, project.catalogue, texts, teams))


@pytest.fixture(scope="module")
def braked_project(small_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return _under(small_project, tmp_path_factory.mktemp("braked"), SHIPPED)


@pytest.fixture
def shop(braked_project: Project, store: Store) -> Shop:
    return Shop(braked_project, store)


def _ship(shop: Shop, *numbers: int) -> None:
    for number in numbers:
        who = {"id": f"c{number}", "email": f"c{number}@example.com", "locale": "en"}
        shop.tell("order.placed", id=str(number), customer=who)
        shop.tell("order.shipped", id=str(number))


def _of(shop: Shop, rule: str = "shipped") -> list[tuple[str, str]]:
    """State and reason of the rule's messages, oldest first."""
    return [(one.state, one.reason) for one in reversed(shop.outgoing()) if one.rule == rule]


SENT, HELD = ("accepted", ""), ("held", "brake")


def _say(shop: Shop, what: str) -> None:
    with shop.store.begin() as unit:
        messages = release.held(unit, "shipped")
        (release.approve if what == "approve" else release.discard)(unit, messages, shop.now)
        release.let_go(unit, "shipped", shop.now, approved=what == "approve")


def test_what_is_too_much_waits_and_the_team_is_told_once(shop: Shop) -> None:
    """Two may go in an hour; the rest waits, however long, and support hears of it once, with how many wait."""
    _ship(shop, 1, 2, 3, 4)
    shop.tick()
    assert _of(shop) == [SENT, SENT, HELD, HELD]
    (told,) = [message for message in shop.email.given if message.category == "staff"]
    assert (told.to, told.subject) == ("support@shop.example", "Held: rule shipped sends too much")
    assert "more than 2 messages in 1h" in told.text
    assert "so far 2 messages wait" in told.text
    assert "notifier outbox approve shipped" in told.text
    shop.tick(hours=9)
    _ship(shop, 5)
    shop.tick()
    assert _of(shop) == [SENT, SENT, HELD, HELD, HELD]
    assert _of(shop, "brake:shipped") == [SENT]


def test_so_many_in_any_stretch_of_that_length(shop: Shop) -> None:
    """What was sent longer ago does not count."""
    for number in range(6):
        _ship(shop, number)
        shop.tick(minutes=30)
    assert _of(shop) == [SENT] * 6


def test_what_is_approved_is_decided_again_and_not_braked_again(shop: Shop) -> None:
    """It goes out if it is still so; what comes then is counted anew."""
    _ship(shop, 1, 2, 3, 4, 5)
    shop.tick(minutes=10)
    shop.tell("order.cancelled", id="4")
    _say(shop, "approve")
    shop.tick()
    assert _of(shop) == [SENT, SENT, SENT, ("dropped", "superseded"), SENT]
    shop.tick(minutes=1)
    _ship(shop, 6, 7)
    shop.tick()
    assert _of(shop)[-2:] == [SENT, SENT]
    _ship(shop, 8)
    shop.tick()
    assert _of(shop)[-1] == HELD
    assert _of(shop, "brake:shipped") == [SENT, SENT]


def test_what_is_discarded_gives_back_its_place(shop: Shop) -> None:
    """It is not sent and says why; its slot is free; while too much has been sent, the next is braked at once."""
    _ship(shop, 1, 2, 3)
    shop.tick(minutes=10)
    _say(shop, "discard")
    assert _of(shop)[-1] == ("dropped", "discarded")
    assert shop.decisions("order:3")[-1] == ("order_shipped", "drop", "discarded")
    shop.tell("order.shipped", id="3")
    shop.tick()
    assert _of(shop)[-1] == HELD
    shop.tick(hours=1)
    _say(shop, "discard")
    shop.tell("order.shipped", id="3")
    shop.tick()
    assert _of(shop)[-1] == SENT


def test_what_waits_too_long_is_dropped(shop: Shop) -> None:
    """Held to the end of its use, it is stale; the brake stays on until somebody has looked."""
    _ship(shop, 1, 2, 3)
    shop.tick(days=2)
    assert _of(shop)[-1] == ("dropped", "stale")
    _ship(shop, 4)
    shop.tick()
    assert _of(shop)[-1] == HELD


def test_a_team_is_not_told_what_is_over(shop: Shop) -> None:
    """What was approved before the team is at work need not be told."""
    _ship(shop, 1, 2, 3)
    _say(shop, "approve")
    shop.tick()
    assert _of(shop) == [SENT] * 3
    assert _of(shop, "brake:shipped") == [("dropped", "condition_false")]


def test_who_hears_of_it(small_project: Project, tmp_path: Path, store: Store) -> None:
    """The owner where it is a team, else the one that the configuration names, else nobody."""
    nobody = _under(small_project, tmp_path, SHIPPED.replace("owner: support", "owner: Eve"))
    shop = Shop(nobody, store)
    _ship(shop, 1, 2, 3)
    shop.tick()
    assert _of(shop) == [SENT, SENT, HELD]
    assert _of(shop, "brake:shipped") == []
    brake = nobody.config.brake.model_copy(update={"tell": "support"})
    told = replace(nobody, config=nobody.config.model_copy(update={"brake": brake}))
    assert told.hears_of(told.book.by_id["shipped"]) == "support"


def test_a_failed_message_that_is_tried_again_meets_the_brake(shop: Shop, store: Store) -> None:
    """Another try is a first look: where the rule is braked, it waits with the others."""
    from notifier.another_try import try_again

    _ship(shop, 1, 2, 3)
    shop.tick()
    with store.begin() as unit:
        (first,) = unit.find_messages(subject_key="order:1")
        unit.free([first.key])
        unit.put([replace(first, state="failed")])
        again, why = try_again(shop.engine.project, unit, replace(first, state="failed"), shop.now)
    assert (again.state, again.reason, why) == ("held", "brake", "")


def test_the_brake_outlives_the_process(braked_project: Project, tmp_path: Path) -> None:
    """Another process counts what the first one sent, and holds what the first one held."""

    def process(*numbers: int) -> list[tuple[str, str]]:
        store = open_store("sqlite:///s.db", tmp_path, create=True)
        try:
            shop = Shop(braked_project, store)
            shop._events = 100 * numbers[0]
            _ship(shop, *numbers)
            shop.tick()
            return _of(shop)
        finally:
            store.close()

    assert process(1, 2) == [SENT, SENT]
    assert process(3) == [SENT, SENT, HELD]
    assert process(4) == [SENT, SENT, HELD, HELD]


def test_an_edit_of_the_rules_does_not_let_go(shop: Shop, tmp_path: Path) -> None:
    """What is braked is looked at when rules change, and stays held: only a person says that it may go."""
    _ship(shop, 1, 2, 3)
    shop.tick()
    edited = _under(shop.engine.project, tmp_path, SHIPPED.replace("over: 2", "over: 200"))
    shop.engine.adopt(edited)
    shop.tick()
    assert _of(shop) == [SENT, SENT, HELD]


def test_a_rule_that_watches_is_not_braked(small_project: Project, tmp_path: Path, store: Store) -> None:
    """It says what would have been held, and nobody is told."""
    shop = Shop(_under(small_project, tmp_path, SHIPPED + "    state: watch\n"), store)
    _ship(shop, 1, 2, 3)
    shop.tick()
    with store.read() as unit:
        details = [row.detail for number in "123" for _, rows in unit.matches_of(f"order:{number}") for row in rows]
        assert unit.mutes() == []
    assert details == ["", "", "the rule only watches, and the brake would hold this"]


Steps = st.lists(
    st.tuples(st.sampled_from(["ship", "ship", "ship", "approve", "discard"]), st.integers(0, 50)), max_size=25
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=Steps)
def test_never_more_than_that_without_a_person(braked_project: Project, steps: list[tuple[str, int]]) -> None:
    """Whatever comes when: what goes and what waits is what the words of the rule say."""
    shop = Shop(braked_project, MemoryStore())
    recent: deque[datetime] = deque()
    on, expected = False, list[tuple[str, str]]()
    for number, (step, minutes) in enumerate(steps):
        shop.now += timedelta(minutes=minutes, seconds=1)
        if step == "ship":
            while recent and recent[0] <= shop.now - timedelta(hours=1):
                recent.popleft()
            on = on or len(recent) >= 2
            if not on:
                recent.append(shop.now)
            expected.append(HELD if on else SENT)
            _ship(shop, number)
            shop.tick()
        elif on:
            _say(shop, step)
            shop.tick()
            end = SENT if step == "approve" else ("dropped", "discarded")
            expected = [end if one == HELD else one for one in expected]
            if step == "approve":
                recent.clear()
            on = False
        assert _of(shop) == expected


def test_everything_held_by_brakes_is_found(store: Store, shop: Shop) -> None:
    """All that waits for a person, by rule; a rule that is braked and has nothing waiting is there as well."""
    _ship(shop, 1, 2, 3)
    with store.begin() as unit:
        unit.add_mute(Mute("brake", "rule:other"), shop.now)
        unit.add_mute(Mute("brake", "rule:over", shop.now), shop.now)
        assert release.braked(unit) == {"other": 0, "shipped": 1}
        found: list[Outgoing] = release.held(unit, "shipped")
        assert [one.subject_key for one in found] == ["order:3"]
