"""CloudFormation: stacks whose operations take their time and end well or not."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from itertools import count

from provisioner.settings import DeploymentMode
from provisioner.stacks.model import Drift, DriftStatus, StackState
from provisioner.stacks.stack_status import SETTLED, StackStatus
from tests.simulation.stacks.stacks import BY_HAND, Spec, Stack, Trouble
from tests.simulation.timeline import Timeline

S = StackStatus

BROKEN = "Properties validation failed for resource Function with message: #: not possible"
"""Why a template with BROKEN_HANDLER fails, always."""

BROKEN_HANDLER = "broken.handler"

STILL_THERE = "You must wait 60 seconds after deleting a queue before you can create another"
"""Why a creation fails soon after a deletion in express mode, which did not wait for its end."""

STILL_THERE_SECONDS = 60

LONGEST_SECONDS = 150
"""An operation takes from one second to this."""

_WITHOUT = {S.DELETE_COMPLETE, S.ROLLBACK_COMPLETE}

Step = Callable[[Stack], None]


class CloudFormation:
    """The service, all stacks of one account and Region."""

    def __init__(
        self,
        timeline: Timeline,
        chance: random.Random,
        tell: Callable[[str, StackStatus, str], None],
    ) -> None:
        self._timeline = timeline
        self._chance = chance
        self._tell = tell
        self._ids = count(1)
        self.stacks: dict[str, Stack] = {}
        self.gone: list[Stack] = []
        self.troubles: dict[str, list[Trouble]] = {}
        self.reached: set[StackStatus] = set()
        self.limit: int | None = None
        self._still_there: dict[str, datetime] = {}
        self.reasons: dict[str, set[str]] = {}
        self.emptied: Callable[[str], None] = lambda _: None
        """Hears of a stack that has no repository, or none any more."""
        self._past: dict[str, list[tuple[datetime, StackState | None]]] = {}

    # Operations, once they are accepted

    def create(
        self,
        name: str,
        spec: Spec,
        tags: dict[str, str],
        token: str,
        mode: DeploymentMode = DeploymentMode.STANDARD,
    ) -> Stack:
        """Start a creation."""
        stack = Stack(self._new_id(name), name, S.CREATE_IN_PROGRESS, tags, spec)
        self.stacks[name] = stack
        if self._timeline.now < self._still_there.get(name, self._timeline.now):
            self.troubles.setdefault(name, []).append(Trouble("create", STILL_THERE))
        stack.start(token, mode)
        self._turn(stack, S.CREATE_IN_PROGRESS)
        self._then(stack, self._created)
        return stack

    def update(
        self,
        stack: Stack,
        spec: Spec,
        token: str,
        mode: DeploymentMode = DeploymentMode.STANDARD,
    ) -> None:
        """Start an update."""
        stack.start(token, mode)
        stack.drift = None
        if stack.status is not S.UPDATE_FAILED:
            stack.good = stack.spec
        stack.spec = spec
        self._turn(stack, S.UPDATE_IN_PROGRESS)
        self._then(stack, self._updated)

    def continue_rollback(
        self, stack: Stack, resources_to_skip: Iterable[str], *, force: bool, token: str
    ) -> None:
        """Start the rollback of an update again."""
        stack.start(token)
        if force:
            self._spare(stack, {trouble.resource for trouble in self._of(stack)})
        self._spare(stack, set(resources_to_skip))
        self._turn(stack, S.UPDATE_ROLLBACK_IN_PROGRESS)
        self._then(stack, self._rolled_back)

    def delete(
        self,
        stack: Stack,
        retain_resources: Iterable[str],
        *,
        force: bool,
        token: str,
        mode: DeploymentMode = DeploymentMode.STANDARD,
    ) -> None:
        """Start a deletion."""
        stack.start(token, mode)
        kept = set(retain_resources)
        if force:
            kept |= {trouble.resource for trouble in self._of(stack, "delete")}
        stack.left_behind = tuple(sorted(kept))
        self._turn(stack, S.DELETE_IN_PROGRESS)
        self._then(stack, partial(self._deleted, kept=kept))

    def detect_drift(self, stack: Stack) -> None:
        """Start looking for drift, which nobody makes here."""
        stack.drift = Drift(DriftStatus.IN_SYNC, self._timeline.now)

    # What people do, past the provisioner

    def make_by_hand(self, name: str, status: StackStatus, tags: dict[str, str]) -> Stack:
        """Have a stack be there; a deployed one has resources, REVIEW_IN_PROGRESS none."""
        stack = Stack(self._new_id(name), name, status, tags, Spec("by hand", {}))
        self.stacks[name] = stack
        stack.start(BY_HAND)
        if status is S.CREATE_FAILED:
            self._fail(stack, Trouble("create", "made by hand, with rollback disabled"))
        self._turn(stack, status)
        return stack

    def import_by_hand(self, stack: Stack, ends_as: StackStatus) -> None:
        """Import a resource into a stack."""
        stack.start(BY_HAND)
        stack.drift = None
        self._turn(stack, S.IMPORT_IN_PROGRESS)
        if ends_as is S.IMPORT_COMPLETE:
            self._then(stack, lambda s: self._turn(s, ends_as))
            return
        self._fail(stack, Trouble("import", "the resource to import does not exist"))

        def roll_back(stack: Stack) -> None:
            self._turn(stack, S.IMPORT_ROLLBACK_IN_PROGRESS)
            self._then(stack, lambda s: self._turn(s, ends_as))

        self._then(stack, roll_back)

    def fail_update_by_hand(self, stack: Stack, spec: Spec) -> None:
        """Have an update fail whose rollback is disabled."""
        stack.start(BY_HAND)
        stack.drift = None
        stack.good, stack.spec = stack.spec, spec
        self._fail(stack, Trouble("update", "changed by hand, with rollback disabled"))
        self._turn(stack, S.UPDATE_IN_PROGRESS)
        self._then(stack, lambda s: self._turn(s, S.UPDATE_FAILED))

    # How operations end

    def _created(self, stack: Stack) -> None:
        trouble = self._met(stack, "create")
        if trouble is None:
            stack.good = stack.spec
            self._turn(stack, S.CREATE_COMPLETE)
            return
        self._turn(stack, S.ROLLBACK_IN_PROGRESS)
        ends_as = S.ROLLBACK_FAILED if self._rollback_fails(stack) else S.ROLLBACK_COMPLETE
        self._then(stack, lambda s: self._turn(s, ends_as))

    def _updated(self, stack: Stack) -> None:
        if self._met(stack, "update"):
            stack.spec = stack.good or stack.spec
            self._turn(stack, S.UPDATE_ROLLBACK_IN_PROGRESS)
            self._then(stack, self._rolled_back)
            return
        stack.good = stack.spec
        self._turn(stack, S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS)
        self._then(stack, lambda s: self._turn(s, S.UPDATE_COMPLETE))

    def _rolled_back(self, stack: Stack) -> None:
        if self._rollback_fails(stack):
            self._turn(stack, S.UPDATE_ROLLBACK_FAILED)
            return
        self._turn(stack, S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS)
        self._then(stack, lambda s: self._turn(s, S.UPDATE_ROLLBACK_COMPLETE))

    def _deleted(self, stack: Stack, kept: set[str]) -> None:
        in_the_way = [t for t in self._of(stack, "delete") if t.resource not in kept]
        for trouble in in_the_way:
            trouble.times -= 1
            self._fail(stack, trouble)
        if in_the_way:
            self._turn(stack, S.DELETE_FAILED)
            return
        self.troubles[stack.name] = [
            trouble
            for trouble in self.troubles.get(stack.name, [])
            if trouble.kind != "delete" or trouble.resource not in kept
        ]
        del self.stacks[stack.name]
        self.gone.append(stack)
        if stack.mode is DeploymentMode.EXPRESS:
            until = self._timeline.now + timedelta(seconds=STILL_THERE_SECONDS)
            self._still_there[stack.name] = until
        self._turn(stack, S.DELETE_COMPLETE)

    # Troubles

    def _of(self, stack: Stack, kind: str | None = None) -> list[Trouble]:
        return [
            trouble
            for trouble in self.troubles.get(stack.name, [])
            if (trouble.times > 0 and trouble.kind == kind)
            or (trouble.rollbacks > 0 and kind is None)
        ]

    def _met(self, stack: Stack, kind: str) -> Trouble | None:
        """Return what an operation fails of, which is used up a little by that."""
        for trouble in self._of(stack, kind):
            trouble.times -= 1
            self._fail(stack, trouble)
            return trouble
        if BROKEN_HANDLER in stack.spec.template:
            broken = Trouble(kind, BROKEN)
            self._fail(stack, broken)
            return broken
        return None

    def _rollback_fails(self, stack: Stack) -> bool:
        for trouble in self._of(stack):
            trouble.rollbacks -= 1
            self._fail(stack, trouble)
            return True
        return False

    def _fail(self, stack: Stack, trouble: Trouble) -> None:
        stack.fail(trouble, self._timeline.now)
        self.reasons.setdefault(stack.name, set()).add(trouble.reason)

    def _spare(self, stack: Stack, resources: set[str]) -> None:
        """Leave resources out of what runs: nothing is wrong with them any more."""
        for trouble in self.troubles.get(stack.name, []):
            if trouble.resource in resources:
                trouble.rollbacks = 0

    # Time

    def _then(self, stack: Stack, step: Step) -> None:
        token, begun = stack.token, len(stack.tokens)

        def proceed() -> None:
            if (stack.token, len(stack.tokens)) == (token, begun):
                step(stack)

        is_express = stack.mode is DeploymentMode.EXPRESS
        seconds = (1, 1, 8, 8) if is_express else (1, 8, 40, LONGEST_SECONDS)
        self._timeline.after(self._chance.choice(seconds), proceed)

    def _turn(self, stack: Stack, status: StackStatus) -> None:
        stack.status = status
        self._timeline.note(stack.stack_id.partition("stack/")[2], status, stack.token[-12:])
        self.reached.add(status)
        state = None if status is S.DELETE_COMPLETE else stack.state()
        self._past.setdefault(stack.name, []).append((self._timeline.now, state))
        if status in _WITHOUT or (status in SETTLED and not stack.spec.has_repository):
            self.emptied(stack.name)
        self._tell(stack.stack_id, status, stack.token)

    def left_behind(self, name: str) -> set[str]:
        """Return what the last deletion of a stack of that name did not delete."""
        gone = [stack for stack in self.gone if stack.name == name]
        return set(gone[-1].left_behind) if gone else set()

    def _new_id(self, name: str) -> str:
        return f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/{next(self._ids)}"

    def describe(self, name: str, seconds_ago: float = 0) -> StackState | None:
        """Return a stack as it is, or as it was."""
        if not seconds_ago:
            stack = self.stacks.get(name)
            return stack.state() if stack else None
        then = self._timeline.now - timedelta(seconds=seconds_ago)
        known = [state for at, state in self._past.get(name, []) if at <= then]
        return known[-1] if known else None
