"""What IAM is asked about jobs and queues: which, and a job's tags: the engine knows neither."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.batch.records import Job, jobs
from provisioner.local.shim.patching import wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_ACTIONS = "ministack.core.iam_actions"
_TERMINATE, _SNAPSHOT = "/v1/terminatejob", "/v1/getjobqueuesnapshot"


def install() -> None:
    """Give IAM the job's ARN and the job's tags."""
    wrap(_ACTIONS, "extract_resource_arn", _of_the_job)
    wrap(_ACTIONS, "request_tag_context", _with_its_tags)


def _of_the_job(extract: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(extract)
    def extracting(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        *more: Any,  # noqa: ANN401
    ) -> str:
        if service == "batch" and path.lower() == _SNAPSHOT:
            return str(json.loads(body)["jobQueue"])
        job = _named(body) if service == "batch" and path.lower() == _TERMINATE else None
        return job["jobArn"] if job else extract(service, method, path, headers, body, *more)

    return extracting


def _with_its_tags(context: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(context)
    def keys(service: str, action: str, body: bytes, parameters: dict[str, Any]) -> Any:  # noqa: ANN401
        found = context(service, action, body, parameters)
        job = _named(body) if action == "batch:TerminateJob" else None
        tags = job["tags"] if job else {}
        return found | {f"aws:ResourceTag/{name}".lower(): text for name, text in tags.items()}

    return keys


def _named(body: bytes) -> Job | None:
    return jobs().get(json.loads(body or b"{}").get("jobId", ""))
