"""`depends_on`: the jobs that must have succeeded before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.jobs.errors import invalid
from provisioner.jobs.names import valid_job_name
from provisioner.jobs.values import each, text_list

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DEPENDENCIES = 20
"""Ours: each is read when one of them has succeeded."""


def job_names(value: object) -> tuple[str, ...]:
    """Check the names of jobs: one, or a list of them."""
    texts = text_list(value)
    if len(texts) > MAX_DEPENDENCIES:
        raise invalid(f"names {len(texts)} jobs; at most {MAX_DEPENDENCIES} are allowed")
    names = each(((f"[{index}]", text) for index, text in enumerate(texts)), valid_job_name)
    return tuple(dict.fromkeys(names))


def dependencies_of(row: Mapping[str, object]) -> tuple[str, ...]:
    """Return what a row depends on as far as it can be read, whatever else is wrong with it."""
    value = row.get("depends_on")
    names = value if isinstance(value, list) else [value]
    return tuple(name for name in names if isinstance(name, str))
