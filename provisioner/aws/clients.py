"""botocore clients, made once a process and only when used, and their errors translated."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
)
from botocore.loaders import Loader

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

_REGION_VARIABLES = ["AWS_REGION", "AWS_DEFAULT_REGION"]
"""As every other SDK of AWS reads them; botocore by itself knows the second one only."""

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=3,
    read_timeout=10,
    user_agent_extra="provisioner",
)
# A throttled operation goes onto the queue, where waiting costs nothing; to try it again here would
# only add to what is throttled.
_AT_ONCE = Config(retries={"total_max_attempts": 1})
_PATIENT = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 8}))
_CONFIGS = {"cloudformation": _CONFIG.merge(_AT_ONCE)}

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
        "ExecutionAlreadyExists",
    }
)
_TEMPORARY = frozenset({"InternalFailure", "ServiceUnavailable"})


class _Loader(Loader):
    """Takes a folder's name for a service's, rather than look into all four hundred of them."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002  (botocore's)
        """Return what may be a service; one that is none is found out when it is loaded."""
        folders = (Path(path) for path in self.search_paths)
        return [entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir()]


@cache
def session() -> botocore.session.Session:
    """Return the process's one session."""
    made = botocore.session.get_session({"region": ("region", _REGION_VARIABLES, None, None)})
    made.register_component("data_loader", _Loader())
    return made


@cache
def client(service: str, region: str | None = None, *, patient: bool = False) -> Any:  # noqa: ANN401  (each service differs)
    """Return the process's one client of a service, in its own Region unless told otherwise.

    A `patient` one tries a throttled call again by itself, whatever the service.

    All come from one session: a client from a new session costs fifty times as much. It is
    botocore's own, which is all of boto3 that is used here.
    """
    config = _PATIENT if patient else _CONFIGS.get(service, _CONFIG)
    try:
        return session().create_client(service, region, config=config)
    except ValueError as error:  # of AWS_ENDPOINT_URL and the Region, which people write
        raise PermanentError(f"{error}{_hint(str(error))}") from error


def _hint(problem: str) -> str:
    return ": it must begin with https:// or http://" if "endpoint" in problem else ""


def knows(service: str, operation: str, parameter: str) -> bool:
    """Tell whether the SDK has a parameter: that of Lambda's runtime is months behind."""
    with translated():
        shape = client(service).meta.service_model.operation_model(operation).input_shape
    return parameter in shape.members


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
    except ParamValidationError as error:  # this SDK is older than a parameter, say
        raise PermanentError(" ".join(str(error).split())) from error
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
