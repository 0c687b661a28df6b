"""The Triggers table in memory, as the adapters of its lists ask DynamoDB for it."""

from __future__ import annotations

import re
import zlib
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from provisioner.aws.items import to_plain
from tests.simulation.faults import Faults

Item = dict[str, Any]
Key = tuple[str, str]


class Table:
    """A client of DynamoDB, which knows the requests of these adapters only."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.items: dict[Key, Item] = {}

    def __getattr__(self, operation: str) -> Any:
        work = getattr(self, f"do_{operation}")
        return lambda **request: self._faults.call(operation, partial(work, **request))

    @property
    def dynamodb(self) -> Table:
        return self

    def rows(self) -> list[Item]:
        """Return all items as plain values, in the order of a scan."""
        return [to_plain(self.items[key]) for key in self._in_order()]

    def do_get_item(self, *, Key: Item, **_: object) -> Item:  # noqa: N803
        found = self.items.get(_key(Key))
        return {"Item": found} if found else {}

    def do_put_item(self, *, Item: Item, **_: object) -> Item:  # noqa: N803
        self.items[_key(Item)] = dict(Item)
        return {}

    def do_update_item(self, **request: Any) -> Item:
        key, values = _key(request["Key"]), request.get("ExpressionAttributeValues", {})
        item = self.items.get(key, {})
        if not _meets(item, request.get("ConditionExpression", ""), values):
            error = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "no"}}
            raise ClientError(error, "UpdateItem")
        changed = dict(item)
        for name, value in re.findall(r"#(\w+) = (:\w+)", request["UpdateExpression"]):
            changed[name] = values[value]
        self.items[key] = changed
        return {}

    def do_scan(self, *, Limit: int, **request: Any) -> Item:  # noqa: N803
        keys = self._in_order()
        start = request.get("ExclusiveStartKey")
        if start:
            after = _place(_key(start))
            keys = [key for key in keys if _place(key) > after]
        found = [self.items[key] for key in keys[:Limit]]
        wanted = request["FilterExpression"]
        values = request["ExpressionAttributeValues"]
        answer: Item = {"Items": [item for item in found if _meets(item, wanted, values)]}
        if len(keys) >= Limit:
            job_name, trigger_id = keys[Limit - 1]
            answer["LastEvaluatedKey"] = {
                "job_name": {"S": job_name},
                "trigger_id": {"S": trigger_id},
            }
        return answer

    def do_query(self, *, IndexName: str, Limit: int, **request: Any) -> Item:  # noqa: N803
        """Return all of a shard at once: how pages meet is tested elsewhere."""
        del IndexName, Limit
        shard = request["ExpressionAttributeValues"][":shard"]
        return {"Items": [item for item in self.items.values() if item.get("run_shard") == shard]}

    def _in_order(self) -> list[Key]:
        return sorted(self.items, key=_place)


def _key(item: Item) -> Key:
    return item["job_name"]["S"], item["trigger_id"]["S"]


def _place(key: Key) -> tuple[int, Key]:
    """Return where a scan comes to an item: by the hash of its partition key."""
    return zlib.crc32(key[0].encode()), key


def _meets(item: Item, expression: str, values: Item) -> bool:
    return all(
        any(_is_so(item, each.strip("() "), values) for each in conditions.split(" OR "))
        for conditions in expression.split(" AND ")
        if conditions
    )


def _is_so(item: Item, condition: str, values: Item) -> bool:
    if found := re.fullmatch(r"(\w+) >= (:\w+)", condition):
        held = item.get(found[1], {}).get("N")
        return held is not None and int(held) >= int(values[found[2]]["N"])
    function, name = re.fullmatch(r"(attribute(?:_not)?_exists)\(#?(\w+)", condition).groups()
    return (name in item) is (function == "attribute_exists")
