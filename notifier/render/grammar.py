"""What is allowed between the braces, and whether the names there exist: found when texts are loaded, not when sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from jinja2 import nodes

from notifier.document import suggest
from notifier.render.scope import Group, Leaf, Many, Shape
from notifier.render.speech import DATE_FORMS, Speech

__all__ = ["FILTERS", "TESTS", "Finding", "Reader", "names_in"]

#: The filters that texts have, in the words of `notifier check`.
FILTERS = (
    "date", "time", "relative", "money", "number", "plural", "list", "default", "first", "last", "length", "lower",
    "upper", "capitalize", "round", "abs", "truncate",
)  # fmt: skip
TESTS = frozenset({"none", "defined", "odd", "even", "divisibleby", "in"})

_COUNTS = ("index", "index0", "revindex", "length")
_LOOP = Group("loop", {name: Leaf(f"loop.{name}", "number") for name in _COUNTS})
_LOOP.fields.update({name: Leaf(f"loop.{name}", "bool") for name in ("first", "last")})
_UNKNOWN = Leaf("", "any")
#: What does not exist: said once, whatever is then done with it.
_LOST = Leaf("?", "any")
#: What a filter makes of its value, where it does not stay what it is.
_RESULTS = {
    **dict.fromkeys(("date", "time", "relative", "money", "number", "plural", "list"), Leaf("", "text")),
    "length": Leaf("", "number"),
}
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Name, nodes.Const,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Getattr, nodes.Getitem,
    nodes.Filter, nodes.Test, nodes.Concat, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod,
    nodes.Neg, nodes.Pos, nodes.Tuple, nodes.List, nodes.Keyword,
)  # fmt: skip
_PATH = re.compile(r"\b[a-z_]\w*(?:\.[a-z_]\w*)+")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in a tag. `line` is Jinja's, `word` is what the caret should go to."""

    line: int
    word: str
    text: str


def names_in(text: str) -> list[str]:
    """The dotted names in the inside of a tag, in order."""
    return list(dict.fromkeys(_PATH.findall(re.sub(r"'[^']*'|\"[^\"]*\"", "''", text))))


#: The list of all that a message tells.
COLLECTED = "matches"


