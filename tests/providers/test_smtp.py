from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from pydantic import SecretStr, ValidationError

from notifier.core.mail import compose
from notifier.errors import UsageError
from notifier.provider import Accepted, Refused, RetryLater, Unknown
from notifier.testing.provider_contract import Delivery, ProviderContract, sample, send
from notifier.testing.smtp_server import HANG, HANG_UP, SmtpServer
from notifier_providers.smtp import Smtp, SmtpSettings

LOGIN = ("shop", "correct horse battery")


@pytest.fixture
def server():
    with SmtpServer() as server:
        yield server


@pytest.fixture
def secure(tmp_path):
    with SmtpServer("starttls", login=LOGIN) as server:
        (tmp_path / "ca.pem").write_bytes(server.ca_pem)
        yield server


@pytest.fixture
def closed_port():
    with SmtpServer() as server:
        return server.port


@pytest.fixture
def smtp(tmp_path):
    """Makes a provider for a server; what is not said is as in a project, except for the security on loopback."""

    def make(port, **settings):
        settings = {"host": "127.0.0.1", "security": "none", "local_hostname": "shop.example"} | settings
        return Smtp("mail", SmtpSettings(type="smtp", port=port, **settings), tmp_path)

    return make


@pytest.fixture
def login():
    return {"security": "starttls", "username": LOGIN[0], "password": SecretStr(LOGIN[1]), "ca_file": "ca.pem"}


class TestContract(ProviderContract):
    """The whole of it over TLS and a login, as in production."""

    @pytest.fixture
    def provider(self, smtp, secure, login):
        return smtp(secure.port, **login)

    @pytest.fixture
    def delivered(self, secure):
        return lambda: [_read(mail) for mail in secure.received]

    @pytest.fixture
    def unreachable(self, smtp, closed_port, login, secure):
        return smtp(closed_port, **login)

    @pytest.fixture
    def secrets(self):
        return [LOGIN[1]]


def _read(mail):
    parsed = mail.parsed
    assert (parsed["To"],) == mail.recipients
    return Delivery(parsed["To"], parsed.get_body(("plain",)).get_content(), parsed["Subject"])


def in_turn(provider, *messages):
    """Send one after the other, closing at the end only."""

    async def send_each():
        try:
            return [await provider.send(message) for message in messages]
        finally:
            await provider.close()

    return asyncio.run(send_each())


def test_what_is_sent_is_what_was_composed(smtp, server):
    """The server gets the very bytes of `mail.compose`, from the sender's plain address to the recipient's."""
    message = sample("email", text="first\n.\n..\n.end")
    assert send(smtp(server.port), message) == [Accepted(f"{message.id}@example.org")]
    (mail,) = server.received
    assert (mail.sender, mail.recipients) == ("orders@example.org", ("dana@example.com",))
    assert mail.content == compose(message)


def test_connections_are_used_again(smtp, server):
    """Messages that follow each other share one connection, as long as the server's patience lasts."""
    in_turn(smtp(server.port, messages_per_connection=3), *(sample("email") for _ in range(7)))
    assert [mail.connection for mail in server.received] == [1, 1, 1, 2, 2, 2, 3]


def test_no_more_connections_than_configured(smtp, server):
    """However many messages there are, the server sees as many connections as the settings say."""
    provider = smtp(server.port, connections=3)
    assert provider.max_in_flight == 3
    send(provider, *(sample("email") for _ in range(30)))
    assert len(server.received) == 30
    assert server.connections <= 3


def test_a_connection_grown_old_is_left(smtp, server, monkeypatch):
    """A connection on which nothing was said for a minute may be dead without knowing it, and is not used again."""
    monkeypatch.setattr("notifier_providers.smtp._IDLE_SECONDS", 0.0)
    in_turn(smtp(server.port), sample("email"), sample("email"))
    assert server.connections == 2


