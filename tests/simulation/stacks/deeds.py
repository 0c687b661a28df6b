"""What may be wrong with stacks, and what people do to them by hand."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from provisioner.stacks.model import OWNER_TAG, Drift, DriftStatus
from provisioner.stacks.stack_status import SETTLED, StackStatus
from tests.simulation.stacks.stacks import BY_HAND, DELETABLE, Spec, Trouble
from tests.simulation.stacks.world import World
from tests.simulation.stories import Step

S = StackStatus

RECOVERABLE = "Rate exceeded (Service: Lambda, Status Code: 429)"
TERMINAL = "Resource handler returned message: Access denied"


@dataclass(frozen=True)
class ResourceIsBroken:
    """Operations of a kind fail at a resource so often, and rollbacks too."""

    name: str
    kind: str
    reason: str
    times: int
    rollbacks: int
    resource: str = "Function"

    def happen(self, world: World) -> None:
        troubles = world.cloudformation.troubles.setdefault(f"jobs-{self.name}", [])
        troubles.append(Trouble(self.kind, self.reason, self.times, self.rollbacks, self.resource))


@dataclass(frozen=True)
class SomebodyDeletes:
    """A person deletes a stack: ours, or one that is in our way."""

    name: str

    def happen(self, world: World) -> None:
        stack = world.cloudformation.stacks.get(f"jobs-{self.name}")
        if stack is not None and stack.status in DELETABLE:
            world.cloudformation.delete(stack, (), force=False, token=BY_HAND)


@dataclass(frozen=True)
class SomebodyMakes:
    """A person makes a stack of a job's name, with our tag, another bootstrap's or none."""

    name: str
    status: StackStatus
    owner: str | None

    def happen(self, world: World) -> None:
        if f"jobs-{self.name}" in world.cloudformation.stacks:
            return
        is_tagged = self.owner and self.status is not S.REVIEW_IN_PROGRESS
        tags = {OWNER_TAG: self.owner} if is_tagged else {}
        world.cloudformation.make_by_hand(f"jobs-{self.name}", self.status, tags)
        world.unheard.add(self.name)  # a change set makes no event that the rule matches


@dataclass(frozen=True)
class SomebodyUpdates:
    """A person changes one of our stacks, or tries to with rollback disabled."""

    name: str
    fails: bool

    def happen(self, world: World) -> None:
        stack = world.cloudformation.stacks.get(f"jobs-{self.name}")
        if stack is None or not stack.is_ours or stack.status not in SETTLED:
            return
        spec = Spec("by hand", {"SpecDigest": "f" * 64, "DeletionPolicy": "delete"})
        if self.fails:
            world.cloudformation.fail_update_by_hand(stack, spec)
        else:
            world.cloudformation.update(stack, spec, BY_HAND)


@dataclass(frozen=True)
class SomebodyDeletesAResource:
    """A person deletes what a stack made, and drift detection has found that."""

    name: str

    def happen(self, world: World) -> None:
        stack = world.cloudformation.stacks.get(f"jobs-{self.name}")
        if stack is not None and stack.is_ours and stack.status in SETTLED:
            now = world.timeline.now
            stack.drift = Drift(DriftStatus.DRIFTED, now, ("StateMachine",))
            world.look(self.name)


@dataclass(frozen=True)
class SomebodyImports:
    """A person imports a resource into one of our stacks."""

    name: str
    ends_as: StackStatus

    def happen(self, world: World) -> None:
        stack = world.cloudformation.stacks.get(f"jobs-{self.name}")
        if stack is not None and stack.is_ours and stack.status in SETTLED:
            world.cloudformation.import_by_hand(stack, self.ends_as)


MADE = (S.CREATE_COMPLETE, S.REVIEW_IN_PROGRESS, S.CREATE_FAILED)
IMPORTED = (S.IMPORT_COMPLETE, S.IMPORT_ROLLBACK_COMPLETE, S.IMPORT_ROLLBACK_FAILED)
DEEDS_ON_STACKS = (
    SomebodyDeletes,
    SomebodyMakes,
    SomebodyUpdates,
    SomebodyDeletesAResource,
    SomebodyImports,
)
DEEDS: tuple[Callable[[random.Random, str], Step], ...] = (
    lambda _, name: SomebodyDeletes(name),
    lambda r, name: SomebodyMakes(name, r.choice(MADE), r.choice(("jobs", "others", None))),
    lambda r, name: SomebodyUpdates(name, r.random() < 0.5),
    lambda _, name: SomebodyDeletesAResource(name),
    lambda r, name: SomebodyImports(name, r.choice(IMPORTED)),
)


def trouble(chance: random.Random, name: str) -> Step:
    """Return what may be wrong with a resource of a job's stack."""
    return ResourceIsBroken(
        name,
        kind=chance.choice(("create", "update", "delete")),
        reason=chance.choice((RECOVERABLE, TERMINAL)),
        times=chance.choice((1, 2, 3, 20)),
        rollbacks=chance.choice((0, 1, 20)),
        resource=chance.choice(("Function", "Role")),
    )


def deed(chance: random.Random, name: str) -> Step:
    """Return what a person may do by hand to a job's stack."""
    return chance.choice(DEEDS)(chance, name)
