"""What the adapter reads off a stack's events, and how it words CloudFormation's refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.stub import Stubber

from provisioner.aws.clients import Clients
from provisioner.aws.cloudformation import INLINE_TEMPLATE_BYTES, CloudFormation
from provisioner.aws.stack_events import FAILED_EVENT, ROLLED_BACK_EVENT
from provisioner.errors import (
    AlreadyStartedError,
    ConflictError,
    DeniedError,
    DeploymentModeError,
    NoChangesError,
    PermanentError,
    ProvisionerError,
    StackLimitError,
    TemporaryError,
    ThrottledError,
)
from provisioner.settings import DeploymentMode
from provisioner.stacks.model import Drift, DriftStatus
from provisioner.stacks.ports import StackRequest
from provisioner.stacks.stack_status import StackStatus
from tests.support.clients import CLIENTS

pytestmark = pytest.mark.usefixtures("bootstrap")

NAME = "jobs-report"
STACK_ID = f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{NAME}/1"
A, B = "a" * 64, "b" * 64
START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
CF_ROLE = "arn:aws:iam::123456789012:role/cloudformation"
ADAPTER = CloudFormation(CLIENTS, "jobs", CF_ROLE, "artifacts")


@pytest.fixture
def stub():
    with Stubber(CLIENTS.cloudformation) as stubber:
        yield stubber


def described(status, digest=A):
    return {
        "Stacks": [
            {
                "StackId": STACK_ID,
                "StackName": NAME,
                "CreationTime": START,
                "StackStatus": status,
                "Parameters": [{"ParameterKey": "SpecDigest", "ParameterValue": digest}],
                "Tags": [{"Key": "provisioner", "Value": "jobs"}],
            }
        ]
    }


def events(*stack_events):
    """Return the events' newest-first pages, each event (token, logical id, status, reason)."""
    listed = [
        {
            "StackId": STACK_ID,
            "StackName": NAME,
            "EventId": str(index),
            "Timestamp": START + timedelta(seconds=index),
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": STACK_ID if logical_id == NAME else logical_id,
            "ResourceType": "AWS::X::Y",
            "ResourceStatus": status,
            **({"ResourceStatusReason": reason} if reason else {}),
            **({"ClientRequestToken": token} if token else {}),
        }
        for index, (token, logical_id, status, reason) in enumerate(stack_events)
    ]
    return listed[::-1]


def answer(stub, status, stack_events, *, page_size=100):
    stub.add_response("describe_stacks", described(status))
    pages = [
        stack_events[start : start + page_size] for start in range(0, len(stack_events), page_size)
    ]
    for index, page in enumerate(pages):
        last = index == len(pages) - 1
        stub.add_response(
            "describe_stack_events",
            {"StackEvents": page, **({} if last else {"NextToken": str(index)})},
        )


def test_the_statuses_of_events_are_the_ones_that_there_are():
    named = CLIENTS.cloudformation.meta.service_model.shape_for("ResourceStatus").enum
    assert {each for each in named if each.endswith("_FAILED")} == FAILED_EVENT
    assert {each for each in named if each.endswith("ROLLBACK_IN_PROGRESS")} == ROLLED_BACK_EVENT


