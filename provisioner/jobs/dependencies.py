"""`depends_on`: the jobs that must have succeeded before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.jobs.errors import InvalidValueError, invalid
from provisioner.jobs.names import valid_job_name
from provisioner.jobs.values import each, text_list

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DEPENDENCIES = 20
"""Ours: each is read when one of them has succeeded."""


def job_names(value: object) -> tuple[str, ...]:
    """Check the names of jobs: one, or a list of them."""
    if isinstance(value, list) and len(value) > MAX_DEPENDENCIES:
        raise invalid(f"names {len(value)} jobs; at most {MAX_DEPENDENCIES} are allowed")
    texts = text_list(value)
    names = each(((f"[{index}]", text) for index, text in enumerate(texts)), valid_job_name)
    return tuple(dict.fromkeys(names))


def dependencies_of(row: Mapping[str, object]) -> tuple[str, ...]:
    """Return what a row depends on; nothing, when that is not what `depends_on` may be.

    It is asked about the rows of others: what they get wrong is not an error of this row.
    """
    value = row.get("depends_on")
    try:
        return job_names(value) if value is not None else ()
    except InvalidValueError:
        return ()
