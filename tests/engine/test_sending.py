"""From a decision to the end of a message, with every answer that a provider can give."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.config.sections import Redirect
from notifier.core.message import Message
from notifier.core.policy import Mute
from notifier.core.rule import Book
from notifier.dispatch import LEASE, Dispatch
from notifier.errors import Unreachable, UsageError
from notifier.project import Project, load
from notifier.provider import Accepted, Outcome, Refused, RetryLater, Unknown
from notifier.store import Store

from .conftest import Shop


def test_a_message_is_written_once_and_accepted(shop: Shop) -> None:
    """What is due is decided, written in the customer's language, handed over and settled."""
    shop.order()
    shop.tell("order.shipped", id="1043", carrier="GLS")
    shop.tick()
    (message,) = shop.email.given
    assert (message.to, message.locale, message.category) == ("dana@example.com", "pl", "transactional")
    assert "1043" in message.subject
    assert message.subject_key == "order:1043"
    (outgoing,) = shop.outgoing()
    assert (outgoing.state, outgoing.provider, outgoing.provider_id, outgoing.calls) == (
        "accepted",
        "outbox",
        "outbox-1",
        1,
    )
    assert shop.decisions() == [("order_shipped", "send", "")]


def test_the_same_event_again_sends_nothing(shop: Shop) -> None:
    """`once_per: order` holds for a second event of the kind, and a repeated event is not even looked at."""
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.tick()
    shop.tell("order.shipped", id="1043")
    shop.tick(minutes=1)
    assert len(shop.email.given) == 1
    assert shop.decisions()[1:] == [("order_shipped", "drop", "already_sent")]


def test_a_delivered_order_is_not_called_late(shop: Shop) -> None:
    """A time that was armed goes when the order arrives."""
    shop.order()
    shop.tick(days=1)
    shop.tell("order.delivered", id="1043")
    shop.tick(days=10)
    assert shop.email.given == []
    assert shop.decisions() == []


def test_a_message_in_the_outbox_is_looked_at_again(shop: Shop) -> None:
    """What was let through, and then overtaken by the parcel, is dropped as superseded, and its place is free."""
    shop.order()
    shop.email.answer = lambda _: RetryLater(None, "greylisted")
    shop.tick(days=3)
    assert shop.messages() == {"delivery_late": "pending"}
    shop.tell("order.delivered", id="1043")
    shop.email.answer = None
    shop.tick(minutes=5)
    assert shop.messages() == {"delivery_late": "dropped"}
    assert shop.decisions() == [("delivery_late", "send", ""), ("delivery_late", "drop", "superseded")]
    assert len(shop.email.given) == 1


def test_retries_wait_longer_and_send_the_same(shop: Shop) -> None:
    """Each try waits longer than the last, and every try is byte for byte the first."""
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.email.answer = lambda _: RetryLater(None, "451 try again")
    shop.engine.tick()
    waits = []
    for _ in range(3):
        (outgoing,) = shop.outgoing()
        waits.append(outgoing.due_at - shop.now)
        shop.now = outgoing.due_at
        shop.engine.tick()
    assert timedelta(seconds=30) <= waits[0] < waits[1] < waits[2]
    assert len(set(shop.email.given)) == 1
    assert shop.outgoing()[0].attempts == 4


def test_a_provider_says_when(shop: Shop) -> None:
    """`after` is kept to, and a provider's own trouble burns no attempt."""
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.email.answer = lambda _: RetryLater(timedelta(seconds=90), "slow down", counted=False)
    shop.tick()
    (outgoing,) = shop.outgoing()
    assert (outgoing.due_at - shop.now, outgoing.attempts, outgoing.calls) == (timedelta(seconds=90), 0, 1)


