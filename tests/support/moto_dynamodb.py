"""DynamoDB's requests in moto without HTTP, and its tables sorted, sized and copied in less time.

Most calls of the tests read or write items, and signing, sending, parsing and routing one takes
longer than what it asks for. `test_moto_dynamodb.py` holds both ways to the same answers.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from copy import copy, deepcopy
from decimal import Decimal
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import moto.dynamodb.models
import moto.dynamodb.models.table
from botocore import handlers
from botocore.awsrequest import AWSResponse
from botocore.model import OperationModel
from moto import settings
from moto.core.exceptions import HTTPException, ServiceException
from moto.core.models import botocore_stubber
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import bytesize
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from moto.dynamodb.responses import DynamoHandler

if TYPE_CHECKING:
    from collections.abc import Callable

ACTIONS = {
    "BatchGetItem": DynamoHandler.batch_get_item,
    "BatchWriteItem": DynamoHandler.batch_write_item,
    "DeleteItem": DynamoHandler.delete_item,
    "GetItem": DynamoHandler.get_item,
    "PutItem": DynamoHandler.put_item,
    "Query": DynamoHandler.query,
    "Scan": DynamoHandler.scan,
    "TransactWriteItems": DynamoHandler.transact_write_items,
    "UpdateItem": DynamoHandler.update_item,
}
_EVENT = "before-call"
"""For all services: what is registered for one, or for one action, is asked before."""
_BINARY = (b'"B":', b'"BS":')
_LARGEST_ITEM = 405_000
"""Bytes, as moto has it."""


def answer(
    model: OperationModel, params: dict[str, Any], context: dict[str, Any], **_: Any
) -> tuple[AWSResponse, dict[str, Any]] | None:
    """Answer a request for items; leave errors, bytes and everything else to moto's own way."""
    url, body = params["url"], params["body"]
    action = ACTIONS.get(model.name) if model.service_model.service_name == "dynamodb" else None
    if not action or not botocore_stubber.enabled or ".amazonaws.com" not in url:
        return None
    if iam_is_checked():
        return None
    if action is DynamoHandler.query and (refusal := _refused(json.loads(body))):
        return _refusing(url, refusal)
    if any(each in body for each in _BINARY):
        return None
    handler = DynamoHandler()
    handler.params = handler.body = json.loads(body)
    handler.uri_match, handler.headers = {}, params["headers"]
    handler.current_account = "123456789012"
    handler.region = context["client_region"]
    try:
        made = action(handler).result
    except (ServiceException, HTTPException):
        return None
    found = {name: made[name] for name in _members(model) if made.get(name) is not None}
    headers = {"content-type": "application/x-amz-json-1.0"}
    about = {"RequestId": "0" * 52, "HTTPStatusCode": 200, "HTTPHeaders": headers}
    parsed = _fresh(found) | {"ResponseMetadata": {**about, "RetryAttempts": 0}}
    return AWSResponse(url, 200, headers, None), parsed


_BOUNDS = re.compile(r"(#?\w+) (BETWEEN|<=?|>=?|=) (:\w+)(?: AND (:\w+))?")
_OUTSIDE = "The provided starting key is outside query boundaries based on provided conditions"
_INVERTED = (
    "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be "
    "greater than or equal to lower bound"
)
_TOO_LONG = (
    "One or more parameter values were invalid: Aggregated size of all range keys has exceeded "
    "the size limit of 1024 bytes"
)


def _refused(request: dict[str, Any]) -> str:
    """Return what DynamoDB refuses and moto does not: inverted bounds, and a start beyond."""
    start, values = request.get("ExclusiveStartKey", {}), request["ExpressionAttributeValues"]
    for name, operator, low, high in _BOUNDS.findall(request.get("KeyConditionExpression", "")):
        first, last = _sortable(values[low]), _sortable(values[high or low])
        if first > last:
            return _INVERTED
        key = start.get(request.get("ExpressionAttributeNames", {}).get(name, name))
        if key and not _IS_WITHIN[operator](_sortable(key), first, last):
            return _OUTSIDE
    sizes = (len(next(iter(each.values())).encode()) for each in start.values())
    return _TOO_LONG if any(size > 1024 for size in sizes) else ""