UPDATE_OF_B = f"update-{B}-4"
FAILED_UPDATE = (
    (f"create-{A}-0", NAME, "CREATE_COMPLETE", None),
    (UPDATE_OF_B, NAME, "UPDATE_IN_PROGRESS", "User Initiated"),
    (UPDATE_OF_B, "Function", "UPDATE_FAILED", "memory is wrong"),
    (UPDATE_OF_B, "Role", "UPDATE_FAILED", "Resource update cancelled"),
    (UPDATE_OF_B, NAME, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed: [...]"),
)


@pytest.mark.parametrize("page_size", [100, 1, 2], ids=["one-page", "many-pages", "pages-of-two"])
def test_the_first_failed_resource_tells_why(stub, page_size):
    stack_events = events(*FAILED_UPDATE, (UPDATE_OF_B, NAME, "UPDATE_ROLLBACK_COMPLETE", None))
    answer(stub, "UPDATE_ROLLBACK_COMPLETE", stack_events, page_size=page_size)

    state = ADAPTER.describe(NAME)

    assert state.digest == A
    assert state.failure.digest == B
    assert (state.failure.resource, state.failure.reason) == ("Function", "memory is wrong")
    assert state.failure.at == START + timedelta(seconds=2)


def test_a_continued_rollback_keeps_the_update_s_reason_and_digest(stub):
    again = f"continue-{B}-5"
    answer(
        stub,
        "UPDATE_ROLLBACK_FAILED",
        events(
            *FAILED_UPDATE,
            (UPDATE_OF_B, "Queue", "UPDATE_FAILED", "cannot go back"),
            (UPDATE_OF_B, NAME, "UPDATE_ROLLBACK_FAILED", "The following: [Queue]"),
            (again, NAME, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"),
            (again, "Queue", "UPDATE_FAILED", "still cannot go back"),
            (again, NAME, "UPDATE_ROLLBACK_FAILED", "The following: [Queue]"),
        ),
    )

    failure = ADAPTER.describe(NAME).failure

    assert failure.digest == B
    assert failure.reason == "memory is wrong"
    assert failure.resources == ("Queue",)


def test_without_a_failed_resource_the_stack_s_own_reason_is_reported(stub):
    answer(
        stub,
        "ROLLBACK_COMPLETE",
        events(
            (f"create-{A}-0", NAME, "CREATE_IN_PROGRESS", "User Initiated"),
            (f"create-{A}-0", NAME, "ROLLBACK_IN_PROGRESS", "Early validation failed"),
            (f"create-{A}-0", NAME, "ROLLBACK_COMPLETE", None),
        ),
    )

    failure = ADAPTER.describe(NAME).failure

    assert failure.reason == "Early validation failed"
    assert failure.digest == A


def test_a_stack_that_is_well_costs_one_call(stub):
    stub.add_response("describe_stacks", described("CREATE_COMPLETE"))

    state = ADAPTER.describe(NAME)

    assert (state.status, state.ours, state.failure) == (StackStatus.CREATE_COMPLETE, True, None)


def test_no_stack(stub):
    stub.add_client_error(
        "describe_stacks", "ValidationError", f"Stack with id {NAME} does not exist"
    )

    assert ADAPTER.describe(NAME) is None


def test_a_template_too_large_to_be_sent_goes_through_the_artifacts_bucket():
    topics = {
        f"Topic{number}": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x" * 100}}
        for number in range(450)
    }
    template = json.dumps({"Resources": topics})
    assert INLINE_TEMPLATE_BYTES < len(template) < 1_000_000
    parameters = {"SpecDigest": A, "DeletionPolicy": "delete"}
    template = template[:-1] + ',"Parameters":{"SpecDigest":{"Type":"String"},'
    template += '"DeletionPolicy":{"Type":"String"}}}'

    request = StackRequest(template, parameters, {"provisioner": "jobs"}, "create-1")
    stack_id = ADAPTER.create(NAME, request)

    state = ADAPTER.describe(NAME)
    assert (state.status, state.digest, state.owner) == (StackStatus.CREATE_COMPLETE, A, "jobs")
    ADAPTER.update(stack_id, replace(request, template=template.replace("xxx", "yyy")))
    kept = boto3.client("s3").list_objects_v2(Bucket="artifacts")["Contents"]
    assert [item["Key"].startswith(f"templates/{NAME}/") for item in kept] == [True, True]


REFUSALS = {
    "nothing to do": ("ValidationError", "No updates are to be performed.", NoChangesError),
    "busy, on AWS": (
        "ValidationError",
        f"Stack:{STACK_ID} is in UPDATE_IN_PROGRESS state and can not be updated.",
        ConflictError,
    ),
    "gone meanwhile": ("ValidationError", f"Stack [{STACK_ID}] does not exist", ConflictError),
    "deleted meanwhile": (
        "ValidationError",
        f"Stack:{STACK_ID} is in DELETE_COMPLETE state and can not be updated.",
        ConflictError,
    ),
    "made meanwhile": ("AlreadyExistsException", f"Stack [{NAME}] already exists", ConflictError),
    "token used": ("TokenAlreadyExistsException", "Token was used", AlreadyStartedError),
    "throttled": ("Throttling", "Rate exceeded", ThrottledError),
    "quota": ("LimitExceededException", "Limit for stack has been exceeded", StackLimitError),
    "denied": ("AccessDenied", "User is not authorized to perform", DeniedError),
    "other mode": (
        "ValidationError",
        "Follow-up operations must use the same DeploymentConfig (mode=EXPRESS)",
        DeploymentModeError,
    ),
    "bad template": ("ValidationError", "Template format error: unsupported", PermanentError),
}


@pytest.mark.parametrize(("code", "message", "kind"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(stub, code, message, kind):
    stub.add_client_error("update_stack", code, message)

    with pytest.raises(ProvisionerError) as raised:
        ADAPTER.update(STACK_ID, StackRequest("{}", {}, {}, "update-1"))

    assert type(raised.value) is kind
    assert message in str(raised.value)


CALLS = {
    "describe": lambda adapter: adapter.describe(NAME),
    "create": lambda adapter: adapter.create(NAME, StackRequest("{}", {}, {}, "create-1")),
    "delete": lambda adapter: adapter.delete(STACK_ID, (), force=False, token="delete-1"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_connection_is_an_error_that_passes(monkeypatch, call):
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", "http://127.0.0.1:9")
    adapter = CloudFormation(Clients(session=CLIENTS.session), "jobs", CF_ROLE, "artifacts")

    with pytest.raises(TemporaryError):
        call(adapter)


def test_our_own_stacks_are_listed_and_no_others():
    cloudformation = CLIENTS.cloudformation
    body = json.dumps(
        {
            "Parameters": {"SpecDigest": {"Type": "String"}},
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        }
    )
    for name, owner in {"jobs-one": "jobs", "jobs-Nested-1AB": "jobs", "jobs-theirs": "b"}.items():
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=body,
            Parameters=[{"ParameterKey": "SpecDigest", "ParameterValue": A}],
            Tags=[{"Key": "provisioner", "Value": owner}],
        )

    (found,) = ADAPTER.job_stacks()

    assert (found.job_name, found.digest) == ("one", A)
    assert found.status is StackStatus.CREATE_COMPLETE
    assert ADAPTER.summary(found.stack_id) == found
    assert [ADAPTER.summary(name) for name in ("jobs-theirs", "jobs-none")] == [None, None]


def test_drift_is_read_off_the_stack(stub):
    answered = described("CREATE_COMPLETE")
    answered["Stacks"][0]["DriftInformation"] = {
        "StackDriftStatus": "DRIFTED",
        "LastCheckTimestamp": START,
    }
    stub.add_response("describe_stacks", answered)

    assert ADAPTER.describe(NAME).drift == Drift(DriftStatus.DRIFTED, START)


@pytest.mark.parametrize(
    "message",
    [
        f"Drift detection is already in progress for stack [{STACK_ID}]",
        f"Drift detection cannot be performed on stack {NAME} while it is in UPDATE_IN_PROGRESS",
        f"Stack [{NAME}] does not exist",
    ],
    ids=["runs", "busy", "gone"],
)
def test_drift_that_cannot_be_looked_for_now_is_a_conflict(stub, message):
    stub.add_client_error("detect_stack_drift", "ValidationError", message)

    with pytest.raises(ConflictError):
        ADAPTER.detect_drift(STACK_ID)


class TestAnSdkThatIsOlder:
    """Lambda's runtime brings an SDK that may not know the youngest parameters."""

    @pytest.fixture(autouse=True)
    def old(self, bootstrap, monkeypatch):  # noqa: ARG002  (a client before it would be another)
        model = CLIENTS.cloudformation.meta.service_model
        shape = model.operation_model("ContinueUpdateRollback").input_shape
        monkeypatch.delitem(shape.members, "ForceRollback")
        shape = model.operation_model("CreateStack").input_shape
        monkeypatch.delitem(shape.members, "DeploymentConfig")

    def test_skips_what_failed_instead_of_forcing(self, stub):
        asked = {"RoleARN": ADAPTER._role, "ClientRequestToken": "t", "StackName": STACK_ID}
        stub.add_response(
            "continue_update_rollback", {}, asked | {"ResourcesToSkip": ["Function", "Role"]}
        )

        ADAPTER.continue_update_rollback(STACK_ID, ("Function", "Role"), force=True, token="t")

        stub.assert_no_pending_responses()

    def test_deploys_in_standard_mode_and_says_so_once(self, caplog):
        adapter = CloudFormation(CLIENTS, "jobs", CF_ROLE, "artifacts")

        modes = [adapter.known_mode(mode) for mode in (EXPRESS, STANDARD, EXPRESS)]

        assert modes == [STANDARD, STANDARD, STANDARD]
        (said,) = caplog.messages
        assert "this SDK does not know EXPRESS" in said

    def test_what_it_does_not_know_is_for_a_person(self):
        with pytest.raises(PermanentError, match='Unknown parameter in input: "ForceRollback"'):
            ADAPTER.continue_update_rollback(STACK_ID, (), force=True, token="t")


def test_a_rollback_is_forced_where_the_sdk_can(stub):
    asked = {"RoleARN": ADAPTER._role, "ClientRequestToken": "t", "StackName": STACK_ID}
    stub.add_response("continue_update_rollback", {}, asked | {"ForceRollback": True})

    ADAPTER.continue_update_rollback(STACK_ID, ("Function",), force=True, token="t")

    stub.assert_no_pending_responses()


class TestWhatSomebodyDeleted:
    def drifted(self, stub, status="DRIFTED", updated_minutes_later=-1):
        stack = described("UPDATE_COMPLETE")
        checked = START + timedelta(hours=1)
        stack["Stacks"][0] |= {
            "LastUpdatedTime": checked + timedelta(minutes=updated_minutes_later),
            "DriftInformation": {"StackDriftStatus": status, "LastCheckTimestamp": checked},
        }
        stub.add_response("describe_stacks", stack, {"StackName": NAME})
        return checked

    def test_is_named_by_the_drift_that_was_found(self, stub):
        checked = self.drifted(stub)
        drifts = [
            {
                "StackId": STACK_ID,
                "LogicalResourceId": name,
                "ResourceType": "AWS::Lambda::Function",
                "StackResourceDriftStatus": "DELETED",
                "Timestamp": START,
            }
            for name in ("StateMachine", "Function")
        ]
        stub.add_response(
            "describe_stack_resource_drifts",
            {"StackResourceDrifts": drifts},
            {"StackName": STACK_ID, "StackResourceDriftStatusFilters": ["DELETED"]},
        )

        drift = ADAPTER.describe(NAME).drift

        assert drift == Drift(DriftStatus.DRIFTED, checked, ("Function", "StateMachine"))

    @pytest.mark.parametrize(
        "found", [{"status": "IN_SYNC"}, {"updated_minutes_later": 1}], ids=["in-sync", "before"]
    )
    def test_is_not_asked_for_where_nothing_can_be_known(self, stub, found):
        self.drifted(stub, **found)

        assert ADAPTER.describe(NAME).drift.missing == ()
        stub.assert_no_pending_responses()


DENIED = ("AccessDenied", "User is not authorized to perform")


class TestWhatThisCallerMayNotDo:
    def test_a_stack_that_cannot_be_read_is_not_one_that_is_gone(self, stub):
        stub.add_client_error("describe_stacks", "ValidationError", "1 validation error detected")

        with pytest.raises(PermanentError, match="1 validation error"):
            ADAPTER.describe(NAME)

    def test_drift_that_may_not_be_detected_is_not_a_conflict(self, stub):
        stub.add_client_error("detect_stack_drift", *DENIED)

        with pytest.raises(PermanentError, match="not authorized"):
            ADAPTER.detect_drift(STACK_ID)

    def test_without_a_right_to_read_drifts_nothing_is_known_to_be_missing(self, stub):
        stack = described("UPDATE_COMPLETE")
        checked = START + timedelta(hours=1)
        stack["Stacks"][0] |= {
            "LastUpdatedTime": START,
            "DriftInformation": {"StackDriftStatus": "DRIFTED", "LastCheckTimestamp": checked},
        }
        stub.add_response("describe_stacks", stack)
        stub.add_client_error("describe_stack_resource_drifts", *DENIED)

        assert ADAPTER.describe(NAME).drift == Drift(DriftStatus.DRIFTED, checked)
        stub.assert_no_pending_responses()


STANDARD, EXPRESS = DeploymentMode
MODES = {
    STANDARD: {"DisableRollback": False},
    EXPRESS: {"DeploymentConfig": {"Mode": "EXPRESS", "DisableRollback": False}},
}


@pytest.mark.parametrize(("mode", "asked"), MODES.items(), ids=MODES)
def test_operations_roll_back_in_either_mode(stub, mode, asked):
    request = StackRequest("{}", {}, {}, "t", mode)
    always = {"Parameters": [], "Tags": [], "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    always |= {"RoleARN": CF_ROLE, "ClientRequestToken": "t", "TemplateBody": "{}"}
    stub.add_response("create_stack", {"StackId": STACK_ID}, always | asked | {"StackName": NAME})
    stub.add_response("update_stack", {}, always | asked | {"StackName": STACK_ID})

    ADAPTER.create(NAME, request)
    ADAPTER.update(STACK_ID, request)

    stub.assert_no_pending_responses()


DELETIONS = {
    "plain": ((), False, STANDARD, {}),
    "but for what will not go": (("Bucket",), False, STANDARD, {"RetainResources": ["Bucket"]}),
    "by force": (("Bucket",), True, STANDARD, {"DeletionMode": "FORCE_DELETE_STACK"}),
    "in express mode": (
        ("Bucket",),
        False,
        EXPRESS,
        MODES[EXPRESS] | {"RetainResources": ["Bucket"]},
    ),
}


@pytest.mark.parametrize(("retained", "force", "mode", "asked"), DELETIONS.values(), ids=DELETIONS)
def test_deletions(stub, retained, force, mode, asked):
    always = {"StackName": STACK_ID, "RoleARN": CF_ROLE, "ClientRequestToken": "t"}
    stub.add_response("delete_stack", {}, always | asked)

    ADAPTER.delete(STACK_ID, retained, force=force, token="t", mode=mode)

    stub.assert_no_pending_responses()


@pytest.mark.parametrize("skipped", [(), ("Role",)], ids=["as it is", "skipping"])
def test_a_rollback_is_continued(stub, skipped):
    always = {"StackName": STACK_ID, "RoleARN": CF_ROLE, "ClientRequestToken": "t"}
    asked = {"ResourcesToSkip": list(skipped)} if skipped else {}
    stub.add_response("continue_update_rollback", {}, always | asked)

    ADAPTER.continue_update_rollback(STACK_ID, skipped, force=False, token="t")

    stub.assert_no_pending_responses()


def test_a_failed_stack_whose_events_are_gone_has_no_reason(stub):
    answer(stub, "ROLLBACK_COMPLETE", [])
    stub.add_response("describe_stack_events", {"StackEvents": []})

    assert ADAPTER.describe(NAME).failure is None


def test_what_an_update_could_not_delete_is_left_behind(stub):
    """The former update's is not asked about, and what went at the second attempt is gone."""
    answer = described("UPDATE_COMPLETE")
    answer["Stacks"][0]["StackStatusReason"] = (
        "Update successful. One or more resources could not be deleted."
    )
    stub.add_response("describe_stacks", answer)
    group = (UPDATE_OF_B, "SecurityGroup", "DELETE_FAILED", "sg-1 has a dependent object")
    stack_events = events(
        (f"create-{A}-0", "Bucket", "DELETE_FAILED", "not empty"),
        (UPDATE_OF_B, NAME, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None),
        (UPDATE_OF_B, "Profile", "DELETE_FAILED", "in use"),
        *[group] * 3,
        (UPDATE_OF_B, "Profile", "DELETE_COMPLETE", None),
        (UPDATE_OF_B, NAME, "UPDATE_COMPLETE", None),
    )
    stub.add_response("describe_stack_events", {"StackEvents": stack_events})

    state = ADAPTER.describe(NAME)

    assert (state.failure, state.left_behind) == (None, ("SecurityGroup SecurityGroup",))
