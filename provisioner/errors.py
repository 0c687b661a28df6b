"""What can go wrong at the edge, in the two kinds a caller can act on.

`provisioner.aws` translates every vendor error into one of these, so nothing above it reads a
vendor's error code or message.
"""

from __future__ import annotations


class ProvisionerError(Exception):
    """Root of everything the provisioner raises on purpose."""


class TemporaryError(ProvisionerError):
    """The same call may succeed later: a throttle, a conflict, a service that is unwell."""


class ThrottledError(TemporaryError):
    """AWS refused the call for its rate alone."""


class StackLimitError(TemporaryError):
    """The account has as many stacks in this Region as it may."""


class ConflictError(TemporaryError):
    """Somebody else wrote first: read again and decide again."""


class PermanentError(ProvisionerError):
    """The same call will fail again until a person changes something."""


class TimeLimitError(PermanentError):
    """One job took more processor time than its neighbours can spare."""


class InvalidRequestError(PermanentError):
    """What a person asks for is not valid; nothing was done."""


class NotFoundError(PermanentError):
    """The named thing does not exist, or may not be seen."""


class UnroutedError(PermanentError):
    """A message names no job that has a queue."""


class NoChangesError(PermanentError):
    """UpdateStack had nothing to do: the stack already is what was asked for."""
