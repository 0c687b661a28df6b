"""The functions in this process: each test has a runtime of its own.

`handler(event, context)` is how Lambda calls them; `deliver` hands in the test's runtime as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from types import ModuleType
from typing import Any

from provisioner.aws.clients import Clients
from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import TemporaryError
from provisioner.settings import Settings
from tests.support.clients import CLIENTS


@dataclass
class Context:
    """Lambda's."""

    function_name: str = "job_stream"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:jobs_job_stream"
    aws_request_id: str = "52fdfc07-2182-154f-163f-5f0f9a621d72"
    remaining_milliseconds: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_milliseconds


class Unavailable:
    """An adapter of a service that does not answer."""

    def __getattr__(self, name: str) -> Any:
        def call(*_: object, **__: object) -> None:
            raise TemporaryError(f"{name}: no answer")

        return call


class Clock:
    """The time, and what has passed between the calls of functions: on AWS they take longer.

    Without that the speed of this machine would say which operations the rate limits let through.
    """

    BETWEEN = timedelta(milliseconds=600)
    """Longer than two operations of one quota are apart (`provisioner.stacks.rate_limits`)."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def proceed(self) -> None:
        self._ahead += self.BETWEEN

    def restart(self) -> None:
        self._ahead = timedelta()


_clock = Clock()
_runtimes: list[Runtime] = []


def runtime() -> Runtime:
    """Return the test's runtime, made from the environment when it is first asked for."""
    if not _runtimes:
        settings = Settings.from_environ(os.environ)
        access = frozenset(each for each in os.environ.items() if each[0].startswith("AWS_"))
        clients = _clients(access)
        clients.calls.clear()
        _runtimes.append(Runtime(settings, clients, clock=_clock, environ=os.environ))
    return _runtimes[0]


@cache
def _clients(_access: frozenset[tuple[str, str]]) -> Clients:
    """Return the clients of such an environment: to make one takes longer than most calls."""
    return Clients(session=CLIENTS.session)


def forget() -> None:
    """Let the next runtime be another; not its clients, which have read the services' models."""
    _runtimes.clear()
    _clock.restart()


def hand_in(**adapters: object) -> Runtime:
    """Give the test's runtime other adapters under these names."""
    _runtimes[:] = [having(runtime(), **adapters)]
    return _runtimes[0]


def having(other: Runtime, **adapters: object) -> Runtime:
    """Return a runtime like another, with other adapters under these names."""
    unknown = [name for name in adapters if not hasattr(Runtime, name)]
    assert not unknown, f"a runtime has no {unknown}"
    kind = type(other.__class__.__name__, (other.__class__,), adapters)
    return kind(**{each.name: getattr(other, each.name) for each in fields(other)})


def deliver(function: ModuleType, event: dict[str, Any], context: Context | None = None) -> Any:
    """Call a function as Lambda does."""
    _clock.proceed()
    return function.handler(event, context or Context(), runtime())
