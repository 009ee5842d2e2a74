from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.sms import Segments, clean, graphemes, measure, modest, shorten, simplify


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("GSM-7", 0, 0)),
        ("a" * 160, Segments("GSM-7", 160, 1)),
        ("a" * 161, Segments("GSM-7", 161, 2)),
        ("a" * 306, Segments("GSM-7", 306, 2)),
        ("a" * 307, Segments("GSM-7", 307, 3)),
        ("€" * 80, Segments("GSM-7", 160, 1)),
        ("a" * 159 + "€", Segments("GSM-7", 161, 2)),
        # 152 + an escape that does not fit into the 153rd place: the second segment gets both septets.
        ("a" * 152 + "€" + "a" * 152, Segments("GSM-7", 306, 3)),
        ("a" * 153 + "€" + "a" * 151, Segments("GSM-7", 306, 2)),
        ("ą" * 70, Segments("UCS-2", 70, 1)),
        ("ą" * 71, Segments("UCS-2", 71, 2)),
        ("ą" * 134, Segments("UCS-2", 134, 2)),
        ("ą" * 135, Segments("UCS-2", 135, 3)),
        ("😀" * 35, Segments("UCS-2", 70, 1)),
        # 67 is odd: 33 pairs and an empty place a segment.
        ("😀" * 66, Segments("UCS-2", 132, 2)),
        ("😀" * 67, Segments("UCS-2", 134, 3)),
        ("سفارش شما", Segments("UCS-2", 9, 1)),
        ("It’s late", Segments("UCS-2", 9, 1)),
        ("50\u00a0EUR", Segments("UCS-2", 6, 1)),
        ("Ç Ø é ü ß Δ\n^{}[]~\\|€", Segments("GSM-7", 30, 1)),
        ("ç", Segments("UCS-2", 1, 1)),
    ],
)
def test_segments(text, expected):
    """A text is counted as the networks count it, and neither an escape nor a surrogate pair is split by a segment's end."""
    assert measure(text) == expected


def test_the_alphabet_is_the_published_one(needs_data):
    """Every character of the published GSM 03.38 table is GSM-7 and has the published width."""
    table = needs_data("sms") / "GSM0338.TXT"
    rows = [line.split("\t")[:2] for line in table.read_text("utf-8").splitlines() if line.startswith("0x")]
    assert len(rows) > 130
    for code, point in rows:
        char = chr(int(point, 16))
        if code == "0x09":  # the table gives the small letter; 3GPP TS 23.038 and the networks have the capital
            char = "Ç"
        if code == "0x1B" or (code == "0x00" and char == "\0"):
            continue
        assert measure(char) == Segments("GSM-7", len(code) // 2 - 1, 1), code


@given(st.text())
def test_segments_never_lie(text):
    """Whatever the text, the segments counted have room for it, and one fewer would not."""
    encoding, characters, segments = measure(text)
    alone, each = (160, 153) if encoding == "GSM-7" else (70, 67)
    assert characters <= (alone if segments <= 1 else segments * each)
    assert segments == (1 if 0 < characters <= alone else segments)
    if segments > 1:
        # Each segment end wastes at most one unit.
        assert characters > (segments - 1) * (each - 1)


@given(st.text(max_size=400), st.integers(1, 4))
def test_shortening_fits(text, segments):
    """A shortened text never fills more segments than it was given."""
    assert measure(shorten(text, segments)).segments <= segments


@given(st.lists(st.sampled_from(["👨‍👩‍👧‍👦", "🇵🇱", "e\u0301", "👍🏽", "क्षि", "a", " ", "ż"]), max_size=120))
def test_shortening_cuts_between_what_readers_see(parts):
    """No family emoji, flag or accented letter is ever cut in two."""
    text = "".join(parts)
    kept = shorten(text, 1)
    if kept != text:
        kept = kept.removesuffix("...").rstrip()
        assert graphemes(text)[: len(graphemes(kept))] == graphemes(kept)


@pytest.mark.parametrize(
    "link", ["https://shop.example/t/abcdefghij", "HTTPS://shop.example/t/abcd", "shop.example/t/abcde"]
)
@pytest.mark.parametrize("before", range(100, 165, 3))
def test_a_link_is_whole_or_gone(link, before):
    """A link is never cut, and the dots never become part of it."""
    text = "x" * before + " " + link + " and a little more text that does not matter so much to anybody"
    words = shorten(text, 1).split(" ")
    assert all(word == link or not word.lower().startswith(("http", "shop.")) for word in words)


def test_what_fits_is_left_alone():
    """A text that fits is returned as it is, to the last character."""
    assert shorten("Your parcel is late. ", 1) == "Your parcel is late. "


def test_a_cut_shows():
    """A text that was cut says so."""
    assert shorten("a" * 161, 1) == "a" * 157 + "..."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Order\u00a01043", "Order 1043"),
        ("a\x00b\x1bc\x7f\u0085d", "abc\nd"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("  two   spaces \n and a tab\there ", "two spaces\nand a tab here"),
        ("pay\u200bpal \ufeffshy\u00adphen", "paypal shyphen"),
        ("abc\u202edef", "abcdef"),
        ("\u2068A-1043\u2069 به", "\u2068A-1043\u2069 به"),
        ("\u2068A-1043 به", "A-1043 به"),
        ("می\u200cرسد", "می\u200cرسد"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("half \ud83d", "half"),
    ],
)
def test_cleaning(text, expected):
    """Controls, invisible characters and overrides go; what Persian, emoji and right-to-left numbers need stays."""
    assert clean(text) == expected


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text):
    """A clean text stays as it is."""
    assert clean(clean(text)) == clean(text)


def test_simplifying_pays_only_where_it_makes_gsm_of_it():
    """Curly quotes become plain where that alone halves the price, and stay where the text is UCS-2 anyway."""
    assert simplify("It’s “late” – sorry…") == 'It\'s "late" - sorry...'
    assert simplify("Zamówi „później”") == "Zamówi „później”"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Dana", "Dana"),
        ("Dana 🎉", "Dana"),
        ("👩🏽‍🚀Dana👨‍👩‍👧‍👦 🇵🇱❤️", "Dana"),
        ("D\u0300\u0301\u0302\u0303\u0304a\u0316\u0317\u0318\u0319na", "Dana"),
        ("Nguye\u0302\u0303n", "Nguyễn"),
        ("נָעֳמִי", "נָעֳמִי"),
        ("نرگس", "نرگس"),
        ("#1 * 7", "#1 * 7"),
        ("x" * 20, "x" * 20),
        ("x" * 21, "x" * 17 + "..."),
        ("𝒟" * 11, "𝒟" * 8 + "..."),
    ],
)
def test_what_comes_from_outside_is_modest(name, said):
    """Pictures and piled-up marks go, letters of all languages stay, and the length is what an SMS counts."""
    assert modest(name, 20) == said
