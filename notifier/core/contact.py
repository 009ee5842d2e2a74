"""How somebody can be reached: addresses made canonical, channels in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email

__all__ = ["CHANNELS", "address_digest", "address_of", "canonical_email", "canonical_phone", "country_of", "in_order"]

CHANNELS = ("email", "sms")

_SMS_TYPES = {
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    phonenumbers.PhoneNumberType.PERSONAL_NUMBER,
    phonenumbers.PhoneNumberType.UNKNOWN,
}


@lru_cache(maxsize=4096)
def canonical_email(text: str) -> str | None:
    """One addr-spec with its domain in lower case and IDNA, None where it is not exactly one address."""
    try:
        found = validate_email(text.strip().removeprefix("mailto:"), check_deliverability=False, strict=True)
    except EmailNotValidError:
        return None
    return f"{found.local_part}@{found.ascii_domain}"


@lru_cache(maxsize=4096)
def canonical_phone(text: str, country: str | None) -> str | None:
    """E.164, None where it is no number that could take an SMS. `country` reads numbers without a prefix."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    if not phonenumbers.is_valid_number(number) and not _reserved(number):
        return None
    if phonenumbers.number_type(number) not in _SMS_TYPES:
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _reserved(number: phonenumbers.PhoneNumber) -> bool:
    """North America keeps 555-0100 to 555-0199 and a block of 500-555 for examples: sample data lives there."""
    national = str(number.national_number)
    examples = national[3:8] == "55501" or national.startswith(("55501", "5005550"))
    return number.country_code == 1 and examples


def address_of(customer: Mapping[str, Any], channel: str, country: str | None = None) -> str | None:
    """The canonical address for a channel from a customer's facts, None where there is none that would do.

    `country` is the shop's, for numbers without a prefix of customers whose own is not known.
    """
    if channel == "email":
        email = customer.get("customer.email")
        return canonical_email(email) if email else None
    phone = customer.get("customer.phone")
    return canonical_phone(phone, customer.get("customer.country") or country) if phone else None


def country_of(phone: str) -> str | None:
    """The country that an E.164 number belongs to, None where several share it or none has it."""
    region = phonenumbers.region_code_for_number(phonenumbers.parse(phone))
    return str(region) if region and region != "001" else None


def in_order(wanted: Iterable[str], preferred: str | None, configured: Iterable[str]) -> Iterator[str]:
    """Channels in order of trial, each once. `preferred` in `wanted` stands for what the customer prefers."""
    listed = list(wanted) or ["preferred", *configured]
    yield from dict.fromkeys(
        one for one in ((preferred if name == "preferred" else name) for name in listed) if one in CHANNELS
    )


def address_digest(key: bytes, channel: str, address: str) -> bytes:
    """16 bytes that name an address and do not give it away: keyed, so that nobody can try addresses out."""
    return blake2b(f"{channel}:{address}".encode(), key=key[:64], digest_size=16).digest()