@dataclass(slots=True)
class Reader:
    """Reads one parsed text: collects what is wrong in `findings` and what is named in `used` (full paths)."""

    root: Group
    speech: Speech
    findings: list[Finding] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    _known: list[dict[str, Shape]] = field(default_factory=list)

    def read(self, tree: nodes.Template) -> None:
        self._known = [dict(self.root.fields)]
        self._statements(tree.body)

    # --- statements

    def _statements(self, body: Iterable[nodes.Node]) -> None:
        for node in body:
            if not isinstance(node, _ALLOWED):
                self._find(node, "", f"'{type(node).__name__.lower()}' cannot be used in a text")
            elif isinstance(node, nodes.Output):
                for each in node.nodes:
                    if not isinstance(each, nodes.TemplateData):
                        self._printed(each)
            elif isinstance(node, nodes.If):
                self._shape(node.test)
                for inner in (node.body, node.elif_, node.else_):
                    self._statements(inner)
            elif isinstance(node, nodes.For):
                self._for(node)
            elif isinstance(node, nodes.Assign):
                self._assign(node)

    def _for(self, node: nodes.For) -> None:
        many = self._shape(node.iter)
        if node.recursive or not isinstance(node.target, nodes.Name):
            self._find(node, "for", "a loop is written {% for item in list %}")
            return
        if isinstance(many, Group) or (isinstance(many, Leaf) and many.type not in {"any", "list"}):
            self._find(node, _source(node.iter), f"{_source(node.iter)} is no list: {{% for %}} cannot go through it")
        self._known.append({node.target.name: many.each if isinstance(many, Many) else _UNKNOWN, "loop": _LOOP})
        if node.test is not None:
            self._shape(node.test)
        self._statements(node.body)
        self._known.pop()
        self._statements(node.else_)

    def _assign(self, node: nodes.Assign) -> None:
        if not isinstance(node.target, nodes.Name) or node.target.name in self.root.fields:
            self._find(node, "set", "{% set %} gives a value to one new name")
            return
        self._known[-1][node.target.name] = self._shape(node.node)

    # --- values

    def _printed(self, node: nodes.Expr) -> None:
        shape, name = self._shape(node), _source(node)
        if isinstance(shape, Group):
            self._find(node, name, f"{name} is not one value; it has {', '.join(sorted(shape.fields))}")
        elif isinstance(shape, Many):
            self._find(node, name, f"{name} is a list: use {{% for %}}, or {{{{ {name} | list }}}}")
        elif shape.type in {"time", "money"}:
            form = "date" if shape.type == "time" else "money"
            self._find(node, name, f"{name} is {_KINDS[shape.type]}: write {{{{ {name} | {form} }}}}")
        elif shape.type == "bool":
            self._find(node, name, f"{name} is true or false: use it in {{% if {name} %}}")

    def _shape(self, node: nodes.Node | None) -> Shape:
        if node is None:
            return _UNKNOWN
        if not isinstance(node, _ALLOWED):
            self._find(node, "", _FORBIDDEN.get(type(node), "this cannot be used in a text"))
            return _UNKNOWN
        if isinstance(node, nodes.Name):
            return self._named(node)
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            return self._part(node)
        if isinstance(node, nodes.Filter):
            return self._filtered(node)
        return self._combined(node)

    def _combined(self, node: nodes.Node) -> Shape:
        """The shape of what is made of several values."""
        if isinstance(node, nodes.Concat):
            for each in node.nodes:
                self._printed(each)
            return Leaf("", "text")
        if isinstance(node, nodes.Test) and node.name not in TESTS:
            self._find(node, node.name, f"there is no test 'is {node.name}'{suggest(node.name, TESTS)}")
        if isinstance(node, nodes.CondExpr):
            self._shape(node.test)
            shapes = [self._shape(each) for each in (node.expr1, node.expr2)]
        else:
            shapes = [self._shape(each) for each in node.iter_child_nodes()]
        if isinstance(node, nodes.Or | nodes.CondExpr):
            return next((each for each in shapes if each != _UNKNOWN), _UNKNOWN)
        return _UNKNOWN

    def _named(self, node: nodes.Name) -> Shape:
        for known in reversed(self._known):
            if node.name in known:
                self.used |= {node.name} & {COLLECTED}
                return known[node.name]
        names = {name for known in self._known for name in known}
        paths = {f"{group}.{name}" for group in names for name in _parts(self.root.fields.get(group))}
        hint = suggest(node.name, names) or suggest(node.name, paths)
        self._find(node, node.name, f"there is no '{node.name}'{hint or '; there are ' + ', '.join(sorted(names))}")
        return _LOST

    def _part(self, node: nodes.Getattr | nodes.Getitem) -> Shape:
        whole = self._shape(node.node)
        name = node.attr if isinstance(node, nodes.Getattr) else _constant(node.arg)
        if isinstance(whole, Many) and isinstance(name, int):
            return whole.each
        if not isinstance(name, str):
            self._find(node, _source(node.node), "only a name in quotes or a place in a list may stand in [ ]")
            return _UNKNOWN
        if whole == _LOST:
            return _LOST
        if not isinstance(whole, Group):
            if whole != _UNKNOWN or name.startswith("_") or isinstance(node.node, nodes.Name):
                self._find(node, name, f"{_source(node.node)} has no part '{name}'")
            else:
                self._find(node, name, f"'{name}' can only be asked of a name")
            return _UNKNOWN
        if name in whole.fields:
            shape = whole.fields[name]
            if isinstance(shape, Leaf | Many) and "." in shape.path:
                self.used.add(f"{shape.under}{shape.path}")
            return shape
        if whole.open and not name.startswith("_"):
            self.used.add(f"{whole.under}{whole.path}.{name}")
            return _UNKNOWN
        self._find(node, _source(node), f"there is no '{_source(node)}'{self._nearest(_source(node), whole)}")
        return _LOST

    def _nearest(self, wanted: str, group: Group) -> str:
        base, _, _ = wanted.rpartition(".")
        return suggest(wanted, [f"{base}.{name}" for name in group.fields]) or suggest(
            wanted, [f"{scope}.{name}" for scope, inner in self.root.fields.items() for name in _parts(inner)]
        )

    def _filtered(self, node: nodes.Filter) -> Shape:
        shape = self._shape(node.node)
        arguments = [*node.args, *(each.value for each in node.kwargs)]
        for each in arguments:
            self._shape(each)
        name = node.name
        if name not in FILTERS:
            if not name.startswith("_"):
                self._find(node, name, f"there is no filter '{name}'{suggest(name, FILTERS)}")
            return _LOST
        for text in self._misused(node, shape):
            self._find(node, name, text)
        if name in {"first", "last"}:
            return shape.each if isinstance(shape, Many) else _UNKNOWN
        return _RESULTS.get(name, shape)

    def _misused(self, node: nodes.Filter, shape: Shape) -> Iterator[str]:
        name, given = node.name, _source(node.node)
        kind = shape.type if isinstance(shape, Leaf) else "a list" if isinstance(shape, Many) else "a group of names"
        takes = _TAKES.get(name)
        if takes and kind not in {*takes, "any"}:
            yield f"{given} is {_KINDS.get(kind, kind)}; '{name}' takes {_KINDS[takes[0]]}"
        if name == "date" and node.args and (form := _constant(node.args[0])) not in DATE_FORMS:
            yield f"there is no form '{form}' of a date{suggest(str(form), DATE_FORMS)}; there are {', '.join(DATE_FORMS)}"
        if name == "plural":
            yield from self._plural(node)

    def _plural(self, node: nodes.Filter) -> Iterator[str]:
        needed, given = self.speech.plural_forms, [str(each.key) for each in node.kwargs]
        language = self.speech.language.code
        if missing := [form for form in needed if form not in given]:
            yield f"plural in '{language}' needs {', '.join(needed)}; missing: {', '.join(missing)}"
        known = ("zero", "one", "two", "few", "many", "other")
        for form in given:
            if form not in known:
                yield f"there is no plural form '{form}'{suggest(form, known)}; there are {', '.join(known)}"

    def _find(self, node: nodes.Node, word: str, text: str) -> None:
        self.findings.append(Finding(node.lineno, word, text))


