"""Tables in Markdown, as GitHub writes them, with loops over their rows.

    | Order | Total |
    |---|--:|
    {% for row in list.rows %}
    | {{ row.order.number }} | {{ row.order.total | money }} |
    {% endfor %}

A line of nothing but `{% %}` belongs to the table as long as what it opens is closed there.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markdown_it.rules_block import StateBlock

from notifier.render.source import Fault

__all__ = ["table_rule"]

_DASHES = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?")
_EDGE = re.compile(r"(?<!\\)\|")
#: A line of statements -> how much deeper it leads; None where a line is none.
Depth = Callable[[str], int | None]
#: What is wrong with a line, as a fault in its place.
Refusal = Callable[[str, str], Fault]


def table_rule(depth: Depth, refusal: Refusal) -> Callable[[StateBlock, int, int, bool], bool]:
    """The rule for markdown-it. Raises Fault where a row does not fit its heading."""

    def table(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's way
        head = _line(state, start)
        dashes = _line(state, start + 1) if start + 1 < end else ""
        if not head.startswith("|") or "|" not in dashes or not _DASHES.fullmatch(dashes):
            return False
        if silent:
            return True
        sides = [_side(one) for one in _cells(dashes)]
        state.push("table_open", "table", 1)
        _push(state, start, sides, refusal, head=True)
        state.push("tbody_open", "tbody", 1)
        state.line = _rows(state, start + 2, end, depth, lambda line: _push(state, line, sides, refusal))
        state.push("tbody_close", "tbody", -1)
        state.push("table_close", "table", -1)
        return True

    return table


def _rows(state: StateBlock, line: int, end: int, depth: Depth, push: Callable[[int], None]) -> int:
    """Push the rows; the first line that belongs to the table no more."""
    inside = 0
    while line < end:
        text = _line(state, line)
        deeper = depth(text)
        if text.startswith("|"):
            push(line)
        elif deeper is not None and (inside or _goes_on(state, line + 1, end, depth)):
            state.push("statement", "", 0).content = text
            inside += deeper
        else:
            break
        line += 1
    return line


def _goes_on(state: StateBlock, line: int, end: int, depth: Depth) -> bool:
    """Whether behind further statements there is another row."""
    while line < end and depth(_line(state, line)) is not None:
        line += 1
    return line < end and _line(state, line).startswith("|")


def _push(state: StateBlock, line: int, sides: list[str], refusal: Refusal, *, head: bool = False) -> None:
    """Push a row; raises what `refusal` gives where it has more or fewer cells than the table has columns."""
    text = _line(state, line)
    cells = _cells(text)
    if len(cells) != len(sides):
        what = "heading" if head else "row"
        raise refusal(text, f"this {what} has {_count(cells, 'cell')}, and its table {_count(sides, 'column')}")
    cell, around = ("th", ("thead", "tr")) if head else ("td", ("tr",))
    for name in around:
        state.push(f"{name}_open", name, 1)
    for one, side in zip(cells, sides, strict=True):
        state.push(f"{cell}_open", cell, 1).meta = {"side": side}
        inline = state.push("inline", "", 0)
        inline.content, inline.children, inline.map = one, [], [line, line + 1]
        state.push(f"{cell}_close", cell, -1)
    for name in reversed(around):
        state.push(f"{name}_close", name, -1)


def _count(things: list[str], of: str) -> str:
    return f"{len(things)} {of}{'' if len(things) == 1 else 's'}"


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()


def _cells(line: str) -> list[str]:
    found = [one.strip().replace("\\|", "|") for one in _EDGE.split(line)]
    return found[not found[0] : len(found) - (not found[-1])]


def _side(dashes: str) -> str:
    """`start`, `center` or `end`: a language that is written from the right begins there."""
    left, right = dashes.startswith(":"), dashes.endswith(":")
    return "center" if left and right else "end" if right else "start"
