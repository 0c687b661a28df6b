"""Builds in CodeBuild: what is asked for, and how its answers read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.stub import ANY, Stubber

from provisioner.aws.builds import Builds
from provisioner.aws.clients import Clients
from provisioner.errors import NotFoundError, TemporaryError
from provisioner.jobs import parse
from provisioner.jobs.artifacts import S3Object
from provisioner.jobs.git_source import GitSource
from provisioner.jobs.unbuilt import unbuilt
from provisioner.stacks.builds import BuildReport
from provisioner.stacks.model import BuildStatus

BUILD = {"source": "s3://sources/report.zip", "args": {"A": "$(id)"}}
WANTED = unbuilt(
    parse({"job_name": "report", "type": "ecs", "architecture": "x86_64", "build": BUILD}),
    "jobs",
    S3Object("sources", "report.zip", "v1"),
    "d" * 64,
)
AT = datetime(2026, 11, 26, 9, tzinfo=UTC)


@pytest.fixture
def clients():
    return Clients("eu-west-1")


@pytest.fixture
def codebuild(clients):
    with Stubber(clients.codebuild) as stub:
        yield stub


@pytest.fixture
def builds(clients):
    return Builds(clients, "jobs")


def test_a_build_is_started_with_the_rows_text_as_values_only(codebuild, builds):
    variables = [
        {"name": name, "value": value, "type": "PLAINTEXT"}
        for name, value in WANTED.variables.items()
    ]
    codebuild.add_response(
        "start_build",
        {"build": {"id": "jobs_build_x86_64:1"}},
        {
            "projectName": "jobs_build_x86_64",
            "sourceTypeOverride": "S3",
            "sourceLocationOverride": "sources/report.zip",
            "sourceVersion": "v1",
            "environmentVariablesOverride": variables,
            "idempotencyToken": "token",
        },
    )

    assert builds.start(WANTED, "token") == "jobs_build_x86_64:1"
    assert {"name": "BUILD_ARG_01", "value": "A=$(id)", "type": "PLAINTEXT"} in variables


def test_a_commit_is_read_by_the_connection_of_its_row(codebuild, builds):
    connection = "arn:aws:codeconnections:eu-west-1:123456789012:connection/0f9d"
    source = GitSource(connection, "github.com/acme/report", "a" * 40)
    request = {
        "projectName": "jobs_build_x86_64",
        "sourceTypeOverride": "GITHUB",
        "sourceLocationOverride": "https://github.com/acme/report.git",
        "sourceAuthOverride": {"type": "CODECONNECTIONS", "resource": connection},
        "sourceVersion": "a" * 40,
        "environmentVariablesOverride": ANY,
        "idempotencyToken": "token",
    }
    codebuild.add_response("start_build", {"build": {"id": "jobs_build_x86_64:1"}}, request)

    assert builds.start(replace(WANTED, source=source), "token") == "jobs_build_x86_64:1"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccountLimitExceededException", TemporaryError),
        ("ThrottlingException", TemporaryError),
        ("ResourceNotFoundException", NotFoundError),
    ],
)
def test_what_codebuild_refuses(codebuild, builds, code, error):
    codebuild.add_client_error("start_build", code, "no")

    with pytest.raises(error):
        builds.start(WANTED, "token")


PHASES = [
    {"phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED"},
    {
        "phaseType": "BUILD",
        "phaseStatus": "FAILED",
        "contexts": [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "exit status 1"}],
    },
    {"phaseType": "POST_BUILD", "phaseStatus": "FAILED", "contexts": [{"message": "later"}]},
    {"phaseType": "COMPLETED"},
]


COMMAND = {
    "contexts": [{"message": "Error while executing command: a\nb. Reason: exit status 1"}],
}
LATE = {"phaseStatus": "TIMED_OUT", "contexts": []}


@pytest.mark.parametrize(
    ("build", "report"),
    [
        ({"buildStatus": "IN_PROGRESS"}, BuildReport(BuildStatus.RUNNING)),
        (
            {"buildStatus": "SUCCEEDED", "startTime": AT, "endTime": AT},
            BuildReport(BuildStatus.SUCCEEDED, AT, AT),
        ),
        (
            {"buildStatus": "FAILED", "phases": PHASES, "logs": {"deepLink": "https://log"}},
            BuildReport(BuildStatus.FAILED, reason="BUILD: exit status 1", log_url="https://log"),
        ),
        (
            {
                "buildStatus": "TIMED_OUT",
                "phases": [{"phaseType": "BUILD", "phaseStatus": "TIMED_OUT"}],
            },
            BuildReport(BuildStatus.FAILED, reason="BUILD: TIMED_OUT"),
        ),
        (
            {"buildStatus": "FAILED", "phases": [PHASES[1] | COMMAND]},
            BuildReport(
                BuildStatus.FAILED,
                reason="BUILD: a command failed, see the log (exit status 1)",
            ),
        ),
        ({"buildStatus": "STOPPED"}, BuildReport(BuildStatus.FAILED, reason="STOPPED")),
    ],
    ids=["running", "succeeded", "failed", "timed-out", "command", "stopped"],
)
def test_how_a_build_is_described(codebuild, builds, build, report):
    codebuild.add_response("batch_get_builds", {"builds": [build]}, {"ids": ["1"]})

    assert builds.find("1") == report


def test_a_build_that_is_not_there(codebuild, builds):
    codebuild.add_response("batch_get_builds", {"builds": [], "buildsNotFound": ["1"]})

    assert builds.find("1") is None


@pytest.mark.parametrize("error", [None, "ResourceNotFoundException"], ids=["runs", "is unknown"])
def test_a_build_is_stopped_if_it_is_there(codebuild, builds, error):
    if error is None:
        codebuild.add_response("stop_build", {"build": {}}, {"id": "jobs_build_x86_64:1"})
    else:
        codebuild.add_client_error("stop_build", error)

    builds.stop("jobs_build_x86_64:1")

    codebuild.assert_no_pending_responses()
