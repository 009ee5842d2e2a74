"""What an SMS costs and how it is cut: the GSM 03.38 alphabet or UCS-2, and how many segments a text fills."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Literal, NamedTuple
from unicodedata import normalize

import regex
from gsm0338 import Codec

__all__ = ["Segments", "clean", "graphemes", "measure", "modest", "shorten", "simplify", "unpiled"]

Encoding = Literal["GSM-7", "UCS-2"]

_ESCAPE = 0x1B
_codec = Codec()
_BASIC = frozenset(_codec.decode(bytes([code]))[0] for code in range(128) if code != _ESCAPE)
#: These are sent as an escape and a code: two septets, never parted by the end of a segment.
_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM = _BASIC | _EXTENSION

#: (units of a message that is alone, units of each segment of a longer one): septets or UTF-16 code units.
_ROOM: dict[Encoding, tuple[int, int]] = {"GSM-7": (160, 153), "UCS-2": (70, 67)}

_ELLIPSIS = "..."
#: A link is whatever a handset would make one of: with a scheme, or `shop.example/t/1`.
_UNIT = regex.compile(r"(?i:https?://|www\.)\S+|\w[\w-]*(?:\.[\w-]+)+/\S+|\X")
_GRAPHEME = regex.compile(r"\X")
_ISOLATES = "\u2066\u2067\u2068"
_POP_ISOLATE = "\u2069"
_BREAKS = regex.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACES = regex.compile(r"[\t\u00a0\u2000-\u200a\u202f\u205f\u3000]")
#: Controls, soft hyphen, zero-width space and joiner, byte order mark, embeddings and overrides, lone surrogates. The
#: zero-width joiner and non-joiner stay: emoji and Persian are misspelt without them.
_INVISIBLE = regex.compile(r"[\x00-\x09\x0e-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\u202a-\u202e\ud800-\udfff]")
#: Pictures, with what joins and colours them; marks that are piled up on one letter. Vietnamese, Thai and Hebrew need up
#: to three.
_PICTURE = regex.compile(
    r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\ufe0e\ufe0f\u20e3]\u200d?"
)
_PILE = regex.compile(r"\p{M}{4,}")
_LOOKALIKES = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'}
    | {"‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "…": "...", "•": "-", "·": ".", "×": "x"}
)


class Segments(NamedTuple):
    """`characters` are what the encoding counts: septets for GSM-7, UTF-16 code units for UCS-2."""

    encoding: Encoding
    characters: int
    segments: int


def measure(text: str) -> Segments:
    """How the text is sent and billed; an empty text fills no segment."""
    encoding: Encoding = "GSM-7" if _GSM.issuperset(text) else "UCS-2"
    characters = len(text) + sum(map(text.count, _EXTENSION)) if encoding == "GSM-7" else _units(text)
    alone, each = _ROOM[encoding]
    if characters <= alone:
        return Segments(encoding, characters, 1 if text else 0)
    if characters == len(text):
        return Segments(encoding, characters, -(-characters // each))
    return Segments(encoding, characters, _filled(_widths(text, encoding), each))


def clean(text: str) -> str:
    """A text as a handset should get it: plain spaces and line breaks, nothing invisible, nothing that turns it around."""
    text = _INVISIBLE.sub("", _SPACES.sub(" ", _BREAKS.sub("\n", text)))
    if sum(map(text.count, _ISOLATES)) != text.count(_POP_ISOLATE):
        text = regex.sub(f"[{_ISOLATES}{_POP_ISOLATE}]", "", text)
    return "\n".join(" ".join(filter(None, line.split(" "))) for line in text.split("\n")).strip()


def modest(text: str, units: int) -> str:
    """What somebody else wrote, such as a name, so that it cannot make an SMS dearer than it may: without pictures and
    piled-up marks, and no longer than so many UTF-16 code units.
    """
    plain = text if text.isascii() else unpiled(_PICTURE.sub("", text))
    if _units(plain) <= units:
        return plain if plain == text else " ".join(plain.split())
    kept, room = "", units - len(_ELLIPSIS)
    for letter in graphemes(plain):
        room -= _units(letter)
        if room < 0:
            break
        kept += letter
    return kept.rstrip() + _ELLIPSIS


def unpiled(text: str) -> str:
    """The text with accents as letters have them: where more are piled up, with none."""
    return _PILE.sub("", normalize("NFC", text))


def simplify(text: str) -> str:
    """The text with curly quotes, dashes and the like made plain, if that alone makes it GSM-7; else the text as it is."""
    plain = text.translate(_LOOKALIKES)
    return plain if _GSM.issuperset(plain) else text


def shorten(text: str, segments: int) -> str:
    """The text if it fits into so many segments (one or more), else its beginning and three dots.

    Nothing is cut inside: no letter loses its accent, no emoji falls apart, a link is whole or gone.
    """
    if measure(text).segments <= segments:
        return text
    ends = [found.end() for found in _UNIT.finditer(text)]
    fitting = bisect_right(ends, segments, key=lambda end: measure(_cut(text, end)).segments)
    return _cut(text, ends[fitting - 1] if fitting else 0)


def graphemes(text: str) -> list[str]:
    """What a reader takes for characters: `é` and a family emoji are one each, however they are written."""
    return _GRAPHEME.findall(text)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, end: int) -> str:
    kept = text[:end].rstrip()
    # Dots that touch a link would become part of it.
    last = kept.rpartition(" ")[2]
    return f"{kept} {_ELLIPSIS}" if "." in last and "/" in last else f"{kept}{_ELLIPSIS}"


def _widths(text: str, encoding: Encoding) -> Iterable[int]:
    if encoding == "GSM-7":
        return (2 if char in _EXTENSION else 1 for char in text)
    return (2 if char > "\uffff" else 1 for char in text)


def _filled(widths: Iterable[int], room: int) -> int:
    segments, left = 1, room
    for width in widths:
        if width > left:
            segments, left = segments + 1, room
        left -= width
    return segments
