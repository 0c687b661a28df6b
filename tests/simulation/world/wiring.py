"""Puts the world in the place of `provisioner.aws`: the one place that knows how it is wired."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

import templates
from provisioner import jobs
from provisioner.entrypoints import (
    job_stream,
    metrics,
    reconciling,
    shared,
    stack_events,
    sweep,
    sweep_revisions,
    sweep_runs,
)
from provisioner.errors import ProvisionerError
from provisioner.jobs import InvalidRow, Job
from provisioner.runs.model import RunStatus
from provisioner.settings import Settings
from provisioner.stacks import drift
from provisioner.stacks.outcomes import Failed, Reconciled
from provisioner.stacks.ports import Ports
from provisioner.stacks.reconcile import Reconciler
from tests.simulation.world.faults import Broken
from tests.simulation.world.timeline import Timeline
from tests.support.platforms import PLATFORM

SETTINGS = Settings(
    platform=PLATFORM,
    jobs_table="jobs-Jobs",
    stacks_table="jobs-Stacks",
    pace_table="jobs-Pace",
    deletion_budget_jobs=20,
    deletion_budget_percent=25,
    dead_letter_queue_url="https://sqs/jobs-DeadLetters",
    reconcile_queue_url="https://sqs/jobs-Reconcile",
    cloudformation_role_arn="arn:aws:iam::123456789012:role/cloudformation",
)


class NoRuns:
    """The Triggers table: nothing runs here."""

    def open(self, status: RunStatus, *, until: datetime) -> list[dict[str, Any]]:
        del status, until
        return []


class Watched(Reconciler):
    """The reconciler, none of whose reconciles may end in an unforeseen error."""

    def reconcile(self, job_names: Iterable[str], **more: Any) -> Iterator[tuple[str, Reconciled]]:
        for job_name, result in super().reconcile(job_names, **more):
            match result.outcome:
                case Failed(error) if not isinstance(error, ProvisionerError):
                    raise Broken(f"the reconcile of {job_name} ended in {error!r}") from error
            yield job_name, result


def wire(
    patch: pytest.MonkeyPatch, ports: Ports, timeline: Timeline, chance: random.Random
) -> None:
    """Have the entry points work on `ports`, at the world's time and with its chance."""

    class WorldsTime(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            del tz
            return timeline.now

    reconciler = Watched(ports, PLATFORM, timeline, chance)
    patch.setattr(drift, "random", chance)
    patch.setattr(jobs, "parse", MEMORY.parse)
    patch.setattr(jobs, "spec_digest", MEMORY.spec_digest)
    patch.setattr(jobs, "row_digest", MEMORY.row_digest)
    patch.setattr(metrics, "_publish", lambda _: metrics._counts.clear())
    patch.setattr(reconciling, "settings", lambda: SETTINGS)
    patch.setattr(reconciling, "ports", lambda: ports)
    patch.setattr(reconciling, "reconciler", lambda: reconciler)
    patch.setattr(reconciling, "queue", lambda: ports.queue)
    patch.setattr(shared, "settings", lambda: SETTINGS)
    patch.setattr(shared, "dead_letters", lambda: ports.queue.letters)
    patch.setattr(stack_events, "settings", lambda: SETTINGS)
    patch.setattr(job_stream, "datetime", WorldsTime)
    patch.setattr(sweep, "datetime", WorldsTime)
    patch.setattr(sweep, "random", chance)
    patch.setattr(sweep, "_settings", lambda: SETTINGS)
    patch.setattr(sweep, "_queue", lambda: ports.queue)
    patch.setattr(sweep, "JobsTable", lambda *_: ports.jobs)
    patch.setattr(sweep, "StacksTable", lambda *_: ports.stacks)
    patch.setattr(sweep, "CloudFormation", lambda *_: ports.cloudformation)
    patch.setattr(sweep, "_triggers", NoRuns)
    patch.setattr(sweep_revisions, "active", list)
    patch.setattr(sweep_revisions, "control", lambda: SimpleNamespace(runs=NoRuns()))
    patch.setattr(sweep, "DeletionBudgetTable", lambda *_: ports.deletion_budget)
    patch.setattr(sweep_runs, "control", lambda: SimpleNamespace(runs=NoRuns()))
    patch.setattr(
        sweep_runs, "message_runs", lambda: SimpleNamespace(jobs_with_parked_messages=lambda _: ())
    )
    patch.setattr(sweep, "queued_too_long", lambda _: 0)


class Memory:
    """What a thousand schedules have in common, worked out for real the first time it is wanted."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job | InvalidRow] = {}
        self._digests: dict[int, str] = {}
        self._row_digests: dict[str, str] = {}
        self._templates: dict[str, str] = {}

    def parse(self, row: Mapping[str, object]) -> Job | InvalidRow:
        key = repr(row)
        if key not in self._jobs:
            self._jobs[key] = _parse(row)
        return self._jobs[key]

    def spec_digest(self, job: Job) -> str:
        """Return the digest of a job, which is kept, so its id is no other's."""
        if id(job) not in self._digests:
            self._digests[id(job)] = _spec_digest(job)
        return self._digests[id(job)]

    def row_digest(self, row: Mapping[str, object], parsed: Job | InvalidRow) -> str:
        key = repr(row)
        if key not in self._row_digests:
            self._row_digests[key] = _row_digest(row, parsed)
        return self._row_digests[key]

    def template(self, job: Job) -> str:
        digest = self.spec_digest(job)
        if digest not in self._templates:
            self._templates[digest] = templates.to_json(templates.build(job, PLATFORM))
        return self._templates[digest]

    def synthesize(self, job: Job, now: datetime, missing: Collection[str]) -> str:
        """Return a template; its schedules are those of before all time."""
        del now
        text = self.template(job)
        return f"{text} without {missing}" if missing else text


_parse, _spec_digest, _row_digest = jobs.parse, jobs.spec_digest, jobs.row_digest
MEMORY = Memory()
