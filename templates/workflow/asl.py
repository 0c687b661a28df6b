"""The text of a state machine's definition, for CloudFormation.

A definition is Python data: what is an `Expression` in it is written as Step Functions marks one.

``Fn::Sub`` and ``DefinitionSubstitutions`` would look for their placeholders in everything the
definition holds, a row's payload included. So the definition is written out here, and cut into
pieces only where a value of ours stands that CloudFormation has yet to fill in.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from troposphere import AWSHelperFn, Join

from templates.workflow.jsonata import Expression

if TYPE_CHECKING:
    from collections.abc import Callable


def definition_string(definition: dict[str, object]) -> str | Join:
    """Return a definition as one text, or as pieces around the intrinsic functions in it."""
    functions: list[AWSHelperFn] = []
    mark = _not_in(_dumped(definition, str))

    def take(value: object) -> str:
        if isinstance(value, Expression):
            return marked(value)
        if not isinstance(value, AWSHelperFn):
            message = f"a definition cannot hold a {type(value).__name__}"
            raise TypeError(message)
        functions.append(value)
        return mark

    first, *others = _dumped(definition, take).split(mark)
    pieces: list[str | AWSHelperFn] = [first]
    for function, text in zip(functions, others, strict=True):
        pieces += [function, text]
    return Join("", pieces) if functions else first


def marked(expression: Expression) -> str:
    """Return an expression as Step Functions tells it from a text."""
    return f"{{% {expression.text} %}}"


def _dumped(definition: dict[str, object], default: Callable[[object], object]) -> str:
    return json.dumps(definition, separators=(",", ":"), default=default)


def _not_in(text: str) -> str:
    """Return a text that another does not hold, so that a row's own words are never cut."""
    mark = "@"
    while mark in text:
        mark += "@"
    return mark
