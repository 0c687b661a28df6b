"""What a job's payload has to look like: the JSON Schema of its row.

Anybody who may write a row writes one, and it is evaluated wherever runs are started. So it is held
to a part of draft 2020-12 that can be checked in bounded time and reads nothing from elsewhere.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from provisioner.jobs import schema_engine
from provisioner.jobs.errors import (
    MAX_ERRORS,
    InvalidValueError,
    invalid,
)
from provisioner.jobs.payload import json_object
from provisioner.jobs.schema_dialect import problems
from provisioner.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.jobs.schema_places import Parts

MAX_BYTES = 8_192
"""Ours, as JSON: what checks a payload grows with both."""


def valid_schema(value: object) -> dict[str, object]:
    """Check a JSON Schema, given as a map or as JSON text."""
    schema = json_object(value)
    try:
        size = len(json.dumps(schema, separators=(",", ":"), ensure_ascii=False).encode())
    except TypeError as error:  # UNUSABLE stands somewhere in it
        raise InvalidValueError from error
    if size > MAX_BYTES:
        raise invalid(f"has {size} bytes; the most is {MAX_BYTES}")
    if found := tuple(islice(problems(schema), MAX_ERRORS)):
        raise InvalidValueError(*((_path(at), message) for at, message in found))
    return schema


def default_fits(payload: Mapping[str, object], schema: Mapping[str, object] | None) -> None:
    """Check a row's own payload, which a run's input may complete."""
    if problems := violations(schema, payload, partial=True):
        raise InvalidValueError(*problems)


def violations(
    schema: Mapping[str, object] | None, payload: Mapping[str, object], *, partial: bool
) -> tuple[tuple[str, str], ...]:
    """Return where a payload does not fit its row's schema, and why; `partial` as in the engine."""
    if schema is None:
        return ()
    found = schema_engine.violations(schema, payload, partial=partial)
    return tuple((_path(at), message) for at, message in found)


def _path(parts: Parts) -> str:
    """Return a place as errors name it: `.options[0].day`."""
    return "".join(
        f"[{part}]" if isinstance(part, int) else f".{printable(part)}" for part in parts
    )
