"""The page behind a survey's link. Looking never answers: mail scanners open every link, all scores of a row included."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from notifier import feedback
from notifier.engine import Engine
from notifier.feedback import Asked
from notifier.web.body import read_form
from notifier.web.page import page

__all__ = ["survey_page"]


def survey_page(engine: Engine, changed: Callable[[], None]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint: GET shows the question, with `?r=4` chosen beforehand; POST takes the answer.

    `changed` is called when an answer was kept.
    """

    async def show(request: Request) -> Response:
        token = request.path_params["token"]
        # The form first: whoever sends an endless one costs no look into the database.
        fields = await read_form(request) if request.method == "POST" else None
        asked = await run_in_threadpool(feedback.survey, engine, token, engine.now())
        if asked is None:
            return page("unknown", "en", 404)
        if asked.closed:
            return _end(engine, asked, asked.words.closed)
        if fields is None:
            return _form(engine, asked, _preselected(request, asked), asked.previous[1] if asked.previous else "")
        comment = next((value for name, value in fields if name == "comment"), "")
        score = _chosen([value for name, value in fields if name == "score"], asked)
        if score is None:
            return _form(engine, asked, None, comment[: feedback.LONGEST_COMMENT], missing=True)
        change = await run_in_threadpool(feedback.answer, engine, token, score, comment, engine.now())
        if change in {"new", "changed"}:
            changed()
        said = {"changed": asked.words.changed, "closed": asked.words.closed}
        return _end(engine, asked, said.get(change or "closed", asked.words.thanks))

    return show


def _chosen(values: list[str], asked: Asked) -> int | None:
    """The one score that was offered and chosen; None for anything else."""
    offered = {str(score): score for score in range(asked.form.lowest, asked.form.highest + 1)}
    return offered.get(values[0]) if len(values) == 1 else None


def _preselected(request: Request, asked: Asked) -> int | None:
    chosen = _chosen(request.query_params.getlist("r"), asked)
    return asked.previous[0] if chosen is None and asked.previous else chosen


def _form(engine: Engine, asked: Asked, chosen: int | None, comment: str, *, missing: bool = False) -> Response:
    return page(
        "survey",
        asked.words.language,
        422 if missing else 200,
        shop=engine.project.config.shop.name,
        words=asked.words,
        scores=range(asked.form.lowest, asked.form.highest + 1),
        chosen=chosen,
        comment=comment,
        longest=feedback.LONGEST_COMMENT,
        missing=missing,
    )


def _end(engine: Engine, asked: Asked, said: str) -> Response:
    return page("said", asked.words.language, shop=engine.project.config.shop.name, title=said, said=said)
