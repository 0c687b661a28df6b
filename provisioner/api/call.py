"""One request: what its event says, read strictly, and the answer to it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from provisioner import exact_numbers
from provisioner.api.problems import Problem, ProblemType
from provisioner.json_objects import distinct
from provisioner.service.caller import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from provisioner.api.cursors import Cursors
    from provisioner.api.routes import Route
    from provisioner.service.caller import Caller
    from provisioner.service.context import Service

MAX_BODY_BYTES = 256 * 1024
"""Of a request; what is larger is refused before it is read."""

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
PROBLEM = "application/problem+json"
MAX_DEPTH = 100
"""Of lists and objects in each other: far below what Python's stack holds when they are read."""

_KEY = re.compile(r"[!-~]{1,255}")
_ACCEPTABLE = frozenset({JSON, PROBLEM, "application/*", "*/*"})


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one route, with its parameters read.

    Attributes
    ----------
    path
        The parameters in the path, by their names.
    query, body
        What the route's models made of them; None where it has none.
    headers
        By their names in lower case.
    idempotency_key
        What the caller calls the request, however often it is sent; None if it has no name.
    pause
        Lets a second pass, for `wait`.
    """

    route: Route
    service: Service
    caller: Caller
    path: Mapping[str, str]
    query: Any
    body: Any
    headers: Mapping[str, str]
    idempotency_key: str | None
    cursors: Cursors
    pause: Callable[[float], None]

    @property
    def reader(self) -> Caller:
        """The caller as one who may only read: what a route shows does not depend on the role."""
        return replace(self.caller, role=Role.READ)

    @property
    def job_name(self) -> str:
        """The job that the path names."""
        return self.path["job_name"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers: a JSON value, or a text that is JSON already; None for neither."""

    value: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


def idempotency_key_of(headers: Mapping[str, str]) -> str | None:
    """Return the name of a request, None if it has none.

    Raises
    ------
    Problem
        If it is not one.
    """
    key = headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        detail = "An Idempotency-Key has 1 to 255 characters of ASCII, without spaces."
        raise Problem(ProblemType.INVALID_PARAMETER, detail)
    return key


def require_acceptable(headers: Mapping[str, str]) -> None:
    """Refuse a caller who takes no JSON."""
    accepts = headers.get("accept", "*/*").lower().split(",")
    offered = [each.split(";") for each in accepts]
    taken = [kind.strip() for kind, *more in offered if not _is_refused(more)]
    if not _ACCEPTABLE.intersection(taken):
        raise Problem(ProblemType.NOT_ACCEPTABLE, "The API answers in application/json only.")


def _is_refused(parameters: list[str]) -> bool:
    return any(
        name.strip() == "q" and not value.strip().strip("0.")
        for name, _, value in (each.partition("=") for each in parameters)
    )


def body_of(
    event: Mapping[str, Any], headers: Mapping[str, str], media_types: tuple[str, ...]
) -> Any:  # noqa: ANN401
    """Return the JSON value of a request's body.

    Raises
    ------
    Problem
        If it is too large, of another type, or not JSON.
    """
    raw = event.get("body") or ""
    encoded = bool(event.get("isBase64Encoded"))
    size = len(raw) * 3 // 4 if encoded else len(raw.encode("utf-8", "surrogatepass"))
    if size > MAX_BODY_BYTES + 2 * encoded:  # padding
        raise Problem(
            ProblemType.TOO_LARGE, f"The body has {size} bytes; the most is {MAX_BODY_BYTES}."
        )
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in media_types:
        wanted = ", ".join(media_types)
        header = "Accept-Patch" if MERGE_PATCH in media_types else "Accept-Post"
        detail = (
            f'The body is "{given}"; it must be {wanted}.'
            if given
            else f"Send Content-Type: {wanted}."
        )
        raise Problem(ProblemType.UNSUPPORTED_MEDIA_TYPE, detail, headers={header: wanted})
    return _parsed(raw, encoded=encoded)


def _parsed(raw: str, *, encoded: bool) -> Any:  # noqa: ANN401
    try:
        text = base64.b64decode(raw).decode() if encoded else raw
        value = json.loads(
            text,
            parse_constant=_not_json,
            parse_float=exact_numbers.read,
            object_pairs_hook=distinct,
        )
        json.dumps(value, ensure_ascii=False).encode()  # no half of a surrogate pair
        _require_shallow(value)
    except RecursionError:
        raise Problem(ProblemType.INVALID_JSON, "The body is nested too deeply.") from None
    except ValueError as error:  # UnicodeError, and JSONDecodeError, which says where
        why = str(error)
        raise Problem(ProblemType.INVALID_JSON, f"{why[:1].upper()}{why[1:]}.") from error
    return value


def _require_shallow(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [part for each in level for part in _parts(each)]
        if not level:
            return
    raise Problem(
        ProblemType.INVALID_JSON, f"The body is nested more than {MAX_DEPTH} levels deep."
    )


def _parts(value: object) -> Iterable[object]:
    match value:
        case dict():
            return value.values()
        case list():
            return value
        case _:
            return ()


def _not_json(text: str) -> Any:  # noqa: ANN401
    message = f"{text} is not JSON"
    raise ValueError(message)
