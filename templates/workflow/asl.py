"""The text of a state machine's definition, for CloudFormation.

A definition is Python data: what is an `Expression` in it is written as Step Functions marks one.

``Fn::Sub`` and ``DefinitionSubstitutions`` would look for their placeholders in everything the
definition holds, a row's payload included. So the definition is written out here, and cut into
pieces only where a value of ours stands that CloudFormation has yet to fill in.
"""

from __future__ import annotations

import json
import re

from troposphere import AWSHelperFn, Join

from templates.workflow.jsonata import Expression


def definition_string(definition: dict[str, object]) -> str | Join:
    """Return a definition as one text, or as pieces around the intrinsic functions in it."""
    mark = "@"
    text, functions = _written(definition, mark)
    if text.count(mark) > len(functions):
        mark = _not_in(text)
        text, functions = _written(definition, mark)
    first, *others = text.split(mark)
    pieces: list[str | AWSHelperFn] = [first]
    for function, following in zip(functions, others, strict=True):
        pieces += [function, following]
    return Join("", pieces) if functions else first


def marked(expression: Expression) -> str:
    """Return an expression as Step Functions tells it from a text."""
    return f"{{% {expression.text} %}}"


def _written(definition: dict[str, object], mark: str) -> tuple[str, list[AWSHelperFn]]:
    """Return a definition with a mark in the place of each intrinsic function, and these."""
    functions: list[AWSHelperFn] = []

    def write(value: object) -> str:
        match value:
            case Expression():
                return marked(value)
            case AWSHelperFn():
                functions.append(value)
                return mark
        message = f"a definition cannot hold a {type(value).__name__}"
        raise TypeError(message)

    return json.dumps(definition, separators=(",", ":"), default=write), functions


def _not_in(text: str) -> str:
    """Return a text that another does not hold, so that a row's own words are never cut."""
    return "@" * (1 + max(map(len, re.findall("@+", text)), default=0))
