"""The input of one run, held to its job's row before the run is started."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from provisioner.exact_numbers import changed
from provisioner.jobs.errors import MAX_ERRORS, FieldError
from provisioner.jobs.fan_out import TAKEN, taken_keys
from provisioner.jobs.payload import RESERVED
from provisioner.jobs.payload_schema import violations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.jobs.types import Job


def number_errors(payload: Mapping[str, object]) -> tuple[FieldError, ...]:
    """Return which numbers of a run's input its workflow would change."""
    found = islice(changed(payload), MAX_ERRORS)
    return tuple(FieldError(f"payload{path}", message) for path, message in found)


def payload_errors(job: Job, payload: Mapping[str, object]) -> tuple[FieldError, ...]:
    """Return what is wrong with the input of a run, merged over the row's payload.

    Every front door asks this before it starts a run.
    """
    given = {name: value for name, value in payload.items() if name != RESERVED}
    taken = taken_keys(job.fan_out, given)
    found = violations(job.payload_schema, {**job.payload, **given}, partial=False)
    of_schema = [FieldError(f"payload{path}", message) for path, message in found]
    named = {error.field for error in of_schema}
    return (
        *(error for error in number_errors(given) if error.field not in named),
        *(FieldError(f"payload.{key}", TAKEN) for key in taken),
        *of_schema,
    )
