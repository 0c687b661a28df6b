"""Jobs that run when others have succeeded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.errors import ConflictError, NotFoundError, attempt_each
from provisioner.runs.model import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.runs.model import Success
    from provisioner.runs.ports import Dependants, Executions, ReconcileRequests


@dataclass(frozen=True, slots=True)
class DependencyStarter:
    """Starts the dependants of a job."""

    dependants: Dependants
    executions: Executions
    reconcile: ReconcileRequests

    def start_dependants(self, job_name: str) -> list[str]:
        """Start each dependant whose last missing success was that of `job_name`; return names.

        The execution is named after the successes that caused it, so any number of calls starts one
        run. A dependant that cannot be started does not stop the others. Of several errors a
        temporary one is raised, if there is one, so that all are tried again.
        """
        dependants = self.dependants.of(job_name)
        started = attempt_each(dependants.items(), lambda dependant: self._started(*dependant))
        return [name for name, is_started in zip(dependants, started, strict=True) if is_started]

    def _started(self, name: str, needs: tuple[str, ...]) -> bool:
        since = self.dependants.last_started_at(name)
        causes = {need: self.dependants.last_success(need) for need in needs}
        if not all(success and success.ended_at > since for success in causes.values()):
            return False
        try:
            self.executions.start(name, _execution_name(causes), _input(causes))
        except ConflictError:  # it was started before
            return False
        except NotFoundError:  # it has no stack yet, or its state machine was deleted by hand
            self.reconcile.send(name, detect_drift=True)
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
