"""DynamoDB's answers with items, parsed in a seventh of the time that botocore's own parser takes.

Attribute values are the same in DynamoDB's JSON and in what botocore makes of it, but for binary
ones. botocore's parser nevertheless looks at each through its model of ten types: for a list of a
thousand jobs that was most of what the whole page computed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from botocore.parsers import create_parser

if TYPE_CHECKING:
    from botocore.model import Shape
    from botocore.parsers import ResponseParser

_ITEMS_OF = {
    "BatchGetItemOutput": "Responses",
    "GetItemOutput": "Item",
    "QueryOutput": "Items",
    "ScanOutput": "Items",
}
"""Which member of an operation's output has the items."""

_BINARY = re.compile(rb'"BS?"\s*:')
"""Names of the types that botocore decodes; or an attribute of such a name, which does no harm."""


class ItemParserFactory:
    """Makes botocore's parsers, which leave the items of DynamoDB as they are."""

    def create_parser(self, protocol_name: str) -> _Parser:
        """Return a parser for answers of a protocol."""
        return _Parser(create_parser(protocol_name))


class _Parser:
    def __init__(self, parser: ResponseParser) -> None:
        self._parser = parser

    def parse(self, response: dict[str, Any], shape: Shape) -> Any:  # noqa: ANN401
        """Return what botocore's parser would; all but the items comes from that one."""
        member = _ITEMS_OF.get(shape.name) if shape and response["status_code"] == 200 else None
        answer = _object(response["body"]) if member else {}
        if not answer.get(member):
            return self._parser.parse(response, shape)
        items = answer.pop(member)
        rest = json.dumps(answer).encode()
        return self._parser.parse(response | {"body": rest}, shape) | {member: items}


def _object(body: bytes) -> dict[str | None, Any]:
    """Return the object that a body has, without binary values; none for any other body."""
    try:
        found = {} if _BINARY.search(body) else json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
