"""The starter's texts as their readers get them: every language says the same, whatever is known, and is spelt as it should."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from notifier.config import Config, load
from notifier.core import sms
from notifier.errors import NoTranslation
from notifier.render import Texts, sample_context, scope

PROJECT = Path(__file__).parents[2]
TEMPLATES = PROJECT / "templates"
LANGUAGES = ("en", "de", "hu", "pl", "ru", "ms", "fa")
NAMES = tuple(sorted(path.parent.name for path in TEMPLATES.glob("*/message.yaml")))
ABOUT_ORDERS = ("may_be_late", "delivery_late", "eta_changed", "order_shipped", "payment_failed")
ABOUT_PARCELS = ("parcel_silent", "attempt_failed", "pickup_waiting", "pickup_last_day", "customs_held")
ZONE = ZoneInfo("Europe/Warsaw")
#: The longest month of most languages, so that the longest SMS is measured.
SEPTEMBER = datetime(2026, 9, 22, 8, 30, tzinfo=UTC)
#: Facts that may or may not be known when a message about an order or a parcel is written.
UNCERTAIN = (
    "customer.first_name", "order.promised_at", "order.eta", "order.shipped_at", "order.carrier", "order.tracking_number",
    "order.total", "shipment.carrier", "shipment.scanned_at", "shipment.location", "shipment.pickup_point",
    "shipment.pickup_until", "shipment.tracking_number",
)  # fmt: skip
DANGLING = re.compile(r"[ ]{2}| [,.;:!?،؛؟](?!\S)|\.\.|,,|\(\s|\s\)|\(\)|: *[.,]|None|\{|\}")

in_every_language = pytest.mark.parametrize("language", LANGUAGES)
of_every_template = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def config() -> Config:
    return load(PROJECT, {})


@pytest.fixture(scope="module")
def texts(config: Config) -> Texts:
    return Texts.load(PROJECT, config, config.catalogue())


def facts(config: Config, name: str, language: str) -> dict[str, Any]:
    """Everything is known; the survey's link is as long as a real one."""
    known: dict[str, Any] = sample_context(name, config, config.catalogue(), language, SEPTEMBER)
    known["links"] = {**known["links"], "survey": "https://notify.shop.example/s/" + "k" * 32}
    known["matches"] = [dict(known)]
    return known


def sms_text(texts: Texts, config: Config, name: str, language: str) -> str:
    context = scope(facts(config, name, language), config.catalogue())
    return texts.render(name, "sms", language, context, ZONE).text