REPLIES = [
    # until the recipient: about us
    ("connect", "421 4.3.2 closing", RetryLater(None, "", counted=False)),
    ("connect", "554 5.7.1 your network is blocked", Refused("", "provider")),
    ("EHLO", "421 4.7.0 too busy", RetryLater(None, "", counted=False)),
    ("MAIL", "451 4.3.0 try again", RetryLater(None, "", counted=False)),
    ("MAIL", "550 5.7.1 sender rejected", Refused("", "sender")),
    ("MAIL", "530 5.7.0 log in first", Refused("", "provider")),
    ("MAIL", "550 5.7.26 no SPF", Refused("", "sender")),
    # to the recipient: about the person
    ("RCPT", "450 4.2.1 mailbox busy", RetryLater(None, "")),
    ("RCPT", "450 busy", RetryLater(None, "")),
    ("RCPT", "451 4.7.1 greylisted", RetryLater(timedelta(minutes=5), "")),
    ("RCPT", "452 4.2.2 mailbox full", RetryLater(None, "")),
    ("RCPT", "452 4.5.3 too many recipients", RetryLater(None, "")),
    ("RCPT", "421 4.7.0 too many of these", RetryLater(None, "", counted=False)),
    ("RCPT", "550 5.1.1 no such user", Refused("", "address")),
    ("RCPT", "550 5.1.10 null MX", Refused("", "address")),
    ("RCPT", "550 5.1.2 no such host", Refused("", "message")),
    ("RCPT", "553 5.1.3 bad syntax", Refused("", "address")),
    ("RCPT", "501 5.1.3 bad syntax", Refused("", "address")),
    ("RCPT", "550 no such user", Refused("", "address")),
    ("RCPT", "550 5.0.0 no such user", Refused("", "address")),
    ("RCPT", "556 takes no mail", Refused("", "address")),
    ("RCPT", "551 user not local", Refused("", "message")),
    ("RCPT", "550 5.2.1 disabled", Refused("", "message")),
    ("RCPT", "552 5.2.2 mailbox full", RetryLater(None, "")),
    ("RCPT", "550 5.4.4 no route", RetryLater(None, "")),
    ("RCPT", "550 5.7.1 policy", Refused("", "message")),
    ("RCPT", "554 5.7.1 spam", Refused("", "message")),
    ("RCPT", "503 5.5.1 out of order", Refused("", "provider")),
    # after the recipient: about the message
    ("DATA", "451 4.3.0 not now", RetryLater(None, "")),
    ("DATA", "250 what?", RetryLater(None, "", counted=False)),
    ("message", "450 4.2.1 mailbox busy", RetryLater(None, "")),
    ("message", "421 4.3.2 closing", RetryLater(None, "", counted=False)),
    ("message", "550 5.1.1 no such user", Refused("", "address")),
    ("message", "550 not wanted", Refused("", "message")),
    ("message", "550 5.7.1 spam", Refused("", "content")),
    ("DATA", "554 5.7.1 against our policy", Refused("", "content")),
    ("message", "550 5.7.515 not authenticated", Refused("", "sender")),
    ("message", "552 5.3.4 too big", Refused("", "message")),
    ("message", "500 line too long", Refused("", "provider")),
    ("message", "251 2.0.0 odd but fine", Accepted("")),
    ("message", "354 go on", Unknown("")),
    ("message", "gibberish", Unknown("")),
]


@pytest.mark.parametrize(("step", "reply", "expected"), REPLIES, ids=[f"{step} {reply}" for step, reply, _ in REPLIES])
def test_what_a_reply_means(smtp, server, step, reply, expected):
    """Each reply, where it comes in the dialogue, means one thing: later, never, whose fault, or that nobody knows."""
    server.answer(step, reply)
    (outcome,) = send(smtp(server.port), sample("email"))
    assert _kind(outcome) == _kind(expected)
    assert isinstance(outcome, Accepted) or reply[:3] in outcome.reason or reply == "gibberish"


def _kind(outcome):
    match outcome:
        case Refused(_, scope):
            return "refused", scope
        case RetryLater(after, _, counted):
            return "later", after, counted
        case _:
            return type(outcome)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("535 5.7.8 wrong password: correct horse battery", ("refused", "provider")),
        ("534 5.7.9 mechanism too weak", ("refused", "provider")),
        ("454 4.7.0 temporary failure", ("later", None, False)),
    ],
)
def test_a_login_that_fails_is_no_fault_of_the_message(smtp, secure, login, reply, expected):
    """A refused login stops the provider, a temporary failure of it waits; what the server said is not repeated."""
    secure.answer("AUTH", *[reply] * 3)  # whatever mechanism is tried
    (outcome,) = send(smtp(secure.port, **login), sample("email"))
    assert _kind(outcome) == expected
    assert "horse" not in outcome.reason


