"""The default input of a job's runs."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import islice

from provisioner.exact_numbers import changed
from provisioner.jobs.errors import MAX_ERRORS, FieldError, InvalidValueError, invalid, kind_of
from provisioner.jobs.rows import plain

MAX_LAMBDA_BYTES = 16_384
"""Ours: the payload is in the job's template, which CloudFormation takes up to 51,200 bytes."""

MAX_CONTAINER_BYTES = 7_168
"""Of the 8,192 characters that ECS RunTask allows for overrides, where a run's input travels."""

RESERVED = "_run"
"""A run's metadata travels under this key."""


def lambda_payload(value: object) -> dict[str, object]:
    """Check a JSON object, given as a map or as JSON text."""
    return _within(_payload(value), MAX_LAMBDA_BYTES, escaped=False)


def container_payload(value: object) -> dict[str, object]:
    """Check a JSON object that reaches its container as an environment variable.

    Its size counts as ECS counts it: as JSON text quoted in JSON, each quotation mark twice.
    """
    return _within(_payload(value), MAX_CONTAINER_BYTES, escaped=True)


def json_object(value: object) -> dict[str, object]:
    """Check a JSON object, given as a map or as JSON text, of whatever size."""
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, dict):
        raise invalid(f"must be a JSON object (a map), not {kind_of(value)}")
    return value


def _payload(value: object) -> dict[str, object]:
    payload = json_object(value)
    if RESERVED in payload:
        raise InvalidValueError((f".{RESERVED}", "is set by the provisioner"))
    if wrong := tuple(islice(changed(payload), MAX_ERRORS)):
        raise InvalidValueError(*wrong)
    return payload


def _parsed(text: str) -> object:
    """Return the value of JSON text, held to the same rules as the rest of the row."""
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "cannot be read"
        raise invalid(f"is not valid JSON: {reason}") from error
    errors: list[FieldError] = []
    found = plain(value, "", errors)
    if errors:
        raise InvalidValueError(*((error.field, error.message) for error in errors))
    return found


def _within(value: dict[str, object], limit: int, *, escaped: bool) -> dict[str, object]:
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except TypeError as error:  # UNUSABLE stands somewhere in it
        raise InvalidValueError from error
    size = len((json.dumps(text, ensure_ascii=False) if escaped else text).encode())
    if size > limit:
        raise invalid(
            f"has {size} bytes{' as a quoted variable' if escaped else ''}; the most is {limit}. "
            "Put large input into S3 and its address here"
        )
    return value
