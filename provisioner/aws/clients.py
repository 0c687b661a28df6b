"""boto3 clients, made once a process and only when used, and their errors translated."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from provisioner.errors import (
    ConflictError,
    NotFoundError,
    PermanentError,
    ProvisionerError,
    TemporaryError,
    ThrottledError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIG = Config(
    # Two quick attempts only: what is still throttled then goes onto the queue, where waiting
    # costs nothing.
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=3,
    read_timeout=10,
    user_agent_extra="provisioner",
)

_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceededException",
        "RequestThrottled",
        "SlowDown",
    }
)
_NOT_FOUND = frozenset(
    {
        "404",
        "NoSuchKey",
        "NoSuchBucket",
        "NotFound",
        "ResourceNotFoundException",
        "RepositoryNotFoundException",
        "ImageNotFoundException",
        "ExecutionDoesNotExist",
        "StateMachineDoesNotExist",
    }
)
_CONFLICT = frozenset(
    {
        "ConditionalCheckFailedException",
        "TransactionCanceledException",
        "TransactionConflictException",
        "OperationInProgressException",
        "TokenAlreadyExistsException",
    }
)
# Not a fault of the request: quotas and races that time or a person's other action resolves.
_TEMPORARY = frozenset({"LimitExceededException", "InternalFailure", "ServiceUnavailable"})


@cache
def client(service: str) -> Any:  # noqa: ANN401  (typed by each module for its own service)
    """Return the process's one client of a service.

    All come from one session: a client from a new session costs fifty times as much.
    """
    return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]


@contextmanager
def translated() -> Iterator[None]:
    """Turn botocore's errors into ours: temporary, or permanent with AWS's own words."""
    try:
        yield
    except ClientError as error:
        raise translate(error) from error
    except NoCredentialsError as error:
        message = "no AWS credentials: set AWS_PROFILE, or run `aws configure` or `aws sso login`"
        raise PermanentError(message) from error
    except NoRegionError as error:
        message = "no AWS Region: set AWS_REGION, or run `aws configure`"
        raise PermanentError(message) from error
    except BotoCoreError as error:
        raise TemporaryError(str(error)) from error


def translate(error: ClientError) -> ProvisionerError:
    """Return our error for a service's."""
    code = error_code(error)
    message = f"{code}: {error_message(error)}"
    if code in _THROTTLED:
        return ThrottledError(message)
    if code in _NOT_FOUND:
        return NotFoundError(message)
    if code in _CONFLICT:
        return ConflictError(message)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    if code in _TEMPORARY or status >= 500:
        return TemporaryError(message)
    return PermanentError(message)


def error_code(error: ClientError) -> str:
    """Return the service's error code, such as `ValidationError`."""
    return error.response.get("Error", {}).get("Code", "")


def error_message(error: ClientError) -> str:
    """Return the service's own words."""
    return error.response.get("Error", {}).get("Message", "")
