"""A text as it was typed, taken apart into what is literal and what is between `{{ }}` and `{% %}`, with its places.

What becomes of the literal parts (Markdown to HTML, to plain text) is others' business; `assembled` puts the parts together
again to something that Jinja compiles, each tag on a line of its own, so that a line in Jinja's errors names a tag.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError

__all__ = ["Assembled", "Fault", "Part", "Tag", "assembled", "taken_apart"]

_OPENING = re.compile(r"\{\{|\{%|\{#")
_PAIRS = {"endif": "if", "endfor": "for"}
_MIDDLES = {"elif": ("if",), "else": ("if", "for")}
_LOOSE_BRACE = re.compile(r"\{(?=[{%#]|\Z)")


class Fault(Exception):
    """One thing that is wrong in a text, and where: line and column count from 1; `word` is what the caret is for."""

    def __init__(self, text: str, line: int, column: int = 1, word: str = "") -> None:
        self.text = text
        self.line = line
        self.column = column
        self.word = word
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Tag:
    """`inner` is what stands between the braces; `word` is `if`, `for` …, empty for a value."""

    inner: str
    word: str
    line: int
    column: int

    def __str__(self) -> str:
        inner = " ".join(self.inner.split())
        return f"{{% {inner} %}}" if self.word else f"{{{{ {inner} }}}}"

    @property
    def opens(self) -> bool:
        return self.word in {"if", "for"}

    @property
    def closes(self) -> bool:
        return self.word in _PAIRS

    @property
    def divides(self) -> bool:
        return self.word in _MIDDLES


@dataclass(frozen=True, slots=True)
class Part:
    """A tag on its way into a compiled text; `through` is a filter that the place asks for (`_href` in a link)."""

    tag: Tag
    through: str = ""


def taken_apart(environment: Environment, text: str, first_line: int = 1) -> list[str | Tag]:
    """Literals and tags in order; comments are gone. Raises Fault."""
    pieces: list[str | Tag] = []
    starts = _starts(text)
    begun: tuple[int, int] | None = None
    inner = ""
    try:
        for _, kind, value in environment.lexer.tokeniter(text, None):
            if kind in {"variable_begin", "block_begin", "comment_begin", "raw_begin"}:
                begun, inner = next(starts), ""
                if kind == "raw_begin":
                    raise _fault("{% raw %} has no use in a text; there are if, for and set", begun, first_line)
            elif kind in {"variable_end", "block_end"} and begun is not None:
                pieces.append(_tag(inner, begun, first_line, statement=kind == "block_end"))
                begun = None
            elif kind == "comment_end":
                begun = None
            elif begun is None:
                pieces.append(value)
            else:
                inner += value
    except TemplateSyntaxError as error:
        line, column = begun or (error.lineno - 1, 0)
        raise _fault(_plain_words(error.message or "cannot be read"), (line, column), first_line) from None
    if begun is not None:
        raise _fault("this tag has no end", begun, first_line)
    _pair([piece for piece in pieces if isinstance(piece, Tag)])
    return pieces


def _starts(text: str) -> Iterator[tuple[int, int]]:
    """Where each tag begins. Braces inside of a tag's own strings would be miscounted: nobody writes them."""
    for row, line in enumerate(text.split("\n")):
        for found in _OPENING.finditer(line):
            yield row, found.start()


def _tag(inner: str, begun: tuple[int, int], first_line: int, *, statement: bool) -> Tag:
    row, column = begun
    word = (inner.split() or ["?"])[0] if statement else ""
    if not statement and not inner.strip():
        raise _fault("nothing stands between {{ and }}", begun, first_line)
    return Tag(inner, word, first_line + row, column + 1)


def _fault(text: str, begun: tuple[int, int], first_line: int) -> Fault:
    return Fault(text, first_line + begun[0], begun[1] + 1)


def _pair(tags: Iterable[Tag]) -> None:
    """Every `if` and `for` has its end; nothing else but `set` is there."""
    open_tags: list[Tag] = []
    for tag in tags:
        if tag.opens:
            open_tags.append(tag)
        elif tag.closes or tag.divides:
            wanted = (_PAIRS[tag.word],) if tag.closes else _MIDDLES[tag.word]
            if not open_tags or open_tags[-1].word not in wanted:
                raise Fault(f"{{% {tag.word} %}} has no {{% {wanted[0]} %}} before it", tag.line, tag.column)
            if tag.closes:
                open_tags.pop()
        elif tag.word and tag.word != "set":
            raise Fault(f"{{% {tag.word} %}} cannot be used in a text; there are if, for and set", tag.line, tag.column)
    if open_tags:
        tag = open_tags[-1]
        raise Fault(f"this {{% {tag.word} %}} has no {{% end{tag.word} %}}", tag.line, tag.column)


@dataclass(frozen=True, slots=True)
class Assembled:
    """Jinja source, and which tag each of its lines belongs to."""

    text: str
    lines: Sequence[int]
    tags: Sequence[Tag]

    def tag_at(self, line: int) -> Tag | None:
        """The tag that a line of `text` (from 1) belongs to."""
        index = bisect_right(self.lines, line) - 1
        return self.tags[index] if index >= 0 else None


def assembled(parts: Iterable[str | Part]) -> Assembled:
    """Put together; literal braces can no more be taken for tags."""
    text: list[str] = []
    lines: list[int] = []
    tags: list[Tag] = []
    line = 1
    for part in parts:
        if isinstance(part, str):
            piece = _LOOSE_BRACE.sub('{{ "{" }}', part)
        else:
            inner = part.tag.inner.strip()
            lines.append(line + 1)
            tags.append(part.tag)
            if part.tag.word:
                piece = f"{{%\n{inner}\n%}}"
            else:
                piece = f"{{{{\n({inner}) | {part.through}\n}}}}" if part.through else f"{{{{\n{inner}\n}}}}"
        text.append(piece)
        line += piece.count("\n")
    return Assembled("".join(text), lines, tags)


def _plain_words(message: str) -> str:
    message = message.strip().rstrip(".")
    return message[:1].lower() + message[1:]