def test_what_comes_too_late_is_dropped(shop: Shop) -> None:
    """A week of a broken mail server is not followed by old news."""
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.email.answer = lambda _: RetryLater(None, "down", counted=False)
    shop.tick()
    shop.email.answer = None
    shop.tick(days=1, hours=23)
    assert shop.messages()["order_shipped"] == "accepted"
    shop.tell("order.placed", id="1044", customer={"id": "ola", "email": "ola@example.com"})
    shop.tell("order.shipped", id="1044")
    shop.email.answer = lambda _: RetryLater(None, "down", counted=False)
    shop.tick()
    shop.email.answer = None
    shop.tick(days=3)
    assert shop.decisions("order:1044")[-1] == ("order_shipped", "drop", "stale")


def test_a_refused_message_takes_the_next_channel(shop: Shop) -> None:
    """A definite no by e-mail goes on by SMS, and takes no second place in the rule's limit."""
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.email.answer = lambda _: Refused("550 no such user", "address")
    shop.tick()
    assert [message.channel for message in (*shop.email.given, *shop.sms.given)] == ["email", "sms"]
    (outgoing,) = shop.outgoing()
    assert (outgoing.state, outgoing.channel, outgoing.tried, outgoing.calls) == ("accepted", "sms", ("email",), 2)


def test_a_rehearsals_address_that_is_refused_is_not_the_customers(small_project: Project, store: Store) -> None:
    """Redirected mail that bounces tells of the desk's address; the customer can be written to afterwards."""
    config = small_project.config.model_copy(update={"redirect_all_to": Redirect(email="desk@shop.example")})
    rehearsal = Shop(replace(small_project, config=config), store)
    rehearsal.email.answer = lambda _: Refused("550 5.1.1 no such user", "address")
    rehearsal.order()
    rehearsal.tell("order.shipped", id="1043")
    rehearsal.tick()
    assert rehearsal.messages() == {"order_shipped": "failed"}
    for_real = Shop(small_project, store)
    for_real.now = rehearsal.now
    for_real.tick(days=3)
    assert for_real.messages()["delivery_late"] == "accepted"


def test_an_address_that_bounced_is_not_written_to_again(shop: Shop) -> None:
    """A refusal of the address closes it for whatever comes next."""
    shop.order(customer={"phone": None})
    shop.tell("order.shipped", id="1043")
    shop.email.answer = lambda _: Refused("550 5.1.1 no such user", "address")
    shop.tick()
    assert shop.messages() == {"order_shipped": "failed"}
    shop.email.answer = None
    shop.tick(days=3)
    assert shop.decisions()[-1] == ("delivery_late", "drop", "suppressed")
    assert len(shop.email.given) == 1


def test_every_channel_refused_is_a_failure_that_rules_can_see(shop: Shop) -> None:
    """It ends as failed with the provider's reason, and `message.failed` stands in the order's events."""
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.email.answer = shop.sms.answer = lambda _: Refused("content rejected")
    shop.tick()
    (outgoing,) = shop.outgoing()
    assert (outgoing.state, outgoing.reason) == ("failed", "content rejected")
    with shop.store.read() as unit:
        assert unit.counts()["events"] == 3


def test_a_provider_that_refuses_us_burns_nothing(shop: Shop) -> None:
    """Bad credentials are the shop's to mend: messages wait and go out afterwards."""
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.email.answer = lambda _: Refused("535 bad password", "provider")
    shop.tick()
    shop.email.answer = None
    shop.tick(minutes=6)
    (outgoing,) = shop.outgoing()
    assert (outgoing.state, outgoing.attempts, shop.sms.given) == ("accepted", 0, [])


def _survey_is_due(shop: Shop) -> None:
    shop.order()
    shop.tick(days=3)
    shop.tell("order.delivered", id="1043")
    shop.now += timedelta(days=2, hours=1)


