"""The fingerprint by which a stack is known to be of a row."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, TypeAlias, cast

from provisioner.jobs.errors import InvalidRow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from _typeshed import DataclassInstance

    from provisioner.jobs.types import Job

    Default: TypeAlias = Callable[[dict[str, object]], object]

_NOT_OF_THE_STACK = frozenset(
    {
        *(
            "depends_on",
            "deploy",
            "deployment_mode",
            "history_limit",
            "paused",
            "payload_schema",
            "pin",
        ),
        "schedule_note",
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
    if "build" in said:  # that it has a repository is of the stack; how it is built is not
        said["build"] = True
    return _digest({name: said[name] for name in said if name not in _NOT_OF_THE_STACK})


def _said(job: Job) -> dict[str, object]:
    values = dict(job)
    fixed, made = _defaults(type(job))
    return {
        name: value
        for name, value in values.items()
        if value != (fixed[name] if name in fixed else made[name](values))
    }


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


@cache
def _defaults(kind: type[Job]) -> tuple[dict[str, object], dict[str, Default]]:
    """Return the defaults that are always the same, and what makes those that are not."""
    factories = {name: field.default_factory for name, field in kind.model_fields.items()}
    made = {name: cast("Default", make) for name, make in factories.items() if make}
    fixed = {name: kind.model_fields[name].get_default() for name in factories.keys() - made.keys()}
    return fixed, made


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
