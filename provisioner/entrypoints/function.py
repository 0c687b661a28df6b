"""What all functions have: a runtime, a log, metrics, and a place for what fails for good."""

from __future__ import annotations

from functools import wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from aws_lambda_powertools import Logger

from provisioner.entrypoints import wiring
from provisioner.entrypoints.metrics import Count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from provisioner.entrypoints.wiring import Runtime

R_co = TypeVar("R_co", covariant=True)

logger = Logger()


class Handler(Protocol[R_co]):
    """A handler as Lambda calls it, and as tests do: these hand in a runtime."""

    def __call__(
        self, event: dict[str, Any], context: LambdaContext, runtime: Runtime | None = None
    ) -> R_co:
        """Handle an event; with the process's own runtime if none is handed in."""


def function(
    handle: Callable[[dict[str, Any], LambdaContext, Runtime], R_co],
) -> Handler[R_co]:
    """Make a handler log its context and, however it ends, publish what it counted."""

    @wraps(handle)
    @logger.inject_lambda_context
    def handler(
        event: dict[str, Any], context: LambdaContext, runtime: Runtime | None = None
    ) -> R_co:
        here = runtime or wiring.runtime()
        try:
            return handle(event, context, here)
        finally:
            here.counted_stacks.forget()
            here.metrics.publish()

    return handler


def about(
    runtime: Runtime, job_name: str, digest: str | None = None
) -> AbstractContextManager[None]:
    """Let every line that is logged inside say which job, and which spec of it, it is about."""
    known = digest or runtime.counted_stacks.known_digest(job_name)
    return logger.append_context_keys(job_name=job_name, digest=known or "unknown")


def send_to_dead_letter_queue(
    runtime: Runtime,
    payload: str,
    error: Exception,
    source: str,
    job_name: str | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> bool:
    """Send what failed for good to the dead-letter queue; False when that fails, too.

    Parameters
    ----------
    payload
        What the function was given, as text.
    source
        The function.
    job_name
        The job that it is about, if that is known.
    more
        Further attributes of the message, which redriving it needs.
    """
    kind = type(error).__name__
    reason = str(error) or kind
    attributes = {
        "reason": reason,
        "error_type": kind,
        "source": source,
        "job_name": job_name or "",
    }
    with about(runtime, job_name or "unknown"):
        try:
            runtime.dead_letters.send(payload, {**attributes, **more})
        except Exception:
            logger.exception(
                "sending to the dead-letter queue failed", source=source, reason=reason
            )
            runtime.metrics.count(Count.RECONCILE_ERRORS)
            return False
        logger.error("sent to the dead-letter queue", reason=reason, error_type=kind)
        runtime.metrics.count(Count.DEAD_LETTERS)
        return True
