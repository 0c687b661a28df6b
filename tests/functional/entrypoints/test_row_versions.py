"""job_stream keeps what rows were, and no job waits for that."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from provisioner.entrypoints import job_stream
from provisioner.errors import NotFoundError, PermanentError
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


def in_s3(records, key="aws/lambda/5d1f/1"):
    """Put records where Lambda puts what it gave up; return what job_stream gets of them."""
    body = json.dumps({"payload": json.dumps({"Records": records})})
    CLIENTS.s3.put_object(Bucket="artifacts", Key=key, Body=body)
    return {"failed_records": key}


def steps(memory_sizes):
    """Return the records of a row's changes, each from one size of memory to the next."""
    [record] = event()["Records"][:1]

    def image(size):
        return {"job_name": {"S": "report"}, "memory_mb": {"N": str(size)}} if size else None

    for number, (before, after) in enumerate(pairwise(memory_sizes), start=1):
        change = {"SequenceNumber": str(100 + number), "OldImage": image(before)}
        yield {**record, "dynamodb": record["dynamodb"] | change | {"NewImage": image(after)}}


@pytest.mark.parametrize("first", [None, 64], ids=["a new row", "a row from before"])
@pytest.mark.parametrize("redriven", [[0], [1], [0, 1], [2]], ids=str)
def test_records_that_are_redriven_stand_where_the_row_had_them(first, redriven):
    sizes = [first, 128, 256, 512]
    records = list(steps(sizes))
    late = [records[each] for each in redriven]
    deliver(job_stream, {"Records": [each for each in records if each not in late]})

    for _ in range(2):
        assert deliver(job_stream, in_s3(late)) == {"batchItemFailures": []}

    versions = runtime().row_versions
    kept = [versions.row("report", each)["memory_mb"] for each in versions.of("report")]
    assert kept == [size for size in reversed(sizes) if size]


def test_a_version_that_cannot_be_kept_when_it_is_redriven_fails_for_who_asked():
    records = list(steps([None, 128]))
    records[0]["dynamodb"]["ApproximateCreationDateTime"] = 0
    hand_in(row_versions=Unavailable())

    assert len(deliver(job_stream, in_s3(records))["batchItemFailures"]) == 1


@pytest.mark.parametrize("key", ["runs/report/1/input.json", "aws/lambdas/1", "", "templates/x"])
def test_records_are_only_taken_from_where_lambda_puts_them(key):
    with pytest.raises(PermanentError, match="is not where Lambda puts"):
        deliver(job_stream, in_s3(list(steps([None, 128])), key or "x") | {"failed_records": key})

    assert runtime().row_versions.of("report") == []


NOT_RECORDS = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "no payload": b"{}",
    "a payload of no JSON": json.dumps({"payload": "{"}).encode(),
    "a payload without records": json.dumps({"payload": "{}"}).encode(),
    "records that are no list": json.dumps({"payload": {"Records": {"0": {}}}}).encode(),
    "too deep": b"[" * 100_000,
    "no text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("body", NOT_RECORDS.values(), ids=NOT_RECORDS)
def test_an_object_that_holds_no_records_fails_for_who_asked(body):
    CLIENTS.s3.put_object(Bucket="artifacts", Key="aws/lambda/1", Body=body)

    with pytest.raises(PermanentError, match="aws/lambda/1 holds no records of a stream"):
        deliver(job_stream, {"failed_records": "aws/lambda/1"})


def test_records_that_have_gone_fail_for_who_asked():
    with pytest.raises(NotFoundError):
        deliver(job_stream, {"failed_records": "aws/lambda/1"})


def test_a_payload_that_was_parsed_already_is_read_as_well():
    body = json.dumps({"payload": {"Records": list(steps([None, 128]))}})
    CLIENTS.s3.put_object(Bucket="artifacts", Key="aws/lambda/1", Body=body)

    assert deliver(job_stream, {"failed_records": "aws/lambda/1"}) == {"batchItemFailures": []}

    assert len([*runtime().row_versions.of("report")]) == 1