@pytest.mark.parametrize(
    ("prepare", "template", "copies", "state"),
    [
        (lambda shop: (shop.order(), shop.tell("order.shipped", id="1043")), "order_shipped", 2, "accepted"),
        (_survey_is_due, "survey:csat_delivery", 1, "abandoned"),
    ],
)
def test_what_nobody_knows_of(shop: Shop, prepare: Any, template: str, copies: int, state: str) -> None:
    """A message that may have been sent waits for word, is then sent once more, or for a survey never."""
    prepare(shop)
    lost = iter([Unknown("connection reset after the message")])
    shop.email.answer = lambda message: next(lost, Accepted(f"again {message.id}"))
    shop.tick()
    assert shop.messages()[template] == "unknown"
    shop.tick(minutes=14)
    assert shop.messages()[template] == "unknown"
    shop.tick(minutes=2)
    assert shop.messages()[template] == state
    sent = [message for message in shop.email.given if (message.category == "survey") == template.startswith("survey:")]
    assert len([one for one in sent if one.id == sent[-1].id]) == copies


def test_a_second_unknown_is_the_last(shop: Shop) -> None:
    """No message is ever sent a third time on the chance that the others were lost."""
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.email.answer = lambda _: Unknown("no answer")
    for _ in range(4):
        shop.tick(minutes=20)
    assert shop.messages() == {"order_shipped": "abandoned"}
    assert len(shop.email.given) == 2


def test_a_provider_that_raises_is_not_believed(shop: Shop) -> None:
    """Nobody knows how far a crashing provider got: that message is unknown, its neighbours go out."""
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.tell("order.placed", id="1044", customer={"id": "ola", "email": "ola@example.com"})
    shop.tell("order.shipped", id="1044")

    def crash(message: Message) -> Accepted:
        if message.subject_key == "order:1043":
            raise RuntimeError("a fault")
        return Accepted("fine")

    shop.email.answer = crash
    shop.tick()
    assert sorted(one.state for one in shop.outgoing()) == ["accepted", "unknown"]


def _claimed(shop: Shop) -> Any:
    shop.order()
    shop.tell("order.shipped", id="1043")
    return shop.engine.dispatch.claim(shop.now)


