"""S3 events of a bucket with versioning name the version.

On AWS `detail.object.version-id` of "Object Created" says which version was put, so that who hears
of it need not ask what is the newest now. The engine leaves it out.
"""

from __future__ import annotations

import contextvars
import functools
import json
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_version: contextvars.ContextVar[str | None] = contextvars.ContextVar("_version", default=None)


def install() -> None:
    """Fill in the version."""
    wrap("ministack.services.s3", "_fire_s3_event", _remembering_the_version)
    wrap("ministack.services.eventbridge", "_dispatch_event", _with_the_version)


def _remembering_the_version(fire: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(fire)
    def firing(*arguments: Any, **more: Any) -> None:  # noqa: ANN401
        token = _version.set(more.get("version_id"))
        try:
            fire(*arguments, **more)
        finally:
            _version.reset(token)

    return firing


def _with_the_version(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(dispatch)
    def dispatching(event: dict[str, Any], *more: Any, **others: Any) -> Any:  # noqa: ANN401
        return dispatch(versioned(event, _version.get()), *more, **others)

    return dispatching


def versioned(event: dict[str, Any], version_id: str | None) -> dict[str, Any]:
    """Return an event that names the version of its object, if it is one of S3's."""
    if version_id is None or event["Source"] != "aws.s3":
        return event
    detail = json.loads(event["Detail"])
    detail["object"]["version-id"] = version_id
    return {**event, "Detail": json.dumps(detail)}
