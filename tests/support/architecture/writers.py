"""Which files write which field of a record: `python -m tests.support.architecture.writers`, most files last.

A file writes a field when it names it: in `order.with_run(waits=0)`, in `.changed(...)` of an order or a part, or where
either is made. Of what `.changed` is called follows from annotations; where it does not, every record counts that has
such fields.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import get_type_hints

from repeg.domain.models import Frozen
from repeg.domain.order import parts
from repeg.domain.order.record import Order

ROOT = Path(__file__).parents[3]
FOLDERS = ("layers/repeg/repeg", "functions", "desk")
PARTS = {
    name: kind
    for name, kind in get_type_hints(Order).items()
    if isinstance(kind, type) and kind.__module__ == parts.__name__
}
_OWNERS = {kind.__name__: f"{name}." for name, kind in PARTS.items()} | {"Order": ""}


def fields() -> list[str]:
    """Every field of the record: `status`, `run.waits`."""
    own = [name for name in Order.__struct_fields__ if name not in PARTS]
    return own + [f"{name}.{field}" for name, kind in PARTS.items() for field in kind.__struct_fields__]


@cache
def writers() -> Mapping[str, frozenset[str]]:
    """The files that write each field, as paths below the root."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for folder in FOLDERS for path in _files(folder)}
    known = Known(list(trees.values()))
    found: dict[str, set[str]] = {field: set() for field in fields()}
    for path, tree in trees.items():
        for field in written(tree, known):
            found[field].add(str(path.relative_to(ROOT)))
    return {field: frozenset(files) for field, files in found.items()}


def _files(folder: str) -> list[Path]:
    # The exchange has orders of its own, and knows nothing of the record; the benchmark makes records up.
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if not {"exchange", "bench"} & {*path.parts}]


class Known:
    """What annotations say: what functions return, by name, and of what kind the attributes of a class are."""

    def __init__(self, trees: list[ast.Module]) -> None:
        returned: dict[str, set[str]] = defaultdict(set)
        self.kinds = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        self.attributes: dict[tuple[str, str], ast.expr] = {}
        self.records = {kind.__name__: frozenset(kind.__struct_fields__) for kind in _kinds(Frozen)}
        for node in (node for tree in trees for node in ast.walk(tree)):
            if isinstance(node, ast.FunctionDef) and node.returns:
                returned[node.name].add(ast.unparse(node.returns))
            if isinstance(node, ast.ClassDef):
                self._add(node)
        self.returned = {
            name: ast.parse(kinds.pop(), mode="eval").body for name, kinds in returned.items() if len(kinds) == 1
        }

    def _add(self, kind: ast.ClassDef) -> None:
        for each in kind.body:
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                self.attributes[kind.name, each.target.id] = each.annotation
            if isinstance(each, ast.FunctionDef) and each.returns:
                self.attributes[kind.name, each.name] = each.returns


def _kinds(base: type[Frozen]) -> Iterator[type[Frozen]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)


def written(tree: ast.Module, known: Known) -> Iterator[str]:
    """The fields that a file writes."""
    yield from _Scope(known, {}).written(tree)


