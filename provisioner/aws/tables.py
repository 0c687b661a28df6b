"""What the three tables have in common: reading many items of one table in one request."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from provisioner.aws.clients import error_code, error_message, translated
from provisioner.aws.items import Item, to_dynamodb, to_plain
from provisioner.aws.updates import names
from provisioner.errors import PermanentError, TemporaryError, ThrottledError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from provisioner.aws.clients import Clients

_LAST_VERSION = 10**15
"""No item is ever written so often, and a double holds it exactly."""

_BATCH_SIZE = 100
"""Items of one BatchGetItem."""

_KEY_BYTES = 2_048
"""Of a partition key; DynamoDB refuses a whole request for one key that cannot be."""


def version_of(item: Item) -> int:
    """Return the version of an item, 0 for one that has none that can be counted on from."""
    version = item.get("version")
    if isinstance(version, int | Decimal) and 1 <= version < _LAST_VERSION:
        return int(version)
    return 0


def unchanged_since(version: int) -> dict[str, Any]:
    """Return what lets a write succeed only over the item whose version was read as that.

    Whatever a person, or a fault, has written for a version is written over: else the item would
    never be again.
    """
    if version:
        values = {":read": version, ":next": version + 1}
        condition = "version >= :read AND version < :next"
    else:
        values = {":first": 1, ":last": _LAST_VERSION}
        condition = (
            "attribute_not_exists(version) OR NOT attribute_type(version, :number) "
            "OR version < :first OR version >= :last"
        )
    typed = to_dynamodb(values) | ({} if version else {":number": {"S": "N"}})
    return {"ConditionExpression": condition, "ExpressionAttributeValues": typed}


def get_many(clients: Clients, table: str, job_names: Iterable[str]) -> dict[str, Item]:
    """Read the items of several jobs, consistently; a job without one is left out.

    An answer has 16 MB at most, which 41 of the largest rows exceed: what it leaves unread is asked
    for again as long as each answer brings something.

    Raises
    ------
    ThrottledError
        If DynamoDB leaves all keys unread: it answers so when it is short of throughput.
    """
    names = [name for name in dict.fromkeys(job_names) if 0 < len(name.encode()) <= _KEY_BYTES]
    items: dict[str, Item] = {}
    for start in range(0, len(names), _BATCH_SIZE):
        keys: list[Any] = [{"job_name": {"S": name}} for name in names[start : start + _BATCH_SIZE]]
        while keys:
            request: dict[str, Any] = {table: {"Keys": keys, "ConsistentRead": True}}
            with translated():
                response = clients.dynamodb.batch_get_item(RequestItems=request)
            for raw in response["Responses"].get(table, ()):
                item = to_plain(raw)
                items[item["job_name"]] = item
            left = response.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            if len(left) == len(keys):
                message = f"{table} is short of read throughput"
                raise ThrottledError(message)
            keys = left
    return items


def get_keys(
    clients: Clients,
    table: str,
    keys: Sequence[Mapping[str, object]],
    *,
    attributes: str = "",
    consistent: bool = False,
) -> Iterator[Item]:
    """Yield the items of keys, in any order; one that does not exist is left out.

    Parameters
    ----------
    attributes
        Of the items; "" for whole ones.

    Raises
    ------
    ThrottledError
        If DynamoDB leaves keys unread: it answers so when it is short of throughput.
    """
    for start in range(0, len(keys), _BATCH_SIZE):
        some = [to_dynamodb(key) for key in keys[start : start + _BATCH_SIZE]]
        wanted: dict[str, Any] = {"Keys": some, "ConsistentRead": consistent}
        if attributes:
            wanted |= {"ProjectionExpression": attributes, **names(attributes)}
        with translated():
            answer = clients.dynamodb.batch_get_item(RequestItems={table: wanted})
        if answer.get("UnprocessedKeys"):
            message = f"{table} is short of read throughput"
            raise ThrottledError(message)
        for raw in answer["Responses"].get(table, ()):
            yield to_plain(raw)


def get_of_job(
    clients: Clients, job_name: str, keys: Mapping[str, Sequence[Mapping[str, object]]]
) -> dict[str, list[Item]]:
    """Read a job's items of several tables consistently, by table, in one request.

    Parameters
    ----------
    keys
        Without the job's name. There are no items if that cannot be one.

    Raises
    ------
    ThrottledError
        If DynamoDB leaves keys unread: it answers so when it is short of throughput.
    """
    if not 0 < len(job_name.encode()) <= _KEY_BYTES:
        return {}
    own = {"job_name": job_name}
    wanted = {table: [{**own, **key} for key in some] for table, some in keys.items()}
    return get_sets(clients, wanted)


def get_sets(
    clients: Clients, keys: Mapping[str, Sequence[Mapping[str, object]]]
) -> dict[str, list[Item]]:
    """Read items of several tables consistently, by table, in one request.

    Parameters
    ----------
    keys
        A hundred at most, of items that are no more than 16 MB together; each only once.

    Raises
    ------
    ThrottledError
        If DynamoDB leaves keys unread: it answers so when it is short of throughput.
    """
    request = {
        table: {"Keys": [to_dynamodb(key) for key in some], "ConsistentRead": True}
        for table, some in keys.items()
    }
    with translated():
        answer = clients.dynamodb.batch_get_item(RequestItems=request)
    if left := answer.get("UnprocessedKeys"):
        message = f"{', '.join(left)} is short of read throughput"
        raise ThrottledError(message)
    return {table: [to_plain(raw) for raw in found] for table, found in answer["Responses"].items()}


WRITE_BATCH_SIZE = 25
"""DynamoDB, BatchWriteItem: the most items of one request."""


def write_batch(clients: Clients, table: str, requests: Sequence[Mapping[str, Any]]) -> None:
    """Write up to `WRITE_BATCH_SIZE` items.

    Raises
    ------
    TemporaryError
        If DynamoDB did not write all of them.
    """
    with translated():
        answer = clients.dynamodb.batch_write_item(RequestItems={table: requests})
    if answer.get("UnprocessedItems"):
        message = f"DynamoDB did not write all items of {table}"
        raise TemporaryError(message)


def pages(clients: Clients, operation: str, **request: Any) -> Iterator[Item]:  # noqa: ANN401
    """Yield the plain items of a Query or Scan, page by page."""
    with translated():
        for page in clients.dynamodb.get_paginator(operation).paginate(**request):
            for raw in page["Items"]:
                yield to_plain(raw)


def query_index(clients: Clients, table: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401
    """Make one Query of an index.

    Parameters
    ----------
    table
        What people call the table.

    Raises
    ------
    PermanentError
        If the bootstrap has no such index, or DynamoDB is still making it.
    """
    with translated():
        try:
            found: dict[str, Any] = clients.dynamodb.query(**request)
        except ClientError as error:
            # What DynamoDB says of a throttled index names it, too.
            if error_code(error) in _UNREADABLE and "index" in error_message(error):
                message = (
                    f"the {table} table has no index {request['IndexName']} yet: upgrade the "
                    "bootstrap, or wait until DynamoDB has made it"
                )
                raise PermanentError(message) from error
            raise
    return found


_UNREADABLE = ("ValidationException", "ResourceNotFoundException")


def written(clients: Clients, operation: str, **request: Any) -> Mapping[str, Any] | None:  # noqa: ANN401
    """Make a conditional write, or several; None when a condition of one is not met."""
    with translated():
        try:
            answer: Mapping[str, Any] = getattr(clients.dynamodb, operation)(**request)
        except ClientError as error:
            if _condition_failed(error):
                return None
            raise
    return answer


def not_held(clients: Clients, updates: Sequence[Mapping[str, Any]]) -> dict[int, Item]:
    """Make several conditional updates, all or none; return the items that prevented it.

    They are by their position among the updates; there is none when all updates were made.

    Raises
    ------
    ConflictError
        If something else prevented it, such as another transaction over one of the items.
    """
    wanted = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    writes = [{"Update": {**each, **wanted}} for each in updates]
    with translated():
        try:
            clients.dynamodb.transact_write_items(TransactItems=writes)
        except ClientError as error:
            reasons: Sequence[Mapping[str, Any]] = error.response.get("CancellationReasons", ())
            found = {
                place: to_plain(reason.get("Item", {}))
                for place, reason in enumerate(reasons)
                if reason.get("Code") == "ConditionalCheckFailed"
            }
            if not found:
                raise
            return found
    return {}


def _condition_failed(error: ClientError) -> bool:
    reasons = error.response.get("CancellationReasons", ())  # one for each write of a transaction
    failed = [reason.get("Code") == "ConditionalCheckFailed" for reason in reasons]
    return error_code(error) == "ConditionalCheckFailedException" or any(failed)
