"""CodeBuild: the builds of jobs' code."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from provisioner.aws.clients import error_code, error_message, translated
from provisioner.errors import NotFoundError, TemporaryError
from provisioner.jobs.git_source import GitSource
from provisioner.stacks.builds import BuildReport
from provisioner.stacks.model import BuildStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provisioner.aws.clients import Clients
    from provisioner.jobs.artifacts import S3Object
    from provisioner.jobs.unbuilt import Unbuilt

_STATUSES = {"IN_PROGRESS": BuildStatus.RUNNING, "SUCCEEDED": BuildStatus.SUCCEEDED}
"""What else there is (StatusType in CodeBuild's API reference) has failed."""

_COMMAND = "Error while executing command: "

_NO_ROOM = "AccountLimitExceededException"


class Builds:
    """The builds of one bootstrap, in its project for each architecture."""

    def __init__(self, clients: Clients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix

    def start(self, wanted: Unbuilt, token: str) -> str:
        """Start a build and return its id; the same token again starts it once.

        Raises
        ------
        TemporaryError
            If as many builds run as may.
        """
        request: dict[str, Any] = {
            "projectName": f"{self._prefix}_{wanted.project}",
            **_source(wanted.source),
            "environmentVariablesOverride": [
                {"name": name, "value": text, "type": "PLAINTEXT"}
                for name, text in wanted.variables.items()
            ],
            "idempotencyToken": token,
        }
        with translated():
            try:
                return str(self._clients.codebuild.start_build(**request)["build"]["id"])
            except ClientError as error:
                if error_code(error) == _NO_ROOM:
                    raise TemporaryError(error_message(error)) from error
                raise

    def find(self, build_id: str) -> BuildReport | None:
        """Return what has become of a build, None when CodeBuild does not know it."""
        with translated():
            found = self._clients.codebuild.batch_get_builds(ids=[build_id])["builds"]
        if not found:
            return None
        build = found[0]
        status = _STATUSES.get(build["buildStatus"], BuildStatus.FAILED)
        return BuildReport(
            status=status,
            started_at=_time(build.get("startTime")),
            ended_at=_time(build.get("endTime")),
            reason=_reason(build) if status is BuildStatus.FAILED else None,
            log_url=build.get("logs", {}).get("deepLink"),
        )

    def stop(self, build_id: str) -> None:
        """Stop a build; one that has ended, or that nobody knows, stays as it is."""
        with contextlib.suppress(NotFoundError), translated():
            self._clients.codebuild.stop_build(id=build_id)


def _source(source: S3Object | GitSource) -> dict[str, Any]:
    request: dict[str, Any] = {
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": source.location,
    }
    if source.version_id:
        request["sourceVersion"] = source.version_id
    if isinstance(source, GitSource):
        request["sourceTypeOverride"] = source.type
        request["sourceAuthOverride"] = {"type": "CODECONNECTIONS", "resource": source.connection}
    return request


def _reason(build: dict[str, Any]) -> str:
    """Return which phase failed first, and what CodeBuild says of it."""
    for phase in build.get("phases", ()):
        if phase.get("phaseStatus") not in {None, "SUCCEEDED", "IN_PROGRESS"}:
            said = "; ".join(_messages(phase.get("contexts", ())))
            return f"{phase['phaseType']}: {said or phase['phaseStatus']}"
    return str(build["buildStatus"])


def _messages(contexts: Iterable[dict[str, Any]]) -> Iterator[str]:
    for each in contexts:
        message = (each.get("message") or "").strip(": ")
        if message.startswith(_COMMAND):  # all of ours, which says nothing; the log shows the rest
            _, _, reason = message.rpartition("Reason: ")
            message = f"a command failed, see the log{f' ({reason})' if reason != message else ''}"
        if message:
            yield message


def _time(value: datetime | None) -> datetime | None:
    return value.astimezone(UTC) if value else None
