"""The short way to items in moto answers as its own does, and as often refuses."""

from __future__ import annotations

from copy import deepcopy

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from tests.support import moto_dynamodb
from tests.support.clients import CLIENTS
from tests.support.moto import ACCOUNT, REGION, Tables
from tests.support.tables import make_table

KEY = {"job_name": {"S": "a"}, "trigger_id": {"S": "1"}}
TABLE = {"TableName": "jobs-Triggers"}
ITEM = {
    **KEY,
    "status": {"S": "RUNNING"},
    "started_at": {"S": "2026"},
    "run_shard": {"N": "3"},
    "big": {"N": "12345678901234567890.125"},
    "names": {"SS": ["b", "a"]},
    "numbers": {"NS": ["1", "2.5"]},
    "none": {"NULL": True},
    "yes": {"BOOL": True},
    "deep": {"M": {"a": {"L": [{"S": "é"}, {"M": {}}, {"N": "0"}]}}},
    "empty": {"S": ""},
}
OTHER = ITEM | {"trigger_id": {"S": "2"}, "status": {"S": "FAILED"}}
STATUS = {"#status": "status"}
ASKED = {
    "put": ("put_item", {**TABLE, "Item": ITEM}),
    "put and get the old": ("put_item", {**TABLE, "Item": OTHER, "ReturnValues": "ALL_OLD"}),
    "put what is there": (
        "put_item",
        {**TABLE, "Item": ITEM, "ConditionExpression": "attribute_not_exists(job_name)"},
    ),
    "put too much": ("put_item", {**TABLE, "Item": ITEM | {"text": {"S": "x" * 410_000}}}),
    "put bytes": ("put_item", {**TABLE, "Item": OTHER | {"bytes": {"B": b"\xff"}}}),
    "get": ("get_item", {**TABLE, "Key": KEY, "ConsistentRead": True}),
    "get bytes": ("get_item", {**TABLE, "Key": KEY | {"trigger_id": {"S": "2"}}}),
    "get a part": (
        "get_item",
        {**TABLE, "Key": KEY, "ProjectionExpression": "deep.a, big, started_at"},
    ),
    "get some attributes": (
        "get_item",
        {**TABLE, "Key": KEY, "ProjectionExpression": "deep, big, names, none, missing"},
    ),
    "get nothing": ("get_item", {**TABLE, "Key": KEY | {"trigger_id": {"S": "9"}}}),
    "get from nowhere": ("get_item", {"TableName": "none", "Key": KEY}),
    "update": (
        "update_item",
        {
            **TABLE,
            "Key": KEY,
            "UpdateExpression": "SET #status = :s, n = if_not_exists(n, :n) + :n REMOVE empty "
            "ADD numbers :more DELETE names :gone",
            "ConditionExpression": "#status = :old AND (size(names) > :n OR contains(names, :s))",
            "ExpressionAttributeNames": STATUS,
            "ExpressionAttributeValues": {
                ":s": {"S": "SUCCEEDED"},
                ":old": {"S": "RUNNING"},
                ":n": {"N": "1"},
                ":more": {"NS": ["7"]},
                ":gone": {"SS": ["b"]},
            },
            "ReturnValues": "ALL_NEW",
        },
    ),
    "update what is not so": (
        "update_item",
        {
            **TABLE,
            "Key": KEY,
            "UpdateExpression": "SET #status = :s",
            "ConditionExpression": "#status = :none",
            "ExpressionAttributeNames": STATUS,
            "ExpressionAttributeValues": {":s": {"S": "x"}, ":none": {"S": "none"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
    ),
    "update without sense": ("update_item", {**TABLE, "Key": KEY, "UpdateExpression": "SET a"}),
    "query": (
        "query",
        {
            **TABLE,
            "KeyConditionExpression": "job_name = :j AND trigger_id > :t",
            "FilterExpression": "#status <> :s",
            "ExpressionAttributeNames": STATUS,
            "ExpressionAttributeValues": {
                ":j": {"S": "a"},
                ":t": {"S": "0"},
                ":s": {"S": "FAILED"},
            },
            "ScanIndexForward": False,
            "Limit": 1,
        },
    ),
    "query an index": (
        "query",
        {
            **TABLE,
            "IndexName": "by_status",
            "KeyConditionExpression": "#status = :s",
            "ExpressionAttributeNames": STATUS,
            "ExpressionAttributeValues": {":s": {"S": "FAILED"}},
            "Select": "COUNT",
        },
    ),
    "scan": ("scan", {**TABLE, "Limit": 1}),
    "get many": ("batch_get_item", {"RequestItems": {"jobs-Triggers": {"Keys": [KEY]}}}),
    "write many": (
        "batch_write_item",
        {"RequestItems": {"jobs-Triggers": [{"DeleteRequest": {"Key": KEY}}]}},
    ),
    "transact": (
        "transact_write_items",
        {
            "TransactItems": [
                {"Put": {**TABLE, "Item": OTHER}},
                {
                    "ConditionCheck": {
                        **TABLE,
                        "Key": KEY,
                        "ConditionExpression": "begins_with(job_name, :a)",
                        "ExpressionAttributeValues": {":a": {"S": "a"}},
                    }
                },
            ]
        },
    ),
    "transact what is not so": (
        "transact_write_items",
        {
            "TransactItems": [
                {"Delete": {**TABLE, "Key": {**KEY, "trigger_id": {"S": "2"}}}},
                {
                    "Put": {
                        **TABLE,
                        "Item": ITEM,
                        "ConditionExpression": "attribute_not_exists(job_name)",
                    }
                },
            ]
        },
    ),
    "delete": ("delete_item", {**TABLE, "Key": KEY, "ReturnValues": "ALL_OLD"}),
}


SHORT = "0" * 52
"""What the short way says that a request's id is."""


def answers(client):
    """Return what a story of requests is answered, and whether by the short way."""
    found = {}
    del dynamodb_backends[ACCOUNT][REGION].tables["jobs-Triggers"]
    keys = ("job_name", "trigger_id")
    make_table(Tables(), "jobs-Triggers", *keys, index=("status", "started_at"))
    for name, (method, request) in ASKED.items():
        try:
            answer = getattr(client, method)(**deepcopy(request))
        except ClientError as error:
            answer = error.response
        about = answer.pop("ResponseMetadata")
        found[name] = answer, about["HTTPStatusCode"], about["RequestId"] == SHORT
    found["at the end"] = client.scan(**TABLE)["Items"], 200, False
    return found


@pytest.fixture
def long_way(bootstrap):  # noqa: ARG001  (credentials)
    client = Session().create_client("dynamodb", region_name=REGION)
    client.meta.events.unregister("before-call", moto_dynamodb.answer)
    return client


def test_both_ways_answer_alike(long_way):
    short, long = answers(CLIENTS.dynamodb), answers(long_way)

    assert {name: each[:2] for name, each in short.items()} == {
        name: each[:2] for name, each in long.items()
    }
    assert not any(each[2] for each in long.values())
    assert {name for name, (_, status, by_short) in short.items() if not by_short} == {
        *(name for name, each in short.items() if each[1] != 200),
        *("put bytes", "at the end"),
    }


@pytest.mark.parametrize(
    "paths",
    [
        [["status"], ["names"], ["missing"], ["big"], ["job_name"], ["numbers"]],
        [["none"], ["yes"], ["deep"], ["empty"]],
        [["deep", "a[0]"], ["status"]],
        [["missing"]],
    ],
    ids=["attributes", "of other types", "parts", "none"],
)
def test_an_item_is_projected_as_by_moto(paths):
    item = Item(DynamoType(ITEM["job_name"]), DynamoType(ITEM["trigger_id"]), ITEM)

    assert item.project(paths).attrs == moto_dynamodb.moto_s_project(item, paths).attrs


@pytest.mark.usefixtures("bootstrap")
@pytest.mark.parametrize("refused", [True, False])
def test_a_transaction_is_taken_back_whole(refused):
    client = CLIENTS.dynamodb
    for item in (ITEM, OTHER):
        client.put_item(**TABLE, Item=item)
    deeper = {
        "UpdateExpression": "SET deep.a[0] = :x, job_note = :x REMOVE big",
        "ExpressionAttributeValues": {":x": {"S": "x"}},
    }
    actions = [
        {"Update": {**TABLE, "Key": KEY, **deeper}},
        {"Delete": {**TABLE, "Key": KEY | {"trigger_id": {"S": "2"}}}},
        {"Put": {**TABLE, "Item": OTHER | {"trigger_id": {"S": "3"}}}},
        {"Put": {**TABLE, "Item": OTHER | {"job_name": {"S": "b"}}}},
        {"Put": {"TableName": "jobs-Jobs", "Item": {"job_name": {"S": "a"}}}},
    ]
    there = {
        **TABLE,
        "Key": KEY | {"trigger_id": {"S": "4"}},
        "ConditionExpression": "attribute_exists(job_name)",
    }

    def everything():
        return [client.scan(TableName=name)["Items"] for name in ("jobs-Jobs", "jobs-Triggers")]

    before = everything()
    if refused:
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            client.transact_write_items(TransactItems=[*actions, {"ConditionCheck": there}])
        assert everything() == before
    else:
        client.transact_write_items(TransactItems=actions)
        changed = ITEM | {"job_note": {"S": "x"}}
        changed["deep"] = {"M": {"a": {"L": [{"S": "x"}, *ITEM["deep"]["M"]["a"]["L"][1:]]}}}
        del changed["big"]
        rest = [OTHER | {"trigger_id": {"S": "3"}}, OTHER | {"job_name": {"S": "b"}}]
        assert everything() == [[{"job_name": {"S": "a"}}], [changed, *rest]]
