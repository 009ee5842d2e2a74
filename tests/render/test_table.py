"""Tables in texts: Markdown's, with a loop over the rows, in HTML and as plain text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from .conftest import Shelf

Say = Callable[..., str]

TABLE = """Late:

| Order | Total |
|---|--:|
{% for row in list.rows %}
| **{{ row.order.number }}** | {{ row.order.total | money('EUR') }} |
{% endfor %}

That is all."""
ROWS = {"list": {"list.rows": [{"order.number": "A|1", "order.total": 5}, {"order.number": "<b>", "order.total": 7}]}}


def html(shelf: Shelf, body: str, facts: object = None, code: str = "en") -> str:
    shelf.text(body, code=code)
    written = shelf.render(ROWS if facts is None else facts, code=code).html  # type: ignore[arg-type]
    table = written[written.index("Late:") : written.index("That is all")]
    return re.sub(r' style="[^"]*"|\s*\n\s*', "", table[table.index("<table") :].rpartition("</table>")[0])


def test_a_table_in_plain_text(say: Say) -> None:
    """Each row is a point, with the column's name before each value: it reads at any width, and aloud."""
    text = "Late:\n\n- Order: A|1 · Total: €5.00\n- Order: <b> · Total: €7.00\n\nThat is all."
    assert say(TABLE, ROWS) == text
    assert say(TABLE, {}) == "Late:\n\nThat is all."


def test_a_table_in_html(shelf: Shelf) -> None:
    """Heading, rows and sides; what stands in a value makes neither a cell nor a tag."""
    assert html(shelf, TABLE) == (
        '<table><thead><tr><th align="left">Order</th><th align="right">Total</th></tr></thead><tbody>'
        '<tr><td align="left"><strong>A|1</strong></td><td align="right">€5.00</td></tr>'
        '<tr><td align="left"><strong>&lt;b&gt;</strong></td><td align="right">€7.00</td></tr></tbody>'
    )


def test_from_right_to_left(shelf: Shelf) -> None:
    """In Persian rows begin at the right, and numbers end at the left."""
    sides = re.findall(r'<th align="(\w+)"', html(shelf, TABLE, code="fa"))
    assert sides == ["right", "left"]


def test_what_is_not_always_there(say: Say) -> None:
    """Rows and whole tables can depend on something; a row can stand by itself."""
    body = (
        "{% if list.rows %}\n| A | |\n|:-:|---|\n| x | 1 |\n{% for row in list.rows %}\n{% if loop.first %}\n"
        "| {{ row.order.number }} | 2 |\n{% endif %}\n{% endfor %}\n| y \\| z | 3 |\n{% endif %}\n\nEnd."
    )
    assert say(body, {}) == "End."
    assert say(body, ROWS) == "- A: x · 1\n- A: A|1 · 2\n- A: y | z · 3\n\nEnd."


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("| A | B |\n|---|---|\n| 1 |", "8:1: this row has 1 cell, and its table 2 columns"),
        ("| A | B |\n|---|---|\n| 1 | 2 |\n| {{ order.number }} |", "9:1: this row has 1 cell, and its table 2 columns"),
        ("| A |\n|---|---|\n| 1 | 2 |", "6:1: this heading has 1 cell, and its table 2 columns"),
        ("| A |\n|---|\n{% for row in list.rows %}\n| {{ row.order.nr }} |\n{% endfor %}", "there is no 'row.order.nr'"),
        ("{% for row in list.rows %}{{ row }}{% endfor %}", "row is not one value; it has"),
        ("{{ list.rows }}", "list.rows is a list: use {% for %}"),
        ("{{ list.cont }}", "there is no 'list.cont' - did you mean 'list.count'?"),
    ],
)  # fmt: skip
def test_slips(shelf: Shelf, body: str, fault: str) -> None:
    """A row that does not fit, and names that there are not, are found when texts are read."""
    shelf.text(f"Hello\n\n{body}")
    (told,) = shelf.faults()
    assert told.startswith("templates/note/en.md:")
    assert fault in told


def test_bars_alone_make_no_table(say: Say) -> None:
    """A line that only looks a little like a table is text."""
    assert say("| a | b |\n\nmore", {}) == "| a | b |\n\nmore"