def test_a_wrong_password_stops_the_provider(smtp, secure, login):
    """With a wrong password nothing is sent, and the reason shows neither the wrong nor the right one."""
    wrong = login | {"password": SecretStr("battery staple")}
    (outcome,) = send(smtp(secure.port, **wrong), sample("email"))
    assert _kind(outcome) == ("refused", "provider")
    assert "535" in outcome.reason
    assert "staple" not in outcome.reason
    assert not secure.received


def test_greylisting_passes(smtp, server):
    """A server that wants to see the message again gets it again, and takes it."""
    server.answer("RCPT", "451 4.7.1 greylisted, come back")
    message = sample("email")
    first, second = in_turn(smtp(server.port), message, message)
    assert _kind(first) == ("later", timedelta(minutes=5), True)
    assert isinstance(second, Accepted)
    assert len(server.received) == 1


def test_a_refusal_keeps_the_connection(smtp, server):
    """One bad address does not cost the next message its connection."""
    server.answer("RCPT", "550 5.1.1 no such user")
    refused, accepted = in_turn(smtp(server.port), sample("email"), sample("email"))
    assert isinstance(refused, Refused)
    assert isinstance(accepted, Accepted)
    assert server.connections == 1


@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("trouble", [HANG, HANG_UP])
def test_before_the_message_nothing_is_ambiguous(smtp, server, step, trouble):
    """A server that stalls or hangs up before it has the message has not sent it, and no attempt is burned for it."""
    server.answer(step, trouble)
    (outcome,) = send(smtp(server.port, connect_timeout=0.1, read_timeout=0.1), sample("email"))
    assert _kind(outcome) == ("later", None, False)
    assert not server.received


@pytest.mark.parametrize("trouble", [HANG, HANG_UP])
def test_after_the_final_dot_nobody_knows(smtp, server, trouble):
    """A connection that dies between the final dot and its reply leaves it open, and nothing is sent again by itself."""
    server.answer("message", trouble)
    first, second = in_turn(smtp(server.port, read_timeout=1), sample("email"), sample("email"))
    assert isinstance(first, Unknown)
    assert isinstance(second, Accepted)
    assert [mail.connection for mail in server.received] == [1, 2]


def test_the_whole_has_a_limit_too(smtp, server):
    """However each step is drawn out, one message never takes longer than the total."""
    server.answer("RCPT", HANG)
    (outcome,) = send(smtp(server.port, total_timeout=0.1), sample("email"))
    assert _kind(outcome) == ("later", None, False)
    server.answer("message", HANG)
    (outcome,) = send(smtp(server.port, total_timeout=1), sample("email"))
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize(
    ("step", "trouble"), [("MAIL", HANG_UP), ("RCPT", HANG_UP), ("MAIL", "421 4.4.2 idle too long")]
)
def test_a_connection_closed_meanwhile_is_replaced(smtp, server, step, trouble):
    """A server that closes a waiting connection costs nothing: the message goes by a new one, once."""

    async def two():
        provider = smtp(server.port)
        first = await provider.send(sample("email"))
        server.answer(step, trouble)
        second = await provider.send(sample("email"))
        await provider.close()
        return first, second

    assert all(isinstance(outcome, Accepted) for outcome in asyncio.run(two()))
    assert [mail.connection for mail in server.received] == [1, 2]


def test_it_is_replaced_once(smtp, server):
    """Where the new connection fails as well, the message waits."""

    async def two():
        provider = smtp(server.port)
        await provider.send(sample("email"))
        server.answer("MAIL", HANG_UP, HANG_UP, HANG_UP)
        second = await provider.send(sample("email"))
        await provider.close()
        return second

    assert _kind(asyncio.run(two())) == ("later", None, False)
    assert server.connections == 2


def test_an_ambiguous_message_is_not_repeated(smtp, server):
    """On a connection used before, too, a message whose answer was lost is left to the engine."""

    async def two():
        provider = smtp(server.port)
        await provider.send(sample("email"))
        server.answer("message", HANG_UP)
        second = await provider.send(sample("email"))
        await provider.close()
        return second

    assert isinstance(asyncio.run(two()), Unknown)
    assert len(server.received) == 2


def test_a_cancelled_send_leaves_no_half_sentence(smtp, server):
    """A send that was cancelled in the middle takes its connection along, so that the next one starts clean."""

    async def cancelled():
        provider = smtp(server.port)
        await provider.send(sample("email"))
        server.answer("RCPT", HANG)
        sending = asyncio.create_task(provider.send(sample("email")))
        assert await asyncio.to_thread(server.stalled.wait, 10)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        outcome = await provider.send(sample("email"))
        await provider.close()
        return outcome

    assert isinstance(asyncio.run(cancelled()), Accepted)
    assert [mail.connection for mail in server.received] == [1, 2]


