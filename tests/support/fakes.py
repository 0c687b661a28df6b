"""In-memory implementations of the ports: real behaviour, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from provisioner.errors import (
    AlreadyStartedError,
    ConflictError,
    DeploymentModeError,
    NoChangesError,
    PermanentError,
    TemporaryError,
)
from provisioner.jobs.unbuilt import Unbuilt
from provisioner.runs.cost import Cost, MonthlyCost, cost_values
from provisioner.runs.messages import Claim, Message, Slots
from provisioner.runs.model import FINAL, iso
from provisioner.runs.recent import RecentRuns
from provisioner.runs.usage import Usage, is_unestimated
from provisioner.settings import DeploymentMode
from provisioner.stacks import deletion_budget, rate_limits
from provisioner.stacks.builds import BuildReport
from provisioner.stacks.deletion_budget import Budget, Deletions
from provisioner.stacks.model import (
    OWNER_TAG,
    BuildStatus,
    Drift,
    DriftStatus,
    Failure,
    StackRecord,
    StackState,
    UpgradeMark,
)
from provisioner.stacks.ports import StackRequest
from provisioner.stacks.rate_limits import SUSPENDED_FOR, Permit, Quota, RateLimit, Suspension
from provisioner.stacks.request_tokens import digest_of
from provisioner.stacks.stack_status import IN_PROGRESS, NEVER_CREATED, SETTLED, StackStatus
from provisioner.stacks.upgrade import Upgrade

S = StackStatus


class FakeClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, delta: timedelta) -> None:
        self.now += delta


@dataclass
class Faults:
    """What goes wrong next: each call to `strike` takes one item off the list."""

    planned: list[BaseException | None] = field(default_factory=list)

    def strike(self) -> None:
        if self.planned and (fault := self.planned.pop(0)) is not None:
            raise fault


class FakeJobs:
    def __init__(self) -> None:
        self.rows: dict[str, dict[str, object]] = {}

    def get_many(self, job_names: Iterable[str]) -> Mapping[str, Mapping[str, object]]:
        return {name: self.rows[name] for name in job_names if name in self.rows}


class FakeStacks:
    def __init__(self, faults: Faults | None = None) -> None:
        self.records: dict[str, StackRecord] = {}
        self.faults = faults or Faults()

    def get_many(self, job_names: Iterable[str]) -> Mapping[str, StackRecord]:
        return {name: self.records[name] for name in job_names if name in self.records}

    def save(self, record: StackRecord) -> None:
        self.faults.strike()
        stored = self.records.get(record.job_name)
        if (stored.version if stored else 0) != record.version:
            raise ConflictError(record.job_name)
        self.records[record.job_name] = replace(record, version=record.version + 1)

    def all(self) -> Iterable[StackRecord]:
        return list(self.records.values())

    def set_upgrade(self, record: StackRecord, mark: UpgradeMark | None) -> bool:
        stored = self.records.get(record.job_name)
        if stored is None or stored.version != record.version:
            return False
        self.records[record.job_name] = replace(stored, upgrade=mark, version=stored.version + 1)
        return True


class FakeUpgrades:
    """The upgrade of the provisioner."""

    def __init__(self) -> None:
        self.kept: Upgrade | None = None

    def get(self) -> Upgrade | None:
        return self.kept

    def save(self, upgrade: Upgrade) -> None:
        if (self.kept.version if self.kept else 0) != upgrade.version:
            raise ConflictError(upgrade.id)
        self.kept = replace(upgrade, version=upgrade.version + 1)


class FakeDependants:
    def __init__(self, faults: Faults | None = None) -> None:
        self.pairs: dict[str, dict[str, tuple[str, ...]]] = {}
        self.faults = faults or Faults()

    def change(self, job_name: str, *, before: Iterable[str], after: tuple[str, ...]) -> None:
        self.faults.strike()
        for name in before:
            self.pairs.get(name, {}).pop(job_name, None)
        for name in after:
            self.pairs.setdefault(name, {})[job_name] = after

    def of(self, job_name: str) -> Mapping[str, tuple[str, ...]]:
        return self.pairs.get(job_name, {})


class FakeArtifactIndex:
    """Pairs of an artifact and a job that tracks it."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.versions: dict[tuple[str, str], int] = {}
        self.faults = faults or Faults()

    @property
    def pairs(self) -> set[tuple[str, str]]:
        return set(self.versions)

    def add(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        self.faults.strike()
        self.versions |= {(artifact, job_name): version for artifact in artifacts}

    def add_all(self, tracked: Iterable[tuple[str, Iterable[str], int]]) -> None:
        for job_name, artifacts, version in tracked:
            self.add(job_name, artifacts, version)

    def remove(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        self.faults.strike()
        for artifact in artifacts:
            if self.versions.get((artifact, job_name), version) < version:
                del self.versions[artifact, job_name]

    def jobs_of(self, artifact: str) -> list[str]:
        return sorted(job_name for of, job_name in self.pairs if of == artifact)


class FakeDeletionBudget:
    def __init__(self, clock: Callable[[], datetime], budget: Budget | None = None) -> None:
        self.known = Deletions()
        self._budget = budget or Budget(20, 25)
        self._clock = clock

    def spend(self, job_name: str) -> bool:
        self.known, granted = deletion_budget.spend(
            self.known, job_name, self._budget, self._clock()
        )
        return granted

    def count_jobs(self, all_jobs: int) -> None:
        self.known = replace(self.known, all_jobs=all_jobs)


class FakeJobRuns:
    """Runs by job, and the causes for which they were stopped."""

    def __init__(self) -> None:
        self.running: dict[str, int] = {}
        self.stopped: list[tuple[str, str]] = []

    def stop_running(self, job_name: str, cause: str) -> int:
        runs = self.running.pop(job_name, 0)
        self.stopped += [(job_name, cause)] * runs
        return runs


class FakeRecentRuns:
    """What lists show of jobs' runs."""

    def __init__(self) -> None:
        self.of: dict[str, RecentRuns] = {}

    def add(self, job_name: str, rows: Iterable[Mapping[str, Any]]) -> bool:
        before = self.of.get(job_name, RecentRuns())
        after = before.with_runs(rows)
        if after == before:
            return False
        self.of[job_name] = after
        return True

    def count_again(self, job_name: str) -> bool:
        del job_name
        return False


class FakeRunCosts:
    """Rows of runs by job and key, and what is known of their costs."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self._months: dict[tuple[str, str], MonthlyCost] = {}

    def ended(self, job_name: str, trigger_id: str) -> Mapping[str, Any] | None:
        row = self.rows.get((job_name, trigger_id), {})
        return row if row.get("status") in FINAL else None

    def record(
        self,
        job_name: str,
        trigger_id: str,
        usage: Usage,
        found: Cost | None,
        month: str,
        derived: Mapping[str, object] | None = None,
    ) -> bool:
        row = self.rows.get((job_name, trigger_id))
        if row is None or not is_unestimated(row):
            return False
        row |= derived or {}
        row["usage"] = usage.attributes()
        row |= cost_values(found)
        nothing = Cost(Decimal(), Decimal())
        cost, was = found or nothing, self._months.get((job_name, month))
        before = was or MonthlyCost(month, 0, nothing, 0)
        self._months[job_name, month] = replace(
            before,
            runs=before.runs + 1,
            cost=Cost(before.cost.usd + cost.usd, before.cost.least + cost.least),
            unpriced=before.unpriced + (found is None),
        )
        return True

    def months(self, job_name: str, count: int) -> list[MonthlyCost]:
        found = [cost for (job, _), cost in self._months.items() if job == job_name]
        return sorted(found, key=lambda each: each.month, reverse=True)[:count]


class FakePauses:
    """When the pauses of deleted jobs ended."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.ended: dict[str, list[datetime]] = {}
        self.faults = faults or Faults()

    def end_pause(self, job_name: str, now: datetime) -> None:
        self.faults.strike()
        self.ended.setdefault(job_name, []).append(now)


class FakeSlots:
    """The concurrency slots of jobs' queues."""

    def __init__(self) -> None:
        self._slots: dict[str, Slots] = {}
        self._parked_since: dict[str, str] = {}

    def acquire(self, job_name: str, run: str, max_concurrency: int, now: datetime) -> bool:
        slots = self.get(job_name)
        if run not in slots.in_use and len(slots.in_use) >= max_concurrency:
            return False
        in_use = slots.in_use | {run}
        self._slots[job_name] = replace(slots, in_use=in_use, acquired_at=iso(now))
        return True

    def release(self, job_name: str, run: str) -> Slots | None:
        slots = self.get(job_name)
        if run not in slots.in_use:
            return None
        self._slots[job_name] = replace(slots, in_use=slots.in_use - {run})
        return self._slots[job_name]

    def mark_parked(self, job_name: str, now: datetime) -> Slots:
        if job_name not in self._slots:
            return Slots()
        self._parked_since.setdefault(job_name, iso(now))
        self._slots[job_name] = replace(self.get(job_name), parked_at=iso(now))
        return self._slots[job_name]

    def clear_parked(self, job_name: str, parked_at: str) -> None:
        slots = self.get(job_name)
        if slots.parked_at == parked_at:
            self._slots[job_name] = replace(slots, parked_at=None)
            self._parked_since.pop(job_name, None)

    def get(self, job_name: str) -> Slots:
        return self._slots.get(job_name, Slots())

    def jobs_with_parked_messages(self, until: datetime) -> list[str]:
        return [name for name, since in self._parked_since.items() if since <= iso(until)]


class FakeSubmissions:
    """The runs that messages are in, and why some are in none."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.claims: dict[tuple[str, str], Claim] = {}
        self.reasons: dict[tuple[str, str], str] = {}
        self._clock = clock

    def claim(self, job_name: str, message_ids: Sequence[str], run: str) -> dict[str, Claim]:
        found = {name: self.claims.get((job_name, name)) for name in message_ids}
        others = {name: claim for name, claim in found.items() if claim and claim.run != run}
        if not others:
            made = Claim(run, iso(self._clock()))
            self.claims |= {(job_name, name): made for name in message_ids}
        return others

    def withdraw(self, job_name: str, message_id: str, claim: Claim) -> None:
        if self.claims.get((job_name, message_id)) == claim:
            del self.claims[job_name, message_id]

    def dead(self, job_name: str, message_id: str, reason: str) -> None:
        self.reasons[job_name, message_id] = reason


class FakeMessageQueues:
    """What jobs' queues hold: `ready` to start runs, and `parked`."""

    def __init__(self) -> None:
        self.ready: dict[str, list[Message]] = {}
        self.parked: dict[str, list[Message]] = {}

    def park(self, job_name: str, message: Message) -> None:
        self.parked.setdefault(job_name, []).append(message)

    def unpark(self, job_name: str, count: int) -> int:
        parked = self.parked.get(job_name, [])
        messages = parked[:count]
        del parked[:count]
        for message in messages:
            self.send(job_name, message)
        return len(messages)

    def send(self, job_name: str, message: Message, *, delay_seconds: int = 0) -> None:
        del delay_seconds
        self.ready.setdefault(job_name, []).append(message)

    def is_empty(self, job_name: str) -> bool:
        return not self.parked.get(job_name)

    def hide(self, job_name: str, receipt_handle: str, seconds: int) -> None:
        """Nothing here is received, so nothing can be hidden."""


class FakeBuilds:
    """CodeBuild: builds by id, and what was asked for; `room` is how many it takes."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.started: dict[str, Unbuilt] = {}
        self.reports: dict[str, BuildReport] = {}
        self.room = 100
        self.faults = faults or Faults()
        self._tokens: dict[str, str] = {}

    def start(self, wanted: Unbuilt, token: str) -> str:
        self.faults.strike()
        if token in self._tokens:
            return self._tokens[token]
        running = [each for each in self.reports.values() if each.status is BuildStatus.RUNNING]
        if len(running) >= self.room:
            raise TemporaryError("Cannot have more builds in queue")
        build_id = f"jobs_{wanted.project}:{len(self.started) + 1}"
        self._tokens[token] = build_id
        self.started[build_id] = wanted
        self.reports[build_id] = BuildReport(BuildStatus.RUNNING)
        return build_id

    def find(self, build_id: str) -> BuildReport | None:
        self.faults.strike()
        return self.reports.get(build_id)

    def stop(self, build_id: str) -> None:
        self.faults.strike()
        report = self.reports.get(build_id)
        if report is not None and report.status is BuildStatus.RUNNING:
            self.reports[build_id] = BuildReport(BuildStatus.FAILED, reason="STOPPED")


class FakeQueue:
    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.detections: list[tuple[str, int]] = []

    def send(
        self,
        job_name: str,
        *,
        delay_seconds: int = 0,
        retry: bool = False,
        detect_drift: bool = False,
    ) -> None:
        del retry
        (self.detections if detect_drift else self.sent).append((job_name, delay_seconds))

    def send_many(self, delays_seconds: Mapping[str, int]) -> None:
        self.sent += delays_seconds.items()


class FakeRateLimiter:
    """The rate limits of all quotas, in memory."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.limits: dict[Quota, RateLimit] = {}
        self._clock = clock

    def reserve(self, quota: Quota, *, has_reservation: bool) -> Permit:
        limit = self.limits.get(quota, RateLimit())
        self.limits[quota], permit = rate_limits.reserve(
            limit, quota, self._clock(), has_reservation=has_reservation
        )
        return permit

    def acquire(self, quota: Quota) -> Permit:
        limit = self.limits.get(quota, RateLimit())
        self.limits[quota], permit = rate_limits.acquire(limit, quota, self._clock())
        return permit

    def back_off(self, quota: Quota) -> None:
        self.limits[quota] = rate_limits.back_off(
            self.limits.get(quota, RateLimit()), self._clock()
        )

    def suspend(self, quota: Quota, reason: str) -> datetime:
        until = self._clock() + SUSPENDED_FOR
        limit = self.limits.get(quota, RateLimit())
        self.limits[quota] = rate_limits.suspend(limit, Suspension(until, reason))
        return until


class UnlimitedRateLimiter(FakeRateLimiter):
    """Rate limits under which no job ever has to wait."""

    def reserve(self, quota: Quota, *, has_reservation: bool) -> Permit:
        del quota, has_reservation
        return Permit(self._clock(), granted=True)

    def acquire(self, quota: Quota) -> Permit:
        return self.reserve(quota, has_reservation=True)


CONTINUED = {S.UPDATE_ROLLBACK_COMPLETE, S.UPDATE_ROLLBACK_FAILED}


@dataclass
class _Stack:
    state: StackState
    good: StackState | None = None
    tokens: list[str] = field(default_factory=list)

    def began_with(self, token: str) -> bool:
        """Tell whether the last operation is this very one: to ask twice is to ask once."""
        if token in self.tokens[:-1]:
            raise AlreadyStartedError(token)
        return token in self.tokens


class FakeCloudFormation:
    """One operation at a time a stack, as the service allows it from each status.

    An operation runs until `finish` is called for its stack.
    """

    def __init__(self, clock: Callable[[], datetime], faults: Faults | None = None) -> None:
        self.stacks: dict[str, _Stack] = {}
        self.operations: list[tuple[str, str]] = []
        self.described = 0
        self.drifts = DriftStatus.IN_SYNC
        self.missing: tuple[str, ...] = ()
        self.templates: dict[str, str] = {}
        self.modes: list[DeploymentMode] = []
        self.insists_on: DeploymentMode | None = None
        self.lacks_express = False
        self.faults = faults or Faults()
        self._clock = clock
        self._created = 0

    def describe(self, stack_name: str) -> StackState | None:
        self.faults.strike()
        self.described += 1
        stack = self.stacks.get(stack_name)
        return stack.state if stack else None

    def template(self, stack_id: str) -> str:
        self.faults.strike()
        return self.templates[stack_id.split("/")[1]]

    def known_mode(self, wanted: DeploymentMode) -> DeploymentMode:
        return DeploymentMode.STANDARD if self.lacks_express else wanted

    def _in_mode(self, mode: DeploymentMode, insisted_on: DeploymentMode | None) -> None:
        if insisted_on not in (None, mode):
            raise DeploymentModeError(f"must use the same DeploymentConfig (mode={insisted_on})")
        self.modes.append(mode)

    def create(self, stack_name: str, request: StackRequest) -> str:
        self.faults.strike()
        if stack_name in self.stacks:
            raise ConflictError(stack_name)
        self._in_mode(request.mode, None)
        self._created += 1
        self.operations.append(("create", stack_name))
        state = StackState(
            stack_id=f"arn:aws:cloudformation:::stack/{stack_name}/{self._created}",
            status=S.CREATE_IN_PROGRESS,
            ours=stack_name.startswith(f"{request.tags.get(OWNER_TAG)}-"),
            owner=request.tags.get(OWNER_TAG),
            digest=request.parameters["SpecDigest"],
            retain=request.parameters["DeletionPolicy"] == "retain",
            template_version=request.parameters["TemplateVersion"],
        )
        self.stacks[stack_name] = _Stack(state, tokens=[request.token])
        self.templates[stack_name] = request.template
        return state.stack_id

    def update(self, stack_id: str, request: StackRequest) -> None:
        self.faults.strike()
        stack_name = stack_id.split("/")[1]
        stack = self._settled(stack_name, SETTLED | {S.UPDATE_FAILED})
        if stack.state.stack_id != stack_id:
            raise ConflictError(f"{stack_id} does not exist")
        if stack.began_with(request.token):
            return
        before = stack.state.digest, stack.state.template_version
        if before == (request.parameters["SpecDigest"], request.parameters["TemplateVersion"]):
            raise NoChangesError(stack_name)
        self._in_mode(request.mode, self.insists_on)
        self.operations.append(("update", stack_name))
        self.templates[stack_name] = request.template
        stack.good = stack.state
        stack.tokens.append(request.token)
        stack.state = replace(
            stack.state,
            status=S.UPDATE_IN_PROGRESS,
            drift=None,
            digest=request.parameters["SpecDigest"],
            retain=request.parameters["DeletionPolicy"] == "retain",
            template_version=request.parameters["TemplateVersion"],
            failure=None,
        )

    def delete(
        self,
        stack_id: str,
        retain_resources: Iterable[str],
        *,
        force: bool,
        token: str,
        mode: DeploymentMode = DeploymentMode.STANDARD,
    ) -> None:
        self.faults.strike()
        del force
        name = stack_id.split("/")[1]
        if name not in self.stacks:
            return  # DeleteStack of what is gone succeeds
        deletable = (
            SETTLED | NEVER_CREATED | {S.UPDATE_ROLLBACK_FAILED, S.DELETE_FAILED, S.UPDATE_FAILED}
        )
        stack = self._settled(name, deletable)
        if stack.began_with(token):
            return
        if list(retain_resources) and stack.state.status is not S.DELETE_FAILED:
            raise PermanentError("RetainResources is for DELETE_FAILED stacks")
        self._in_mode(mode, self.insists_on)
        self.operations.append(("delete", name))
        stack.tokens.append(token)
        stack.state = replace(stack.state, status=S.DELETE_IN_PROGRESS, failure=None)

    def continue_update_rollback(
        self, stack_id: str, resources_to_skip: Iterable[str], *, force: bool, token: str
    ) -> None:
        self.faults.strike()
        del resources_to_skip, force
        name = stack_id.split("/")[1]
        stack = self._settled(name, frozenset({S.UPDATE_ROLLBACK_FAILED}))
        if stack.began_with(token):
            return
        self.operations.append(("continue", name))
        stack.tokens.append(token)
        stack.state = replace(stack.state, status=S.UPDATE_ROLLBACK_IN_PROGRESS)

    def detect_drift(self, stack_id: str) -> None:
        self.faults.strike()
        stack = self.stacks[stack_id.split("/")[1]]
        drift = Drift(self.drifts, self._clock(), self.missing)
        stack.state = replace(stack.state, drift=drift)

    def finish(self, stack_name: str, failure: str | None = None, *, stuck: bool = False) -> None:
        """End the running operation: well, or with `failure`; `stuck` fails its rollback too."""
        stack = self.stacks[stack_name]
        match stack.state.status, failure:
            case S.CREATE_IN_PROGRESS, None:
                self._rest(stack, S.CREATE_COMPLETE)
            case S.CREATE_IN_PROGRESS, str():
                self._rest(stack, S.ROLLBACK_FAILED if stuck else S.ROLLBACK_COMPLETE, failure)
            case S.UPDATE_IN_PROGRESS, None:
                self._rest(stack, S.UPDATE_COMPLETE)
            case S.UPDATE_IN_PROGRESS, str():
                assert stack.good is not None
                stack.state = replace(
                    stack.state,
                    digest=stack.good.digest,
                    retain=stack.good.retain,
                    template_version=stack.good.template_version,
                )
                status = S.UPDATE_ROLLBACK_FAILED if stuck else S.UPDATE_ROLLBACK_COMPLETE
                self._rest(stack, status, failure)
            case S.UPDATE_ROLLBACK_IN_PROGRESS, None:
                self._rest(stack, S.UPDATE_ROLLBACK_COMPLETE, "continued")
            case S.UPDATE_ROLLBACK_IN_PROGRESS, str():
                self._rest(stack, S.UPDATE_ROLLBACK_FAILED, failure)
            case S.DELETE_IN_PROGRESS, None:
                del self.stacks[stack_name]
            case S.DELETE_IN_PROGRESS, str():
                self._rest(stack, S.DELETE_FAILED, failure)
            case other:
                raise AssertionError(other)

    def running(self) -> list[str]:
        return [name for name, stack in self.stacks.items() if stack.state.status in IN_PROGRESS]

    def _rest(self, stack: _Stack, status: StackStatus, reason: str | None = None) -> None:
        failure = None
        if reason is not None:
            before = stack.state.failure
            failure = Failure(
                # As the adapter tells it: a continued rollback keeps the reason it began with.
                before.reason if before and status in CONTINUED else reason,
                self._clock(),
                "Function",
                digest_of(stack.tokens[-1]),
                ("Function",),
            )
        outputs = {"StateMachineArn": f"arn:{stack.state.digest}"} if status in SETTLED else {}
        stack.state = replace(stack.state, status=status, failure=failure, outputs=outputs)

    def _settled(self, stack_name: str, allowed: frozenset[StackStatus]) -> _Stack:
        stack = self.stacks.get(stack_name)
        if stack is None:
            raise ConflictError("does not exist")
        if stack.state.status not in allowed:
            raise ConflictError(stack.state.status)
        return stack
