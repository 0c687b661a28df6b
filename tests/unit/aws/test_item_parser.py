"""Answers of DynamoDB read as botocore reads them."""

from __future__ import annotations

import json

import pytest
from botocore.parsers import ResponseParserError, create_parser
from botocore.session import get_session

from provisioner.aws.item_parser import ItemParserFactory

ITEM = {
    "job_name": {"S": "café"},
    "runs": {"N": "12345678901234567890.5"},
    "paused": {"BOOL": False},
    "none": {"NULL": True},
    "names": {"SS": ["b", "a"]},
    "counts": {"NS": ["1", "2.5"]},
    "row": {"M": {"steps": {"L": [{"S": ""}, {"M": {}}, {"L": []}]}}},
}
BYTES = {"bytes": {"B": "/w=="}, "more": {"M": {"set": {"BS": ["/w==", "AA=="]}}}}
KEY = {"job_name": {"S": "café"}}
ANSWERS = {
    "a query": ("Query", {"Items": [ITEM, ITEM], "Count": 2, "LastEvaluatedKey": KEY}),
    "nothing found": ("Query", {"Items": [], "Count": 0, "ScannedCount": 7}),
    "a count": ("Query", {"Count": 3}),
    "a scan": ("Scan", {"Items": [ITEM], "ConsumedCapacity": {"CapacityUnits": 0.5}}),
    "an item": ("GetItem", {"Item": ITEM}),
    "an empty item": ("GetItem", {"Item": {}}),
    "no item": ("GetItem", {}),
    "null for an item": ("GetItem", {"Item": None}),
    "items of tables": (
        "BatchGetItem",
        {"Responses": {"jobs": [ITEM], "runs": []}, "UnprocessedKeys": {"jobs": {"Keys": [KEY]}}},
    ),
    "bytes": ("Query", {"Items": [ITEM, BYTES]}),
    "bytes of an item": ("GetItem", {"Item": BYTES}),
    "attributes of the types' names": (
        "GetItem",
        {"Item": {"B": {"S": "x"}, "BS": {"M": {"B": {"N": "1"}}}}},
    ),
    "text that looks like bytes": ("GetItem", {"Item": {"text": {"S": '{"B":"/w=="}'}}}),
    "a member that is not known": ("Query", {"Items": [ITEM], "New": {"a": 1}}),
    "another operation": ("UpdateItem", {"Attributes": ITEM | BYTES}),
}


def shape(operation):
    model = get_session().get_service_model("dynamodb")
    return model.operation_model(operation).output_shape


def response(body, status=200):
    return {"status_code": status, "headers": {"X-Amzn-RequestId": "1"}, "body": body}


@pytest.mark.parametrize(("operation", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_it_reads_as_botocore_does(operation, answer):
    asked = response(json.dumps(answer).encode()), shape(operation)

    ours = ItemParserFactory().create_parser("json").parse(*asked)

    assert ours == create_parser("json").parse(*asked)


def test_an_error_is_one():
    body = b'{"__type": "com.amazonaws#ResourceNotFoundException", "message": "no table"}'
    asked = response(body, 400), shape("Query")

    ours = ItemParserFactory().create_parser("json").parse(*asked)

    assert ours == create_parser("json").parse(*asked)
    assert ours["Error"] == {"Code": "ResourceNotFoundException", "Message": "no table"}


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"Items": ['])
def test_what_is_not_an_answer_is_left_to_botocore(body):
    def of(parser):
        try:
            return parser.parse(response(body), shape("Query"))
        except (ResponseParserError, AttributeError) as error:
            return type(error)

    assert of(ItemParserFactory().create_parser("json")) == of(create_parser("json"))
