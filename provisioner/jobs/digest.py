"""The fingerprint by which a stack is known to be of a row."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING

from provisioner.jobs.errors import InvalidRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import DataclassInstance
    from pydantic.fields import FieldInfo

    from provisioner.jobs.types import Job

_NOT_OF_THE_STACK = frozenset(
    {
        *("depends_on", "history_limit", "paused", "payload_schema", "schedule_note"),
        *("notify", "slack_channel", "slow_percent", "queued_alert_minutes"),
    }
)
"""Attributes that no template is made from: they hold as soon as they are written."""


def spec_digest(job: Job) -> str:
    """Return the SHA-256, in hex, of what a job's stack is made from.

    It is the same for every spelling of a row. Values that equal their default are left out: to
    spell out a default changes nothing, and neither does an attribute that a later version adds.
    """
    said = _said(job)
    return _digest({name: said[name] for name in said if name not in _NOT_OF_THE_STACK})


def _said(job: Job) -> dict[str, object]:
    values = dict(job)
    return {name: values[name] for name in values if values[name] != _default(name, job, values)}


def _digest(said: dict[str, object]) -> str:
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), default=_parts)
    return hashlib.sha256(text.encode()).hexdigest()


def _parts(value: DataclassInstance) -> dict[str, object]:
    """Return what a part of a row says, without what it could not say in an earlier version."""
    said = {each: getattr(value, each.name) for each in fields(value)}
    return {
        each.name: found
        for each, found in said.items()
        if not (each.metadata.get("added") and found == each.default)
    }


def _default(name: str, job: Job, values: dict[str, object]) -> object:
    fixed, made = _defaults(type(job))
    if name in fixed:
        return fixed[name]
    return made[name].get_default(call_default_factory=True, validated_data=values)


@cache
def _defaults(kind: type[Job]) -> tuple[dict[str, object], dict[str, FieldInfo]]:
    """Return the defaults that are always the same, and the fields whose default is made."""
    fields = kind.model_fields
    fixed = {
        name: field.get_default() for name, field in fields.items() if not field.default_factory
    }
    return fixed, {name: field for name, field in fields.items() if name not in fixed}


def row_digest(row: Mapping[str, object], parsed: Job | InvalidRow) -> str:
    """Return the SHA-256, in hex, of what a row says, before its artifact is looked up.

    It shows whether a row is still the one that was reconciled, without a call to AWS. Every
    spelling of a valid row has the same.
    """
    if not isinstance(parsed, InvalidRow):
        return _digest(_said(parsed))
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), default=_as_text)
    return hashlib.sha256(text.encode()).hexdigest()


def _as_text(value: object) -> object:
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    return repr(value)
