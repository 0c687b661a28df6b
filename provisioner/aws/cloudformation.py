"""CloudFormation as reconcile needs it: observe one stack, start one operation."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from provisioner import jobs
from provisioner.aws.clients import error_code, error_message, translated
from provisioner.aws.stack_events import Event, failure_of, left_behind
from provisioner.errors import (
    ConflictError,
    DeploymentModeError,
    NoChangesError,
    PermanentError,
    StackLimitError,
)
from provisioner.settings import DeploymentMode
from provisioner.stacks.model import OWNER_TAG, Drift, DriftStatus, StackState, StackSummary
from provisioner.stacks.stack_status import FAILED_OPERATION, StackStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provisioner.aws.clients import Clients
    from provisioner.stacks.ports import StackRequest

_log = logging.getLogger(__name__)

INLINE_TEMPLATE_BYTES = 51_200
"""TemplateBody of CreateStack and UpdateStack."""

# The stack has changed since it was described: it is busy now, or gone. A deleted stack that is
# given by its id may be one that does not exist, or one in DELETE_COMPLETE.
_OVERTAKEN = re.compile(r"_IN_PROGRESS|does not exist|is in DELETE_COMPLETE")
# DetectStackDrift says so as a ValidationError when the stack has changed since.
_LEFT_BEHIND = "resources could not be deleted"
"""Of an update that is complete all the same."""

_OTHER_MODE = "must use the same DeploymentConfig"
"""Of an operation on a stack that was last deployed in the other mode."""

_NO_DRIFT_NOW = re.compile(r"already in progress|while it is in|does not exist")


class CloudFormation:
    """The stacks of one bootstrap.

    Parameters
    ----------
    prefix
        Value of our ownership tag.
    service_role_arn
        The role that CloudFormation works under; nothing is done without it.
    artifacts_bucket
        Where templates go that are too large to be sent inline.
    """

    def __init__(
        self, clients: Clients, prefix: str, service_role_arn: str, artifacts_bucket: str
    ) -> None:
        self._clients = clients
        self._prefix = prefix
        self._role = service_role_arn
        self._artifacts_bucket = artifacts_bucket
        self._lacks_express = False

    def known_mode(self, wanted: DeploymentMode) -> DeploymentMode:
        """Return the mode to ask for: the standard one where the SDK knows no other."""
        if wanted is DeploymentMode.STANDARD or self._knows("CreateStack", "DeploymentConfig"):
            return wanted
        if not self._lacks_express:  # one line in each process says it
            _log.warning("stacks are deployed in standard mode: this SDK does not know EXPRESS")
        self._lacks_express = True
        return DeploymentMode.STANDARD

    def describe(self, stack_name: str) -> StackState | None:
        """Return the stack of that name, None when there is none."""
        stack = self._stack(stack_name)
        if stack is None:
            return None
        status = StackStatus(stack["StackStatus"])
        parameters, tags = _parameters(stack), _tags(stack)
        digest = parameters.get("SpecDigest")
        failure = None
        if status in FAILED_OPERATION:
            failure = failure_of(self._newest_first(stack["StackId"]), status, digest)
        left: tuple[str, ...] = ()
        if _LEFT_BEHIND in stack.get("StackStatusReason", ""):
            left = left_behind(self._newest_first(stack["StackId"]))
        return StackState(
            stack_id=stack["StackId"],
            status=status,
            ours=tags.get(OWNER_TAG) == self._prefix,
            digest=digest,
            retain=parameters.get("DeletionPolicy") == "retain",
            outputs={o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", ())},
            failure=failure,
            owner=tags.get(OWNER_TAG),
            drift=self._drift(stack),
            left_behind=left,
            template_version=parameters.get("TemplateVersion"),
        )

    def summary(self, stack_id: str) -> StackSummary | None:
        """Return what a job's stack carries, by one request; None when it is gone."""
        stack = self._stack(stack_id)
        return self._summary(stack) if stack else None

    def _stack(self, name_or_id: str) -> Mapping[str, Any] | None:
        with translated():
            try:
                response = self._clients.cloudformation.describe_stacks(StackName=name_or_id)
            except ClientError as error:
                code, message = error_code(error), error_message(error)
                if code == "ValidationError" and "does not exist" in message:
                    return None
                raise
        stack: Mapping[str, Any] = response["Stacks"][0]
        return stack

    def template(self, stack_id: str) -> str:
        """Return the template that a stack was last deployed with, JSON as all of ours is."""
        with translated():
            body = self._clients.cloudformation.get_template(StackName=stack_id)["TemplateBody"]
        return body if isinstance(body, str) else json.dumps(body)

    def _drift(self, stack: Mapping[str, Any]) -> Drift | None:
        """Return what was found of a stack that was not updated since."""
        found = stack.get("DriftInformation", {})
        if "LastCheckTimestamp" not in found:
            return None
        checked_at = found["LastCheckTimestamp"].astimezone(UTC)
        status = DriftStatus(found["StackDriftStatus"])
        changed_at = stack.get("LastUpdatedTime", stack["CreationTime"]).astimezone(UTC)
        if status is DriftStatus.DRIFTED and checked_at > changed_at:
            return Drift(status, checked_at, self._missing(stack["StackId"]))
        return Drift(status, checked_at)

    def job_stacks(self) -> Iterator[StackSummary]:
        """Yield every stack of ours that is a job's, as CloudFormation lists them in pages."""
        with translated():
            pages = self._clients.cloudformation_patient.get_paginator("describe_stacks")
            for page in pages.paginate():
                found = (self._summary(stack) for stack in page["Stacks"])
                yield from (each for each in found if each)

    def _summary(self, stack: Mapping[str, Any]) -> StackSummary | None:
        """Return a stack of ours that is a job's, None for any other."""
        job_name = jobs.job_name_of(self._prefix, stack["StackName"])
        if job_name is None or _tags(stack).get(OWNER_TAG) != self._prefix:
            return None
        return StackSummary(
            job_name=job_name,
            stack_id=stack["StackId"],
            status=StackStatus(stack["StackStatus"]),
            digest=_parameters(stack).get("SpecDigest"),
            drift_checked_at=stack.get("DriftInformation", {}).get("LastCheckTimestamp"),
        )

    def detect_drift(self, stack_id: str) -> None:
        """Start drift detection; `describe` shows what it found some minutes later.

        Raises
        ------
        ConflictError
            If a detection is running, or the stack is gone or no longer settled.
        """
        with translated():
            try:
                self._clients.cloudformation.detect_stack_drift(StackName=stack_id)
            except ClientError as error:
                if _NO_DRIFT_NOW.search(error_message(error)):
                    raise ConflictError(error_message(error)) from error
                raise

    def create(self, stack_name: str, request: StackRequest) -> str:
        """Start the creation; return the stack's id.

        Raises
        ------
        StackLimitError
            If the account has as many stacks in this Region as it may.
        """
        with _started():
            response = self._clients.cloudformation.create_stack(**self._spec(stack_name, request))
        return str(response["StackId"])

    def update(self, stack_id: str, request: StackRequest) -> None:
        """Start the update of that very stack, never of a later one with its name.

        Raises
        ------
        NoChangesError
            If the stack already is what was asked for.
        """
        with _started():
            self._clients.cloudformation.update_stack(**self._spec(stack_id, request))

    def delete(
        self,
        stack_id: str,
        retain_resources: Iterable[str],
        *,
        force: bool,
        token: str,
        mode: DeploymentMode = DeploymentMode.STANDARD,
    ) -> None:
        """Start the deletion, leaving behind `retain_resources` (DELETE_FAILED stacks only)."""
        request = _express() if mode is DeploymentMode.EXPRESS else {}
        if force:
            request["DeletionMode"] = "FORCE_DELETE_STACK"
        elif retained := list(retain_resources):
            request["RetainResources"] = retained
        with _started():
            self._clients.cloudformation.delete_stack(
                StackName=stack_id, RoleARN=self._role, ClientRequestToken=token, **request
            )

    def continue_update_rollback(
        self, stack_id: str, resources_to_skip: Iterable[str], *, force: bool, token: str
    ) -> None:
        """Start the rollback again, skipping resources that cannot go back.

        By `force` whatever cannot; where the SDK is too old for that, those in `resources_to_skip`.
        """
        request: dict[str, Any] = {}
        skipped = list(resources_to_skip)
        can_force = self._knows("ContinueUpdateRollback", "ForceRollback")
        if force and (can_force or not skipped):
            request["ForceRollback"] = True
        elif skipped:
            request["ResourcesToSkip"] = skipped
        with _started():
            self._clients.cloudformation.continue_update_rollback(
                StackName=stack_id, RoleARN=self._role, ClientRequestToken=token, **request
            )

    def _knows(self, operation: str, parameter: str) -> bool:
        """Tell whether the SDK has a parameter: that of Lambda's runtime is months behind."""
        with translated():
            model = self._clients.cloudformation.meta.service_model
        return parameter in model.operation_model(operation).input_shape.members

    def _spec(self, name_or_id: str, request: StackRequest) -> dict[str, Any]:
        return {
            "StackName": name_or_id,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in request.parameters.items()
            ],
            "Tags": [{"Key": key, "Value": value} for key, value in sorted(request.tags.items())],
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "RoleARN": self._role,
            "ClientRequestToken": request.token,
            # CloudFormation refuses both at once, and says what rollback is by default in neither.
            **(
                _express() if request.mode is DeploymentMode.EXPRESS else {"DisableRollback": False}
            ),
            **self._template(name_or_id, request.template),
        }

    def _template(self, name_or_id: str, template: str) -> dict[str, str]:
        body = template.encode()
        if len(body) <= INLINE_TEMPLATE_BYTES:
            return {"TemplateBody": template}
        stack_name = name_or_id.split("/")[1] if "/" in name_or_id else name_or_id
        # A name of its own: two reconciles of a job must not read each other's template.
        key = f"templates/{stack_name}/{hashlib.sha256(body).hexdigest()}.json"
        with translated():
            s3 = self._clients.s3
            s3.put_object(Bucket=self._artifacts_bucket, Key=key, Body=body)
            endpoint = s3.meta.endpoint_url
        return {"TemplateURL": f"{endpoint}/{self._artifacts_bucket}/{key}"}

    def _missing(self, stack_id: str) -> tuple[str, ...]:
        """Return which resources were deleted by hand; none if that cannot be read."""
        try:
            with translated():
                response = self._clients.cloudformation.describe_stack_resource_drifts(
                    StackName=stack_id, StackResourceDriftStatusFilters=["DELETED"]
                )
        except PermanentError as error:
            _log.warning("what is missing of %s is not known: %s", stack_id, error)
            return ()
        deleted = (
            each["LogicalResourceId"]
            for each in response["StackResourceDrifts"]
            if each["StackResourceDriftStatus"] == "DELETED"
        )
        return tuple(sorted(deleted))

    def _newest_first(self, stack_id: str) -> Iterator[Event]:
        with translated():
            pages = self._clients.cloudformation.get_paginator("describe_stack_events")
            for page in pages.paginate(StackName=stack_id):
                yield from page["StackEvents"]


def _express() -> dict[str, Any]:
    """Return what asks for express mode, which would turn rollback off by itself."""
    return {"DeploymentConfig": {"Mode": DeploymentMode.EXPRESS.value, "DisableRollback": False}}


def _parameters(stack: Mapping[str, Any]) -> dict[str, str | None]:
    return {p["ParameterKey"]: p.get("ParameterValue") for p in stack.get("Parameters", ())}


def _tags(stack: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in stack.get("Tags", ())}


@contextmanager
def _started() -> Iterator[None]:
    """Translate what CloudFormation answers when it does not start an operation."""
    with translated():
        try:
            yield
        except ClientError as error:
            message = error_message(error)
            if "No updates are to be performed" in message:
                raise NoChangesError(message) from error
            if _OTHER_MODE in message:
                raise DeploymentModeError(message) from error
            if error_code(error) == "LimitExceededException":
                raise StackLimitError(message) from error
            # Another caller was faster, between the description and this call: reconcile again.
            if error_code(error) == "AlreadyExistsException" or _OVERTAKEN.search(message):
                raise ConflictError(message) from error
            raise
