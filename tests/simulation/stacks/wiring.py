"""Puts the world in the place of `provisioner.aws`: the one place that knows how it is wired."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import templates
from provisioner import jobs
from provisioner.audit.versions import KEPT, Version, Written, in_order, new_versions
from provisioner.entrypoints.metrics import Metrics
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import ProvisionerError
from provisioner.jobs import InvalidRow, Job, S3Object
from provisioner.jobs.unbuilt import archive_key, image_tag, kind_of_build, repository_name
from provisioner.stacks import plan
from provisioner.stacks.outcomes import Failed, Reconciled
from provisioner.stacks.plan import Decide
from provisioner.stacks.ports import Ports
from provisioner.stacks.reconcile import Reconciler
from tests.simulation.faults import Broken, NoClients
from tests.support.fakes import FakeRecentRuns, FakeRunCosts
from tests.support.functions import having
from tests.support.platforms import PLATFORM, SETTINGS

IMAGE = "sha256:"
"""Begins the digest of an image; the rest is that of its build here, in which no other is alike."""


class NoDependants:
    """Jobs that run after others: there is none."""

    def start_dependants(self, job_name: str) -> tuple[()]:
        del job_name
        return ()


class NoMessages:
    """The messages of jobs: none is parked here."""

    def jobs_with_parked_messages(self, until: datetime) -> list[str]:
        del until
        return []


class NoHistory:
    """The runs that wait for long: there is none here."""

    def queued(self, *, until: datetime) -> list[dict[str, Any]]:
        del until
        return []


class IndexedRuns:
    """The index of all runs, to which no earlier version's run is to be added."""

    def backfill(self, limit: int, now: datetime) -> int:
        del limit, now
        return 0


class ListedJobs:
    """The index of all jobs, to which no earlier version's job is to be added."""

    def is_done(self) -> bool:
        return True


class KeptVersions:
    """Versions of rows: each record adds one, however often and in whichever order they come."""

    def __init__(self) -> None:
        self._kept: dict[str, list[Version]] = {}

    def record(self, change: Written) -> None:
        kept = self._kept.setdefault(change.job_name, [])
        kept += [version for version, _ in new_versions(kept, change)]
        del kept[:-KEPT]
        sequences = [version.sequence for version in in_order(kept)]
        if len(set(sequences)) < len(sequences):
            raise Broken(f"a version of {change.job_name} is there twice")


class NoTaskDefinitions:
    """Task definitions of ECS: no job of this world is a task."""

    def active(self) -> list[str]:
        return []


class NoResults:
    """What builds have left: too little here for the daily check to remove any."""

    def of(self, job_name: str) -> tuple[()]:
        del job_name
        return ()


class NoMachines:
    """The EC2 instances of runs: nothing runs here."""

    def stop_overdue(self, now: datetime) -> int:
        del now
        return 0


class AssociatedCluster:
    """The cluster of container jobs, which has its capacity providers."""

    def associate(self) -> bool:
        return False


class Watched(Reconciler):
    """The reconciler, none of whose reconciles may end in an unforeseen error."""

    def reconcile(self, job_names: Iterable[str], **more: Any) -> Iterator[tuple[str, Reconciled]]:
        for job_name, result in super().reconcile(job_names, **more):
            match result.outcome:
                case Failed(error) if not isinstance(error, ProvisionerError):
                    raise Broken(f"the reconcile of {job_name} ended in {error!r}") from error
            yield job_name, result


class Silent(Metrics):
    """Nobody reads what is counted here."""

    def publish(self) -> None:
        self._counts.clear()


