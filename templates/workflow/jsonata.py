"""JSONata as values: Python data whose leaves are expressions or constants, and one serializer.

Lists and dicts stay Python's own until `expression` writes them down. Constants are quoted and
escaped there and nowhere else; operators know how tightly they bind, so no caller writes
parentheses.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

Value: TypeAlias = "Expression | str | float | bool | Sequence[Value] | Mapping[str, Value] | None"

_ATOM = 100
_BINDS = {
    ":=": 10, "?": 20, "or": 25, "and": 30, "in": 40, "=": 40, "!=": 40, "<": 40, "<=": 40, ">": 40,
    ">=": 40, "&": 50, "+": 50, "-": 50, "*": 60, "/": 60, "%": 60,
}  # fmt: skip
"""How tightly operators bind, as JSONata's own parser has it."""


_SHARED_CHARACTERS = 200

_encoded = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Expression:
    """A piece of JSONata; `binds` is how tightly its outermost operator does."""

    text: str
    binds: int = _ATOM

    def __add__(self, other: Value) -> Expression:
        return _infix("+", self, other)

    def __radd__(self, other: Value) -> Expression:
        return _infix("+", other, self)

    def __sub__(self, other: Value) -> Expression:
        return _infix("-", self, other)

    def __mul__(self, other: Value) -> Expression:
        return _infix("*", self, other)

    def __rmul__(self, other: Value) -> Expression:
        return _infix("*", other, self)

    def __truediv__(self, other: Value) -> Expression:
        return _infix("/", self, other)

    def __mod__(self, other: Value) -> Expression:
        return _infix("%", self, other)

    def equals(self, other: Value) -> Expression:
        """Return the test ``=``; Python's ``==`` compares the expressions themselves."""
        return _infix("=", self, other)

    def differs(self, other: Value) -> Expression:
        """Return the test ``!=``."""
        return _infix("!=", self, other)

    def below(self, other: Value) -> Expression:
        """Return the test ``<``."""
        return _infix("<", self, other)

    def at_most(self, other: Value) -> Expression:
        """Return the test ``<=``."""
        return _infix("<=", self, other)

    def above(self, other: Value) -> Expression:
        """Return the test ``>``."""
        return _infix(">", self, other)

    def at_least(self, other: Value) -> Expression:
        """Return the test ``>=``."""
        return _infix(">=", self, other)

    def within(self, values: Value) -> Expression:
        """Return the test ``in``."""
        return _infix("in", self, values)

    def where(self, condition: Expression) -> Expression:
        """Return the elements that meet a condition on `ELEMENT`."""
        return Expression(f"{_operand(self, _ATOM)}[{condition.text}]")

    def at(self, index: Value) -> Expression:
        """Return the element at an index, nothing beyond the last one."""
        return Expression(f"{_operand(self, _ATOM)}[{text(index)}]")

    def renamed(self, names: Collection[str], prefix: str) -> Expression:
        """Return it with these variables under other names.

        No constant is touched, whatever it says: `_quoted` leaves no dollar sign in any.
        """
        variable = re.compile(rf"\$({'|'.join(names)})\b")
        return Expression(variable.sub(rf"${prefix}\1", self.text), self.binds)


ELEMENT = Expression("$")
"""What `Expression.where` tests."""


def expression(value: Value) -> Expression:
    """Return Python data as an expression: the one place that writes JSONata down."""
    return value if isinstance(value, Expression) else Expression(text(value))


def text(value: Value) -> str:
    """Return the text of Python data as JSONata."""
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, str):
        return _shared(value) if len(value) <= _SHARED_CHARACTERS else _quoted(value)
    if isinstance(value, dict):
        return f"{{{', '.join([f'{text(name)}: {text(part)}' for name, part in value.items()])}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join([text(part) for part in value])}]"
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


@lru_cache(maxsize=1024)
def _shared(constant: str) -> str:
    """Return a short text as a literal: most of them are in every workflow."""
    return _quoted(constant)


def _quoted(constant: str) -> str:
    r"""Return a text as a literal.

    It holds no characters that JSONata (``$``), CloudFormation (``${``, ``{{``) or Step Functions
    (``{%``, ``%}``) could take for their own.
    """
    body = _encoded(constant)[1:-1]
    body = body.replace("$", r"\u0024").replace("%", r"\u0025").replace("{{", r"{\u007b")
    if '"' not in constant:
        return f'"{body}"'
    return "'" + body.replace(r"\"", '"').replace("'", r"\u0027") + "'"


def variable(path: str) -> Expression:
    """Return a variable, or a member of one, as ``run.id``."""
    return Expression(f"${path}")


def regex(pattern: str) -> Expression:
    """Return a regular expression as JSONata writes it."""
    return Expression(f"/{pattern}/")


def statements(source: str) -> Expression:
    """Return JSONata that is written over several lines as one, for `block`."""
    return Expression(" ".join(source.split()).removesuffix(";"), _BINDS[":="])


def call(function: str, *arguments: Value) -> Expression:
    """Return the call of a function of JSONata or Step Functions."""
    return Expression(f"${function}({', '.join([text(each) for each in arguments])})")


def function(parameters: Sequence[str], body: Expression) -> Expression:
    """Return a function of our own, for `call` of those that take one."""
    named = ", ".join(f"${name}" for name in parameters)
    return Expression(f"function({named}) {{ {body.text} }}")


def merge(*parts: Value) -> Expression:
    """Return one object of several; the last has the last word."""
    return call("merge", list(parts))


def concat(*parts: Value) -> Expression:
    """Return texts as one."""
    return _infix("&", *parts)


def both(*conditions: Value) -> Expression:
    """Return the test that all conditions are met."""
    return _infix("and", *conditions)


def either(*conditions: Value) -> Expression:
    """Return the test that one condition is met."""
    return _infix("or", *conditions)


def negated(condition: Value) -> Expression:
    """Return the test that a condition is not met."""
    return call("not", condition)


def when(condition: Value, then: Value, *otherwise: Value) -> Expression:
    """Return one of two values; without the second nothing, as a list leaves out."""
    binds = _BINDS["?"] + 1
    tested, first = _operand(condition, binds), _operand(then, binds)
    others = "".join([f" : {text(value)}" for value in otherwise])
    return Expression(f"{tested} ? {first}{others}", _BINDS["?"])


def cases(*rules: tuple[Value, Value], otherwise: Value) -> Expression:
    """Return the value of the first condition that is met."""
    result = expression(otherwise)
    for condition, value in reversed(rules):
        result = when(condition, value, result)
    return result


def included(condition: Value, members: Value) -> Expression:
    """Return members for `merge` if a condition is met, else none."""
    return when(condition, members, {})


def assign(name: str, value: Value) -> Expression:
    """Return the statement that gives a variable its value, for `block`."""
    return Expression(f"${name} := {text(value)}", _BINDS[":="])


def block(*statements: Value) -> Expression:
    """Return statements in their order; the last is the value."""
    return Expression(f"( {'; '.join(map(text, statements))} )")


def _infix(operator: str, *operands: Value) -> Expression:
    binds = _BINDS[operator]
    first, *others = operands
    texts = [_operand(first, binds), *[_operand(other, binds + 1) for other in others]]
    return Expression(f" {operator} ".join(texts), binds)


def _operand(value: Value, binds: int) -> str:
    """Return a value as part of an expression that binds so tightly."""
    if not isinstance(value, Expression):
        return text(value)
    return value.text if value.binds >= binds else f"({value.text})"
