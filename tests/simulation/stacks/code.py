"""The code of jobs: bundles of which newer versions are put, sources and
what is built of them, and the index of who tracks them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import TypeAlias

from provisioner.jobs import FieldError, InvalidRow, Job, S3Object
from provisioner.jobs.unbuilt import Unbuilt, build_digest, unbuilt
from provisioner.stacks.model import StackRecord
from tests.simulation.stacks.calls import Calls
from tests.simulation.stacks.wiring import IMAGE, MEMORY, LookedUp
from tests.simulation.timeline import Timeline
from tests.support.fakes import FakeArtifactIndex

BUCKET = "bundles"
KEYS = ("report.zip", "other.zip")
SOURCE = "source.zip"
Desired: TypeAlias = Job | InvalidRow | Unbuilt | None
"""What a row asks for, with its code; Unbuilt where a build has yet to make that."""
MISSING = f"s3://{BUCKET}/missing.zip"


class Bundles:
    """A bucket with versioning: each object is there from the beginning, as v1."""

    def __init__(self, timeline: Timeline, results: set[str]) -> None:
        self._timeline = timeline
        self._put_at = {key: [timeline.now] for key in (*KEYS, SOURCE)}
        self._results = results
        self.source_of: dict[str, str] = {}
        """By the digest of a build: the version of the source that it is of."""

    def put(self, key: str) -> None:
        """Make a new version the newest."""
        self._put_at[key].append(self._timeline.now)

    def pin(self, job: Job) -> Job | InvalidRow | Unbuilt:
        """Return a job as the adapter pins it."""
        return self.pinned_since(job, self._timeline.now, LookedUp())[-1]

    def pinned_since(
        self, job: Job, since: datetime, looked_up: LookedUp = MEMORY
    ) -> list[Job | InvalidRow | Unbuilt]:
        """Return a job with each of the versions that it could be pinned to since a time."""
        if job.build:
            return self._built_since(job, since, looked_up)
        bundle = job.bundle
        if bundle.uri == MISSING:
            error = FieldError("bundle", f"{MISSING} does not exist")
            return [InvalidRow(job.job_name, (error,))]
        if bundle.version_id:
            return [job]
        if job.pin:
            return [looked_up.pinned(job, job.pin.version, self.newest(bundle.key))]
        return [looked_up.pinned(job, version, None) for version in self._since(bundle.key, since)]

    def _built_since(
        self, job: Job, since: datetime, looked_up: LookedUp
    ) -> list[Job | InvalidRow | Unbuilt]:
        """Return a job with what was built of each version of its source, or what is not."""
        if job.pin:
            version = job.pin.version
            if (digest := version.removeprefix(IMAGE)) in self._results:
                return [looked_up.built(job, digest, by_pin=True)]
            error = FieldError("pin.version", f"{version} does not exist")
            return [InvalidRow(job.job_name, (error,))]
        return [self._built(job, version, looked_up) for version in self._since(SOURCE, since)]

    def _built(self, job: Job, version: str, looked_up: LookedUp) -> Job | Unbuilt:
        digest = build_digest(job, version)
        self.source_of[digest] = version
        if digest in self._results:
            return looked_up.built(job, digest, by_pin=False)
        return unbuilt(job, "jobs", S3Object(BUCKET, SOURCE, version), digest)

    def newest(self, key: str) -> str:
        """Return the version that runs where a row names none."""
        return f"v{len(self._put_at[key])}"

    def _since(self, key: str, since: datetime) -> list[str]:
        before = sum(at <= since for at in self._put_at[key])
        return [f"v{number}" for number in range(max(before, 1), len(self._put_at[key]) + 1)]


class ArtifactIndex(FakeArtifactIndex):
    """The index as functions reach it; it knows which items no Stacks row ever told of."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self._calls = calls
        self.unrecorded: set[tuple[str, str]] = set()

    def add(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        names = tuple(artifacts)
        self._calls("artifact_index.add", partial(self._add, job_name, names, version))

    def remove(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        remove = partial(super().remove, job_name, artifacts, version)
        self._calls("artifact_index.remove", remove)

    def jobs_of(self, artifact: str) -> list[str]:
        return self._calls("artifact_index.jobs_of", partial(super().jobs_of, artifact))

    def note(self, record: StackRecord) -> None:
        """Take note of what a Stacks row says that is in the index."""
        known = {*record.artifacts, *record.former_artifacts}
        self.unrecorded -= {(artifact, record.job_name) for artifact in known}

    def _add(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        super().add(job_name, artifacts, version)
        self.unrecorded |= {(artifact, job_name) for artifact in artifacts}
