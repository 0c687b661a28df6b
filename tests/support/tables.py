"""The tables that tests make: Audit, and others with the indexes of all runs and of all jobs."""

from __future__ import annotations

from typing import Any

from provisioner.aws.stack_items import BY_NAME, JOB_LIST_FIELDS
from provisioner.runs.keys import BY_TIME, LIST_FIELDS

SHARD = {"AttributeName": "run_shard", "AttributeType": "N"}

RUNS_BY_TIME: dict[str, Any] = {
    "IndexName": BY_TIME,
    "KeySchema": [
        {"AttributeName": "run_shard", "KeyType": "HASH"},
        {"AttributeName": "trigger_id", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": [*LIST_FIELDS]},
}

LISTED = {"AttributeName": "listed", "AttributeType": "S"}

JOBS_BY_NAME: dict[str, Any] = {
    "IndexName": BY_NAME,
    "KeySchema": [
        {"AttributeName": "listed", "KeyType": "HASH"},
        {"AttributeName": "job_name", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": [*JOB_LIST_FIELDS]},
}
_TEXT_KEYS = ("subject", "entry_id", "feed")

AUDIT_TABLE: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in _TEXT_KEYS],
    "KeySchema": [
        {"AttributeName": "subject", "KeyType": "HASH"},
        {"AttributeName": "entry_id", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "entries_by_time",
            "KeySchema": [
                {"AttributeName": "feed", "KeyType": "HASH"},
                {"AttributeName": "entry_id", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
"""The Audit table, as template.yaml has it."""


def make_table(dynamodb, name, *keys, index=()):
    attributes = dict.fromkeys((*keys, *index), "S")
    request = {}
    if index:
        request["GlobalSecondaryIndexes"] = [
            {
                "IndexName": "by_status",
                "KeySchema": key_schema(index),
                "Projection": {"ProjectionType": "ALL"},
            }
        ]
    definitions = [
        {"AttributeName": key, "AttributeType": kind} for key, kind in attributes.items()
    ]
    if index:
        of_lists, keyed = (RUNS_BY_TIME, SHARD) if "trigger_id" in keys else (JOBS_BY_NAME, LISTED)
        request["GlobalSecondaryIndexes"].append(of_lists)
        definitions.append(keyed)
    dynamodb.create_table(
        TableName=name,
        KeySchema=key_schema(keys),
        AttributeDefinitions=definitions,
        BillingMode="PAY_PER_REQUEST",
        **request,
    )


def key_schema(keys):
    return [
        {"AttributeName": key, "KeyType": kind}
        for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
    ]
