"""All of it together."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace

from provisioner.entrypoints.wiring import Runtime
from provisioner.jobs import InvalidRow, Job
from provisioner.jobs.unbuilt import Unbuilt
from provisioner.service.caller import Caller
from provisioner.stacks.model import JobStatus, StackRecord, UpgradeMark
from provisioner.stacks.ports import Ports
from provisioner.stacks.stack_status import StackStatus
from tests.simulation.faults import Faults
from tests.simulation.stacks.bug import NO_BUG, Bug
from tests.simulation.stacks.calls import Calls
from tests.simulation.stacks.canaries import Canaries
from tests.simulation.stacks.cloudformation import CloudFormation
from tests.simulation.stacks.code import BUCKET, ArtifactIndex, Bundles, Desired
from tests.simulation.stacks.codebuild import CodeBuild
from tests.simulation.stacks.events import Events
from tests.simulation.stacks.lambdas import FunctionError, Lambdas
from tests.simulation.stacks.operations import StackOperations
from tests.simulation.stacks.queue import Message, Queue, message, received
from tests.simulation.stacks.releases import FailedRuns, Releases, Upgrades
from tests.simulation.stacks.runs import Runs, Service
from tests.simulation.stacks.stacks import BY_HAND, job_of
from tests.simulation.stacks.stream import Stream
from tests.simulation.stacks.tables import JobsTable, RateLimitsTable, Row, StacksTable
from tests.simulation.stacks.truth import Truth
from tests.simulation.stacks.waves import Waves
from tests.simulation.stacks.wiring import MEMORY, wired
from tests.simulation.timeline import Timeline
from tests.support.fakes import (
    FakeDeletionBudget,
    FakeDependants,
    FakeJobRuns,
    FakePauses,
)

SWEEP_EVERY = timedelta(minutes=5)
LONGEST_UNREST = timedelta(hours=12)

_SWEPT = {
    JobStatus.PENDING,
    JobStatus.CREATING,
    JobStatus.UPDATING,
    JobStatus.DELETING,
    JobStatus.RETRYING,
}


class World:
    """One account and Region with a bootstrap in it."""

    def __init__(self, bug: Bug = NO_BUG, jobs_table: type[JobsTable] = JobsTable) -> None:
        self.chance = random.Random(0)
        self.timeline = Timeline()
        self.faults = Faults(self.timeline, self.chance)
        self.calls = Calls(self.timeline, self.faults, self.chance)
        self.jobs = jobs_table(self.calls)
        self.stacks = StacksTable(self.calls, self.chance)
        self.lambdas = Lambdas(self.timeline, self.calls, self.jobs)
        invoke = self.lambdas.invoke
        self.stream = Stream(self.timeline, self.chance, invoke)
        self.queue = Queue(self.timeline, self.chance, self.calls, invoke)
        self.events = Events(self.timeline, self.chance, invoke)
        self.codebuild = CodeBuild(
            self.timeline,
            self.chance,
            self.calls,
            self.events.build,
            self.jobs.rows.get,
            self.stacks.records.get,
        )
        self.bundles = Bundles(self.timeline, self.codebuild.results)
        self.artifact_index = ArtifactIndex(self.calls)
        self.cloudformation = CloudFormation(self.timeline, self.chance, self.events.tell)
        self.operations = StackOperations(
            self.cloudformation, self.timeline, self.calls, self.faults, self.chance
        )
        self.rate_limiter = RateLimitsTable(self.calls, self.timeline)
        self.deletion_budget = FakeDeletionBudget(self.timeline)
        self.upgrades, self.failed_runs = Upgrades(self.calls), FailedRuns(self.calls)
        self.runs = Runs(
            self.timeline,
            self.chance,
            self.calls,
            invoke,
            self.cloudformation.stacks,
            self.faults,
        )
        self.truth, self.waves, self.canaries = Truth(self), Waves(self), Canaries(self)
        self.unheard: set[str] = set()
        self._next_sweep = self.timeline.now + SWEEP_EVERY
        self._connect(bug)

    def _connect(self, bug: Bug) -> None:
        self.jobs.subscribers.append(self.stream.put)
        self.jobs.subscribers.append(lambda edit: self.truth.changed(edit.job_name))
        self.stacks.noted = self.timeline.note
        self.stacks.saved = self.truth.saved
        self.operations.asked = self.truth.asked
        self.cloudformation.emptied = lambda name: self.codebuild.empty(job_of(name))
        self.codebuild.has_repository = self._has_repository
        self.operations.called = self.truth.called
        self.lambdas.retained = self.truth.retained
        self.operations.not_seen = lambda name: self.unheard.add(job_of(name))
        self.events.lost = self._lost
        self.events.lost_push = self._lost_push
        self.stacks.marking = self._marking
        self.upgrades.saved = self.waves.saved
        self.lambdas.handlers |= bug.handlers(self.lambdas.handlers)
        self.releases = Releases(self.timeline, self.chance, partial(self._runtime, bug))
        self.lambdas.runtime_of = self.releases.runtime_of

    def _runtime(self, bug: Bug, version: str) -> Runtime:
        """Return what the functions of a release work with."""
        ports = Ports(
            jobs=self.jobs,
            stacks=self.stacks,
            cloudformation=self.operations,
            queue=self.queue,
            rate_limiter=self.rate_limiter,
            pin=self.pin,
            dependants=FakeDependants(),
            artifact_index=self.artifact_index,
            deletion_budget=self.deletion_budget,
            runs=FakeJobRuns(),
            pauses=FakePauses(),
            synthesize=partial(MEMORY.synthesize, version=version),
            template_version=version,
            builds=self.codebuild,
        )
        return wired(
            bug.ports(ports),
            self.timeline,
            self.chance,
            self.queue.dead_letter_messages,
            bug.decide,
            upgrades=bug.upgrades(self.upgrades),
            failed_runs=self.failed_runs,
            triggers=self.runs,
            service=partial(self._service, bug),
        )

    def _service(self, bug: Bug, caller: Callable[[], Caller]) -> object:
        if caller().via != "canary":
            return SimpleNamespace(has_audit=False, because=None)
        return bug.service(Service(self, caller))

    def set_trouble(self, share: float) -> None:
        """Set the share of events, records and messages that come late, twice or not at all."""
        self.stream.trouble = self.queue.trouble = self.events.trouble = share
        self.runs.trouble = share
        self.stacks.lag = share

    def pin(self, job: Job) -> Job | InvalidRow | Unbuilt:
        return self.calls("pin", lambda: self.bundles.pin(job))

    def push(self, key: str) -> None:
        """Put a new version of a bundle, which S3 tells of."""
        self.timeline.note("push of", key)
        self.bundles.put(key)
        self.truth.changed()
        self.events.push(BUCKET, key)

    def desired(self, row: object) -> Desired:
        """Return what a row asks for, with the code that is the newest now."""
        return self.desired_since(row, self.timeline.now)[-1]

    def desired_since(self, row: object, since: datetime) -> list[Desired]:
        """Return all that a row has asked for since a time, by the code that was the newest."""
        if row is None:
            return [None]
        job = MEMORY.parse(row)
        if isinstance(job, InvalidRow) or job.paused:
            return [job]
        return [*self.bundles.pinned_since(job, since)]

    # Time

    def run(self, seconds: float) -> None:
        """Let time pass, and all that is due in it happen."""
        until = self.timeline.now + timedelta(seconds=seconds)
        while self.timeline.now < until:
            upto = min(until, self._next_sweep)
            while self.timeline.step(upto):
                pass
            if self.timeline.now >= self._next_sweep:
                self._next_sweep = self.timeline.now + SWEEP_EVERY
                self.sweep()

    def sweep(self) -> None:
        try:
            self.lambdas.invoke("sweep", {})
        except FunctionError:
            return  # the next one is never far

    def look(self, job_name: str) -> None:
        """Have a job looked at, as the daily comparison or a person does."""
        self.queue.put(message(job_name))

    def retry(self, job_name: str) -> None:
        """Have a job tried again that has failed, as a person does."""
        self.truth.changed(job_name)
        self.codebuild.retried.add(job_name)
        self.queue.put(message(job_name, retry=True))

    def race(self, job_name: str, row: Row | None, turns: list[int]) -> None:
        """Let two functions look at a job at once; at the first turn of 2 its row is written."""
        event = {"Records": [received(Message("race", message(job_name)))]}
        look = partial(self.invoke, "reconcile_queue", event)
        self.calls.together([look, look], self._editing(job_name, row, turns))

    def edit_during(
        self, function: str, event: dict[str, object], job_name: str, row: Row, turns: list[int]
    ) -> None:
        """Let a function run; at the first turn of 2 the row of a job is written."""
        work = partial(self.invoke, function, event)
        self.calls.together([work], self._editing(job_name, row, turns))

    def _editing(self, job_name: str, row: Row | None, turns: list[int]) -> Iterator[int]:
        for turn in turns:
            if turn == 2:
                self.jobs.write(job_name, row)
            else:
                yield turn

    def invoke(self, function: str, event: dict[str, object]) -> None:
        try:
            self.lambdas.invoke(function, event)
        except FunctionError:
            return

    def _has_repository(self, job_name: str) -> bool:
        stack = self.cloudformation.stacks.get(f"jobs-{job_name}")
        return stack is not None and stack.spec.has_repository

    def _marking(self, record: StackRecord, mark: UpgradeMark | None) -> None:
        self.waves.marking(record, mark)
        self.truth.changed(record.job_name)  # which is operated on for that

    def _lost(self, stack_id: str) -> None:
        """Note whose event was lost where no sweep goes: only the daily comparison finds those."""
        name = job_of(stack_id.split("/")[1])
        record = self.stacks.records.get(name)
        stack = self.cloudformation.stacks.get(f"jobs-{name}")
        by_hand = stack is None or stack.token == BY_HAND
        if by_hand or record is None or record.status not in _SWEPT:
            self.unheard.add(name)

    def _lost_push(self, key: str) -> None:
        """Note whose code nobody told of: only the daily check finds that."""
        uri = f"s3://{BUCKET}/{key}"
        rows = self.jobs.rows.items()
        self.unheard |= {name for name, row in rows if uri in str(row)}

    # The end

    def settle(self) -> None:
        """Let faults end and everything come to rest; check that it is as it should be, and stays.

        What the infrastructure itself lost is repaired first by people (dead letters) and by the
        daily comparison.
        """
        self._calm()
        self._rest()
        lost = (
            self.queue.dead
            or self.queue.dead_letter_messages.fatal
            or self.events.dead
            or self.runs.dead
        )
        if not (lost or self.stream.discarded):
            for name in self.names() - self.unheard:
                self.truth.check_at_rest(name)
            self.waves.check_at_rest()
        self._repair()
        self.runs.tell_again()
        self._rest()
        names = self.names()
        for name in names:
            self.truth.check_at_rest(name)
            self.canaries.check_at_rest(name)
        self.waves.check_at_rest()
        self._stay(names)

    def _calm(self) -> None:
        self.faults.end()
        self.set_trouble(0)
        self.events.to_lose = 0
        self.cloudformation.limit = self.codebuild.room = None
        self.codebuild.to_die = 0
        self.truth.changed()

    def _rest(self) -> None:
        """Wait until nothing comes any more, and no sweep finds anything."""
        limit = self.timeline.now + LONGEST_UNREST
        quiet = 0
        while quiet < 5:
            assert self.timeline.now < limit, f"no rest: {self._unfinished()}"
            before = len(self.lambdas.given)
            self.run(SWEEP_EVERY.total_seconds())
            quiet = quiet + 1 if self.timeline.is_empty and before == len(self.lambdas.given) else 0

    def _repair(self) -> None:
        self.queue.redrive()
        self.events.redrive()
        self.stream.redrive()
        for name in self.names():
            stack = self.cloudformation.stacks.get(f"jobs-{name}")
            if stack is not None and stack.status is StackStatus.REVIEW_IN_PROGRESS:
                self.look(name)  # an empty shell bears no tag: it is found by who looks
        self._rest()
        self.invoke("sweep", {"compare": True})
        self._rest()

    def _stay(self, names: set[str]) -> None:
        """Check that no event, however old, and no time makes anything happen any more."""
        accepted = len(self.operations.accepted)
        given = [each for each in self.lambdas.given if '"retry": true' not in str(each)][-5:] * 3
        self.chance.shuffle(given)
        for function, event in given:
            self.invoke(function, event)
        self._rest()
        self.invoke("sweep", {"compare": True})
        for _ in range(4):
            self.run_quietly(6 * 3600)
        made = self.operations.accepted[accepted:]
        assert not made, f"a settled job acts: {made}"
        for name in names:
            self.truth.check_at_rest(name)

    def run_quietly(self, seconds: float) -> None:
        """Let time pass in which there is nothing to sweep, but for one sweep at its end."""
        self._next_sweep = self.timeline.now + timedelta(seconds=seconds)
        self.run(seconds)

    def names(self) -> set[str]:
        written = {edit.job_name for edit in self.jobs.edits}
        return written | set(self.stacks.records) | set(map(job_of, self.cloudformation.stacks))

    def _unfinished(self) -> dict[str, object]:
        return {
            name: record for name, record in self.stacks.records.items() if record.status in _SWEPT
        }

    def until(self, minutes: float) -> datetime:
        return self.timeline.now + timedelta(minutes=minutes)
