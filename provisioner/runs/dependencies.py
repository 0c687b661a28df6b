"""Jobs that run when others have succeeded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner import jobs
from provisioner.errors import ConflictError, NotFoundError, TemporaryError
from provisioner.jobs import FieldError, Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.jobs import Job
    from provisioner.runs.model import Success
    from provisioner.stacks.ports import Dependants, Executions
    from provisioner.stacks.ports import Jobs as JobRows

MAX_CHAIN = 200
"""Jobs that are looked through for a circle: nobody could follow a longer chain."""

_ROWS_AT_ONCE = 5
"""Rows of others that are held in memory together, beside those that are looked at."""


def without_circle(job: Job, rows: JobRows) -> Job | Rejected:
    """Return the job, unless it depends on itself in the end; then say by which way.

    Rows are read level by level. One that is not there, or whose `depends_on` is not valid, leads
    no further.
    """
    ways: dict[str, tuple[str, ...]] = {name: (job.job_name, name) for name in job.depends_on}
    ahead = list(ways)
    while ahead:
        needs = _needs(ahead, rows)
        following: list[str] = []
        for name in ahead:
            for other in needs.get(name, ()):
                if other == job.job_name:
                    way = " needs ".join((*ways[name], other))
                    return _refused(job, f"goes round in a circle: {way}")
                if other not in ways:
                    ways[other] = (*ways[name], other)
                    following.append(other)
        if len(ways) > MAX_CHAIN:
            return _refused(job, f"makes more than {MAX_CHAIN} jobs come before this one")
        ahead = following
    return job


def _needs(names: list[str], rows: JobRows) -> dict[str, tuple[str, ...]]:
    """Return what each job depends on."""
    needs: dict[str, tuple[str, ...]] = {}
    for first in range(0, len(names), _ROWS_AT_ONCE):
        found = rows.get_many(names[first : first + _ROWS_AT_ONCE])
        needs |= {name: jobs.dependencies_of(row) for name, row in found.items()}
    return needs


def _refused(job: Job, why: str) -> Rejected:
    return Rejected(job.job_name, (FieldError("depends_on", why),))


@dataclass(frozen=True, slots=True)
class Chain:
    """Starts what was waiting for a job."""

    dependants: Dependants
    executions: Executions

    def go_on(self, job_name: str) -> list[str]:
        """Start each job that `job_name` was the last to be awaited by; return their names.

        The execution is named after the successes that it came of, so however often this is asked
        they start one run. One that cannot be started keeps no other from it; of several errors one
        that may pass is raised, so that all are tried again.
        """
        started: list[str] = []
        errors: list[Exception] = []
        for name, needs in self.dependants.of(job_name).items():
            try:
                if self._started(name, needs):
                    started.append(name)
            except Exception as error:  # noqa: BLE001  (the others are no worse for it)
                errors.append(error)
        if errors:
            raise next((each for each in errors if isinstance(each, TemporaryError)), errors[0])
        return started

    def _started(self, name: str, needs: tuple[str, ...]) -> bool:
        since = self.dependants.last_asked(name)
        causes = {need: self.dependants.last_success(need) for need in needs}
        if not all(success and success.ended_at > since for success in causes.values()):
            return False
        try:
            self.executions.start(name, _execution_name(causes), _input(causes))
        except (ConflictError, NotFoundError):  # it was started before, or has no stack yet
            return False
        return True


def _execution_name(causes: Mapping[str, Success | None]) -> str:
    text = json.dumps(_ids(causes))
    return f"dependency-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _input(causes: Mapping[str, Success | None]) -> str:
    by = ", ".join(f"{name} {trigger_id}" for name, trigger_id in _ids(causes))
    return json.dumps({"_run": {"source": "dependency", "by": by}})


def _ids(causes: Mapping[str, Success | None]) -> list[tuple[str, str]]:
    return sorted((name, success.trigger_id) for name, success in causes.items() if success)
