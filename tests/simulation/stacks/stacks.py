"""One stack of CloudFormation: what it is made from, what runs, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from provisioner.settings import DeploymentMode
from provisioner.stacks.builds import REPOSITORY_OUTPUT
from provisioner.stacks.model import OWNER_TAG, Drift, Failure, StackState
from provisioner.stacks.request_tokens import digest_of
from provisioner.stacks.stack_status import (
    FAILED_OPERATION,
    IN_PROGRESS,
    NEVER_CREATED,
    SETTLED,
    StackStatus,
)

S = StackStatus

BY_HAND = "by-hand"
"""The token of a person's operation, who gave none of ours."""

UPDATABLE = SETTLED | {S.UPDATE_FAILED}
MODE_IS_KEPT = frozenset(
    {S.CREATE_FAILED, S.ROLLBACK_FAILED, S.UPDATE_FAILED, S.UPDATE_ROLLBACK_FAILED, S.DELETE_FAILED}
)
"""After a failure that was not rolled back, the next operation has to be in the same mode."""

DELETABLE = frozenset(set(StackStatus) - IN_PROGRESS - {S.DELETE_COMPLETE})


@dataclass(frozen=True)
class Spec:
    """What a stack is made from."""

    template: str
    parameters: Mapping[str, str]

    @property
    def digest(self) -> str | None:
        return self.parameters.get("SpecDigest")

    @property
    def has_repository(self) -> bool:
        return '"Repository"' in self.template

    @property
    def outputs(self) -> dict[str, str]:
        repository = {REPOSITORY_OUTPUT: "repository"} if self.has_repository else {}
        is_foundation = self.has_repository and '"StateMachine"' not in self.template
        machine = {} if is_foundation else {"StateMachineArn": f"arn:{self.digest}"}
        return machine | repository


@dataclass
class Trouble:
    """What is wrong with a resource: it spoils operations of a kind, and rollbacks."""

    kind: str
    reason: str
    times: int = 1
    rollbacks: int = 0
    resource: str = "Function"


@dataclass(eq=False)
class Stack:
    """A stack, living or deleted."""

    stack_id: str
    name: str
    status: StackStatus
    tags: Mapping[str, str]
    spec: Spec
    good: Spec | None = None
    token: str = ""
    tokens: list[str] = field(default_factory=list)
    first_failure: Failure | None = None
    failed_resources: tuple[str, ...] = ()
    drift: Drift | None = None
    left_behind: tuple[str, ...] = ()
    mode: DeploymentMode = DeploymentMode.STANDARD

    @property
    def is_ours(self) -> bool:
        return self.name.startswith(f"{self.tags.get(OWNER_TAG)}-")

    @property
    def is_busy(self) -> bool:
        return self.status in IN_PROGRESS

    def start(self, token: str, mode: DeploymentMode | None = None) -> None:
        """Begin an operation; a continued rollback keeps the reason of what it continues."""
        self.token = token
        self.mode = mode or self.mode
        self.tokens.append(token)
        if not token.startswith("continue"):
            self.first_failure = None
        self.failed_resources = ()

    def fail(self, trouble: Trouble, now: datetime) -> None:
        """Note the first failed resource, and every one."""
        if self.first_failure is None:
            digest = digest_of(self.token) or self.spec.digest
            self.first_failure = Failure(trouble.reason, now, trouble.resource, digest)
        self.failed_resources = tuple(dict.fromkeys((*self.failed_resources, trouble.resource)))

    def state(self) -> StackState:
        """Return the stack as the adapter reads it off DescribeStacks and its events."""
        failure = None
        if self.status in FAILED_OPERATION and self.first_failure:
            first = self.first_failure
            # Of a creation no resource is UPDATE_FAILED or DELETE_FAILED.
            in_the_way = () if self.status in NEVER_CREATED else self.failed_resources
            failure = Failure(first.reason, first.at, first.resource, first.digest, in_the_way)
        return StackState(
            stack_id=self.stack_id,
            status=self.status,
            ours=self.is_ours,
            digest=self.spec.digest,
            retain=self.spec.parameters.get("DeletionPolicy") == "retain",
            outputs=self.spec.outputs,
            failure=failure,
            owner=self.tags.get(OWNER_TAG),
            drift=self.drift,
            template_version=self.spec.parameters.get("TemplateVersion"),
        )


def job_of(stack_name: str) -> str:
    """Return the name of the job that a stack is of."""
    return stack_name.removeprefix("jobs-")
