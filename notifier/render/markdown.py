"""Markdown with tags in it, made once into HTML and into plain text that both still have the tags in them.

So no Markdown is read when a message is written, and a value can never be taken for Markdown. Tags stand in the Markdown as
words while it is read; a line of nothing but `{% %}` stands between blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from notifier.render.scope import safe_url
from notifier.render.source import Fault, Part, Tag
from notifier.render.table import table_rule

__all__ = ["Body", "body", "html_parts", "tidied", "unfit_for_customers"]

_FEATURES = (
    "heading", "list", "blockquote", "hr", "newline", "escape", "entity", "emphasis", "link", "autolink", "backticks",
)  # fmt: skip
_BUTTON = "{button}"
#: In plain text, on its way: the edge of a list, and a break that is there once however often it is asked for.
_EDGE, _BREAK = "\x1e", "\x1f"
_ISOLATE, _POP = "\u2068", "\u2069"
_TAGS = {
    "paragraph": "p", "bullet_list": "ul", "ordered_list": "ol", "list_item": "li", "blockquote": "blockquote",
    "strong": "strong", "em": "em", **{name: name for name in ("table", "thead", "tbody", "tr", "th", "td")},
}  # fmt: skip


#: What has lines of its own in it.
_OUTER = {"ul", "ol", "blockquote", "table", "thead", "tbody", "tr"}


@dataclass(frozen=True, slots=True)
class Body:
    """What a text's Markdown became. `joints` are to be deleted from the written HTML: lists cut apart by a loop."""

    html: list[str | Part]
    text: list[str | Part]
    joints: tuple[str, ...]


def body(pieces: Sequence[str | Tag], styles: Mapping[str, str], *, rtl: bool) -> Body:
    """HTML and plain text of a text; raises Fault. `styles` is CSS by HTML tag, and for `button`."""
    words = _Words.of(pieces)
    tokens = _markdown(words).parse(words.source)
    html = _Html(words, styles, rtl)
    html.blocks(tokens)
    text = _Text(words, rtl=rtl)
    text.blocks(tokens)
    joints = tuple(f"</{name}>\n{html.opening(name)}\n" for name in ("ul", "ol"))
    return Body(words.parts("".join(html.out)), words.parts("".join(text.out)), joints)