_IS_WITHIN: dict[str, Callable[[Any, Any, Any], bool]] = {
    "BETWEEN": lambda key, first, last: first <= key <= last,
    "<": lambda key, first, _: key < first,
    "<=": lambda key, first, _: key <= first,
    ">": lambda key, first, _: key > first,
    ">=": lambda key, first, _: key >= first,
    "=": lambda key, first, _: key == first,
}


def _sortable(value: dict[str, str]) -> bytes | Decimal:
    ((kind, text),) = value.items()
    return Decimal(text) if kind == "N" else text.encode()


def _refusing(url: str, message: str) -> tuple[AWSResponse, dict[str, Any]]:
    about = {"RequestId": "0" * 52, "HTTPStatusCode": 400, "HTTPHeaders": {}, "RetryAttempts": 0}
    error = {"Code": "ValidationException", "Message": message}
    return AWSResponse(url, 400, {}, None), {"Error": error, "ResponseMetadata": about}


def iam_is_checked() -> bool:
    """Tell whether moto allows a request only by its caller's policies."""
    return not math.isinf(settings.INITIAL_NO_AUTH_ACTION_COUNT)


def _fresh(found: dict[str, Any]) -> dict[str, Any]:
    """Copy an answer: by way of JSON that takes a third of the time."""
    try:
        copied: dict[str, Any] = json.loads(json.dumps(found))
    except TypeError:  # it has bytes
        return deepcopy(found)
    return copied


@cache
def _members(model: OperationModel) -> tuple[str, ...]:
    return tuple(model.output_shape.members)


_cast: Any = DynamoType.cast_value.fget  # type: ignore[attr-defined]


def _cast_value(self: DynamoType) -> Any:
    return self.value if self.type == "S" else _cast(self)


def _by_key(item: Item) -> Any:
    key = item.hash_key.cast_value
    return (key, item.range_key.cast_value) if item.range_key else key


def _all_items(self: Table) -> list[Item]:
    if not self.range_key_attr:
        return sorted(self.items.values(), key=_by_key)  # type: ignore[arg-type]
    return sorted((item for of in self.items.values() for item in of.values()), key=_by_key)


_transact: Any = DynamoDBBackend.transact_write_items


