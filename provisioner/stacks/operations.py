"""Starting what was decided: one call to CloudFormation, and what it answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from provisioner import jobs
from provisioner.errors import DeploymentModeError, NoChangesError, PermanentError
from provisioner.jobs.unbuilt import is_unbuilt
from provisioner.settings import DeploymentMode
from provisioner.stacks.actions import (
    ContinueRollback,
    Create,
    Delete,
    StackOperation,
    Update,
    ValidRow,
)
from provisioner.stacks.builds import with_repository
from provisioner.stacks.model import OWNER_TAG, Failure, OtherMode, StackRecord, StackState
from provisioner.stacks.outcomes import Done, OperationOutcome, Refused, Unchanged
from provisioner.stacks.ports import StackRequest
from provisioner.stacks.request_tokens import CONTINUE, REBUILDING, request_token

if TYPE_CHECKING:
    from datetime import datetime

    from provisioner.settings import Platform
    from provisioner.stacks.ports import StackOperations, Synthesize


class Operations:
    """Starts operations on the stacks of jobs."""

    def __init__(
        self, cloudformation: StackOperations, synthesize: Synthesize, platform: Platform
    ) -> None:
        self._cloudformation = cloudformation
        self._synthesize = synthesize
        self._platform = platform

    def start(
        self,
        operation: StackOperation,
        record: StackRecord,
        observed: StackState | None,
        now: datetime,
    ) -> OperationOutcome:
        """Start an operation; the same one twice is started once, by its token.

        Raises
        ------
        TemporaryError
            If CloudFormation did not take the call, and may take it later.
        """
        try:
            return self._begin(operation, record, observed, now)
        except NoChangesError:
            return Unchanged()
        except PermanentError as error:
            digest = operation.desired.digest if isinstance(operation, Create | Update) else None
            return Refused(Failure(reason=str(error), at=now, digest=digest))

    def _begin(
        self,
        operation: StackOperation,
        record: StackRecord,
        observed: StackState | None,
        now: datetime,
    ) -> Done:
        """Begin in the deployment mode that is wanted, or in the one that the stack insists on.

        Where an operation has failed, CloudFormation takes the next one in the same mode only.
        """
        wanted = self._wanted_mode(operation, record)
        mode = self._cloudformation.known_mode(wanted)
        why = None if mode is wanted else OtherMode.UNKNOWN_TO_SDK
        try:
            return Done(self._call(operation, record, observed, now, mode), mode, why)
        except DeploymentModeError:
            is_express = mode is DeploymentMode.EXPRESS
            other = DeploymentMode.STANDARD if is_express else DeploymentMode.EXPRESS
            mode = self._cloudformation.known_mode(other)
            why = None if mode is wanted else OtherMode.SAME_AFTER_FAILURE
            return Done(self._call(operation, record, observed, now, mode), mode, why)

    def _wanted_mode(self, operation: StackOperation, record: StackRecord) -> DeploymentMode:
        """Return the mode that the row asks for; a stack is deleted as it was last deployed."""
        default = self._platform.deployment_mode
        match operation:
            case Create(desired) | Update(desired):
                named = desired.job.deployment_mode
                return DeploymentMode(named.upper()) if named else default
            case _:
                return record.deployment_mode or default

    def _call(
        self,
        operation: StackOperation,
        record: StackRecord,
        observed: StackState | None,
        now: datetime,
        mode: DeploymentMode,
    ) -> str | None:
        cloudformation = self._cloudformation
        stack_id = observed.stack_id if observed else ""
        match operation:
            case Create(desired):
                request = self._request("create", desired, record, now, mode)
                stack_name = jobs.stack_name(self._platform.prefix, record.job_name)
                return cloudformation.create(stack_name, request)
            case Update(desired, missing):
                request = self._request("update", desired, record, now, mode, missing)
                if is_unbuilt(desired.job):  # all that runs stays, until its code is built
                    template = with_repository(cloudformation.template(stack_id), request.template)
                    request = replace(request, template=template)
                cloudformation.update(stack_id, request)
            case Delete(retain_resources, force):
                token = request_token("delete", None, record.version)
                cloudformation.delete(
                    stack_id, retain_resources, force=force, token=token, mode=mode
                )
            case ContinueRollback(resources_to_skip, force):
                failed = observed.failure.digest if observed and observed.failure else None
                token = request_token(CONTINUE, failed, record.version)
                cloudformation.continue_update_rollback(
                    stack_id, resources_to_skip, force=force, token=token
                )
            case _:
                assert_never(operation)
        return None

    def _request(
        self,
        verb: str,
        desired: ValidRow,
        record: StackRecord,
        now: datetime,
        mode: DeploymentMode,
        missing: tuple[str, ...] = (),
    ) -> StackRequest:
        job = desired.job
        digest = REBUILDING if missing else desired.digest
        return StackRequest(
            template=self._synthesize(job, now, missing),
            parameters={
                "SpecDigest": digest,
                "TemplateVersion": desired.template_version,
                "DeletionPolicy": job.deletion_policy,
            },
            tags={OWNER_TAG: self._platform.prefix, "job": job.job_name},
            token=request_token(verb, digest, record.version),
            mode=mode,
        )
