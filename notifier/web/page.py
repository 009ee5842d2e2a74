"""Pages for customers: rendered here, readable without JavaScript, cookies or a wide screen, and told to nobody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from notifier.render.language import chain, language

__all__ = ["HEADERS", "page", "stylesheet", "words"]

#: For every answer with a token in its address.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
}
_FALLBACK = "en"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("notifier.web", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> tuple[bytes, str]:
    """The stylesheet, and a name for just these bytes of it."""
    content = files("notifier.web").joinpath("pages", "page.css").read_bytes()
    return content, blake2b(content, digest_size=6).hexdigest()


@cache
def _all_words() -> Mapping[str, Any]:
    """By language, then by key."""
    text = files("notifier.web").joinpath("pages", "words.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = yaml.safe_load(text)
    return found


def words(*wanted: str) -> tuple[str, Mapping[str, Any]]:
    """The first of these languages, or of what they fall back to, that our own words are in, and those words."""
    spoken = next((tag for name in wanted for tag in chain(name) if tag in _all_words()), _FALLBACK)
    return spoken, _all_words()[spoken]


def page(name: str, code: str, status: int = 200, **told: Any) -> Response:
    """A page in a language (BCP 47); everything told to it is escaped where it is shown."""
    spoken = language(code)
    html = (
        _environment()
        .get_template(f"{name}.html.j2")
        .render(lang=code, dir=spoken.direction, style=_style()[1], number=_numbers(spoken.digits), **told)
    )
    return HTMLResponse(html, status, HEADERS)


def stylesheet(_: Request) -> Response:
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(_style()[0], media_type="text/css", headers=headers)


def _numbers(digits: Mapping[int, str]) -> Callable[[int], str]:
    """Numbers as the language writes them."""
    return lambda value: str(value).translate(digits)
