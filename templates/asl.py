"""The text of a state machine's definition, for CloudFormation.

``Fn::Sub`` and ``DefinitionSubstitutions`` would look for their placeholders in everything the
definition holds, a row's payload included. So the definition is written out here, and cut into
pieces only where a value of ours stands that CloudFormation has yet to fill in.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from troposphere import AWSHelperFn, Join

if TYPE_CHECKING:
    from collections.abc import Iterator


def definition_string(definition: dict[str, object]) -> str | Join:
    """Return a definition as one text, or as pieces around the intrinsic functions in it."""
    pieces: list[str | AWSHelperFn] = []
    for piece in _encode(definition):
        if pieces and isinstance(piece, str) and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    match pieces:
        case [str(text)]:
            return text
        case _:
            return Join("", pieces)


def _encode(value: object) -> Iterator[str | AWSHelperFn]:
    match value:
        case AWSHelperFn():
            yield '"'
            yield value
            yield '"'
        case dict():
            for index, (key, part) in enumerate(value.items()):
                yield f"{',' if index else '{'}{json.dumps(key)}:"
                yield from _encode(part)
            yield "}" if value else "{}"
        case list() | tuple():
            for index, part in enumerate(value):
                yield "," if index else "["
                yield from _encode(part)
            yield "]" if value else "[]"
        case _:
            yield json.dumps(value)
