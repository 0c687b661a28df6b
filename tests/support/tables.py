"""The index of all runs, for the Triggers tables that tests make."""

from __future__ import annotations

from typing import Any

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
