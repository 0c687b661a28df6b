"""job_stream keeps what rows were, and no job waits for that."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provisioner.entrypoints import job_stream
from tests.support.clients import CLIENTS
from tests.support.functions import Unavailable, deliver, hand_in, runtime

pytestmark = pytest.mark.usefixtures("bootstrap")

EVENT = Path(__file__).parents[2] / "events" / "dynamodb_stream.json"


def event():
    """Return records of now, and write the row of one of them: an old one is only queued."""
    captured = json.loads(EVENT.read_text())
    for record in captured["Records"]:
        record["dynamodb"]["ApproximateCreationDateTime"] = datetime.now(UTC).timestamp()
    CLIENTS.dynamodb.put_item(TableName="jobs-Jobs", Item={"job_name": {"S": "Capitals"}})
    return captured


def kept(job_name):
    return [each.number for each in runtime().row_versions.of(job_name)]


def test_each_change_is_kept_once_however_often_its_record_comes():
    for _ in range(2):
        assert deliver(job_stream, event()) == {"batchItemFailures": []}

    assert (kept("report"), kept("Capitals")) == ([2, 1], [1])


def test_a_version_that_cannot_be_kept_now_comes_again_and_its_job_is_reconciled():
    hand_in(row_versions=Unavailable())

    answer = deliver(job_stream, event())

    assert len(answer["batchItemFailures"]) == 3
    assert CLIENTS.dynamodb.scan(TableName="jobs-Stacks")["Count"] > 0


def test_a_version_that_never_can_be_kept_holds_up_nothing_and_is_counted(capsys):
    CLIENTS.dynamodb.delete_table(TableName="jobs-Audit")

    assert deliver(job_stream, event()) == {"batchItemFailures": []}
    assert CLIENTS.dynamodb.scan(TableName="jobs-Stacks")["Count"] > 0
    assert '"VersionsLost":[3.0]' in capsys.readouterr().out


def test_an_enormous_row_of_text_that_cannot_be_compressed():
    """Its author writes names and values at random, as large as DynamoDB takes."""
    row = {f"a{n}{secrets.token_hex(500)}": {"S": secrets.token_hex(1200)} for n in range(110)}
    row |= {"job_name": {"S": "report"}, "B": {"B": "AAH/"}}
    records = event()
    records["Records"] = records["Records"][:1]
    records["Records"][0]["dynamodb"]["NewImage"] = row

    assert deliver(job_stream, records) == {"batchItemFailures": []}

    (version,) = runtime().row_versions.of("report")
    assert len(runtime().row_versions.row("report", version)) == 112
    assert version.more_changed == 112 - 20
    (line,) = (
        item
        for item in CLIENTS.dynamodb.scan(TableName="jobs-Audit")["Items"]
        if item["entry_id"]["S"].startswith("list#")
    )
    assert len(json.dumps(line)) < 4_000


@pytest.mark.parametrize(
    "change",
    [
        {"SequenceNumber": "x"},
        {"SequenceNumber": None},
        {"NewImage": None, "OldImage": None},
        {"NewImage": {"job_name": {"S": "report"}, "n": {"N": "x"}}},
        {"ApproximateCreationDateTime": "yesterday"},
    ],
    ids=str,
)
def test_a_record_of_another_shape_holds_up_nothing(change):
    records = event()
    records["Records"] = records["Records"][:1]
    records["Records"][0]["dynamodb"] |= change

    assert deliver(job_stream, records) == {"batchItemFailures": []}
