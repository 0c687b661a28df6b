"""Which row a rollback writes, and what cannot be gone back to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.errors import NotFoundError, PermanentError, StaleError
from provisioner.service.deployments import (
    document,
    list_deployments,
    plan,
    roll_back,
    unpin,
)
from provisioner.stacks.model import JobStatus
from tests.support.clients import CLIENTS
from tests.support.deployments import deploy, push, pushed_twice, write
from tests.support.rows import ROW

LARGER = ROW | {"memory_mb": 512}
BROKEN = ROW | {"memory_mb": 64}


def back(here, number=None):
    planned = plan(here.service, "report", number)
    roll_back(here.service, planned)
    return planned.to.number


def shown(here):
    return [(each["number"], each["cause"], each["row_version"]) for each in documents(here)]


def documents(here):
    return [document(each) for each in list_deployments(here.service, "report")]


@pytest.fixture
def pushed(here):
    """Return the versions of two deployments of the same row."""
    return pushed_twice(here, ROW)


def test_new_code_is_gone_back_from_by_a_pin(here, pushed):
    assert back(here) == 1

    row = here.row()
    assert row["pin"]["version"] == pushed[0]
    assert row["pin"]["note"] == "rolled back to deployment 1"
    assert {name: value for name, value in row.items() if name != "pin"} == ROW
    deploy(here)
    assert shown(here) == [(3, "rollback", None), (2, "push", 1), (1, "row", 1)]


def test_gone_back_twice_is_where_it_was(here, pushed):
    back(here)
    deploy(here)

    assert back(here) == 2
    assert here.row()["pin"]["version"] == pushed[1]


def test_a_pin_holds_until_it_is_taken_out(here, pushed):
    back(here)
    newest = push(b"three")
    record = deploy(here)
    assert (record.pinned.version, record.pinned.newest) == (pushed[0], newest)

    assert "pin" not in unpin(here.service, "report").row
    assert deploy(here).deployments[0].artifact.endswith(newest)
    edited = unpin(here.service, "report")
    assert edited.row == edited.before


def test_a_change_of_the_row_is_gone_back_from_by_its_version(here):
    for row in (ROW, LARGER):
        write(here, row)
        deploy(here)

    assert back(here) == 1
    assert here.row() == ROW
    deploy(here)
    assert shown(here)[0] == (3, "rollback", 1)


def test_what_the_stack_is_not_made_of_stays_as_it_is_now(here, pushed):
    write(here, ROW | {"notify": ["succeeded"]})

    back(here)

    assert here.row()["notify"] == ["succeeded"]
    assert here.row()["pin"]["version"] == pushed[0]


def test_row_and_code_are_gone_back_from_together(here, pushed):
    write(here, LARGER)
    deploy(here)

    assert back(here, 1) == 1
    assert here.row()["pin"]["version"] == pushed[0]
    assert "memory_mb" not in here.row()


@pytest.mark.usefixtures("pushed")
@pytest.mark.parametrize("status", [JobStatus.INVALID, JobStatus.FAILED, JobStatus.UPDATING])
def test_a_row_that_was_never_deployed_goes_back_to_what_runs(here, status):
    write(here, BROKEN if status is JobStatus.INVALID else LARGER)
    here.stacks.save(replace(here.record(), status=status, spec_digest="f" * 64))

    assert back(here) == 2
    assert here.row() == ROW


def test_code_that_could_not_be_deployed_is_gone_back_from(here, pushed):
    push(b"broken")
    here.stacks.save(replace(here.record(), status=JobStatus.FAILED, spec_digest="f" * 64))

    assert back(here) == 2
    assert here.row()["pin"]["version"] == pushed[1]


def test_a_row_that_names_its_version_needs_no_pin(here):
    for body in (b"one", b"two"):
        write(here, ROW | {"bundle": f"{ROW['bundle']}?versionId={push(body)}"})
        deploy(here)
    first = here.record().deployments[1].artifact

    back(here)

    assert here.row()["bundle"] == first
    assert "pin" not in here.row()


def test_a_pinned_row_of_that_time_is_restored_with_its_pin(here, pushed):
    write(here, ROW | {"pin": {"version": pushed[0]}})
    deploy(here)
    write(here, LARGER)
    deploy(here)

    back(here)

    assert here.row() == ROW | {"pin": {"version": pushed[0]}}


@pytest.mark.usefixtures("pushed")
def test_a_row_that_changes_in_the_meantime_is_left_alone(here):
    planned = plan(here.service, "report")
    write(here, LARGER)

    with pytest.raises(StaleError):
        roll_back(here.service, planned)

    assert here.row() == LARGER


def nothing_deployed(here):
    write(here, ROW)


def deployed_once(here):
    write(here, ROW)
    deploy(here)


def deployed_twice(here):
    deployed_once(here)
    write(here, LARGER)
    deploy(here)


def without_versions(here):
    deployed_twice(here)
    for item in CLIENTS.dynamodb.scan(TableName="jobs-Audit")["Items"]:
        key = {name: item[name] for name in ("subject", "entry_id")}
        CLIENTS.dynamodb.delete_item(TableName="jobs-Audit", Key=key)


def code_is_gone(here):
    first = push(b"one")
    deployed_once(here)
    push(b"two")
    deploy(here)
    CLIENTS.s3.delete_object(Bucket="jobs-bundles", Key="report.zip", VersionId=first)


CANNOT_BE = {
    "no such job": (lambda _: None, None, NotFoundError, "there is no job report"),
    "never deployed": (nothing_deployed, None, PermanentError, "report has never been deployed"),
    "only once": (deployed_once, None, PermanentError, "no deployment before 1"),
    "no such number": (deployed_twice, 9, NotFoundError, "no deployment 9; kept are 1 to 2"),
    "the one that runs": (deployed_twice, 2, PermanentError, "the same as in deployment 2"),
    "no version": (without_versions, 1, NotFoundError, "its version of that time is not kept"),
    "code that is gone": (code_is_gone, 1, PermanentError, "the code of deployment 1 is gone: s3"),
}


@pytest.mark.parametrize(("given", "number", "error", "message"), CANNOT_BE.values(), ids=CANNOT_BE)
def test_what_cannot_be_gone_back_to(here, given, number, error, message):
    given(here)
    before = here.row()

    with pytest.raises(error, match=message):
        back(here, number)

    assert here.row() == before
