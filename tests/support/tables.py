"""The indexes of all runs and of all jobs, for the tables that tests make."""

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
