"""A text compiled once and written many times: sandboxed, with every value made fit for where it lands.

Nothing of Jinja's own is left but `if`, `for`, `set` and expressions: no calls, no imports, no globals. What a hostile or
mistaken text could still do is bounded: steps of its loops, the length of what is put together, the size of the whole.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2 import Template as Compiled
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from notifier.errors import RenderFailed
from notifier.render.grammar import Finding, Reader, names_in
from notifier.render.language import Language, language
from notifier.render.scope import Group, Scope
from notifier.render.source import Assembled, Fault, Part, Tag, assembled, taken_apart
from notifier.render.speech import Hole, Unfit
from notifier.render.voice import MOST_STEPS, Medium, Voice, many

__all__ = ["LARGEST", "Program", "checked", "environment", "pieces", "program"]

#: Characters in the whole of a part of a message.
LARGEST = 500_000
_LARGEST_NUMBER = 10**15


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja with our names, filters and limits, for one language and medium."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self, spoken: Language, medium: Medium) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
        self.voice = Voice(spoken, medium)
        self.globals = {}
        self.finalize = self.voice.said
        self.filters = {**self.voice.filters, "_counted": _counted}

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self._found(obj, attribute) if isinstance(obj, Scope) else super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._found(obj, str(argument)) if isinstance(obj, Scope) else super().getitem(obj, argument)

    def _found(self, scope: Scope, name: str) -> Any:
        try:
            return scope.find(name)
        except KeyError:
            return self.undefined(f"there is no '{name}' in '{scope.group.path}'")

    def call_binop(self, _context: Context, sign: str, left: Any, right: Any) -> Any:
        for side in (left, right):
            if side is None:
                raise Hole
            if isinstance(side, bool) or not isinstance(side, int | float):
                raise Unfit(f"uses {sign} on something that is no number; texts are put together with ~")
        result = _SIGNS[sign](left, right)
        if abs(result) > _LARGEST_NUMBER:
            raise Unfit("makes too large a number")
        return result


_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod,
}  # fmt: skip


@cache
def environment(code: str, medium: Medium) -> _Environment:
    """The environment of a language (BCP 47) for a medium."""
    return _Environment(language(code), medium)


@pass_context
def _counted(context: Context, values: Any) -> list[Any]:
    """What a loop goes through, taken off what the message may still spend."""
    items = many(values)
    context["_steps"][0] -= len(items)
    if context["_steps"][0] < 0:
        raise Unfit(f"goes round more than {MOST_STEPS:,} times")
    return items


class _Rewriter(NodeTransformer):
    """Puts the limits into a parsed text, and the empty text that an `if` without `else` means."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        visited: list[nodes.Expr] = [self.visit(each) for each in node.nodes]
        parts = [
            _filter(each, "_literal") if isinstance(each, nodes.Const) and isinstance(each.value, str) else each
            for each in visited
        ]
        return _filter(parts[0], "_join", parts[1:])

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        assert isinstance(node.iter, nodes.Expr)
        node.iter = _filter(node.iter, "_counted")
        return node

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if node.expr2 is None:
            node.expr2 = nodes.Const("", lineno=node.lineno)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _filter(node.expr, "_comparable")
        for operand in node.ops:
            if not isinstance(operand.expr, nodes.Const | nodes.List | nodes.Tuple):
                operand.expr = _filter(operand.expr, "_comparable")
        return node


def _filter(node: nodes.Expr, name: str, arguments: Iterable[nodes.Expr] = ()) -> nodes.Filter:
    made = nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)
    if node.environment is not None:
        made.set_environment(node.environment)
    return made


# --- programs