class _Scope:
    """A function (or a module): of what kind its names are, as far as annotations say."""

    def __init__(self, known: Known, names: dict[str, ast.expr | None], own: str = "") -> None:
        self.known, self.names, self.own = known, names, own
        self.mappings: dict[str, list[str]] = {}

    def written(self, node: ast.AST, inside: str = "") -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                yield from self.written(child, child.name)
            elif isinstance(child, ast.FunctionDef):
                yield from self._function(child, inside or self.own)
            else:
                # What a name is bound to is read with the name's old kind.
                yield from self.written(child)
                self._bind(child)
                if isinstance(child, ast.Call):
                    yield from self._call(child)

    def _function(self, function: ast.FunctionDef, inside: str) -> Iterator[str]:
        spec = function.args
        arguments = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
        names = {each.arg: each.annotation for each in arguments}
        if inside and arguments and arguments[0].arg == "self":
            names["self"] = ast.Name(inside)
        scope = _Scope(self.known, {**self.names, **names}, inside)
        if spec.kwarg:
            scope.mappings[spec.kwarg.arg] = []  # a setter: whoever calls it names the fields
        for each in ast.walk(function):
            for generator in getattr(each, "generators", []):
                scope.assign(generator.target, _element(scope.kind(generator.iter)))
        yield from scope.written(function)

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for one, value in zip(target.elts, node.value.elts, strict=False):
                        self.assign(one, self.kind(value))
                else:
                    self.assign(target, self.kind(node.value))
                if isinstance(target, ast.Name) and isinstance(node.value, ast.Dict):
                    self.mappings[target.id] = [_text(key) for key in node.value.keys]
        elif isinstance(node, ast.NamedExpr | ast.AnnAssign):
            annotation = node.annotation if isinstance(node, ast.AnnAssign) else self.kind(node.value)
            self.assign(node.target, annotation)
        elif isinstance(node, ast.For):
            self.assign(node.target, _element(self.kind(node.iter)))

    def assign(self, target: ast.expr, kind: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = kind
        elif isinstance(target, ast.Tuple):
            inner = _arguments(kind) if kind is not None and _name(kind) == "tuple" else []
            for place, each in enumerate(target.elts):
                self.assign(each, inner[place] if place < len(inner) else None)

    def kind(self, value: ast.expr) -> ast.expr | None:
        """Of what kind a value is, as an annotation would say."""
        known = self.known
        match value:
            case ast.Name(id=name):
                return self.names.get(name)
            case ast.Call(func=ast.Name(id=name)):
                return ast.Name(name) if name in known.kinds else known.returned.get(name)
            case ast.Call(func=ast.Attribute(value=of, attr=name)):
                owner = _name(self.kind(of))
                found = known.attributes.get((owner, name)) or (known.returned.get(name) if not owner else None)
                if name == "changed" or (found is not None and _name(found) == "Self"):
                    return self.kind(of)
                return found or known.returned.get(name)
            case ast.Attribute(value=of, attr=name):
                return known.attributes.get((_name(self.kind(of)), name))
            case ast.IfExp(body=one, orelse=other):
                return self.kind(one) or self.kind(other)
            case ast.BoolOp(values=values):
                return next((kind for each in values if (kind := self.kind(each)) is not None), None)
            case _:
                return None

    def _call(self, call: ast.Call) -> Iterator[str]:
        match call.func:
            case ast.Name(id=name) if name in _OWNERS:
                owners = [name]
            case ast.Attribute(attr=name) if name.startswith("with_") and name.removeprefix("with_") in PARTS:
                owners = [PARTS[name.removeprefix("with_")].__name__]
            case ast.Attribute(value=of, attr="changed"):
                owners = self._owners(of, call)
            case _:
                return
        for owner in owners:
            for field in self._all_named(call):
                if owner != "Order" or field not in PARTS:
                    yield _OWNERS[owner] + field

    def _owners(self, of: ast.expr, call: ast.Call) -> list[str]:
        kind, records = _name(self.kind(of)), self.known.records
        if kind in self.known.kinds | records.keys():
            return [kind] if kind in _OWNERS else []
        named = set(self._all_named(call))
        return [owner for owner in _OWNERS if named and named <= records[owner]]

    def _all_named(self, call: ast.Call) -> list[str]:
        return [field for keyword in call.keywords for field in self._named(keyword)]

    def _named(self, keyword: ast.keyword) -> list[str]:
        if keyword.arg:
            return [keyword.arg]
        name = keyword.value.id if isinstance(keyword.value, ast.Name) else ""
        # Not passed over in silence: what is written by a mapping that cannot be followed would not be counted.
        return self.mappings.get(name, ["?"])


def _name(annotation: ast.expr | None) -> str:
    """`Order` of `Order`, `Order | None`, `"Order"`, `Order | Next`; `tuple` of `tuple[...]`; else empty."""
    match annotation:
        case ast.Name(id=name):
            return name
        case ast.Constant(value=str(name)):
            return name
        case ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=of):
            return _name(of)
        case ast.BinOp(left=left, right=right):
            names = [_name(left), _name(right)]
            return next((name for name in names if name in _OWNERS), next(filter(None, names), ""))
        case _:
            return ""


def _arguments(annotation: ast.expr) -> list[ast.expr]:
    if not isinstance(annotation, ast.Subscript):
        return []
    inner = annotation.slice
    return list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]


def _text(key: ast.expr | None) -> str:
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else "?"


_SEVERAL = ("list", "tuple", "Sequence", "Iterable", "Iterator", "Collection")


def _element(annotation: ast.expr | None) -> ast.expr | None:
    if annotation is None or _name(annotation) not in _SEVERAL:
        return None
    return next(iter(_arguments(annotation)), None)


if __name__ == "__main__":
    found = sorted(writers().items(), key=lambda each: (len(each[1]), each[0]))
    for field, files in found:
        print(f"{len(files):2} {field}: {', '.join(sorted(files))}")
    print(f"{sum(len(files) > 2 for _, files in found)} of {len(found)} fields are written by more than two files")