def _transact_write_items(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """Keep what a transaction may have to take back; moto copies a table for each of its items."""
    named = [action for item in transact_items for action in item.values()]
    names = {action["TableName"] for action in named}
    tables = [self.tables[name] for name in names if name in self.tables]
    before = [(table, table.items) for table in tables if _is_kept(table)]
    for table, items in before:
        table.items = items.copy()
        if table.has_range_key:
            table.items.update((key, of_key.copy()) for key, of_key in items.items())
    try:
        for action in named:
            if "UpdateExpression" in action:  # which changes an item where it is
                _replace(self, action["TableName"], action["Key"])
        _transact(self, transact_items)
    except Exception:
        for table, items in before:
            table.items = items
        raise


def _is_kept(table: Table) -> bool:
    return table.stream_shard is None


def _replace(backend: DynamoDBBackend, name: str, key: dict[str, Any]) -> None:
    if item := backend.get_item(name, key):
        made, items = deepcopy(item), backend.tables[name].items
        if item.range_key:
            items[item.hash_key][item.range_key] = made
        else:
            items[item.hash_key] = made  # type: ignore[assignment]


def _copied(value: Any) -> Any:
    return value if isinstance(value, Table) and _is_kept(value) else deepcopy(value)


_lex: Any = ConditionExpressionParser._lex_condition_expression


@lru_cache(maxsize=1000)
def _nodes(expression: str) -> tuple[Any, ...]:
    return tuple(_lex(ConditionExpressionParser(expression, {}, {})))


def _lex_once(self: ConditionExpressionParser) -> deque[Any]:
    return deque(_nodes(self.condition_expression))


def _item(self: Item, hash_key: Any, range_key: Any, attrs: dict[str, Any]) -> None:
    """Make an item, and look at its size once, not with each of its attributes."""
    self.hash_key, self.range_key = hash_key, range_key
    self.attrs = LimitedSizeDict()
    size = 0
    for name, value in attrs.items():
        made = DynamoType(value)
        size += bytesize(name) + made.size()
        dict.__setitem__(self.attrs, name, made)
    if size > _LARGEST_ITEM:
        raise ItemSizeTooLarge


moto_s_project: Any = Item.project


def _projected(self: Item, paths: list[list[str]]) -> Item:
    """Take whole attributes as they are; moto makes Python's values of all of them for each."""
    if any(len(path) > 1 or "[" in path[0] for path in paths):
        return moto_s_project(self, paths)  # type: ignore[no-any-return]
    made = object.__new__(Item)
    made.hash_key, made.range_key, made.attrs = self.hash_key, self.range_key, LimitedSizeDict()
    for (name,) in paths:
        if name in self.attrs:
            dict.__setitem__(made.attrs, name, self.attrs[name])
    return made


def _found(value: Any) -> Any:
    """Leave items that are found as they are, since an answer is a copy of them."""
    if isinstance(value, list) and value and isinstance(value[0], Item):
        return value
    return value if isinstance(value, Item) else deepcopy(value)


def _traverse(self: DepthFirstTraverser, node: Any) -> Any:
    """Process an expression's nodes, the deepest first; what is for which is asked for once."""
    processors = self._processing_map()
    wanted: dict[type, Any] = {}

    def of(kind: type) -> Any:
        if kind not in wanted:
            fitting = (each for of, each in processors.items() if issubclass(kind, of))
            wanted[kind] = next(fitting, None)
        return wanted[kind]

    def process(node: Any, at: int) -> Any:
        parent = node.parent
        for number, child in enumerate(node.children or ()):
            self.pre_processing_of_child(node, number)
            if isinstance(child, Node):
                process(child, number)
        if processor := of(type(node)):
            node = processor(node)
            node.parent = parent
            if parent:
                parent.children[at] = node
        return node

    return process(node, -1)


def _copy(self: Node, memo: dict[int, Any]) -> Node:
    """Copy an expression from its root, so that each node's parent has been copied before it."""
    made = memo[id(self)] = object.__new__(type(self))
    for name, value in vars(self).items():
        vars(made)[name] = memo.get(id(value)) if name == "parent" else deepcopy(value, memo)
    return made


def keep() -> None:
    """Use all this from now on."""
    asked = (_EVENT, answer, handlers.REGISTER_LAST)
    if asked not in handlers.BUILTIN_HANDLERS:  # a test may collect others in its process
        handlers.BUILTIN_HANDLERS.append(asked)
    DynamoType.cast_value = property(_cast_value)  # type: ignore[method-assign]
    Table.all_items = _all_items  # type: ignore[method-assign]
    ConditionExpressionParser._lex_condition_expression = _lex_once  # type: ignore[method-assign]
    DynamoDBBackend.transact_write_items = _transact_write_items  # type: ignore[method-assign]
    moto.dynamodb.models.copy = SimpleNamespace(deepcopy=_copied)  # type: ignore[assignment]
    as_found = SimpleNamespace(copy=copy, deepcopy=_found)
    moto.dynamodb.models.table.copy = as_found  # type: ignore[assignment]
    Item.__init__ = _item  # type: ignore[method-assign]
    Item.project = _projected  # type: ignore[method-assign]
    DepthFirstTraverser.traverse = _traverse
    Node.__deepcopy__ = _copy
    UpdateExpressionParser.make = staticmethod(cache(UpdateExpressionParser.make))
