"""A job's name, and the names derived from it."""

from __future__ import annotations

import re

from provisioner.jobs.errors import invalid, shown

NAME_CHARACTERS = 40
"""Keeps ``<prefix>-<job_name>-<index>`` within the 64 characters of roles, functions, schedules."""

_JOB_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")

DEAD_LETTERS_ALARM = ".dead-letters"
"""Ends the name of the alarm on a job's own dead-letter queue; no job's name has a dot."""


def valid_job_name(value: object) -> str:
    """Check a row's key.

    Raises
    ------
    InvalidValueError
        If it could not be the name of a stack, a function, a role and a log group all at once.
    """
    if not isinstance(value, str):
        raise invalid("must be text")
    if _JOB_NAME.fullmatch(value):
        return value
    if not value:
        raise invalid("is empty")
    if len(value) > NAME_CHARACTERS:
        raise invalid(f"has {len(value)} characters; at most {NAME_CHARACTERS} are allowed")
    if _JOB_NAME.fullmatch(value.lower()):
        raise invalid(f'must be in lower case: "{value.lower()}"')
    raise invalid(
        f"{shown(value)} may hold only a-z, 0-9 and hyphens, and must start with a letter"
    )


def is_job_name(text: str) -> bool:
    """Tell whether a text could be a job's name."""
    return _JOB_NAME.fullmatch(text) is not None


def stack_name(prefix: str, job: str) -> str:
    """Return the name of a job's stack, which its other resources share."""
    return f"{prefix}-{job}"


def job_name_of(prefix: str, stack: str) -> str | None:
    """Return the job that a stack name may belong to.

    None for every name that no job's stack can have, the bootstrap's own nested stacks included:
    CloudFormation gives those capitals.
    """
    name = stack.removeprefix(f"{prefix}-")
    return name if name != stack and _JOB_NAME.fullmatch(name) else None
