"""The code of jobs: bundles of which newer versions are put, and the index of who tracks them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from provisioner.jobs import FieldError, InvalidRow, Job
from provisioner.stacks.model import StackRecord
from tests.simulation.stacks.calls import Calls
from tests.simulation.stacks.wiring import MEMORY, pinned
from tests.simulation.timeline import Timeline
from tests.support.fakes import FakeArtifactIndex

BUCKET = "bundles"
KEYS = ("report.zip", "other.zip")
MISSING = f"s3://{BUCKET}/missing.zip"


class Bundles:
    """A bucket with versioning: each bundle is there from the beginning, as v1."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._put_at = {key: [timeline.now] for key in KEYS}

    def put(self, key: str) -> None:
        """Make a new version the newest."""
        self._put_at[key].append(self._timeline.now)

    def pin(self, job: Job) -> Job | InvalidRow:
        """Return a job as the adapter pins it."""
        return self.pinned_since(job, self._timeline.now, pinned)[-1]

    def pinned_since(
        self,
        job: Job,
        since: datetime,
        pinned: Callable[[Job, str, str | None], Job] = MEMORY.pinned,
    ) -> list[Job | InvalidRow]:
        """Return a job with each of the versions that it could be pinned to since a time."""
        bundle = job.bundle
        if bundle.uri == MISSING:
            error = FieldError("bundle", f"{MISSING} does not exist")
            return [InvalidRow(job.job_name, (error,))]
        if bundle.version_id:
            return [job]
        if job.pin:
            return [pinned(job, job.pin.version, self.newest(bundle.key))]
        return [pinned(job, version, None) for version in self._since(bundle.key, since)]

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
        self.untold: set[tuple[str, str]] = set()

    def add(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        names = tuple(artifacts)
        self._calls("artifact_index.add", partial(self._add, job_name, names, version))

    def remove(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        remove = partial(super().remove, job_name, artifacts, version)
        self._calls("artifact_index.remove", remove)

    def jobs_of(self, artifact: str) -> list[str]:
        return self._calls("artifact_index.jobs_of", partial(super().jobs_of, artifact))

    def told(self, record: StackRecord) -> None:
        """Take note of what a Stacks row says that is in the index."""
        known = {*record.artifacts, *record.former_artifacts}
        self.untold -= {(artifact, record.job_name) for artifact in known}

    def _add(self, job_name: str, artifacts: Iterable[str], version: int) -> None:
        super().add(job_name, artifacts, version)
        self.untold |= {(artifact, job_name) for artifact in artifacts}