def written(name: str, language: str) -> tuple[dict[str, str], str]:
    """The front matter and the body as they stand in the file."""
    _, front, body = (TEMPLATES / name / f"{language}.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


def prose(language: str) -> str:
    """All that people read in a language, without what stands in braces and without links' addresses."""
    read = []
    for name in NAMES:
        front, body = written(name, language)
        read += [*front.values(), body]
    frame = yaml.safe_load((TEMPLATES / "layout" / "words" / f"{language}.yaml").read_text(encoding="utf-8"))
    read += [*frame.pop("why").values(), *frame.values()]
    return "\n".join(re.sub(r"\]\(\S*\{\{.*?\}\}\S*?\)|\{[{%].*?[%}]\}|\{button\}", " ", each) for each in read)


@in_every_language
@of_every_template
def test_a_translation_lacks_nothing_that_english_has(name: str, language: str) -> None:
    """Every language has English's subject, SMS, survey words and so on, and its body names the same facts and links."""
    english, english_body = written(name, "en")
    front, body = written(name, language)
    paths = re.compile(r"\b(?:order|shipment|customer|stock|match|survey|item|links|shop)(?:\.[a-z_]+)+")
    assert list(front) == list(english)
    assert set(paths.findall(body)) == set(paths.findall(english_body))
    assert body.count("{button}") == english_body.count("{button}")


@in_every_language
def test_the_frame_says_the_same_in_every_language(language: str) -> None:
    """The words round an e-mail are there in every language that has texts, with the shop named where English names it."""
    english, words = (
        yaml.safe_load((TEMPLATES / "layout" / "words" / f"{code}.yaml").read_text(encoding="utf-8"))
        for code in ("en", language)
    )
    assert words.keys() == english.keys()
    assert {key: text.count("{{ shop.name }}") for key, text in words["why"].items()} == {
        key: text.count("{{ shop.name }}") for key, text in english["why"].items()
    }


@in_every_language
@pytest.mark.parametrize("name", ABOUT_ORDERS + ABOUT_PARCELS)
def test_whatever_is_unknown_leaves_a_whole_message(texts: Texts, config: Config, name: str, language: str) -> None:
    """With any of the uncertain facts missing, an e-mail and an SMS have no hole, stray comma or empty bracket."""
    said = [path for path in UNCERTAIN if path in texts.template(name).variables or path == "order.tracking_number"]
    for count in range(len(said) + 1):
        for missing in combinations(said, count):
            known = facts(config, name, language)
            for path in missing:
                del known[path.partition(".")[0]][path]
            if "order.tracking_number" in missing:
                del known["order"]["order.tracking_url"], known["shipment"]["shipment.tracking_url"]
            context = scope(known, config.catalogue())
            email = texts.render(name, "email", language, context, ZONE)
            brief = texts.render(name, "sms", language, context, ZONE)
            for part in (email.subject, email.text, brief.text):
                assert not DANGLING.search(part), (missing, part)


@in_every_language
@of_every_template
def test_an_sms_is_two_segments_at_most(texts: Texts, config: Config, name: str, language: str) -> None:
    """With everything known, and in the longest month, no language pays for a third segment."""
    if not texts.template(name).texts[language].declines_sms:
        text = sms_text(texts, config, name, language)
        assert sms.measure(text).segments <= 2, text


@pytest.mark.parametrize("language", ["de", "ms"])
@of_every_template
def test_german_and_malay_fit_the_cheap_alphabet(texts: Texts, config: Config, name: str, language: str) -> None:
    """Nothing that we write in these languages turns an SMS into UCS-2, at more than twice the price."""
    if not texts.template(name).texts[language].declines_sms:
        text = sms_text(texts, config, name, language)
        assert sms.measure(text).encoding == "GSM-7", text


@of_every_template
def test_a_malay_sms_has_no_link(texts: Texts, config: Config, name: str) -> None:
    """Malaysian operators block an SMS with a link in it, so it says where to look instead."""
    if not texts.template(name).texts["ms"].declines_sms:
        text = sms_text(texts, config, name, "ms")
        assert not re.search(r"https?:|www\.|mailto:|tel:", text)


def test_a_malay_survey_goes_by_email(texts: Texts) -> None:
    """Its SMS could hold no link, and there is no other way to answer: `sms: null` leaves it to e-mail."""
    with pytest.raises(NoTranslation):
        texts.language("csat_delivery", "sms", "ms-MY")
    assert texts.language("csat_delivery", "email", "ms-MY") == "ms"


def test_persian_is_spelt_in_persian_letters() -> None:
    """No Arabic yeh, kaf or digit, no stretched letter, no Latin comma or question mark."""
    assert re.findall("[يىكة٠-٩ـ,;?]", prose("fa")) == []


def test_persian_prefixes_are_joined_by_a_zero_width_non_joiner() -> None:
    """می and نمی are neither torn from their verb by a space nor run into it, and no plural ها stands alone."""
    assert re.findall(r"(?<![\w\u200c])ن?می(?!\u200c)\w*|\sها\w*", prose("fa")) == []


def test_a_persian_sms_begins_with_a_persian_letter(texts: Texts, config: Config) -> None:
    """A handset takes the direction of the whole from its first letter."""
    for name in NAMES:
        text = sms_text(texts, config, name, "fa")
        assert "آ" <= text[0] <= "ی", text


@pytest.mark.parametrize("language", ["de", "hu", "pl", "ru", "fa"])
def test_quotes_are_the_language_s_own(language: str) -> None:
    """No typewriter quotes in what people read."""
    assert '"' not in prose(language)


def test_russian_has_no_latin_letter_inside_of_a_word() -> None:
    """A Latin letter that looks Cyrillic breaks searching, and reads as a fraud."""
    assert re.findall(r"[а-яё][a-z]|[a-z][а-яё]", prose("ru"), re.IGNORECASE) == []
