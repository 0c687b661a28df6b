"""What can go wrong at the edge, in the two kinds that a caller can act on.

`provisioner.aws` translates every vendor error into one of these, so nothing above it reads a
vendor's error code or message.

* ProvisionerError
  * TemporaryError
    * ThrottledError
    * StackLimitError
    * ConflictError
      * AlreadyStartedError
      * StaleError
  * PermanentError
    * NotFoundError
    * DeniedError
    * NoChangesError
    * DeploymentModeError
    * InvalidRequestError
      * InvalidCursorError
    * ForbiddenError
    * UnroutedError
    * TimeLimitError
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
R = TypeVar("R")


class ProvisionerError(Exception):
    """Root of everything that the provisioner raises on purpose."""


class TemporaryError(ProvisionerError):
    """The same call may succeed later: a throttle, a conflict, an outage of a service."""


class ThrottledError(TemporaryError):
    """AWS refused the call because of its rate alone."""


class StackLimitError(TemporaryError):
    """The account has as many stacks in this Region as it may."""


class ConflictError(TemporaryError):
    """Another caller wrote or acted first: read again and decide again."""


class AlreadyStartedError(ConflictError):
    """CloudFormation has started this very operation before: its token was used."""


class StaleError(ConflictError):
    """What a person changes is not what they have seen: somebody else was first."""


class PermanentError(ProvisionerError):
    """The same call will fail again until a person changes something."""


class NotFoundError(PermanentError):
    """What is named does not exist, or the caller may not see it."""


class DeniedError(PermanentError):
    """AWS does not let these credentials do it."""


class NoChangesError(PermanentError):
    """UpdateStack had nothing to do: the stack is already what was asked for."""


class DeploymentModeError(PermanentError):
    """CloudFormation takes an operation on this stack in another deployment mode only."""


class InvalidRequestError(PermanentError):
    """What a person asks for is not valid; nothing was done."""


class InvalidCursorError(InvalidRequestError):
    """The cursor of a list or log is not one that it gave."""

    def __init__(self) -> None:
        super().__init__("the cursor is not valid: begin without one")


class ForbiddenError(PermanentError):
    """The caller's role does not include what was asked for; nothing was done."""


class UnroutedError(PermanentError):
    """A message names no job that has a queue."""


class TimeLimitError(PermanentError):
    """One job took more processor time than its neighbours can spare."""


def attempt_each(items: Iterable[T], attempt: Callable[[T], R]) -> list[R]:
    """Return what became of each item. One that fails does not stop the others.

    Of several errors a temporary one is raised in the end, if there is one: then all is tried
    again.
    """
    results, errors = list[R](), list[Exception]()
    for item in items:
        try:
            results.append(attempt(item))
        except Exception as error:  # noqa: BLE001  (raised when all were attempted)
            errors.append(error)
    if errors:
        raised = next((each for each in errors if isinstance(each, TemporaryError)), errors[0])
        for other in errors:
            if other is not raised:
                raised.add_note(f"besides, {other!r}")
        raise raised
    return results
