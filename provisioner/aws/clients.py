"""botocore clients, each made when it is first used, and their errors translated."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
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

from provisioner.aws.item_parser import ItemParserFactory
from provisioner.errors import (
    AlreadyStartedError,
    ConflictError,
    DeniedError,
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
_AT_ONCE = Config(retries={"total_max_attempts": 1})
_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 8})

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
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_CONFLICT = frozenset(
    {
        "ConditionalCheckFailedException",
        "TransactionCanceledException",
        "TransactionConflictException",
        "OperationInProgressException",
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


_LOADER = _Loader()
"""Of all sessions: what a service can do is read once, not with each of them."""


class _Client:
    """A client of one service, made when it is first asked for, and kept."""

    def __init__(self, service: str, config: Config = _CONFIG) -> None:
        self._service = service
        self._config = config

    def __set_name__(self, _owner: type[Clients], name: str) -> None:
        self._name = name

    def __get__(self, holder: Clients, _owner: type[Clients]) -> Any:  # noqa: ANN401  (each differs)
        made = holder.make(self._service, self._config)
        holder.__dict__[self._name] = made  # found there from now on, before this descriptor
        return made


_READS = ("Get", "BatchGet", "Query", "Scan")
"""Begin the operations of DynamoDB that read."""


class Clients:
    """The clients of one account and one Region.

    All come from one session: a client from a new session costs fifty times as much. It is
    botocore's own, which is all of boto3 that is used here.

    Parameters
    ----------
    region
        Where it is not the one that the environment or the profile names.
    session
        Whose credentials are used where it is not the environment's.
    """

    def __init__(
        self, region: str | None = None, session: botocore.session.Session | None = None
    ) -> None:
        self._region = region
        self._session = session
        self._others: dict[str, Clients] = {}
        self.calls = Counter[str]()
        """How often each operation was called so far, as `dynamodb.Query`."""

    # A throttled operation goes onto the queue, where waiting costs nothing; to try it again here
    # would only add to what is throttled. What lists all stacks has nowhere to continue later.
    cloudformation = _Client("cloudformation", _CONFIG.merge(_AT_ONCE))
    codebuild = _Client("codebuild")
    cloudformation_patient = _Client("cloudformation", _CONFIG.merge(_PATIENT))
    batch = _Client("batch")
    dynamodb = _Client("dynamodb")
    ec2 = _Client("ec2")
    ecr = _Client("ecr")
    ecs = _Client("ecs")
    lambda_ = _Client("lambda")
    logs = _Client("logs")
    s3 = _Client("s3")
    secretsmanager = _Client("secretsmanager")
    sns = _Client("sns")
    sqs = _Client("sqs")
    stepfunctions = _Client("stepfunctions")
    sts = _Client("sts")

    def in_region(self, region: str) -> Clients:
        """Return the clients of the same account in another Region."""
        if region not in self._others:
            self._others[region] = Clients(region, self.session)
        return self._others[region]

    @property
    def session(self) -> botocore.session.Session:
        """The session that all come from."""
        if self._session is None:
            self._session = new_session()
        return self._session

    def make(self, service: str, config: Config) -> Any:  # noqa: ANN401
        """Make a client.

        Raises
        ------
        PermanentError
            If there is no Region, or AWS_ENDPOINT_URL or the Region is not one.
        """
        with translated():
            try:
                made = self.session.create_client(service, self._region, config=config)
            except ValueError as error:  # of AWS_ENDPOINT_URL and the Region, which people write
                raise PermanentError(f"{error}{_hint(str(error))}") from error
        made.meta.events.register("before-call", self._count)
        return made

    def reads(self, service: str) -> int:
        """Return how often this process has read from a service so far."""
        names = tuple(f"{service}.{verb}" for verb in _READS)
        return sum(count for name, count in self.calls.items() if name.startswith(names))

    def _count(self, event_name: str, **_: object) -> None:
        self.calls[event_name.removeprefix("before-call.")] += 1


def new_session() -> botocore.session.Session:
    """Return a session of the account that the environment names."""
    made = botocore.session.get_session({"region": ("region", _REGION_VARIABLES, None, None)})
    made.register_component("data_loader", _LOADER)
    made.register_component("response_parser_factory", ItemParserFactory())
    return made


def _hint(problem: str) -> str:
    return ": it must begin with https:// or http://" if "endpoint" in problem else ""


@contextmanager
def translated() -> Iterator[None]:
    """Turn botocore's errors into ours: temporary, or permanent with AWS's own words."""
    try:
        yield
    except ClientError as error:
        raise translate(error) from error
    except NoCredentialsError as error:
        message = 'no AWS credentials: set AWS_PROFILE, or run "aws configure" or "aws sso login"'
        raise PermanentError(message) from error
    except NoRegionError as error:
        message = 'no AWS Region: set AWS_REGION, or run "aws configure"'
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
    if code in _DENIED:
        return DeniedError(message)
    if code == "TokenAlreadyExistsException":
        return AlreadyStartedError(message)
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
