"""Rows that hold what nobody may see who may not write, and all the places it could come out of."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

from provisioner.audit.versions import Written
from provisioner.jobs import InvalidRow, guarded
from provisioner.service import bulk, edits
from provisioner.service.audit import Rows, recorded
from provisioner.service.bulk_selection import BulkAction, Target
from provisioner.service.caller import Caller, Role
from provisioner.service.rights import Action
from provisioner.stacks.model import Failure, JobStatus
from tests.support.cli import NOW, OUTPUTS, Provisioner, put_run
from tests.support.clients import CLIENTS
from tests.support.rows import ROW

MARKER = "hunter2"
HIDING: dict[str, dict[str, Any]] = {
    "a valid row": {"environment": {"PASSWORD": MARKER}},
    "maps": {
        "environment": {"PASSWORD": [MARKER], "NUL": f"{MARKER}\x00", "NOT A NAME": MARKER},
        "secrets": {"PASSWORD": MARKER},
        "enviroment": {"PASSWORD": MARKER},
        "environment.PASSWORD": MARKER,
        "secrets.PASSWORD": MARKER,
        "memory_mb.PASSWORD": MARKER,
    },
    "texts": {"environment": f"PASSWORD={MARKER}", "secrets": MARKER, "secret": MARKER},
    "lists": {"environment": [{"name": "PASSWORD", "value": MARKER}], "secrets": [MARKER]},
}
RUN = "one"
DIGEST = "feedface" * 8
"""Of the spec: whoever has it and all else could guess a value until it fits."""
WRITER = Caller("ada", via="api", role=Role.ADMIN, proven=True)


def fill(here: Provisioner, hiding: dict[str, Any]) -> str:
    """Put a row with these attributes wherever rows leave traces; return a bulk operation's id."""
    row = ROW | {"schedule": "rate(1 hour)"} | hiding
    versions: list[dict[str, Any] | None] = [None, row, ROW, row, None, row]
    for number, (before, after) in enumerate(pairwise(versions), 1):
        here.service.row_versions.record(Written("report", str(number), NOW, before, after))
    here.jobs.put(row)
    writer = replace(here.service, caller=lambda: WRITER)
    for one, other in ((row, ROW), (ROW, row), (None, row)):
        with recorded(writer, Action.UPDATE_ROW, "report", rows=Rows(one, other)):
            pass
    _refused(writer, row)
    parsed = guarded.parse(row)
    errors = parsed.errors if isinstance(parsed, InvalidRow) else ()
    here.save(
        status=JobStatus.INVALID if errors else JobStatus.READY,
        errors=errors,
        row_digest=DIGEST,
        spec_digest=DIGEST,
        deployed_digest=DIGEST,
        failure=Failure("r", NOW, digest=DIGEST),
    )
    overrides = {"environment": {"PASSWORD": MARKER}} | hiding
    put_run("report", RUN, "FAILED", overrides=json.dumps(overrides), error="E", input="{}")
    here.list_all()
    _dead_letter(row)
    action, target = BulkAction.PAUSE_SCHEDULES, Target("report")
    made = bulk.begin(writer, action, [target], reason="r", expected_count=1)
    return bulk.step(writer, made.id).id


def _refused(writer: Any, row: dict[str, Any]) -> None:
    """Have a change refused: the reason is in the audit."""
    with suppress(edits.InvalidRowError):
        edits.put(writer, row | {"memory_mb": 999_999}, if_match="*")


def _dead_letter(row: dict[str, Any]) -> None:
    reason = {"DataType": "String", "StringValue": "ValueError"}
    CLIENTS.sqs.send_message(
        QueueUrl=OUTPUTS["DeadLetterQueueUrl"],
        MessageBody=json.dumps({"dynamodb": {"NewImage": row}}),
        MessageAttributes={"reason": reason, "source": {**reason, "StringValue": "job_stream"}},
    )
