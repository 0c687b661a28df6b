"""Items of a run with a fan-out, from what their workflow puts into S3."""

from __future__ import annotations

import json

import pytest

from provisioner.errors import InvalidRequestError, NotFoundError
from provisioner.runs.keys import object_folder
from provisioner.runs.model import RunStatus, iso
from provisioner.service import fan_out_items
from tests.support.cli import NOW, OUTPUTS, put_run
from tests.support.clients import CLIENTS
from tests.support.rows import ROW

FAILED, SUCCEEDED = RunStatus.FAILED, RunStatus.SUCCEEDED
BUCKET = OUTPUTS["ArtifactsBucketName"]
KEY = f"{iso(NOW)}#r1"


@pytest.fixture
def service(here):
    here.jobs.put(ROW)
    put_run("report", "r1", "RUNNING", started_at=NOW)
    return here.service


def put_item(index, *, failed=False, body=None, key=KEY):
    kept = {"index": index, "status": FAILED if failed else SUCCEEDED, "attempts": 2}
    kept |= {"error": "E", "cause": "because"} if failed else {"output": {"n": index}}
    place = f"{object_folder('report', key)}items/{'failed' if failed else 'succeeded'}"
    text = json.dumps(kept) if body is None else body
    CLIENTS.s3.put_object(Bucket=BUCKET, Key=f"{place}/{index}.json", Body=text)


def test_by_their_index_page_by_page(service):
    for index in range(12):
        put_item(index, failed=index in {3, 11})

    first = fan_out_items.page(service, "report", "r1", 10)
    last = fan_out_items.page(service, "report", "r1", 10, cursor=first.cursor)
    failed = fan_out_items.page(service, "report", "r1", 10, status=FAILED)

    assert [item.index for item in first.items] == [*range(10)]
    assert [item.index for item in last.items] == [10, 11]
    assert [(item.index, item.error, item.cause, item.attempts) for item in failed.items] == [
        (3, "E", "because", 2),
        (11, "E", "because", 2),
    ]
    assert (first.succeeded, first.failed, first.total) == (10, 2, None)
    assert (last.cursor, failed.cursor) == (None, None)


def test_how_many_there_are_once_the_run_is_summed_up(service):
    put_run("report", "r1", "SUCCEEDED", started_at=NOW, item_count=1000)
    put_item(0)

    assert fan_out_items.page(service, "report", "r1", 1).total == 1000


def test_one(service):
    put_item(7)
    put_item(8, failed=True)

    assert fan_out_items.one(service, "report", "r1", 7).said["output"] == {"n": 7}
    assert fan_out_items.one(service, "report", "r1", 8).status is FAILED
    with pytest.raises(NotFoundError, match="item 9"):
        fan_out_items.one(service, "report", "r1", 9)


@pytest.mark.parametrize("body", ["[]", "{", "[" * 100_000, "x" * 1_100_000, '{"error": 7}'])
def test_what_a_job_may_have_written_there_instead(service, body):
    put_item(0, failed=True, body=body)
    CLIENTS.s3.put_object(Bucket=BUCKET, Key=f"{object_folder('report', KEY)}items/failed/x.json")

    (item,) = fan_out_items.page(service, "report", "r1", 10).items

    assert (item.index, item.status, item.error) == (0, FAILED, None)


@pytest.mark.parametrize("cursor", ["x", "-1", "1" * 9, "²", ""])
def test_a_cursor_of_no_page(service, cursor):
    put_item(0)
    if cursor:
        with pytest.raises(InvalidRequestError):
            fan_out_items.page(service, "report", "r1", 10, cursor=cursor)


def test_of_another_run_nothing_is_shown(service):
    put_item(0, key=f"{iso(NOW)}#r2")

    assert fan_out_items.page(service, "report", "r1", 10).items == ()
    with pytest.raises(NotFoundError):
        fan_out_items.page(service, "report", "none", 10)


def test_an_execution_whose_name_no_address_holds_is_hashed():
    assert object_folder("report", "2026-01-01T00:00:00.000Z#a b") == (
        "runs/report/2026-01-01T00-00-00.000Z-"
        "c8687a08aa5d6ed2044328fa6a697ab8e96dc34291e8c2034ae8c38e6fcc6d65/"
    )