class Program:
    """One text, ready to be written. Jinja compiles it when it is first needed: most texts of a project seldom are."""

    def __init__(self, file: str, source: Assembled, env: _Environment) -> None:
        self.file = file
        self._source = source
        self._env = env

    @cached_property
    def _compiled(self) -> Compiled:
        return self._env.from_string(_Rewriter().visit(self._env.parse(self._source.text)))

    def write(self, names: Mapping[str, Any], zone: ZoneInfo) -> str:
        """The text with these names filled in; raises RenderFailed, with the place and what is missing."""
        context = self._compiled.new_context({"_now": None, **names, "_zone": zone, "_steps": [MOST_STEPS]})
        written: list[str] = []
        size = 0
        try:
            for piece in self._compiled.root_render_func(context):
                written.append(piece)
                size += len(piece)
                if size > LARGEST:
                    break
        except Exception as error:  # noqa: BLE001 - whatever a text makes of its facts is its own failure, never ours
            raise RenderFailed(self._explained(error, context)) from None
        if size > LARGEST:
            raise RenderFailed(f"{self.file}: the message is larger than {LARGEST:,} characters")
        return "".join(written)

    def _explained(self, error: Exception, context: Context) -> str:
        tag = self._failing_tag(error)
        place = f"{self.file}:{tag.line}:{tag.column}" if tag else self.file
        missing = next((name for name in names_in(tag.inner) if _is_hole(name, context)), "") if tag else ""
        if isinstance(error, Hole) or (missing and isinstance(error, TypeError)):
            missing = missing or (tag.inner.split("|")[0].strip() if tag else "a value")
            return f"{place}: {missing} is not known: put {{% if {missing} %}} round it"
        reason = str(error) if isinstance(error, Unfit) else f"fails: {error}"
        return f"{place}: {tag} {reason}" if tag else f"{place}: {reason}"

    def _failing_tag(self, error: Exception) -> Tag | None:
        trace, line = error.__traceback__, 0
        while trace is not None:
            if trace.tb_frame.f_globals.get("__jinja_template__") is self._compiled:
                line = self._compiled.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return self._source.tag_at(line)


def _is_hole(name: str, context: Context) -> bool:
    first, *rest = name.split(".")
    value = context.resolve(first)
    if isinstance(value, Undefined):  # a name of a loop, or of `set`: what it stood for is gone by now
        return False
    try:
        for step in rest:
            value = value.find(step)
    except (AttributeError, KeyError):
        return False
    return value is None


def pieces(code: str, text: str, first_line: int = 1) -> list[str | Tag]:
    """A text of a language taken apart; raises Fault."""
    return taken_apart(environment(code, "text"), text, first_line)


def program(file: str, parts: Iterable[str | Part | Tag], code: str, medium: Medium) -> Program:
    """The parts as a program; what is between the braces has been through `checked`."""
    return Program(file, _assembled(parts), environment(code, medium))


def checked(parts: Iterable[str | Part | Tag], code: str, root: Group) -> frozenset[str]:
    """The full paths of what the parts name. Raises an ExceptionGroup of Fault: all that is wrong between the braces."""
    env = environment(code, "text")
    source = _assembled(parts)
    reader = Reader(root, env.voice.speech)
    try:
        reader.read(env.parse(source.text))
    except TemplateSyntaxError as error:
        tag = source.tag_at(error.lineno)
        message = (error.message or "cannot be read").rstrip(".")
        fault = Fault(f"{tag} cannot be read: {message}", tag.line, tag.column) if tag else Fault(message, 1)
        raise ExceptionGroup("", [fault]) from None
    except RecursionError:
        raise ExceptionGroup("", [Fault("is nested too deeply", 1)]) from None
    if reader.findings:
        raise ExceptionGroup("", [_placed(finding, source) for finding in reader.findings])
    return frozenset(reader.used)


def _assembled(parts: Iterable[str | Part | Tag]) -> Assembled:
    return assembled(Part(part) if isinstance(part, Tag) else part for part in parts)


def _placed(finding: Finding, source: Assembled) -> Fault:
    tag = source.tag_at(finding.line)
    return Fault(finding.text, tag.line if tag else 1, tag.column if tag else 1, finding.word)