def tidied(text: str) -> str:
    """Written plain text without the gaps that parts left out have made."""
    text = text.replace(_EDGE * 2, "").replace(_EDGE, "\n")
    text = re.sub(f"{_BREAK}(?: *{_BREAK})*", "\n", text)
    text = re.sub(r"(?<=[^\s]) {2,}", " ", text)
    text = re.sub(r" +\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


_LINK_ATTRIBUTE = re.compile(r"(?:href|src|action)\s*=\s*[\"']$", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"<[^<>]*=\s*(?:\"[^\"<>]*|'[^'<>]*)$")


def html_parts(pieces: Sequence[str | Tag]) -> list[str | Part]:
    """HTML that somebody wrote by hand: its tags, made fit for attributes and links where they stand in such."""
    parts: list[str | Part] = []
    before = ""
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(piece)
            before = (before + piece)[-500:]
        elif piece.word:
            parts.append(Part(piece))
        else:
            link = _LINK_ATTRIBUTE.search(before)
            parts.append(Part(piece, "_href" if link else "_attribute" if _ATTRIBUTE.search(before) else ""))
            before += "x"
    return parts


# --- tags as words


@dataclass(frozen=True, slots=True)
class _Words:
    """The tags of a text, and the Markdown in which the word `KEYnE` stands for the n-th, `KEYnS` if it is a statement."""

    key: str
    tags: tuple[Tag, ...]
    source: str
    #: From an `if` or `for` to its end, where no `else` or `elif` is between them.
    pairs: Mapping[int, int]

    @classmethod
    def of(cls, pieces: Sequence[str | Tag]) -> _Words:
        literal = "".join(piece for piece in pieces if isinstance(piece, str))
        key = "Tag"
        while key in literal:
            key += "x"
        tags: list[Tag] = []
        source = ""
        for piece in pieces:
            if isinstance(piece, str):
                source += piece
            else:
                source += f"{key}{len(tags)}{'S' if piece.word else 'E'}"
                tags.append(piece)
        return cls(key, tuple(tags), source, _pairs(tags))

    def parts(self, text: str) -> list[str | Part]:
        """Written text with the tags in place of their words."""
        found = re.split(rf"{self.key}(\d+)([ESHQ])", text)
        through = {"E": "", "S": "", "H": "_href", "Q": "_quoted"}
        parts: list[str | Part] = [found[0]]
        for number, kind, literal in zip(found[1::3], found[2::3], found[3::3], strict=True):
            parts += [Part(self.tags[int(number)], through[kind]), literal]
        return parts

    def statements(self, text: str) -> Iterator[Tag]:
        for number in re.findall(rf"{self.key}(\d+)S", text):
            yield self.tags[int(number)]

    @property
    def line_of_statements(self) -> re.Pattern[str]:
        return re.compile(rf"(?:{self.key}\d+S\s*)+")

    def refusal(self, line: str, reason: str) -> Fault:
        """What is wrong with a line, as a fault where it stands: its tags know, and what has none is looked for."""
        found = re.search(rf"{self.key}(\d+)[ES]", line)
        return Fault(reason, self.tags[int(found[1])].line) if found else Fault(reason, 1, 1, line)

    def depth(self, line: str) -> int | None:
        """How much deeper a line of nothing but statements leads; None for any other."""
        if not self.line_of_statements.fullmatch(line):
            return None
        return sum(int(tag.opens) - int(tag.closes) for tag in self.statements(line))

    def wrapped(self, text: str) -> tuple[str, str, str] | None:
        """The opening word, the inside and the closing word, where one `if` or `for` spans all of the text."""
        found = re.fullmatch(rf"({self.key}(\d+)S)(.*)({self.key}(\d+)S)", text.strip(), re.DOTALL)
        if found is None or self.pairs.get(int(found[2])) != int(found[5]):
            return None
        return found[1], found[3].strip(), found[4]


def _pairs(tags: Sequence[Tag]) -> dict[int, int]:
    pairs: dict[int, int] = {}
    opened: list[tuple[int, bool]] = []
    for number, tag in enumerate(tags):
        if tag.opens:
            opened.append((number, True))
        elif tag.divides:
            opened[-1] = (opened[-1][0], False)
        elif tag.closes:
            first, plain = opened.pop()
            if plain:
                pairs[first] = number
    return pairs


def _markdown(words: _Words) -> MarkdownIt:
    line = words.line_of_statements

    def statement(state: StateBlock, start: int, _end: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's way
        text = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
        if not line.fullmatch(text.strip()):
            return False
        if not silent:
            state.push("statement", "", 0).content = text.strip()
            state.line = start + 1
        return True

    def unwrap(state: StateCore) -> None:
        state.tokens = list(_unwrapped(words, state.tokens))

    markdown = MarkdownIt("zero", {"html": False}).enable(list(_FEATURES))
    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    markdown.block.ruler.before("paragraph", "statement", statement, interrupts)
    markdown.block.ruler.before("statement", "rows", table_rule(words.depth, words.refusal), interrupts)
    markdown.core.ruler.after("block", "unwrap", unwrap)
    return markdown


def _unwrapped(words: _Words, tokens: Sequence[Token]) -> Iterator[Token]:
    """`{% if x %}…{% endif %}` that is all of a paragraph stands round the paragraph: no empty one is left behind."""
    for index, token in enumerate(tokens):
        if token.type == "paragraph_open" and not token.hidden:
            inline = tokens[index + 1]
            while found := words.wrapped(inline.content):
                before, inline.content, after = found
                yield Token("statement", "", 0, content=before)
                token.meta.setdefault("after", []).insert(0, after)
        yield token
        if token.type == "paragraph_close":
            for after in tokens[index - 2].meta.get("after", ()):
                yield Token("statement", "", 0, content=after)


# --- writers


@dataclass(slots=True)
class _Html:
    words: _Words
    styles: Mapping[str, str]
    rtl: bool = False
    out: list[str] = field(default_factory=list)
    #: What is open: names of HTML tags, and statements.
    open: list[str | Tag] = field(default_factory=list)

    def opening(self, name: str, attributes: str = "", style: str = "") -> str:
        css = self.styles.get(style or name, "")
        styled = f' style="{escape(css)}"' if css else ""
        return f"<{name}{attributes}{styled}>"

    def blocks(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            kind, _, edge = token.type.rpartition("_")
            if token.type == "inline":
                self._inline(token.children or [])
            elif token.type == "statement":
                self._literal(token.content)
            elif token.type == "hr":
                self.out.append(self.opening("hr") + "\n")
            elif token.hidden:
                continue
            else:
                name = token.tag if kind == "heading" else _TAGS[kind]
                after = "\n" if name in _OUTER or edge == "close" else ""
                self._edge(name, edge, after, self._aligned(token.meta.get("side", "")))

    def _aligned(self, side: str) -> str:
        """As mail programs know it: they have no start and end."""
        sides = {"start": ("left", "right"), "end": ("right", "left"), "center": ("center", "center")}
        return f' align="{sides[side][self.rtl]}"' if side else ""

    def _edge(self, name: str, edge: str, after: str = "", attributes: str = "") -> None:
        if edge == "open":
            self.open.append(name)
            self.out.append(self.opening(name, attributes) + after)
        else:
            self._leave(name)
            self.out.append(f"</{name}>{after}")

    def _inline(self, children: Sequence[Token]) -> None:
        skip_button = False
        for index, token in enumerate(children):
            if token.type == "text":
                self._literal(token.content.removeprefix(_BUTTON) if skip_button else token.content)
            elif token.type == "code_inline":
                self.out.append(f"{self.opening('code')}{escape(token.content)}</code>")
            elif token.type in {"softbreak", "hardbreak"}:
                self.out.append("<br>\n" if token.type == "hardbreak" else "\n")
            elif token.type == "link_open":
                self._link(token, button=_is_button(children, index))
            elif token.type == "link_close":
                self._edge("a", "close")
            else:
                kind, _, edge = token.type.rpartition("_")
                self._edge(_TAGS[kind], edge)
            skip_button = token.type == "link_close" and _followed_by_button(children, index)

    def _link(self, token: Token, *, button: bool) -> None:
        href = escape(_href(self.words, str(token.attrs["href"])))
        self.open.append("a")
        classes = ' class="button"' if button else ""
        self.out.append(self.opening("a", f' href="{href}"{classes}', "button" if button else "a"))

    def _literal(self, text: str) -> None:
        for wrong, reason in _MISTAKES.items():
            if wrong in text:
                raise Fault(reason, 1, 1, wrong)
        for tag in self.words.statements(text):
            if tag.opens:
                self.open.append(tag)
            elif tag.closes or tag.divides:
                opener = self._leave(tag)
                if tag.divides:
                    self.open.append(opener)
        self.out.append(escape(text, quote=False))

    def _leave(self, what: str | Tag) -> str | Tag:
        """Close the innermost open thing; Fault where that is not what this closes."""
        last = self.open.pop() if self.open else ""
        fits = isinstance(last, Tag) if isinstance(what, Tag) else last == what
        if not fits:
            tag = what if isinstance(what, Tag) else next(each for each in (last, *self.open) if isinstance(each, Tag))
            raise Fault(
                f"{{% {tag.word} %}} does not begin and end in the same paragraph, list or emphasis: "
                "put it on a line of its own",
                tag.line,
                tag.column,
            )
        return last


@dataclass(slots=True)
class _Text:
    words: _Words
    rtl: bool
    out: list[str] = field(default_factory=list)
    #: The marks of the lists that are open: a number to come, or None for bullets.
    lists: list[int | None] = field(default_factory=list)
    #: What goes before the next text: a bullet, a mark of quotation.
    before: str = ""
    #: Of the table: what its columns are called, and how many cells of the row have been said.
    columns: list[str] = field(default_factory=list)
    cells: int = 0

    def blocks(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            kind = token.type
            if kind.startswith(_OF_TABLES):
                self._table(kind)
            elif kind == "inline":
                self._said(self._inline(token.children or []))
            elif kind == "statement":
                self.out.append(token.content)
            elif kind in {"bullet_list_open", "ordered_list_open", "bullet_list_close", "ordered_list_close"}:
                self._list(token)
            elif kind == "list_item_open":
                self.before = "  " * (len(self.lists) - 1) + self._mark()
            elif kind == "blockquote_open":
                self.before = "> "
            elif kind == "hr":
                self.out.append("----\n\n")
            elif kind.endswith("_close") and kind not in {"list_item_close", "blockquote_close"}:
                self.out.append("\n" if self.lists else "\n\n")

    def _list(self, token: Token) -> None:
        if token.nesting == -1:
            self.lists.pop()
        self.out.append("" if self.lists else _EDGE)
        if token.nesting == 1:
            self.lists.append(int(token.attrs.get("start", 1)) if token.type[0] == "o" else None)

    def _said(self, text: str) -> None:
        if self.cells:
            self._cell(text)
            return
        self.out.append(self.before + text)
        self.before = ""

    def _table(self, kind: str) -> None:
        """A row is a point of a list, each cell with its column's name before it: so it reads without lines and at any width."""
        if kind == "thead_open":
            self.columns, self.cells = [], -1
        elif kind == "tr_open" and self.cells != -1:
            self.out.append("- ")
            self.cells = 1
        elif kind == "tr_close" and self.cells != -1:
            self.out.append("\n")
        elif kind in {"thead_close", "table_close"}:
            self.cells = 0
            self.out.append("\n" if kind == "table_close" else "")

    def _cell(self, text: str) -> None:
        if self.cells == -1:
            self.columns.append(text)
            return
        column = self.columns[self.cells - 1]
        self.out.append(" · " if self.cells > 1 else "")
        self.out.append(f"{column}: {text}" if column else text)
        self.cells += 1

    def _mark(self) -> str:
        number = self.lists[-1]
        if number is None:
            return "- "
        self.lists[-1] = number + 1
        return f"{number}. "

    def _inline(self, children: Sequence[Token]) -> str:
        text, start, href = "", 0, ""
        button = False
        for index, token in enumerate(children):
            if token.type == "text":
                content = token.content.removeprefix(_BUTTON) if button else token.content
                after_link = index > 0 and children[index - 1].type == "link_close"
                # A full stop right behind a link would be taken for a part of it.
                text += content.removeprefix(".") if after_link and index == len(children) - 1 else content
            elif token.type == "code_inline":
                text += token.content
            elif token.type in {"softbreak", "hardbreak"}:
                text += " " if token.type == "softbreak" else "\n"
            elif token.type == "link_open":
                start, href = len(text), _href(self.words, str(token.attrs["href"]))
            elif token.type == "link_close":
                button = _followed_by_button(children, index)
                text = text[:start] + self._link(text[start:], href, button=button)
                continue
            button = False
        return text

    def _link(self, label: str, href: str, *, button: bool) -> str:
        href = href.removeprefix("mailto:").removeprefix("tel:")
        link = f"{_ISOLATE}{href}{_POP}" if self.rtl else href
        same = re.sub(r"[EHQ]$", "", label) == re.sub(r"[EHQ]$", "", href)
        text = link if same else f"{label}: {link}"
        return f"{_BREAK}{text}{_BREAK}" if button else text


_OF_TABLES = ("table_", "thead_", "tbody_", "tr_", "th_", "td_")
_MISTAKES = {
    "](": "this is no link that may be followed (https, http, mailto or tel)",
    _BUTTON: "{button} belongs right behind a link: [text](link){button}",
}


def _followed_by_button(children: Sequence[Token], index: int) -> bool:
    after = children[index + 1] if index + 1 < len(children) else None
    return after is not None and after.type == "text" and after.content.startswith(_BUTTON)


def _is_button(children: Sequence[Token], index: int) -> bool:
    close = next(at for at in range(index, len(children)) if children[at].type == "link_close")
    return _followed_by_button(children, close)


def _href(words: _Words, href: str) -> str:
    """The target of a link: checked as far as it is literal; its tags are checked when they are written."""
    if any(words.statements(href)):
        raise Fault("no {% %} in the target of a link: choose between two links instead", 1, 1, "")
    begins_with_tag = re.match(rf"{words.key}\d+E", href)
    if begins_with_tag:
        first = begins_with_tag[0]
        return first[:-1] + "H" + re.sub(rf"({words.key}\d+)E", r"\1Q", href[len(first) :])
    literal = re.sub(rf"{words.key}\d+E", "x", href)
    if safe_url(literal) is None:
        raise Fault(f"'{literal}' is no link that may be followed (https, http, mailto or tel)", 1, 1, href)
    if reason := unfit_for_customers(literal):
        raise Fault(f"'{literal}' {reason}", 1, 1, href)
    return re.sub(rf"({words.key}\d+)E", r"\1Q", href)


def unfit_for_customers(url: str) -> str:
    """What is wrong with a link that stands in a text or in the config; empty where nothing is."""
    if re.match(r"https?://(?:localhost|127\.|\[::1\])", url):
        return "leads to this computer only: nobody else can follow it"
    return "is not encrypted: write https://" if url.startswith("http://") else ""
