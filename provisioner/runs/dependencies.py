"""Jobs that run when others have succeeded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.errors import ConflictError, NotFoundError, TemporaryError
from provisioner.runs.model import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.runs.model import Success
    from provisioner.runs.ports import Dependants, Executions


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
    return json.dumps({"_run": {"source": Source.DEPENDENCY, "by": by}})


def _ids(causes: Mapping[str, Success | None]) -> list[tuple[str, str]]:
    return sorted((name, success.trigger_id) for name, success in causes.items() if success)
