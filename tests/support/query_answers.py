"""The engine's Query as it comes and as the shim makes it, about the same random tables.

Run by the engine's own Python: ``python tests/support/query_answers.py SEED STORIES``. Prints the
first request with two answers and ends with 1, or how many answers were the same.
"""

from __future__ import annotations

import base64
import json
import random
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

from ministack.services import dynamodb  # noqa: E402

from provisioner.local.shim import queries  # noqa: E402

AS_IT_COMES = dynamodb._query
TEXTS = ["a", "ab", "abc", "b", "ba", "é", "z\U0010ffff"]
NUMBERS = ["-2", "10", "0", "1", "1.5", "9"]
CONDITIONS = ("=", "<", "<=", ">", ">=")
WRITES = 3
PAGE = 4_000  # bytes, as if a megabyte
QUERIES = 100


def value(chance: random.Random, kind: str, most: int = 99) -> dict[str, str]:
    if kind == "N":
        return {"N": chance.choice(NUMBERS[:most])}
    text = chance.choice(TEXTS[:most])
    return {"S": text} if kind == "S" else {"B": base64.b64encode(text.encode()).decode()}


def call(operation, **data):
    status, _, body = operation(data)
    return status, json.loads(body)


class Story:
    def __init__(self, seed: str) -> None:
        self.chance = random.Random(seed)
        self.name = "t" + str(self.chance.randrange(10**9))
        kinds = {name: self.chance.choice("SNB") for name in ("p", "s", "g", "r")}
        self.kinds = kinds
        self.sort = self.chance.random() < 0.8
        schema = [("p", "HASH"), *([("s", "RANGE")] if self.sort else [])]
        indexes = {"by_r": ("g", "r"), "by_g": ("g",), "by_s": ("g", "s")}
        if not self.sort:
            del indexes["by_s"]
        self.keys = {None: tuple(name for name, _ in schema), **indexes}
        used = {name for keys in self.keys.values() for name in keys}
        status, said = call(
            dynamodb._create_table,
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": kinds[name]} for name in sorted(used)
            ],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in schema],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": name,
                    "KeySchema": [
                        {"AttributeName": key, "KeyType": kind}
                        for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                    ],
                    "Projection": self.chance.choice(
                        [
                            {"ProjectionType": "ALL"},
                            {"ProjectionType": "KEYS_ONLY"},
                            {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"]},
                        ]
                    ),
                }
                for name, keys in indexes.items()
            ],
        )
        assert status == 200, said

    def key(self):
        return {name: self.value(name) for name in self.keys[None]}

    def value(self, name: str):
        few = {"g": 2, "r": 3, "p": 3 if self.sort else 99}.get(name, 99)
        return value(self.chance, self.kinds[name], few)

    def item(self):
        extra = {name: self.value(name) for name in ("g", "r") if self.chance.random() < 0.8}
        large = {"n": {"S": "x" * self.chance.choice([0, 10, 10, 10, PAGE * 2 // 5])}}
        return extra | self.key() | large

    def write(self) -> None:
        put = {"Put": {"TableName": self.name, "Item": self.item()}}
        change = {
            "TableName": self.name,
            "Key": self.key(),
            "UpdateExpression": self.chance.choice(["SET g = :g", "REMOVE g", "SET n = :n"]),
        }
        values = {":g": self.value("g"), ":n": {"S": "new"}}
        used = {name: v for name, v in values.items() if name in change["UpdateExpression"]}
        change |= {"ExpressionAttributeValues": used} if used else {}
        which = self.chance.randrange(6)
        if which == 0:
            call(dynamodb._delete_item, TableName=self.name, Key=self.key())
        elif which == 1:
            call(dynamodb._update_item, **change)
        elif which == 2:
            requests = [
                {"PutRequest": {"Item": self.item()}},
                {"DeleteRequest": {"Key": self.key()}},
            ]
            call(dynamodb._batch_write_item, RequestItems={self.name: requests})
        elif which == 3:
            refused = {**put["Put"], "ConditionExpression": "attribute_exists(never)"}
            actions = [put, *([{"Put": refused}] if self.chance.random() < 0.5 else [])]
            call(dynamodb._transact_write_items, TransactItems=actions)
        else:
            call(dynamodb._put_item, **put["Put"])

    def query(self):
        index = self.chance.choice(list(self.keys))
        partition, *sorts = self.keys[index]
        data = {
            "TableName": self.name,
            "KeyConditionExpression": "#p = :p",
            "ExpressionAttributeNames": {"#p": partition},
            "ExpressionAttributeValues": {":p": self.value(partition)},
            "ScanIndexForward": self.chance.random() < 0.5,
            **({"IndexName": index} if index else {}),
            **({"Limit": self.chance.randint(1, 6)} if self.chance.random() < 0.6 else {}),
            **({"FilterExpression": "size(n) > :size"} if self.chance.random() < 0.3 else {}),
            **({"Select": "COUNT"} if self.chance.random() < 0.1 else {}),
        }
        if "FilterExpression" in data:
            data["ExpressionAttributeValues"][":size"] = {"N": "5"}
        if sorts and self.chance.random() < 0.7:
            self._narrow(data, sorts[0])
        return data

    def _narrow(self, data, sort) -> None:
        kind, low, high = self.kinds[sort], self.value(sort), self.value(sort)
        data["ExpressionAttributeValues"][":low"] = low
        forms = [f"{sort} {each} :low" for each in CONDITIONS] + ["BETWEEN", ":low < " + sort]
        form = self.chance.choice(forms if kind == "N" else [*forms, f"begins_with({sort}, :low)"])
        if form == "BETWEEN":
            form = f"{sort} BETWEEN :low AND :high"
            data["ExpressionAttributeValues"][":high"] = high
        data["KeyConditionExpression"] += f" AND {form}"

    def compare(self) -> int:
        data, count = self.query(), 0
        while True:
            expected, found = call(AS_IT_COMES, **data), call(dynamodb._query, **data)
            if expected != found:
                print(json.dumps({"asked": data, "as it comes": expected, "shim": found})[:4000])
                raise SystemExit(1)
            count += 1
            end = found[1].get("LastEvaluatedKey")
            if not end or self.chance.random() < 0.1:
                return count
            data["ExclusiveStartKey"] = end
            if self.chance.random() < 0.3:
                self.write()


def main(seed: str, stories: int) -> None:
    queries.install()
    dynamodb._DDB_PAGE_SIZE_BYTES = PAGE
    same = 0
    for number in range(stories):
        story = Story(f"{seed}/{number}")
        for _ in range(QUERIES):
            for _ in range(WRITES):
                story.write()
            same += story.compare()
        assert dynamodb._tables.get(story.name)["_index_members"].ordered
    print(same, "answers were the same")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
