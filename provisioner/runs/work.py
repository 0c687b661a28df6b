"""What runs leave running outside their workflow, stopped by an adapter for each type of job."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from provisioner.errors import attempt_each

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provisioner.runs.model import EndedExecution
    from provisioner.runs.ports import RunningWork


@dataclass(frozen=True, slots=True)
class WorkByType:
    """The running work of all types of jobs.

    `adapters` are those that a type leaves work to: none for `lambda`, since a function that was
    called cannot be stopped.
    """

    adapters: Mapping[str, Sequence[RunningWork]]

    def stop(self, execution: EndedExecution, job_type: str | None, reason: str) -> int:
        """Stop what an execution left running; return how many pieces that were.

        `job_type` is what the run's own row says: by now the job's row may have another. Without
        one that is known all adapters are asked. One that fails does not stop the others.
        """
        run = (execution.job_name, execution.execution_name)
        adapters = self._adapters_of(job_type)
        return sum(attempt_each(adapters, lambda adapter: adapter.stop(*run, reason)))

    def _adapters_of(self, job_type: str | None) -> Iterable[RunningWork]:
        known = self.adapters.get(job_type or "")
        return chain.from_iterable(self.adapters.values()) if known is None else known
