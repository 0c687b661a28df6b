"""What goes wrong, as problem details (RFC 9457): one table, which the docs show, too."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from provisioner.errors import (
    ConflictError,
    ForbiddenError,
    InvalidCursorError,
    InvalidRequestError,
    NotFoundError,
    PermanentError,
    ProvisionerError,
    StaleError,
    TemporaryError,
    ThrottledError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provisioner.service.problems import FieldProblem

TYPES = "/v1/problems"
"""Where the API says what each type is. It is relative to the API's own address."""


class ProblemType(Enum):
    """A type of problem: its name in the docs, its status, its title, and what to do about it."""

    INVALID_PARAMETER = (
        400,
        "A parameter is not valid",
        "Correct the query parameters or headers that `errors` names.",
    )
    INVALID_JSON = (400, "The body is not valid JSON", "Send one JSON value in UTF-8.")
    INVALID_CURSOR = (
        400,
        "The cursor is not valid",
        "Take cursors from `next` of a list with the same parameters, or begin without one.",
    )
    NO_ROLE = (
        403,
        "The caller has no role",
        "Ask for a token with a scope of this API, or to be put into a group of its user pool.",
    )
    FORBIDDEN = (403, "The role is not enough", "Ask for the role that `detail` names.")
    NOT_FOUND = (404, "It does not exist", "Check the name. Names are case-sensitive.")
    METHOD_NOT_ALLOWED = (
        405,
        "The method is not allowed here",
        "Use one of the methods in the header `Allow`.",
    )
    NOT_ACCEPTABLE = (
        406,
        "The requested representation is not available",
        "Accept `application/json` and `application/problem+json`.",
    )
    CONFLICT = (
        409,
        "It is not possible now",
        "Check the state of the job or run, and repeat the request when it allows it.",
    )
    STALE = (
        412,
        "It has changed since it was seen",
        "Read it again, make your change to what it is now, and send its `ETag` or its count.",
    )
    TOO_LARGE = (413, "The body is too large", "Send at most 256 KiB.")
    UNSUPPORTED_MEDIA_TYPE = (
        415,
        "The type of the body is not supported",
        "Send the type that the header `Accept-Post` or `Accept-Patch` names.",
    )
    INVALID_BODY = (422, "The body is not valid", "Correct what `errors` names.")
    INVALID_ROW = (422, "The row is not valid", "Correct the attributes that `errors` names.")
    INVALID_RUN = (
        422,
        "The job's row does not allow this run",
        "Correct the payload or the overrides that `errors` names.",
    )
    KEY_REUSED = (
        422,
        "The idempotency key was used for another request",
        "Use a new key for a new request, and the same body for the same one.",
    )
    PRECONDITION_REQUIRED = (
        428,
        "A precondition is required",
        "Send `If-Match` with the row's `ETag`, or `If-None-Match: *` to create one.",
    )
    THROTTLED = (429, "There are too many requests", "Try again after `Retry-After` seconds.")
    INTERNAL = (
        500,
        "The provisioner failed",
        "Try again; if it fails again, search the log of the API for the `request_id`.",
    )
    UNAVAILABLE = (
        503,
        "AWS does not answer as it should",
        "Try again after `Retry-After` seconds.",
    )

    def __init__(self, status: int, title: str, remedy: str) -> None:
        self.status = status
        self.title = title
        self.remedy = remedy

    @property
    def slug(self) -> str:
        """Its name in addresses."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class Problem(Exception):  # noqa: N818  (RFC 9457's word)
    """What is answered instead of what was asked for."""

    type: ProblemType
    detail: str
    errors: Sequence[FieldProblem] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, request_id: str) -> dict[str, object]:
        """Return the body of the answer."""
        said: dict[str, object] = {
            "type": f"{TYPES}/{self.type.slug}",
            "title": self.type.title,
            "status": self.type.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors:
            said["errors"] = [
                {"pointer": each.pointer, "detail": each.detail}
                | ({"did_you_mean": each.did_you_mean} if each.did_you_mean else {})
                for each in self.errors
            ]
        return said


_TYPES: tuple[tuple[type[ProvisionerError], ProblemType], ...] = (
    (StaleError, ProblemType.STALE),
    (ForbiddenError, ProblemType.FORBIDDEN),
    (NotFoundError, ProblemType.NOT_FOUND),
    (InvalidCursorError, ProblemType.INVALID_CURSOR),
    (InvalidRequestError, ProblemType.INVALID_BODY),
    (ThrottledError, ProblemType.THROTTLED),
    (ConflictError, ProblemType.CONFLICT),
    (TemporaryError, ProblemType.UNAVAILABLE),
    (PermanentError, ProblemType.CONFLICT),
)
_RETRY_AFTER = {ProblemType.THROTTLED: "1", ProblemType.UNAVAILABLE: "5"}
"""Seconds; the gateway's own throttle fills up within one."""


def problem_of(error: ProvisionerError) -> Problem:
    """Return the problem that an error of the service is."""
    from provisioner.service.edits import InvalidRowError
    from provisioner.service.start_run import InvalidRunError, KeyReusedError

    match error:
        case InvalidRowError(problems=problems):
            return Problem(ProblemType.INVALID_ROW, "See errors.", problems)
        case InvalidRunError():
            return Problem(ProblemType.INVALID_RUN, "See errors.", error.problems)
        case KeyReusedError():
            return Problem(ProblemType.KEY_REUSED, str(error))
    kind = next(each for of, each in _TYPES if isinstance(error, of))
    headers = {"Retry-After": _RETRY_AFTER[kind]} if kind in _RETRY_AFTER else {}
    return Problem(kind, str(error), headers=headers)
