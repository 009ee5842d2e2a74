"""What every provider must keep, as a suite to subclass; `providers/README.md` shows how."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pydantic import SecretStr

from notifier import provider as seam
from notifier.core.message import Message
from notifier.provider import Accepted, Outcome, Provider, Refused, RetryLater, Unknown

__all__ = ["Delivered", "Delivery", "ProviderContract", "sample", "send"]

#: Texts that careless transport damages: scripts, directions, joined emoji, what SMTP, forms and JSON treat specially.
LANGUAGES = {
    "Polish": "Zamówienie 1043 dotrze później, przepraszamy: gęślą jaźń.",
    "Persian": "سفارش \u2068A-1043\u2069 دیرتر می\u200cرسد، ۱۲ فروردین",
    "Arabic": "سيصل طلبك متأخرا",
    "Russian": "Заказ 1043 задерживается",
    "Hungarian": "Árvíztűrő tükörfúrógép",
    "Malay": "Pesanan 1043 akan lewat",
    "emoji": "👨\u200d👩\u200d👧 🇵🇱 👍🏽",
}
AWKWARD = (
    ".\n..two dots\nFrom here on\n%s {{ 7*7 }} &amp; <b>\\n a+b=c%20d\n\n'quotes' \"and\" €uro\n"
    + "long " * 200
    + "end"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it arrived; `subject` is empty for SMS."""

    to: str
    text: str
    subject: str = ""


#: Gives what has arrived so far, in any order.
Delivered = Callable[[], Sequence[Delivery]]


def sample(channel: str, **changes: str) -> Message:
    """A message with an id of its own; `changes` are fields of it."""
    email = channel == "email"
    text = changes.get("text", "Your order 1043 will be a day late.")
    message = Message(
        id=uuid4().hex,
        channel=channel,
        to="dana@example.com" if email else "+15550100123",
        sender="Example Shop <orders@example.org>" if email else "+15005550006",
        subject="Your order 1043" if email else "",
        text=text,
        html=f'<p lang="en">{text}</p>' if email else "",
        locale="en",
        category="transactional",
        rule="delivery-overdue",
        subject_key="order:1043",
        written_at=datetime(2026, 3, 13, 22, tzinfo=UTC),
    )
    return dataclasses.replace(message, **changes)  # type: ignore[arg-type]  # every field that a test changes is text