def wired(
    ports: Ports,
    clock: Callable[[], datetime],
    chance: random.Random,
    dead_letter_messages: object = None,
    decide: Decide = plan.decide,
    **more: object,
) -> Runtime:
    """Return what the functions work with: a world's ports, its time and its chance."""
    return having(
        Runtime(SETTINGS, NoClients(), clock, chance),
        metrics=Silent(PLATFORM.prefix),
        ports=ports,
        reconciler=Watched(ports, PLATFORM, clock, chance, decide),
        jobs=ports.jobs,
        stacks=ports.stacks,
        cloudformation=ports.cloudformation,
        reconcile_queue=ports.queue,
        deletion_budget=ports.deletion_budget,
        artifact_index=ports.artifact_index,
        dead_letters=dead_letter_messages,
        task_definitions=NoTaskDefinitions(),
        capacity_providers=AssociatedCluster(),
        message_runs=NoMessages(),
        machines=NoMachines(),
        built_images=NoResults(),
        built_archives=NoResults(),
        history=NoHistory(),
        run_list=IndexedRuns(),
        jobs_backfill=ListedJobs(),
        row_versions=KeptVersions(),
        recent_runs=FakeRecentRuns(),
        run_costs=FakeRunCosts(),
        dependency_starter=NoDependants(),
        template_version=ports.template_version,
        **more,
    )


class LookedUp:
    """Jobs with their code as it was looked up."""

    def pinned(self, job: Job, version: str, newest: str | None) -> Job:
        """Return a job that runs a version of its bundle; one with a pin knows the newest."""
        bundle = replace(job.bundle, version_id=version)
        return job.model_copy(update={"bundle": bundle}).with_newest(newest)

    def built(self, job: Job, digest: str, *, by_pin: bool) -> Job:
        """Return a job that runs what a build has made."""
        if kind_of_build(job) == "image":
            repository = f"{PLATFORM.allowed.registry}/{repository_name('jobs', job.job_name)}"
            made = job.with_image(f"{repository}@{IMAGE}{digest}", tag=image_tag(digest))
            return made if by_pin else made.with_build(digest)
        archive = S3Object("bundles", archive_key(job.job_name, digest), "v1")
        made = job.model_copy(update={"bundle": archive})
        return made if by_pin else made.with_build(digest)


class Memory(LookedUp):
    """What the checks of a thousand schedules have in common, worked out once."""

    template_version = templates.TEMPLATE_VERSION

    def __init__(self) -> None:
        self._jobs: dict[str, Job | InvalidRow] = {}
        self._pinned: dict[tuple[int, str, str | None], Job] = {}
        self._built: dict[tuple[int, str, bool], Job] = {}
        self._digests: dict[int, str] = {}
        self._templates: dict[str, str] = {}

    def parse(self, row: Mapping[str, object]) -> Job | InvalidRow:
        key = repr(row)
        if key not in self._jobs:
            self._jobs[key] = jobs.parse(row)
        return self._jobs[key]

    def pinned(self, job: Job, version: str, newest: str | None) -> Job:
        """Return a job of `parse` as `pinned` does."""
        key = (id(job), version, newest)
        if key not in self._pinned:
            self._pinned[key] = super().pinned(job, version, newest)
        return self._pinned[key]

    def built(self, job: Job, digest: str, *, by_pin: bool) -> Job:
        """Return a job of `parse` as `built` does."""
        key = (id(job), digest, by_pin)
        if key not in self._built:
            self._built[key] = super().built(job, digest, by_pin=by_pin)
        return self._built[key]

    def spec_digest(self, job: Job) -> str:
        """Return the digest of a job of `parse` or `pinned`: kept, so its id is no other's."""
        if id(job) not in self._digests:
            self._digests[id(job)] = jobs.spec_digest(job)
        return self._digests[id(job)]

    def template(self, job: Job, version: str) -> str:
        """Return the template of a job in a release; only some jobs' differ from the first's."""
        digest = jobs.spec_digest(job)
        if digest not in self._templates:
            self._templates[digest] = templates.to_json(templates.build(job, PLATFORM))
        text = self._templates[digest]
        differs = version != self.template_version and zlib.crc32(job.job_name.encode()) % 3
        return f"{text} of {version}" if differs else text

    def synthesize(
        self, job: Job, now: datetime, missing: Collection[str], version: str = template_version
    ) -> str:
        """Return a template; its schedules are those of before all time."""
        del now
        text = self.template(job, version)
        return f"{text} without {missing}" if missing else text


MEMORY = Memory()
