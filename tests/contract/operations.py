"""What holds of CloudFormation as reconcile sees it, whoever implements it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Protocol

import pytest

from provisioner.errors import ConflictError, NoChangesError, PermanentError
from provisioner.settings import DeploymentMode
from provisioner.stacks.model import OWNER_TAG
from provisioner.stacks.ports import StackOperations, StackRequest
from provisioner.stacks.request_tokens import request_token
from provisioner.stacks.stack_status import IN_PROGRESS, StackStatus

S = StackStatus
A, B = "a" * 64, "b" * 64
TEMPLATES = "0123456789ab"
PREFIX = "contract"  # no bootstrap's: on the engine it would delete what has no row
NAME = f"{PREFIX}-job"
NEVER_MADE = (
    f"arn:aws:cloudformation:us-east-1:123456789012:stack/{NAME}/"
    "00000000-0000-4000-8000-000000000000"
)


class Subject(Protocol):
    """One implementation, and how its operations end."""

    operations: StackOperations

    def finish(self, name: str) -> None:
        """Have the running operation end, or wait for its end."""

    def spoil(self, request: StackRequest) -> StackRequest:
        """Return a request whose operation fails at its resource."""


def request(verb="create", digest=A, *, version=0, owner=PREFIX, retain=False) -> StackRequest:
    template = {
        "Parameters": {
            name: {"Type": "String"} for name in ("SpecDigest", "TemplateVersion", "DeletionPolicy")
        },
        "Resources": {
            "Parameter": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {
                    "Name": {"Ref": "AWS::StackName"},
                    "Type": "String",
                    "Value": {"Ref": "SpecDigest"},
                },
            }
        },
        "Outputs": {"Digest": {"Value": {"Ref": "SpecDigest"}}},
    }
    return StackRequest(
        template=json.dumps(template),
        parameters={
            "SpecDigest": digest,
            "TemplateVersion": TEMPLATES,
            "DeletionPolicy": "retain" if retain else "delete",
        },
        tags={OWNER_TAG: owner},
        token=request_token(verb, digest, version),
    )


def made(subject: Subject, **changes) -> str:
    stack_id = subject.operations.create(NAME, request(**changes))
    subject.finish(NAME)
    return stack_id


class OperationsContract:
    """`subject` is an implementation without any stack of that name."""

    def test_there_is_no_stack(self, subject):
        assert subject.operations.describe(NAME) is None

    def test_a_creation_starts_and_ends(self, subject):
        stack_id = subject.operations.create(NAME, request(retain=True))

        begun = subject.operations.describe(NAME)
        assert begun.stack_id == stack_id
        assert begun.status in {S.CREATE_IN_PROGRESS, S.CREATE_COMPLETE}
        subject.finish(NAME)
        state = subject.operations.describe(NAME)
        assert (state.status, state.ours, state.digest) == (S.CREATE_COMPLETE, True, A)
        assert state.template_version == TEMPLATES
        assert state.retain
        assert state.outputs
        assert state.failure is None

    def test_the_same_creation_twice_is_one(self, subject):
        stack_id = subject.operations.create(NAME, request())

        try:
            again = subject.operations.create(NAME, request())
        except ConflictError:  # allowed: who hears that looks again
            again = stack_id

        assert again == stack_id
        subject.finish(NAME)
        assert subject.operations.describe(NAME).stack_id == stack_id

    def test_a_name_is_taken_once(self, subject):
        made(subject)

        with pytest.raises(ConflictError):
            subject.operations.create(NAME, request(digest=B, version=1))

    def test_an_update_ends_at_the_new_digest(self, subject):
        stack_id = made(subject)

        subject.operations.update(stack_id, request("update", B, version=1))

        subject.finish(NAME)
        state = subject.operations.describe(NAME)
        assert state.stack_id == stack_id
        assert (state.status, state.digest, state.failure) == (S.UPDATE_COMPLETE, B, None)

    def test_express_mode_ends_in_the_same_stack(self, subject):
        express = subject.operations.known_mode(DeploymentMode.EXPRESS)
        asked = {"mode": express}
        stack_id = subject.operations.create(NAME, replace(request(), **asked))
        subject.finish(NAME)

        subject.operations.update(stack_id, replace(request("update", B, version=1), **asked))
        subject.finish(NAME)
        state = subject.operations.describe(NAME)
        subject.operations.delete(stack_id, (), force=False, token="delete-1", mode=express)
        subject.finish(NAME)

        assert (state.stack_id, state.status, state.digest) == (stack_id, S.UPDATE_COMPLETE, B)
        assert subject.operations.describe(NAME) is None

    def test_what_is_not_there_cannot_be_updated(self, subject):
        with pytest.raises(ConflictError):
            subject.operations.update(NEVER_MADE, request("update", B))

    def test_a_deletion_ends_with_no_stack(self, subject):
        stack_id = made(subject)

        subject.operations.delete(stack_id, (), force=False, token="delete-1")

        subject.finish(NAME)
        assert subject.operations.describe(NAME) is None

    def test_another_s_stack_is_not_taken_for_ours(self, subject):
        made(subject, owner="others")

        state = subject.operations.describe(NAME)

        assert (state.ours, state.owner) == (False, "others")


class FailingOperationsContract:
    """For who takes time and lets operations fail."""

    def test_an_unchanged_update_is_refused_as_such(self, subject):
        stack_id = made(subject)

        with pytest.raises(NoChangesError):
            subject.operations.update(stack_id, request("update", A, version=1))

    def test_another_stack_of_the_same_name_is_not_updated(self, subject):
        before = made(subject)
        subject.operations.delete(before, (), force=False, token="delete-1")
        subject.finish(NAME)
        with pytest.raises(ConflictError):
            subject.operations.update(before, request("update", B, version=1))
        made(subject, version=2)

        with pytest.raises(ConflictError):
            subject.operations.update(before, request("update", B, version=3))

        state = subject.operations.describe(NAME)
        assert (state.status, state.digest) == (S.CREATE_COMPLETE, A)

    def test_a_deletion_twice_is_one(self, subject):
        stack_id = made(subject)
        subject.operations.delete(stack_id, (), force=False, token="delete-1")
        subject.finish(NAME)

        subject.operations.delete(stack_id, (), force=False, token="delete-1")

        assert subject.operations.describe(NAME) is None

    def test_a_failed_creation_tells_why_and_of_which_digest(self, subject):
        subject.operations.create(NAME, subject.spoil(request()))
        subject.finish(NAME)

        state = subject.operations.describe(NAME)

        assert state.status is S.ROLLBACK_COMPLETE
        assert state.failure.digest == A
        assert state.failure.reason

    def test_a_failed_creation_cannot_be_updated_but_deleted(self, subject):
        stack_id = subject.operations.create(NAME, subject.spoil(request()))
        subject.finish(NAME)

        with pytest.raises((PermanentError, ConflictError)):
            subject.operations.update(stack_id, request("update", B, version=1))
        subject.operations.delete(stack_id, (), force=False, token="delete-1")
        subject.finish(NAME)
        assert subject.operations.describe(NAME) is None

    def test_a_failed_update_is_rolled_back_and_names_the_digest_that_failed(self, subject):
        stack_id = made(subject)
        subject.operations.update(stack_id, subject.spoil(request("update", B, version=1)))
        subject.finish(NAME)

        state = subject.operations.describe(NAME)

        assert (state.status, state.digest) == (S.UPDATE_ROLLBACK_COMPLETE, A)
        assert state.failure.digest == B

    def test_resources_are_retained_of_failed_deletions_only(self, subject):
        stack_id = made(subject)

        with pytest.raises(PermanentError):
            subject.operations.delete(stack_id, ("Parameter",), force=False, token="delete-1")


class BusyOperationsContract:
    """For who holds an operation until it is told to end."""

    @pytest.mark.parametrize("verb", ["update", "delete", "continue"])
    def test_one_operation_at_a_time(self, subject, verb):
        stack_id = made(subject)
        subject.operations.update(stack_id, request("update", B, version=1))
        assert subject.operations.describe(NAME).status in IN_PROGRESS
        operations = {
            "update": lambda: subject.operations.update(stack_id, request("update", A, version=2)),
            "delete": lambda: subject.operations.delete(
                stack_id, (), force=False, token="delete-2"
            ),
            "continue": lambda: subject.operations.continue_update_rollback(
                stack_id, (), force=False, token="continue-2"
            ),
        }

        with pytest.raises(ConflictError):
            operations[verb]()
