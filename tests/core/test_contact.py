from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.contact import (
    address_digest,
    address_of,
    canonical_email,
    canonical_phone,
    country_of,
    in_order,
)

EMAILS = [
    ("dana@example.com", "dana@example.com"),
    ("Dana.Kowalska+shop@Example.COM", "Dana.Kowalska+shop@example.com"),
    (" dana@example.com\n", "dana@example.com"),
    ("mailto:dana@example.com", "dana@example.com"),
    ("o'brien@example.com", "o'brien@example.com"),
    ("dana@példa.hu", "dana@xn--plda-bpa.hu"),
    ("józsef@példa.hu", "józsef@xn--plda-bpa.hu"),
    ("dana@sub.example.co.uk", "dana@sub.example.co.uk"),
    # 55: what is not exactly one address
    ("", None),
    ("   ", None),
    ("dana", None),
    ("a@b", None),
    ("a@b..c", None),
    ("dana@", None),
    ("@example.com", None),
    (".dana@example.com", None),
    ("da..na@example.com", None),
    ("dana@example.com.", None),
    ("dana@-example.com", None),
    ("dana@example.com, eve@example.com", None),
    ("dana@example.com;eve@example.com", None),
    ("dana@example.com eve@example.com", None),
    ("Dana <dana@example.com>", None),
    ('"dana k"@example.com', None),
    ("dana(comment)@example.com", None),
    ("dana@[192.0.2.1]", None),
    ("dana@example.com\r\nBcc: eve@example.com", None),
    ("dana\n@example.com", None),
    ("dana@exa\0mple.com", None),
    ("a" * 65 + "@example.com", None),
    ("dana@" + "a" * 64 + ".com", None),
    ("dana@" + "a." * 130 + "com", None),
    ("a" * 10_000 + "@example.com", None),
]


@pytest.mark.parametrize(("text", "address"), EMAILS)
def test_emails(text, address):
    """One address, with its domain as the network wants it; nothing that could be two, or a header, or a name."""
    assert canonical_email(text) == address


@given(st.text(max_size=40) | st.from_regex(r"[a-z.]{1,9}@[a-zéß.]{1,9}", fullmatch=True))
def test_an_email_is_one_line_and_stays_as_it_is(text):
    """Whatever is made of a text is a single address, and made of it again it does not change."""
    address = canonical_email(text)
    if address is not None:
        assert len(address) <= 254
        assert not set(address) & set("\r\n\0 ,;<>")
        assert address.count("@") == 1
        assert canonical_email(address) == address


PHONES = [
    ("+48 512 345 678", None, "+48512345678"),
    ("+48 (512) 345-678", "DE", "+48512345678"),
    ("512 345 678", "PL", "+48512345678"),
    ("0048 512 345 678", "PL", "+48512345678"),
    ("0912 345 6789", "IR", "+989123456789"),
    ("۰۹۱۲۳۴۵۶۷۸۹", "IR", "+989123456789"),
    ("+９８９１２３４５６７８９", None, "+989123456789"),
    ("8 (912) 345-67-89", "RU", "+79123456789"),
    ("012-345 6789", "MY", "+60123456789"),
    ("06 20 123 4567", "HU", "+36201234567"),
    ("tel:+48512345678", None, "+48512345678"),
    ("+1 212 555 0100", None, "+12125550100"),
    ("+15005550006", None, "+15005550006"),
    ("+1 555 010 0123", None, "+15550100123"),
    # 56: what is no number that could take an SMS
    ("0912 345 6789", None, None),
    ("", "PL", None),
    ("   ", "PL", None),
    ("Dana", "PL", None),
    ("911", "US", None),
    ("112", "PL", None),
    ("12345", "PL", None),
    ("+00000", None, None),
    ("+", None, None),
    ("+48", None, None),
    ("+999123456789", None, None),
    ("+48 22 123 45 67", None, None),
    ("+44 20 7946 0958", None, None),
    ("+1 800 555 2368", None, None),
    ("+48 701 234 567", None, None),
    ("+48 512 345 678 ext. 5", None, None),
    ("+48 512 345 678;ext=5", None, None),
    ("+48512345678, +48512345679", None, None),
    ("+48 512 345 678 9", None, None),
    ("512 345 678", "XX", None),
    ("1" * 300, "PL", None),
]


@pytest.mark.parametrize(("text", "country", "number"), PHONES)
def test_phones(text, country, number):
    """E.164, from however it is written where the country is known; only what may take an SMS, without an extension."""
    assert canonical_phone(text, country) == number


@given(st.text("+0123456789 ()-.x٠۵", max_size=20), st.sampled_from([None, "PL", "US", "IR"]))
def test_a_phone_is_digits_and_stays_as_it_is(text, country):
    """Whatever is made of a text is a plus and digits, and made of it again it does not change."""
    number = canonical_phone(text, country)
    if number is not None:
        assert number[0] == "+"
        assert number[1:].isascii()
        assert number[1:].isdigit()
        assert len(number) <= 16
        assert canonical_phone(number, None) == number


def test_addresses_of_a_customer():
    """By channel; a number is read by the customer's country, else the shop's."""
    customer = {"customer.email": " Dana@Example.com", "customer.phone": "512 345 678", "customer.country": "PL"}
    assert address_of(customer, "email") == "Dana@example.com"
    assert address_of(customer, "sms") == "+48512345678"
    assert address_of({"customer.phone": "512 345 678"}, "sms") is None
    assert address_of({"customer.phone": "512 345 678"}, "sms", "PL") == "+48512345678"
    assert address_of({**customer, "customer.country": "DE"}, "sms", "PL") != "+48512345678"
    for nothing in ({}, {"customer.email": "", "customer.phone": ""}, {"customer.email": " ", "customer.phone": " "}):
        assert address_of(nothing, "email") is None
        assert address_of(nothing, "sms") is None


def test_countries_of_numbers():
    """A number tells its country, unless it belongs to none."""
    assert country_of("+48512345678") == "PL"
    assert country_of("+12125550100") == "US"
    assert country_of("+883510000000") is None


ORDERS = [
    ([], None, ["email", "sms"], ["email", "sms"]),
    ([], "sms", ["email", "sms"], ["sms", "email"]),
    ([], "sms", ["email"], ["sms", "email"]),
    ([], "email", ["sms", "email"], ["email", "sms"]),
    (["preferred"], "sms", ["email", "sms"], ["sms"]),
    (["preferred"], None, ["email", "sms"], []),
    (["preferred", "email", "sms"], None, ["sms"], ["email", "sms"]),
    (["sms"], "email", ["email", "sms"], ["sms"]),
    (["sms", "preferred", "sms"], "email", [], ["sms", "email"]),
    ([], "fax", ["email"], ["email"]),
]


@pytest.mark.parametrize(("wanted", "preferred", "configured", "order"), ORDERS)
def test_channels_in_order(wanted, preferred, configured, order):
    """What the rule lists, each way once; `preferred` is the customer's own, and where nothing is listed it comes first."""
    assert list(in_order(wanted, preferred, configured)) == order


def test_digests():
    """A digest names an address without giving it away: another key, channel or address makes another."""
    key = b"k" * 32
    digests = {
        address_digest(key, "email", "dana@example.com"),
        address_digest(key, "email", "eve@example.com"),
        address_digest(key, "sms", "dana@example.com"),
        address_digest(b"x" * 32, "email", "dana@example.com"),
    }
    assert len(digests) == 4
    assert all(len(one) == 16 and b"dana" not in one for one in digests)
    assert address_digest(key, "email", "dana@example.com") in digests
