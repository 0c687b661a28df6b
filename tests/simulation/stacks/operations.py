"""The port to CloudFormation: what it accepts, refuses and throttles, as the adapter says it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from provisioner.errors import (
    AlreadyStartedError,
    ConflictError,
    DeploymentModeError,
    NoChangesError,
    PermanentError,
    ProvisionerError,
    StackLimitError,
    ThrottledError,
)
from provisioner.settings import DeploymentMode
from provisioner.stacks.model import StackState, StackSummary
from provisioner.stacks.ports import StackRequest
from provisioner.stacks.stack_status import StackStatus
from tests.simulation.faults import Faults
from tests.simulation.stacks.calls import Calls
from tests.simulation.stacks.cloudformation import CloudFormation
from tests.simulation.stacks.stacks import DELETABLE, MODE_IS_KEPT, UPDATABLE, Spec, Stack, job_of
from tests.simulation.timeline import Timeline

S = StackStatus
T = TypeVar("T")

LIMIT = "LimitExceededException: Limit for stack has been exceeded"
PER_SECOND = {
    **dict.fromkeys(("create", "update", "delete", "continue"), 2.0),
    "describe": 10.0,
    "detect_drift": 1.0,
}


@dataclass(frozen=True)
class Asked:
    """An operation that the provisioner called for."""

    kind: str
    name: str
    digest: str | None = None
    force: bool = False
    template_version: str | None = None


@dataclass
class Bucket:
    """A token bucket: as many calls at once as come in a second."""

    per_second: float
    tokens: float
    at: datetime

    def takes(self, now: datetime) -> bool:
        self.tokens += (now - self.at).total_seconds() * self.per_second
        self.tokens = min(self.tokens, self.per_second)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class StackOperations:
    """What the provisioner may ask of CloudFormation."""

    def __init__(
        self,
        service: CloudFormation,
        timeline: Timeline,
        calls: Calls,
        faults: Faults,
        chance: random.Random,
    ) -> None:
        self._service = service
        self._timeline = timeline
        self._calls = calls
        self._faults = faults
        self._chance = chance
        self._buckets = {
            kind: Bucket(rate, rate, timeline.now) for kind, rate in PER_SECOND.items()
        }
        self.throttled = 0
        self.accepted: list[tuple[datetime, Asked]] = []
        self.asked: Callable[[Asked, Stack | None], None] = lambda *_: None
        self.called: Callable[[Asked, ProvisionerError | None], None] = lambda *_: None
        self.not_seen: Callable[[str], None] = lambda _: None

    def describe(self, stack_name: str) -> StackState | None:
        def read() -> StackState | None:
            self._pass("describe")
            stale = self._faults.stale_until and self._timeline.now < self._faults.stale_until
            seconds_ago = self._chance.choice((0, 2, 10)) if stale else 0
            state = self._service.describe(stack_name, seconds_ago)
            if seconds_ago and state != self._service.describe(stack_name):
                self.not_seen(stack_name)
            self._calls.invocation.seen[stack_name] = state
            return state

        try:
            return self._noted(stack_name, lambda: self._calls("cloudformation.describe", read))
        except PermanentError:
            self.not_seen(stack_name)
            raise

    def create(self, stack_name: str, request: StackRequest) -> str:
        return self._ask(
            _asked("create", stack_name, request),
            self._service.stacks.get(stack_name),
            partial(self._create, stack_name, request),
        )

    def update(self, stack_id: str, request: StackRequest) -> None:
        self._ask(
            _asked("update", stack_id.split("/")[1], request),
            self._by_id(stack_id),
            partial(self._update, stack_id, request),
        )

    def template(self, stack_id: str) -> str:
        stack = self._by_id(stack_id)
        if stack is None:
            raise ConflictError(f"ValidationError: Stack [{stack_id}] does not exist")
        return self._calls("cloudformation.template", lambda: stack.spec.template)

    def known_mode(self, wanted: DeploymentMode) -> DeploymentMode:
        return wanted

    def delete(
        self,
        stack_id: str,
        retain_resources: Iterable[str],
        *,
        force: bool,
        token: str,
        mode: DeploymentMode = DeploymentMode.STANDARD,
    ) -> None:
        kept = list(retain_resources)
        self._ask(
            Asked("delete", stack_id.split("/")[1], force=force),
            self._by_id(stack_id),
            lambda: self._delete(stack_id, kept, force=force, token=token, mode=mode),
        )

    def continue_update_rollback(
        self, stack_id: str, resources_to_skip: Iterable[str], *, force: bool, token: str
    ) -> None:
        skipped = list(resources_to_skip)
        self._ask(
            Asked("continue", stack_id.split("/")[1], force=force),
            self._by_id(stack_id),
            lambda: self._continue(stack_id, skipped, force=force, token=token),
        )

    def detect_drift(self, stack_id: str) -> None:
        def detect() -> None:
            self._pass("detect_drift")
            stack = self._by_id(stack_id)
            if stack is not None:
                self._service.detect_drift(stack)

        self._calls("cloudformation.detect_drift", detect)

    def job_stacks(self) -> Iterator[StackSummary]:
        """Yield every stack of ours, as the daily comparison reads them."""
        found = self._summaries()
        return iter(self._calls("cloudformation.job_stacks", lambda: found))

    def summary(self, stack_id: str) -> StackSummary | None:
        """Return what a stack carries, None when it is gone."""
        found = {each.stack_id: each for each in self._summaries()}
        return self._calls("cloudformation.summary", lambda: found.get(stack_id))

    def _summaries(self) -> list[StackSummary]:
        return [
            StackSummary(job_of(stack.name), stack.stack_id, stack.status, stack.spec.digest)
            for stack in self._service.stacks.values()
            if stack.is_ours
        ]

    def _ask(self, asked: Asked, stack: Stack | None, work: Callable[[], str]) -> str:
        def ask() -> str:
            self.asked(asked, stack)
            self._pass(asked.kind)
            self._timeline.note("called:", asked)
            before = len(stack.tokens) if stack else 0
            try:
                answer = work()
            except ProvisionerError as error:
                self.called(asked, error)
                raise
            after = self._service.stacks.get(asked.name)
            if after is not stack or (stack and len(stack.tokens) != before):
                self.called(asked, None)
                self.accepted.append((self._timeline.now, asked))
            return answer

        port = f"cloudformation.{asked.kind}"
        return self._noted(asked.name, lambda: self._calls(port, ask))

    def _noted(self, name: str, call: Callable[[], T]) -> T:
        """Note for what reason a call is refused: the record may tell no other."""
        try:
            return call()
        except PermanentError as error:
            self._service.reasons.setdefault(name, set()).add(str(error))
            raise

    def _create(self, name: str, request: StackRequest) -> str:
        stack = self._service.stacks.get(name)
        if stack is not None:
            if stack.tokens == [request.token]:
                return stack.stack_id
            raise ConflictError(f"AlreadyExistsException: Stack [{name}] already exists")
        limit = self._service.limit
        if limit is not None and len(self._service.stacks) >= limit:
            raise StackLimitError(LIMIT)
        tags = dict(request.tags)
        made = self._service.create(name, spec(request), tags, request.token, request.mode)
        return made.stack_id

    def _update(self, stack_id: str, request: StackRequest) -> str:
        stack = self._by_id(stack_id)
        if stack is None:
            raise ConflictError(f"ValidationError: Stack [{stack_id}] does not exist")
        if self._is_known(stack, request.token):
            return stack.stack_id
        self._require(stack, UPDATABLE, "updated")
        if stack.status is not S.UPDATE_FAILED and spec(request) == stack.spec:
            raise NoChangesError("ValidationError: No updates are to be performed.")
        self._require_mode(stack, request.mode)
        self._service.update(stack, spec(request), request.token, request.mode)
        return stack.stack_id

    def _delete(
        self, stack_id: str, kept: list[str], *, force: bool, token: str, mode: DeploymentMode
    ) -> str:
        stack = self._by_id(stack_id)
        if stack is None or stack.status is S.DELETE_IN_PROGRESS or self._is_known(stack, token):
            return stack_id
        self._require(stack, DELETABLE, "deleted")
        if (kept or force) and stack.status is not S.DELETE_FAILED:
            raise PermanentError("ValidationError: only for stacks in DELETE_FAILED")
        self._require_mode(stack, mode)
        self._service.delete(stack, kept, force=force, token=token, mode=mode)
        return stack_id

    def _continue(self, stack_id: str, skipped: list[str], *, force: bool, token: str) -> str:
        stack = self._by_id(stack_id)
        if stack is None:
            raise ConflictError(f"ValidationError: Stack [{stack_id}] does not exist")
        if self._is_known(stack, token):
            return stack_id
        self._require(stack, frozenset({S.UPDATE_ROLLBACK_FAILED}), "continued")
        self._service.continue_rollback(stack, skipped, force=force, token=token)
        return stack_id

    def _is_known(self, stack: Stack, token: str) -> bool:
        """Tell whether the last operation is this very one: to ask twice is to ask once."""
        if stack.token == token:
            return True
        if token in stack.tokens:
            raise AlreadyStartedError(f"TokenAlreadyExistsException: {token}")
        return False

    def _require(self, stack: Stack, allowed: frozenset[StackStatus], what: str) -> None:
        if stack.status in allowed:
            return
        message = f"Stack:{stack.stack_id} is in {stack.status} state and can not be {what}."
        raise (ConflictError if stack.is_busy else PermanentError)(f"ValidationError: {message}")

    def _require_mode(self, stack: Stack, mode: DeploymentMode) -> None:
        if stack.status in MODE_IS_KEPT and mode is not stack.mode:
            raise DeploymentModeError(f"must use the same DeploymentConfig (mode={stack.mode})")

    def _by_id(self, stack_id: str) -> Stack | None:
        stack = self._service.stacks.get(stack_id.split("/")[1])
        return stack if stack and stack.stack_id == stack_id else None

    def _pass(self, kind: str) -> None:
        """Throttle what comes too fast, and at times what others leave no room for."""
        now = self._timeline.now
        crowded = self._faults.crowded_until is not None and now < self._faults.crowded_until
        if (crowded and self._chance.random() < 0.7) or not self._buckets[kind].takes(now):
            self.throttled += not crowded
            raise ThrottledError("Throttling: Rate exceeded")


def _asked(kind: str, name: str, request: StackRequest) -> Asked:
    parameters = request.parameters
    version = parameters["TemplateVersion"]
    return Asked(kind, name, parameters["SpecDigest"], template_version=version)


def spec(request: StackRequest) -> Spec:
    """Return what a request makes a stack from."""
    return Spec(request.template, request.parameters)
