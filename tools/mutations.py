"""The small mistakes that a mutation test makes in a module, one at a time."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

_COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitAnd,
}
_UNTOUCHED_FIELDS = {"annotation", "returns", "decorator_list", "type_params", "bases", "keywords"}
"""Of functions, classes and annotated names: what types and decorators say, mypy checks."""


@dataclass(frozen=True)
class Mutation:
    """One mistake: where it stands, how it reads, and what makes it in the tree."""

    line: int
    text: str
    apply: Callable[[], None]


def mutations(tree: ast.Module) -> list[Mutation]:
    """Return every mistake that can be made in a module, in the order of its lines.

    Each changes the given tree: apply one only.
    """
    return sorted(_of_children(tree), key=lambda each: each.line)


def _of_children(parent: ast.AST) -> Iterator[Mutation]:
    for name, value in ast.iter_fields(parent):
        if _is_untouched(parent, name):
            continue
        if isinstance(value, list):
            for index, node in enumerate(value):
                if isinstance(node, ast.AST):
                    yield from _of_node(node, _setter(value, index))
        elif isinstance(value, ast.AST):
            yield from _of_node(value, _attribute_setter(parent, name))


def _is_untouched(parent: ast.AST, field: str) -> bool:
    definition = isinstance(parent, ast.FunctionDef | ast.ClassDef | ast.AnnAssign | ast.arg)
    # What messages say is for people: tests may read some of them, not each of them.
    return (definition and field in _UNTOUCHED_FIELDS) or isinstance(parent, ast.JoinedStr)


Setter = Callable[[ast.AST], None]


def _setter(nodes: list[ast.AST], index: int) -> Setter:
    def put(node: ast.AST) -> None:
        nodes[index] = node

    return put


def _attribute_setter(parent: ast.AST, name: str) -> Setter:
    return lambda node: setattr(parent, name, node)


def _of_node(node: ast.AST, put: Setter) -> Iterator[Mutation]:
    if _is_left_alone(node):
        return
    for new in _replacements(node):
        ast.copy_location(new, node)
        yield Mutation(_line(node), _described(node, new), _putting(put, new))
    yield from _of_children(node)


def _is_left_alone(node: ast.AST) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Assert():
            return True
        case ast.Raise():  # removed with the branch that it stands in
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.match_case(body=[ast.Expr(value=ast.Call(func=ast.Name(id="assert_never")))]):
            return True  # never reached: mypy proves it
        case ast.Expr(value=ast.Constant()):  # a docstring
            return True
        case _:
            return False


def _line(node: ast.AST) -> int:
    match node:
        case ast.comprehension(target=there) | ast.match_case(pattern=there):
            return there.lineno
        case ast.expr() | ast.stmt():
            return node.lineno
        case _:
            return 0


def _putting(put: Setter, new: ast.AST) -> Callable[[], None]:
    return lambda: put(ast.fix_missing_locations(new))


def _described(old: ast.AST, new: ast.AST) -> str:
    return f"{_first_line(old)}  ->  {_first_line(new)}"


def _first_line(node: ast.AST) -> str:
    return ast.unparse(node).split("\n")[0][:100]


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            yield from _compared_otherwise(node)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for left_out in range(len(values)):
                rest = [value for index, value in enumerate(values) if index != left_out]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            yield ast.BinOp(left, _ARITHMETIC[type(op)](), right)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Constant():
            yield from _other_constants(node)
        case ast.If() | ast.IfExp() | ast.While():
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.comprehension(ifs=[_, *_]):
            yield _with(node, ifs=[])
        case ast.match_case():
            yield from _other_cases(node)
        case _:
            yield from _other_statements(node)


def _compared_otherwise(node: ast.Compare) -> Iterator[ast.AST]:
    for index, op in enumerate(node.ops):
        ops = [*node.ops]
        ops[index] = _COMPARISONS[type(op)]()
        yield _with(node, ops=ops)


def _other_constants(node: ast.Constant) -> Iterator[ast.AST]:
    match node.value:
        case bool(value):
            yield ast.Constant(not value)
        case int(value) | float(value):
            yield ast.Constant(value + 1)
        case str(value):
            yield ast.Constant(f"{value}~" if value else "~")


def _other_cases(node: ast.match_case) -> Iterator[ast.AST]:
    if node.guard is not None:
        yield _with(node, guard=None)
    yield _with(node, guard=ast.Constant(value=False))


def _other_statements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.AugAssign(op=op) if type(op) in _ARITHMETIC:
            yield _with(node, op=_ARITHMETIC[type(op)]())
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()):
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()


def _with(node: ast.AST, **changes: object) -> ast.AST:
    """Return a node that is another in these fields alone; the others are shared."""
    fields = dict(ast.iter_fields(node)) | changes
    return type(node)(**fields)


def applied(tree: ast.Module, number: int) -> tuple[Mutation, ast.Module]:
    """Return one of a module's mistakes, and a copy of the module that has it."""
    copy = deepcopy(tree)
    mutation = mutations(copy)[number]
    mutation.apply()
    return mutation, copy