def test_a_claim_alone_is_not_a_mark(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies between the claim and the mark has sent nothing: the message is taken back and sent."""
    _claimed(shop)
    _after_the_lease(monkeypatch)
    shop.tick()
    assert shop.messages() == {"order_shipped": "accepted"}
    assert len(shop.email.given) == 1


def test_a_mark_without_an_answer_may_have_been_sent(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies after the mark leaves a message that is unknown, not one that is sent again at once."""
    dispatch = shop.engine.dispatch
    ready = dispatch.prepare(_claimed(shop), shop.now)
    assert len(dispatch.mark(ready, shop.engine.carriers(), shop.now)) == 1
    _after_the_lease(monkeypatch)
    shop.tick()
    assert shop.messages() == {"order_shipped": "unknown"}
    assert shop.email.given == []


def test_a_provider_that_delivers_once_is_simply_asked_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the same message twice is one delivery, a process that died after the mark loses nothing, surveys neither."""
    shop.email.idempotency = "native"  # type: ignore[misc]
    shop.engine.adopt(shop.engine.project)
    dispatch = shop.engine.dispatch
    dispatch.mark(dispatch.prepare(_claimed(shop), shop.now), shop.engine.carriers(), shop.now)
    _after_the_lease(monkeypatch)
    shop.tick()
    assert shop.messages() == {"order_shipped": "accepted"}


def test_late_news_of_an_old_claim(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sleeper that wakes after its lease may say that it succeeded, and nothing else."""
    dispatch = shop.engine.dispatch
    going = dispatch.mark(dispatch.prepare(_claimed(shop), shop.now), shop.engine.carriers(), shop.now)
    _after_the_lease(monkeypatch)
    shop.tick()
    dispatch.settle([(going[0], RetryLater(None, "too late to say"))], shop.now)
    assert shop.messages() == {"order_shipped": "unknown"}
    dispatch.settle([(going[0], Accepted("it went through"))], shop.now)
    assert shop.messages() == {"order_shipped": "accepted"}


def test_a_stale_token_marks_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lost a claim to somebody else may not send on it."""
    dispatch = shop.engine.dispatch
    ready = dispatch.prepare(_claimed(shop), shop.now)
    _after_the_lease(monkeypatch)
    dispatch.reconcile(shop.now)
    assert len(dispatch.claim(shop.now)) == 1
    assert dispatch.mark(ready, shop.engine.carriers(), shop.now) == []


def test_an_order_that_arrives_between_look_and_mark(shop: Shop) -> None:
    """The mark decides by the facts of its own transaction, not by those that the text was written from."""
    shop.order()
    shop.now += timedelta(days=3)
    shop.engine.fire()
    dispatch = shop.engine.dispatch
    ready = dispatch.prepare(dispatch.claim(shop.now), shop.now)
    assert ready[0].message is not None
    shop.tell("order.delivered", id="1043")
    assert dispatch.mark(ready, shop.engine.carriers(), shop.now) == []
    assert shop.messages() == {"delivery_late": "dropped"}


def test_no_more_surveys_after_no(shop: Shop) -> None:
    """A consent that is withdrawn while the survey waits is kept to."""
    _survey_is_due(shop)
    shop.engine.fire()
    shop.tell("consent.changed", customer_id="dana", channel="email", purpose="survey", state="revoked")
    shop.tell("consent.changed", customer_id="dana", channel="sms", purpose="survey", state="revoked")
    shop.tick()
    assert shop.decisions()[-1] == ("survey:csat_delivery", "drop", "no_consent")


def test_the_survey_follows_two_days_after_the_parcel(shop: Shop) -> None:
    """A follow-up waits until what it is counted from is known, and goes out once."""
    shop.order()
    shop.tick(days=3)
    assert shop.messages() == {"delivery_late": "accepted"}
    shop.tick(days=5)
    shop.tell("order.delivered", id="1043")
    shop.tick(days=1, hours=23)
    assert "survey:csat_delivery" not in shop.messages()
    shop.tick(hours=1)
    assert shop.messages()["survey:csat_delivery"] == "accepted"
    survey = shop.email.given[-1]
    assert "/s/" in survey.text
    assert dict(survey.headers)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    shop.tick(days=5)
    assert len(shop.email.given) == 2


def test_who_thinks_better_of_an_answer_gets_no_apology(shop: Shop) -> None:
    """The last answer stands, also for what the first had set off and what still waits."""
    shop.order()
    for score in (1, 5):
        shop.tell("survey.answered", id="s1", name="csat_delivery", score=score, customer_id="dana", order_id="1043")
        shop.now += timedelta(minutes=5)
    shop.tick(hours=2)
    assert shop.email.given == []
    assert {row[1:] for row in shop.decisions("customer:dana")} == {("hold", "not_yet"), ("drop", "condition_false")}


def test_a_text_that_cannot_be_written_fails_alone(small_project: Project, tmp_path: Path, store: Store) -> None:
    """One message whose text has a hole is a failure with file and line; the others go out."""
    shutil.copytree(small_project.root, tmp_path / "shop")
    text = tmp_path / "shop" / "templates" / "order_shipped" / "pl.md"
    text.write_text(text.read_text() + "\nMiasto: {{ order.shipping_address.city }}\n")
    shop = Shop(load(tmp_path / "shop"), store)
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.tell("order.placed", id="1044", customer={"id": "ola", "email": "ola@example.com", "locale": "en"})
    shop.tell("order.shipped", id="1044")
    shop.tick()
    assert [message.subject_key for message in shop.email.given] == ["order:1044"]
    ((_, _, first),) = [one for one in shop.decisions() if one[1] == "drop"]
    assert first == "render_failed"


def test_paused_messages_wait_and_go_out_afterwards(shop: Shop) -> None:
    """`paused` holds, resuming wakes what waited."""
    with shop.store.begin() as unit:
        unit.add_mute(Mute("pause", "rule:shipped"), shop.now)
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.tick()
    assert shop.messages() == {"order_shipped": "held"}
    with shop.store.begin() as unit:
        assert unit.lift_mute("pause", "rule:shipped")
        assert unit.wake("paused", shop.now) == 1
    shop.tick(minutes=1)
    assert shop.messages() == {"order_shipped": "accepted"}
    assert shop.decisions() == [("order_shipped", "hold", "paused"), ("order_shipped", "send", "")]


@pytest.mark.parametrize("how", ["reload", "another process"])
def test_what_is_held_is_looked_at_again_when_the_configuration_changes(
    small_project: Project, store: Store, how: str
) -> None:
    """Quiet hours that are there no more let go at once what they held; as long as nothing changes, nobody looks."""
    shop = Shop(with_quiet_hours(small_project, "11:00-23:00"), store)
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.tick()
    shop.tick(minutes=1)
    assert [(one.state, one.due_at.hour) for one in shop.outgoing()] == [("held", 22)]
    changed = with_quiet_hours(small_project, None)
    if how == "reload":
        shop.engine.adopt(changed)
    else:
        shop = Shop(changed, store)
    shop.tick(minutes=1)
    assert shop.messages() == {"order_shipped": "accepted"}


def test_the_word_of_a_project_is_what_decisions_go_by(small_project: Project) -> None:
    """It is the same each time it is read, changes with quiet hours, and not with where the server listens."""
    again, sms = small_project.config.channels.model_copy(), small_project.config.channels.sms
    countries = again.model_copy(update={"sms": sms.model_copy(update={"countries": frozenset({"PL", "HU", "DE"})})})
    one, other = (changed(small_project, channels=countries) for _ in range(2))
    assert one.word == other.word != small_project.word
    web = small_project.config.web.model_copy(update={"port": 1})
    assert changed(small_project, web=web).word == small_project.word


def with_quiet_hours(project: Project, hours: str | None) -> Project:
    return changed(project, quiet_hours={"email": hours} if hours else {})


def changed(project: Project, **sections: Any) -> Project:
    return replace(project, config=project.config.model_copy(update=sections))


@pytest.mark.parametrize("scope", ["all", "rule:shipped"])
def test_a_pause_lets_nothing_be_told_twice(shop: Shop, scope: str) -> None:
    """What waits for the end of a pause has been told as far as `once_per` goes; a second event is no more than that."""
    with shop.store.begin() as unit:
        unit.add_mute(Mute("pause", scope), shop.now)
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.tell("order.shipped", id="1043", carrier="GLS")
    assert [row[1:] for row in shop.decisions()] == [("hold", "paused"), ("drop", "already_sent")]


def test_sends_together_up_to_the_providers_limit(shop: Shop) -> None:
    """A page goes out many at a time, never more than a provider takes."""
    _many(shop, 25)
    flying, most = 0, 0

    async def send(message: Message) -> Accepted:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0)
        flying -= 1
        return Accepted(message.id)

    shop.email.send = send  # type: ignore[method-assign]
    shop.tick()
    assert (most, len(shop.outgoing())) == (10, 25)


def _in_rounds(shop: Shop, *waits: float) -> list[int]:
    """How many messages the e-mail provider was given after each wait, in seconds, in one process."""
    given = []

    async def rounds() -> None:
        carriers = shop.engine.carriers()
        for wait in waits:
            shop.now += timedelta(seconds=wait)
            before = len(shop.email.given)
            while await shop.engine.work(carriers):
                pass
            given.append(len(shop.email.given) - before)

    asyncio.run(rounds())
    return given


@pytest.mark.parametrize(
    ("refused", "waits", "given"),
    [
        (Refused("401 bad key", "provider"), [0, 299, 2, 299, 2], [10, 0, 1, 0, 1]),
        (Refused("403 not verified", "sender"), [0, 299, 2, 299, 2], [10, 0, 1, 0, 1]),
        (RetryLater(timedelta(seconds=90), "429", counted=False), [0, 89, 2], [10, 0, 10]),
        (RetryLater(None, "no connection", counted=False), [0, 29, 7, 59, 7], [10, 0, 1, 0, 1]),
        (Unknown("500"), [0, 29, 2, 59, 7], [10, 0, 1, 0, 1]),
    ],
)
def test_a_provider_in_trouble_is_left_alone(
    shop: Shop, refused: Outcome, waits: list[float], given: list[int]
) -> None:
    """Of many messages those go that were on their way; then one goes ahead at a time, and no attempt of the others is
    burned.
    """
    _many(shop, 40)
    shop.email.answer = lambda _: refused
    assert _in_rounds(shop, *waits) == given
    waiting = [one for one in shop.outgoing() if not one.calls]
    assert len(waiting) == 40 - len({one.id for one in shop.email.given})
    assert all((one.state, one.attempts) == ("pending", 0) for one in waiting)
    assert all(refused.reason in one.reason for one in waiting)


def test_once_it_is_mended_all_go(shop: Shop) -> None:
    """The one that goes ahead comes back well, and the others follow within seconds."""
    _many(shop, 40)
    shop.email.answer = lambda _: Refused("401 bad key", "provider")
    assert _in_rounds(shop, 0) == [10]
    shop.email.answer = None
    assert sum(_in_rounds(shop, 301, 6)) == 40
    assert {one.state for one in shop.outgoing()} == {"accepted"}


def test_a_text_that_is_refused_again_and_again_waits(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """Where what one rule says is refused, its messages wait, and those of other rules go; nobody's address is closed."""
    shop.email.max_in_flight = 1
    _many(shop, 6)
    shop.email.answer = lambda one: Refused("554 spam", "content") if one.rule == "shipped" else None
    assert _in_rounds(shop, 0, 3599, 2) == [3, 0, 1]
    assert "refuses what rule shipped says: 554 spam; its messages wait" in caplog.text
    shop.email.answer = lambda one: Refused("554 spam", "content") if one.rule == "shipped" else Accepted(one.id)
    shop.order()
    shop.tell("survey.answered", id="s1", customer_id="dana", score=1)
    _in_rounds(shop, 0)
    assert "low_score_alert" in shop.messages()
    shop.email.answer = None
    shop.tell("order.placed", id="100", customer={"id": "c0", "email": "c0@example.com"})
    shop.tell("order.shipped", id="100")
    _in_rounds(shop, 0)
    assert shop.email.given[-1].to == "c0@example.com"


def _many(shop: Shop, count: int) -> None:
    for number in range(count):
        shop.tell("order.placed", id=f"{number}", customer={"id": f"c{number}", "email": f"c{number}@example.com"})
        shop.tell("order.shipped", id=f"{number}")


def test_what_was_sent_is_written_down_though_the_database_was_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is gone when the answers come is waited for: else messages would count as never answered."""
    _many(shop, 25)
    begin, away = shop.store.begin, iter([1, 2])

    def gone_twice() -> Any:
        if shop.email.given and next(away, None):
            raise Unreachable("the database does not answer")
        return begin()

    monkeypatch.setattr(shop.store, "begin", gone_twice)
    monkeypatch.setattr("notifier.flight.SETTLE_WAITS", (0, 0))
    shop.tick()
    assert [one.state for one in shop.outgoing()] == ["accepted"] * 25
    assert len(shop.email.given) == 25


def test_only_what_is_in_flight_may_have_been_sent(shop: Shop) -> None:
    """Whenever the process dies, no more messages are of unknown fate than a provider takes at a time."""
    _many(shop, 30)
    marked_at_each_call = []

    def look(message: Message) -> Accepted:
        states = [one.state for one in shop.outgoing()]
        marked_at_each_call.append(states.count("posting"))
        return Accepted(message.id)

    shop.email.answer = look
    shop.tick()
    assert len(marked_at_each_call) == 30
    assert max(marked_at_each_call) <= shop.email.max_in_flight


def test_a_fault_of_ours_loses_no_answer(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the mark of what goes next breaks, what came back is written down all the same, and places are free again."""
    _many(shop, 25)
    mark = Dispatch._mark_all

    def breaks_later(self: Dispatch, *arguments: Any) -> Any:
        if shop.email.given:
            raise RuntimeError("a fault")
        return mark(self, *arguments)

    monkeypatch.setattr(Dispatch, "_mark_all", breaks_later)
    with pytest.raises(RuntimeError, match="a fault"):
        shop.tick()
    states = [one.state for one in shop.outgoing()]
    assert sorted(set(states)) == ["accepted", "claimed"]
    assert states.count("accepted") == len(shop.email.given)
    assert 1 <= len(shop.email.given) <= 10


def test_what_has_not_begun_waits_for_rules_that_came_meanwhile(shop: Shop) -> None:
    """Texts written by rules that an edit took away do not leave, not even out of a page that is half sent."""
    _many(shop, 25)
    silent = replace(shop.engine.project, book=Book.of((), "none"))

    def edited(message: Message) -> Accepted:
        if shop.engine.project is not silent:
            shop.engine.adopt(silent)
        return Accepted(message.id)

    shop.email.answer = edited
    shop.tick()
    states = [one.state for one in shop.outgoing()]
    assert (states.count("accepted"), states.count("dropped")) == (10, 15)


def test_a_stop_leaves_what_has_not_begun_to_the_next_start(shop: Shop) -> None:
    """Calls in flight come back and are settled; the rest of the page waits, in nobody's hands."""
    _many(shop, 25)
    shop.engine.fire()

    async def stopped() -> None:
        carriers = shop.engine.carriers()

        def stop(message: Message) -> Accepted:
            carriers.stop()
            return Accepted(message.id)

        shop.email.answer = stop
        await shop.engine.send_page(carriers)

    asyncio.run(stopped())
    states = [one.state for one in shop.outgoing()]
    assert (states.count("accepted"), states.count("pending")) == (10, 15)


def _after_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + LEASE * 2

    monkeypatch.setattr("notifier.dispatch.datetime", Later)


def test_a_secret_that_anybody_could_guess_is_refused(small_project: Project, tmp_path: Path) -> None:
    """An empty file, as a crash can leave it, would sign links that anybody can forge."""
    shutil.copytree(small_project.root, tmp_path / "shop")
    (tmp_path / "shop" / "var").mkdir(exist_ok=True)
    (tmp_path / "shop" / "var" / "secret").write_text("\n")
    with pytest.raises(UsageError, match="too short to sign links"):
        load(tmp_path / "shop")


def test_a_providers_trouble_is_said_once(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """However many messages run into it, one line says so, without an address, and one that it is over."""
    caplog.set_level("INFO", "notifier")
    shop.order()
    shop.tell("order.shipped", id="1043")
    shop.tell("order.placed", id="1044", customer={"id": "eva", "email": "eva@example.com"})
    shop.tell("order.shipped", id="1044")

    async def rounds() -> None:
        carriers = shop.engine.carriers()
        shop.email.answer = lambda one: RetryLater(timedelta(seconds=1), f"<{one.to}> not now", counted=False)
        for _ in range(3):
            await shop.engine.work(carriers)
            shop.now += timedelta(seconds=2)
        assert carriers.troubles == {"outbox": "<…> not now"}
        shop.email.answer = None
        await shop.engine.work(carriers)
        assert carriers.troubles == {}

    asyncio.run(rounds())
    assert [one.getMessage() for one in caplog.records if "provider" in one.getMessage()] == [
        "provider outbox: <…> not now; its messages are tried again; it is left alone for 1 s",
        "provider outbox takes messages again",
    ]