_KINDS = {
    "time": "a time", "money": "an amount of money", "number": "a number", "text": "text", "bool": "true or false",
    "url": "a link", "choice": "a word", "country": "a country code", "currency": "a currency code",
    "locale": "a language", "timezone": "a zone",
}  # fmt: skip
_TAKES = {
    "date": ("time",), "time": ("time",), "relative": ("time",),
    "money": ("money", "number"), "number": ("number", "money"), "plural": ("number",),
    "round": ("number", "money"), "abs": ("number", "money"), "list": ("a list", "list"),
}  # fmt: skip
_KINDS["a list"] = "a list"
_FORBIDDEN: dict[type[nodes.Node], str] = {
    nodes.Call: "calls like name() cannot be used in a text; filters are written {{ value | filter }}",
    nodes.Pow: "** cannot be used in a text",
    nodes.Slice: "only a name in quotes or a place in a list may stand in [ ]",
    nodes.Dict: "{ } cannot be used in a text",
}


def _parts(shape: Shape | None) -> Iterable[str]:
    return shape.fields if isinstance(shape, Group) else ()


def _constant(node: nodes.Node) -> object:
    return node.value if isinstance(node, nodes.Const) else None


def _source(node: nodes.Node | None) -> str:
    """How the author wrote it, as far as names go."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_source(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem):
        return f"{_source(node.node)}[{_constant(node.arg)!r}]"
    if isinstance(node, nodes.Filter) and node.node is not None:
        return _source(node.node)
    return "this"