class ProviderContract:
    """Subclass it as `Test…` and give it the fixtures below; each test is one promise of `notifier.provider.Provider`."""

    @pytest.fixture
    def provider(self) -> Provider:
        """The provider, talking to something that takes its messages."""
        return pytest.fail("a contract needs a fixture named 'provider'")

    @pytest.fixture
    def delivered(self) -> Delivered:
        """Gives what has arrived so far, in any order."""
        return pytest.fail("a contract needs a fixture named 'delivered'")

    @pytest.fixture
    def unreachable(self) -> Provider:
        """The same provider, where what it talks to is not there: a closed port, a path that cannot be written."""
        return pytest.fail("a contract needs a fixture named 'unreachable'")

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        """The passwords and keys in the provider's settings, as they must never be seen."""
        return ()

    def test_it_says_what_it_is(self, provider: Provider) -> None:
        """The engine can see, before it sends anything, what a provider carries and how it behaves."""
        assert provider.name
        assert provider.max_in_flight >= 1
        assert provider.channels
        assert provider.channels <= {"email", "sms"}
        assert provider.idempotency in {"native", "none"}
        assert isinstance(provider.leaves_machine, bool)
        assert isinstance(provider.reports_delivery, bool)
        assert issubclass(provider.Settings, seam.Settings)

    def test_a_message_arrives(self, provider: Provider, delivered: Delivered) -> None:
        """What is accepted arrives once: to its recipient, with its subject and its text."""
        messages = [sample(channel) for channel in sorted(provider.channels)]
        assert all(isinstance(outcome, Accepted) for outcome in send(provider, *messages))
        assert _arrived(delivered) == _expected(messages)

    def test_each_message_has_an_id(self, provider: Provider) -> None:
        """Every acceptance has an id of its own, by which a receipt or an operator can find it again."""
        messages = [sample(channel) for channel in sorted(provider.channels) for _ in range(5)]
        ids = [outcome.id for outcome in send(provider, *messages) if isinstance(outcome, Accepted)]
        assert len(ids) == len(messages)
        assert len(set(ids)) == len(ids)
        assert all(ids)

    def test_many_at_once(self, provider: Provider, delivered: Delivered) -> None:
        """As many sends at the same time as it allows lose nothing and double nothing."""
        numbers = range(provider.max_in_flight * 5)
        messages = [sample(channel, text=f"number {n}") for channel in sorted(provider.channels) for n in numbers]
        assert all(isinstance(outcome, Accepted) for outcome in send(provider, *messages))
        assert _arrived(delivered) == _expected(messages)

    @pytest.mark.parametrize("text", LANGUAGES.values(), ids=LANGUAGES)
    def test_every_language(self, provider: Provider, delivered: Delivered, text: str) -> None:
        """Every script arrives as it was written, right-to-left text and joined characters included."""
        messages = [sample(channel, text=text) for channel in sorted(provider.channels)]
        messages = [dataclasses.replace(message, subject=message.subject and text) for message in messages]
        assert all(isinstance(outcome, Accepted) for outcome in send(provider, *messages))
        assert _arrived(delivered) == _expected(messages)

    def test_the_text_is_not_touched(self, provider: Provider, delivered: Delivered) -> None:
        """Nothing is escaped, wrapped, trimmed or filled in: the text was final before it came here."""
        messages = [sample(channel, text=AWKWARD) for channel in sorted(provider.channels)]
        assert all(isinstance(outcome, Accepted) for outcome in send(provider, *messages))
        assert _arrived(delivered) == _expected(messages)

    def test_the_same_id_again(self, provider: Provider, delivered: Delivered) -> None:
        """The same message again, even at the same time, arrives once where a provider calls itself idempotent.

        Where it does not, it arrives as often as it was accepted.
        """
        messages = [sample(channel) for channel in sorted(provider.channels)]
        outcomes = [*send(provider, *messages), *send(provider, *messages, *messages)]
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        if provider.idempotency == "native":
            assert len(set(outcomes)) == len(messages)
            assert _arrived(delivered) == _expected(messages)
        else:
            assert _arrived(delivered) == _expected(messages * 3)

    def test_a_server_that_is_down_is_an_answer(self, unreachable: Provider) -> None:
        """Where nobody answers, `send` says so as an outcome; it costs no message an attempt, and nobody an address."""
        for channel in sorted(unreachable.channels):
            (outcome,) = send(unreachable, sample(channel))
            assert isinstance(outcome, RetryLater)
            assert not outcome.counted
            assert outcome.reason
            assert "\n" not in outcome.reason

    @pytest.mark.parametrize(
        "to", ["", "nobody", "a@example.com,b@example.com", "józsef@example.com", "+0", "a\r\nb@c"]
    )
    def test_an_impossible_address_is_an_answer(self, provider: Provider, to: str) -> None:
        """A recipient that makes no sense is an outcome and no exception, and no reason shows it."""
        for channel in sorted(provider.channels):
            (outcome,) = send(provider, sample(channel, to=to))
            assert isinstance(outcome, (Accepted, RetryLater, Refused, Unknown))
            assert isinstance(outcome, Accepted) or not to or to not in outcome.reason

    def test_closing(self, provider: Provider, delivered: Delivered) -> None:
        """A provider can be closed before its first message and twice, and used again afterwards."""
        messages = [sample(min(provider.channels), text=text) for text in ("before", "after")]

        async def life() -> list[Outcome]:
            outcomes = []
            for message in messages:
                await provider.close()
                outcomes.append(await provider.send(message))
                await provider.close()
            return outcomes

        assert all(isinstance(outcome, Accepted) for outcome in asyncio.run(life()))
        assert _arrived(delivered) == _expected(messages)

    def test_nothing_private_shows(self, provider: Provider, unreachable: Provider, secrets: Sequence[str]) -> None:
        """Neither a secret nor a recipient nor a word of the message is in what may be logged."""
        message = sample(min(provider.channels))
        outcomes = [*send(provider, message), *send(unreachable, message)]
        shown = " ".join(map(repr, [provider, unreachable, *outcomes]))
        for private in (*secrets, message.to, message.text, message.subject):
            assert not private or private not in shown

    def test_secrets_have_a_type(self, provider: Provider) -> None:
        """A setting that is a secret is a SecretStr, so that no dump of the settings shows it."""
        for name, field in provider.Settings.model_fields.items():
            if name.endswith(("password", "secret", "token", "api_key")):
                assert "SecretStr" in str(field.annotation), f"{name} is not a {SecretStr.__name__}"


def send(provider: Provider, *messages: Message) -> list[Outcome]:
    """Send as the engine does, as many at a time as the provider allows, and close; one outcome a message."""

    async def send_all() -> list[Outcome]:
        slots = asyncio.Semaphore(provider.max_in_flight)

        async def send_one(message: Message) -> Outcome:
            async with slots:
                return await provider.send(message)

        try:
            return await asyncio.gather(*map(send_one, messages))
        finally:
            await provider.close()

    return asyncio.run(send_all())


def _arrived(delivered: Delivered) -> Counter[Delivery]:
    """With the line ends that e-mail adds and changes taken out of the comparison."""
    return Counter(
        dataclasses.replace(arrived, text=arrived.text.replace("\r\n", "\n").rstrip("\n")) for arrived in delivered()
    )


def _expected(messages: Sequence[Message]) -> Counter[Delivery]:
    return Counter(Delivery(to=message.to, text=message.text, subject=message.subject) for message in messages)
