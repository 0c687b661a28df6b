"""Rows and runs as a caller may see them.

Whoever may only read or operate does not see the values of environment variables: running a job
takes no knowledge of what its code is given, and people put credentials there although they should
not. Whoever may write rows could read the values by a job of their own, and cannot edit what they
do not see, so those callers get whole rows.

Nobody gets secrets. Rows have only their ARNs; a text in `secrets` that is not an ARN may be the
secret itself.

A hidden value is None, and its name stays. No row may hold it, so a redacted row that somebody
writes back is refused, and never replaces the values.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from provisioner.jobs.attributes import NAMES
from provisioner.jobs.environment import is_secret_arn
from provisioner.service.rights import Action, allows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.service.apply import AttributeChange
    from provisioner.service.caller import Caller
    from provisioner.service.context import Item

_KEPT_AS_TEXT = "overrides"


def row_for(caller: Caller, row: Mapping[str, object]) -> Item:
    """Return a row as the caller may see it.

    From a caller without environment values, attributes that no job has are hidden, too: a
    misspelt `environment` holds the same.
    """
    whole = allows(caller, Action.READ_ENVIRONMENT)
    return {name: _shown(name, value, whole=whole) for name, value in row.items()}


def change_for(caller: Caller, change: AttributeChange) -> AttributeChange:
    """Return a change of an attribute with its values as the caller may see them."""
    name = change.name
    before, after = (
        value if value is None else row_for(caller, {name: value})[name]
        for value in (change.before, change.after)
    )
    return replace(change, before=before, after=after)


def run_for(caller: Caller, run: Mapping[str, object]) -> Item:
    """Return a run's row as the caller may see it; it may have overrides of the environment."""
    if allows(caller, Action.READ_ENVIRONMENT) or _KEPT_AS_TEXT not in run:
        return dict(run)
    return {**run, _KEPT_AS_TEXT: _overrides(run[_KEPT_AS_TEXT])}


_GUESSABLE = frozenset({"row_digest", "row_content", "spec_digest", "deployed_digest", "digest"})


def without_digests(value: object) -> Any:  # noqa: ANN401  (what it was, a part of JSON)
    """Return a part of a Stacks row without the digests of rows and specs.

    They are of environment values, too: whoever knows all else could guess a weak one until it
    fits, without asking anybody. Digests of images stay: those are of what anybody may pull.
    """
    match value:
        case dict():
            return {
                name: without_digests(part)
                for name, part in value.items()
                if name not in _GUESSABLE
            }
        case list():
            return [without_digests(part) for part in value]
        case _:
            return value


def _shown(name: str, value: object, *, whole: bool) -> object:
    if name == "secrets":
        return _only_arns(value)
    if whole:
        return value
    if name == "environment":
        return _names_only(value)
    return value if name in NAMES else None


def _names_only(value: object) -> object:
    return dict.fromkeys(value) if isinstance(value, dict) else None


def _only_arns(value: object) -> object:
    if not isinstance(value, dict):
        return None
    return {
        name: text if isinstance(text, str) and is_secret_arn(text) else None
        for name, text in value.items()
    }


def _overrides(text: object) -> str | None:
    try:
        overrides = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(overrides, dict):
        return None
    shown = {name: _shown(name, value, whole=False) for name, value in overrides.items()}
    return json.dumps(shown, separators=(",", ":"))
