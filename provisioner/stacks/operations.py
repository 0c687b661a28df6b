"""Starting what was decided: one call to CloudFormation, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from provisioner import jobs
from provisioner.errors import NoChangesError, PermanentError
from provisioner.stacks.actions import ContinueRollback, Create, Delete, Operation, Update, ValidRow
from provisioner.stacks.model import (
    CONTINUE,
    OWNER_TAG,
    REBUILDING,
    Failure,
    StackRecord,
    StackState,
    request_token,
)
from provisioner.stacks.outcomes import Done, Outcome, Refused, Unchanged
from provisioner.stacks.ports import StackRequest

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
        self, operation: Operation, record: StackRecord, observed: StackState | None, now: datetime
    ) -> Outcome:
        """Start an operation; the same one twice is started once, by its token.

        Raises
        ------
        TemporaryError
            If CloudFormation did not take the call, and may take it later.
        """
        try:
            return Done(self._call(operation, record, observed, now))
        except NoChangesError:
            return Unchanged()
        except PermanentError as error:
            digest = operation.desired.digest if isinstance(operation, Create | Update) else None
            return Refused(Failure(reason=str(error), at=now, digest=digest))

    def _call(
        self, operation: Operation, record: StackRecord, observed: StackState | None, now: datetime
    ) -> str | None:
        cloudformation = self._cloudformation
        stack_id = observed.stack_id if observed else ""
        match operation:
            case Create(desired):
                request = self._request("create", desired, record, now)
                stack_name = jobs.stack_name(self._platform.prefix, record.job_name)
                return cloudformation.create(stack_name, request)
            case Update(desired, missing):
                request = self._request("update", desired, record, now, missing)
                cloudformation.update(stack_id, request)
            case Delete(retain_resources, force):
                token = request_token("delete", None, record.version)
                cloudformation.delete(stack_id, retain_resources, force=force, token=token)
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
        )
