"""Every stack status that the engine can reach is reached, and left, with rows alone.

What else happens to a stack is done to it on its way to CloudFormation, or by hand as a person
would (`test_by_hand.py`). The statuses are read off the stacks' own events. By night: the
simulation leads through them with each commit, in a CloudFormation of its own.
"""

from __future__ import annotations

import subprocess

import pytest
from botocore.session import get_session

from provisioner.local.home import Home
from provisioner.local.install import installed
from tests.local.test_by_hand import (
    CREATED,
    DELETED,
    IMPORTED,
    NOT_IMPORTED,
    REVIEWED,
    UPDATED,
    failed,
    gone,
    path,
    ready,
)
from tests.support.faults import faults_before
from tests.support.proxy import (
    answer_lost,
    delayed,
    internal_failure,
    throttled,
    with_template,
    without_retaining,
    without_rollback,
)
from tests.support.resources import ASKED_TO_FAIL, MISSING_EXPORT, with_missing_export

pytestmark = [pytest.mark.engine, pytest.mark.night, pytest.mark.together]

NOT_DELETED = ["DELETE_IN_PROGRESS", "DELETE_FAILED"]
NOT_CREATED = ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]
NOT_ROLLED_BACK = ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_FAILED"]
LEFT_HALF_CREATED = ["CREATE_IN_PROGRESS", "CREATE_FAILED"]
LEFT_HALF_UPDATED = ["UPDATE_IN_PROGRESS", "UPDATE_FAILED"]
NOT_UPDATED = [
    "UPDATE_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE",
]
STUCK_HALFWAY_BACK = [
    "UPDATE_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_FAILED",
]
BACK_AT_LAST = ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
REACHED = {
    status
    for path in (
        CREATED, UPDATED, DELETED, NOT_DELETED, NOT_CREATED, NOT_ROLLED_BACK, LEFT_HALF_CREATED,
        LEFT_HALF_UPDATED, NOT_UPDATED, STUCK_HALFWAY_BACK, REVIEWED, IMPORTED, NOT_IMPORTED,
    )
    for status in path
}  # fmt: skip
OUT_OF_REACH = {"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "IMPORT_ROLLBACK_FAILED"}
"""The engine cleans up and rolls imports back without showing it."""


@pytest.fixture(scope="module")
def engine(open_engine):
    """The engine that lets its CloudFormation be reached through a proxy."""
    return open_engine


@pytest.fixture(scope="module")
def faults(engine):
    with faults_before(engine) as faults:
        yield faults


def healing(provider):
    """Return a fault that lets the custom resources recover just before the call."""

    def fault(call, send):
        provider.succeed()
        return send(call)

    return fault


def test_every_status_is_reached_here_or_out_of_the_engine_s_reach():
    model = get_session().get_service_model("cloudformation")

    assert set(model.shape_for("StackStatus").enum) == REACHED | OUT_OF_REACH
    assert not REACHED & OUT_OF_REACH


@pytest.mark.usefixtures("engine")
def test_what_is_out_of_reach_is_unknown_to_the_engine():
    script = (
        "import pathlib, sys, ministack.services.cloudformation as c;"
        "text = ''.join(p.read_text() for p in pathlib.Path(c.__file__).parent.glob('*.py'));"
        "print([s for s in sys.argv[1:] if f'\"{s}\"' in text])"
    )
    python = installed(Home.of_checkout()).engine_python
    known = subprocess.run(
        [python, "-c", script, *sorted(OUT_OF_REACH)], capture_output=True, text=True, check=True
    )

    assert known.stdout.strip() == "[]"


def test_a_creation_that_rolled_back_is_deleted_and_made_again(engine, faults):
    name = engine.unique("rolled")
    faults.plan(name).add(with_template(with_missing_export), "CreateStack")
    row = failed(engine, name)
    assert row["cloudformation_status"] == "ROLLBACK_COMPLETE"
    assert MISSING_EXPORT in row["failure"]["reason"]
    assert row["failure"]["resource"] == "Refused"

    faults.plan(name).clear()
    second = ready(engine, name, 256)

    assert path(engine, row["stack_id"]) == NOT_CREATED + DELETED
    assert path(engine, second["stack_id"]) == CREATED


def test_a_creation_that_is_refused_twice_is_made_twice_and_heals(engine, faults):
    name = engine.unique("refused")
    faults.plan(name).add(with_template(with_missing_export), "CreateStack")
    first = failed(engine, name)
    failed(engine, name, 256)
    second = engine.record(name)
    assert second["stack_id"] != first["stack_id"]
    assert MISSING_EXPORT in second["failure"]["reason"]

    faults.plan(name).clear()
    third = ready(engine, name, 512)

    assert path(engine, first["stack_id"]) == NOT_CREATED + DELETED
    assert path(engine, second["stack_id"]) == NOT_CREATED + DELETED
    assert path(engine, third["stack_id"]) == CREATED


def test_a_creation_that_could_not_roll_back_is_deleted_and_made_again(engine, faults):
    name = engine.unique("halfway")
    plan = faults.plan_with_reporter(name).add(with_template(with_missing_export), "CreateStack")
    plan.provider.fail("Delete")
    row = failed(engine, name)
    assert row["cloudformation_status"] == "ROLLBACK_FAILED"

    plan.provider.succeed()
    plan.clear()
    second = ready(engine, name, 256)

    assert path(engine, row["stack_id"]) == NOT_ROLLED_BACK + DELETED
    assert path(engine, second["stack_id"]) == CREATED


def test_a_creation_left_as_it_failed_is_deleted_and_made_again(engine, faults):
    name = engine.unique("half")
    plan = faults.plan(name).add(with_template(with_missing_export), "CreateStack")
    plan.add(without_rollback, "CreateStack")
    row = failed(engine, name)
    assert row["cloudformation_status"] == "CREATE_FAILED"

    plan.clear()
    ready(engine, name, 256)

    assert path(engine, row["stack_id"]) == LEFT_HALF_CREATED + DELETED


def test_an_update_that_rolled_back_keeps_the_last_good_stack(engine, faults):
    name = engine.unique("back")
    good = ready(engine, name)
    faults.plan(name).add(with_template(with_missing_export), "UpdateStack")
    row = failed(engine, name, 256)
    assert row["cloudformation_status"] == "UPDATE_ROLLBACK_COMPLETE"
    assert MISSING_EXPORT in row["failure"]["reason"]
    assert row["deployed_digest"] == good["deployed_digest"]
    assert engine.function_memory_mb(name) == 128

    faults.plan(name).clear()
    ready(engine, name, 512)

    assert path(engine, good["stack_id"]) == CREATED + NOT_UPDATED + UPDATED


def test_an_update_left_as_it_failed_is_updated(engine, faults):
    name = engine.unique("left")
    stack_id = ready(engine, name)["stack_id"]
    plan = faults.plan(name).add(with_template(with_missing_export), "UpdateStack")
    plan.add(without_rollback, "UpdateStack")
    assert failed(engine, name, 256)["cloudformation_status"] == "UPDATE_FAILED"

    plan.clear()
    ready(engine, name, 512)

    assert path(engine, stack_id) == CREATED + LEFT_HALF_UPDATED + UPDATED


def test_a_rollback_that_is_stuck_is_continued(engine, faults):
    name = engine.unique("stuck")
    provider = faults.plan_with_reporter(name).provider
    stack_id = ready(engine, name)["stack_id"]
    provider.fail("Update")
    faults.plan(name).add(healing(provider), "ContinueUpdateRollback")
    row = failed(engine, name, 256)
    assert row["cloudformation_status"] == "UPDATE_ROLLBACK_COMPLETE"
    assert row["failure"]["reason"] == ASKED_TO_FAIL

    ready(engine, name, 512)

    expected = CREATED + STUCK_HALFWAY_BACK + BACK_AT_LAST + UPDATED
    assert path(engine, stack_id) == expected


def test_what_can_never_roll_back_is_skipped(engine, faults):
    name = engine.unique("skips")
    provider = faults.plan_with_reporter(name).provider
    stack_id = ready(engine, name)["stack_id"]
    provider.fail("Update")
    row = failed(engine, name, 256)
    assert row["cloudformation_status"] == "UPDATE_ROLLBACK_COMPLETE"
    assert faults.calls(name, "ContinueUpdateRollback") > 1

    provider.succeed()
    ready(engine, name, 512)

    expected = CREATED + STUCK_HALFWAY_BACK + BACK_AT_LAST + UPDATED
    assert path(engine, stack_id) == expected


def test_a_deletion_that_fails_is_tried_again(engine, faults):
    name = engine.unique("again")
    provider = faults.plan_with_reporter(name).provider
    stack_id = ready(engine, name)["stack_id"]
    provider.fail("Delete", times=1)

    row = gone(engine, name)

    assert "retained_resources" not in row
    assert path(engine, stack_id) == CREATED + NOT_DELETED + DELETED


def test_what_cannot_be_deleted_is_left_and_named(engine, faults):
    name = engine.unique("keeps")
    provider = faults.plan_with_reporter(name).provider
    stack_id = ready(engine, name)["stack_id"]
    provider.fail("Delete")

    row = gone(engine, name)

    assert row["retained_resources"] == ["Reporter"]
    assert path(engine, stack_id) == CREATED + NOT_DELETED + DELETED


def test_what_even_then_cannot_be_deleted_is_forced(engine, faults):
    name = engine.unique("forced")
    plan = faults.plan_with_reporter(name).add(without_retaining, "DeleteStack")
    stack_id = ready(engine, name)["stack_id"]
    plan.provider.fail("Delete")

    row = gone(engine, name)

    assert row["retained_resources"] == ["Reporter"]
    assert faults.calls(name, "DeleteStack") > 3
    assert path(engine, stack_id) == CREATED + NOT_DELETED + DELETED


def test_a_row_edited_and_deleted_while_its_stack_is_busy(engine, faults):
    name = engine.unique("busy")
    provider = faults.plan_with_reporter(name).provider
    provider.hold()
    engine.put(engine.lambda_row(name))
    row = engine.wait_for(name, "CREATING")
    stack_id, first = row["stack_id"], row["spec_digest"]

    engine.put(engine.lambda_row(name, memory_mb=256))
    engine.wait(lambda: engine.record(name)["spec_digest"] != first, "the edit's look")
    assert engine.statuses(stack_id) == ["CREATE_IN_PROGRESS"]
    provider.release()
    engine.wait_for(name, "READY", until=lambda: engine.function_memory_mb(name) == 256)

    provider.hold()
    engine.put(engine.lambda_row(name, memory_mb=512))
    engine.wait_for(name, "UPDATING")
    engine.delete(name)
    provider.release()
    engine.wait_for(name, "DELETED")

    assert engine.statuses(stack_id) == CREATED + UPDATED + UPDATED + DELETED


def test_a_stack_that_is_being_deleted_takes_another_deletion_as_the_same(engine, faults):
    name = engine.unique("twice")
    provider = faults.plan_with_reporter(name).provider
    engine.put(engine.lambda_row(name))
    stack_id = engine.wait_for(name, "READY")["stack_id"]

    provider.hold()
    engine.delete(name)
    engine.wait_for(name, "DELETING")
    engine.client("cloudformation").delete_stack(StackName=stack_id)
    provider.release()
    engine.wait_for(name, "DELETED")

    assert engine.statuses(stack_id) == CREATED + DELETED


def test_faults_on_the_way_are_made_good(engine, faults):
    """Throttled, refused for the moment, slow, or dead between the call and its answer."""
    names = {
        fault: engine.unique("fault")
        for fault in (throttled, internal_failure, answer_lost, delayed(1))
    }
    for fault, name in names.items():
        faults.plan(name).add(fault, "CreateStack", "DescribeStacks", times=1)
        engine.put(engine.lambda_row(name))

    for name in names.values():
        stack_id = engine.wait_for(name, "READY", timeout_seconds=120)["stack_id"]
        assert engine.statuses(stack_id) == CREATED
        assert faults.calls(name, "CreateStack") <= 2