def test_starttls_is_not_optional(smtp, server):
    """Where STARTTLS was stripped or never offered, nothing is sent, and an operator has to look."""
    (outcome,) = send(smtp(server.port, security="starttls"), sample("email"))
    assert _kind(outcome) == ("refused", "provider")
    assert "STARTTLS" in outcome.reason
    assert not server.received


def test_starttls_that_fails_for_now(smtp, secure, login):
    """A server whose TLS is out of order for the moment is asked again later."""
    secure.answer("STARTTLS", "454 4.7.0 TLS not available")
    (outcome,) = send(smtp(secure.port, **login), sample("email"))
    assert _kind(outcome) == ("later", None, False)


def test_an_unknown_certificate_is_refused(smtp, secure, login):
    """A server that cannot prove who it is gets neither the password nor the message."""
    del login["ca_file"]
    (outcome,) = send(smtp(secure.port, **login), sample("email"))
    assert _kind(outcome) == ("refused", "provider")
    assert "certificate" in outcome.reason
    assert not secure.received


def test_tls_from_the_first_byte(smtp, tmp_path):
    """`security: tls` speaks TLS before anything else, and insists on the certificate as well."""
    with SmtpServer("tls") as server:
        (tmp_path / "ca.pem").write_bytes(server.ca_pem)
        (trusted,) = send(smtp(server.port, security="tls", ca_file="ca.pem"), sample("email"))
        (untrusted,) = send(smtp(server.port, security="tls"), sample("email"))
    assert isinstance(trusted, Accepted)
    assert _kind(untrusted) == ("refused", "provider")


def test_a_missing_ca_file_is_named(smtp, server, secure, tmp_path):
    """A certificate file that is not there is found before the first message, and one that goes later with the next."""
    with pytest.raises(UsageError, match=r"provider 'mail': ca_file 'nowhere\.pem' is not there"):
        smtp(server.port, security="starttls", ca_file="nowhere.pem")
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(UsageError, match="there is no certificate in it"):
        smtp(server.port, security="starttls", ca_file="empty.pem")
    (tmp_path / "ca.pem").write_bytes(secure.ca_pem)
    provider = smtp(server.port, security="starttls", ca_file="ca.pem")
    (tmp_path / "ca.pem").unlink()
    (outcome,) = send(provider, sample("email"))
    assert outcome == Refused("cannot use ca_file ca.pem: No such file or directory", "provider")


def test_a_servers_words_are_not_passed_on_whole(smtp, server):
    """What a server repeats of the address or the subject does not get into logs, nor do its control characters."""
    message = sample("email", subject="Your order 1043", to="dana@example.com")
    server.answer("RCPT", "550 5.1.1 <dana@example.com>: \x1b[2J Your order 1043 is for nobody here")
    (outcome,) = send(smtp(server.port), message)
    assert "d***@e***" in outcome.reason
    assert not any(private in outcome.reason for private in ("dana@", "example.com", "Your order", "\x1b"))


def test_a_flood_of_words_is_no_answer(smtp, server):
    """A reply without end is cut off rather than kept."""
    server.answer("RCPT", "\r\n".join(["550-5.1.1 no"] * 10_000 + ["550 5.1.1 no"]))
    (outcome,) = send(smtp(server.port), sample("email"))
    assert isinstance(outcome, RetryLater | Refused)
    assert len(outcome.reason) < 400


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"host": "smtp.example.com", "security": "none"}, "this computer only"),
        ({"host": "10.0.0.1", "security": "none"}, "this computer only"),
        ({"host": "smtp.example.com", "username": "shop"}, "belong together"),
        ({"host": "smtp.example.com", "connections": 0}, "connections"),
        ({"host": "smtp.example.com", "conections": 2}, "conections"),
        ({"host": ""}, "host"),
    ],
)
def test_settings_that_make_no_sense(settings, complaint):
    """A password in the clear beyond this computer, half a login or a misspelt setting never gets as far as sending."""
    with pytest.raises(ValidationError, match=complaint):
        SmtpSettings(type="smtp", **settings)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_plain_text_to_this_computer(host):
    """A mail server on the same computer may be spoken to without TLS."""
    assert SmtpSettings(type="smtp", host=host, security="none").security == "none"
