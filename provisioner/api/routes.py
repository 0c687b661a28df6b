"""Every route of the API: the one table that dispatch, OpenAPI, IAM policies and tests read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.service.rights import NEEDED, Action

if TYPE_CHECKING:
    from provisioner.service.caller import Role

JOB = "/v1/jobs/{job_name}"
RUN = f"{JOB}/runs/{{run}}"
BUILD = f"{JOB}/builds/{{build}}"
VERSION = f"{JOB}/versions/{{version}}"
ROW = "/v1/rows/{job_name}"

PATH_PATTERNS = {
    "job_name": r"[a-z][a-z0-9-]{0,39}",
    "run": r"[A-Za-z0-9_.-]{1,80}",
    "item": r"0|[1-9][0-9]{0,5}",
    "build": r"[0-9a-f-]{36}",
    "version": r"[1-9][0-9]{0,8}",
    "submission": r"[a-z][a-z0-9-]{0,39}\.[A-Za-z0-9_.-]{1,80}",
    "bulk": r"[A-Za-z0-9-]{1,40}",
    "problem": r"[a-z-]{1,40}",
}
"""What stands in a path: another name is that of nothing, so it is 404."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes
    ----------
    handler
        Module and function in `provisioner.api.resources`.
    query, body
        Models in `provisioner.api.parameters`.
    answer
        A model in `provisioner.api.answers`; None for an answer without a body.
    status
        Of an answer that is not a problem.
    conditional
        Whether it needs If-Match.
    problems
        Statuses that it answers besides those that every route may.
    """

    method: str
    path: str
    action: Action
    handler: str
    summary: str
    query: str = "Nothing"
    body: str | None = None
    answer: str | None = None
    status: int = 200
    conditional: bool = False
    problems: tuple[int, ...] = ()

    @property
    def role(self) -> Role:
        """The least role that may use it."""
        return NEEDED[self.action]

    @property
    def name(self) -> str:
        """A name that is unique among the routes, for OpenAPI and tests."""
        return self.handler.rpartition(".")[2]

    @property
    def creates(self) -> bool:
        """Whether it may create a row."""
        return self.answer == "WrittenRow" and self.method != "PATCH"

    @property
    def starts(self) -> bool:
        """Whether it starts one run, which an idempotency key can name."""
        return self.answer in {"StartedRun", "Submitted"}

    @property
    def key(self) -> str:
        """As API Gateway names it."""
        return f"{self.method} {self.path}"

    @property
    def pattern(self) -> re.Pattern[str]:
        """What its path matches."""
        return re.compile(
            re.sub(
                r"\{(\w+)\}", lambda found: f"(?P<{found[1]}>{PATH_PATTERNS[found[1]]})", self.path
            )
        )


ROUTES: tuple[Route, ...] = (
    # Jobs
    Route(
        "GET",
        "/v1/jobs",
        Action.LIST_JOBS,
        "jobs.list_jobs",
        "List jobs by name",
        query="ListJobs",
        answer="JobsPage",
    ),
    Route(
        "GET",
        JOB,
        Action.GET_JOB,
        "jobs.get_job",
        "Get a job: its row without values of environment variables, its stack, its last runs",
        answer="JobDetail",
        problems=(404,),
    ),
    Route(
        "POST",
        f"{JOB}/retry",
        Action.RETRY_JOB,
        "jobs.retry_job",
        "Reconcile a job again although its row has not changed",
        query="Write",
        answer="Accepted",
        status=202,
        problems=(404,),
    ),
    Route(
        "POST",
        f"{JOB}/confirm-deletion",
        Action.CONFIRM_DELETION,
        "jobs.confirm_deletion",
        "Confirm the deletion of a stack that is held because many rows were removed",
        query="Write",
        answer="Accepted",
        status=202,
        problems=(404, 409),
    ),
    Route(
        "GET",
        f"{JOB}/stack",
        Action.GET_STACK,
        "jobs.get_stack",
        "Get the Stacks row of a job",
        answer="Stack",
        problems=(404,),
    ),
    Route(
        "GET",
        f"{JOB}/stack/operations",
        Action.GET_STACK,
        "jobs.list_operations",
        "List the last operations of a job's stack, each with the reason if it failed",
        answer="Operations",
        problems=(404,),
    ),
    # Rows
    Route(
        "GET",
        ROW,
        Action.READ_ENVIRONMENT,
        "rows.get_row",
        "Get the whole row of a job, with its ETag",
        answer="Row",
        problems=(404,),
    ),
    Route(
        "PUT",
        ROW,
        Action.UPDATE_ROW,
        "rows.put_row",
        "Create or replace a row",
        query="Write",
        body="RowBody",
        answer="WrittenRow",
        conditional=True,
        problems=(409,),
    ),
    Route(
        "PATCH",
        ROW,
        Action.UPDATE_ROW,
        "rows.patch_row",
        "Change attributes of a row",
        query="Write",
        body="MergePatch",
        answer="WrittenRow",
        conditional=True,
        problems=(404,),
    ),
    Route(
        "DELETE",
        ROW,
        Action.DELETE_ROW,
        "rows.delete_row",
        "Remove a row; its stack follows, unless its deletion_policy is retain",
        query="Write",
        answer="Accepted",
        status=202,
        conditional=True,
        problems=(404,),
    ),
    Route(
        "POST",
        f"{ROW}/validate",
        Action.CHECK_ROW,
        "rows.validate_row",
        "Check a row without writing it",
        body="RowBody",
        answer="Validation",
    ),
    Route(
        "POST",
        f"{ROW}/plan",
        Action.PLAN_ROW,
        "rows.plan_row",
        "Show what writing a row would change",
        body="RowBody",
        answer="Plan",
    ),
    # Builds
    Route(
        "GET",
        f"{JOB}/builds",
        Action.LIST_BUILDS,
        "builds.list_builds",
        "List the last builds of a job's code, newest first",
        answer="Builds",
        problems=(404,),
    ),
    Route(
        "POST",
        f"{JOB}/builds",
        Action.START_BUILD,
        "builds.build_again",
        "Build a job's code again after a failure, or another commit of its Git repository",
        query="Build",
        answer="Accepted",
        status=202,
        problems=(404, 409, 412, 422),
    ),
    Route(
        "GET",
        BUILD,
        Action.LIST_BUILDS,
        "builds.get_build",
        "Get a build",
        answer="Build",
        problems=(404,),
    ),
    Route(
        "GET",
        f"{BUILD}/log",
        Action.LIST_BUILDS,
        "builds.get_build_log",
        "Get a page of a build's log",
        query="GetLog",
        answer="Log",
        problems=(404,),
    ),
    # Versions of rows
    Route(
        "GET",
        f"{JOB}/versions",
        Action.LIST_VERSIONS,
        "versions.list_versions",
        "List the versions of a job's row, newest first, with who wrote them",
        answer="Versions",
        problems=(404,),
    ),
    Route(
        "GET",
        VERSION,
        Action.GET_VERSION,
        "versions.get_version",
        "Get a version of a job's row without values of environment variables, and what it changed",
        answer="VersionDetail",
        problems=(404,),
    ),
    Route(
        "POST",
        f"{VERSION}/restore",
        Action.RESTORE_VERSION,
        "versions.restore_version",
        "Restore a version of a row, if the row still has the ETag",
        query="Write",
        answer="WrittenRow",
        conditional=True,
        problems=(404, 409, 422),
    ),
    # Deployments
    Route(
        "GET",
        f"{JOB}/deployments",
        Action.GET_DEPLOYMENTS,
        "deployments.list_deployments",
        "List the last ten deployments of a job, newest first, with what caused them",
        answer="Deployments",
        problems=(404,),
    ),
    Route(
        "POST",
        f"{JOB}/rollback",
        Action.ROLL_BACK,
        "deployments.roll_back",
        "Roll a job back to an earlier deployment, if its row still has the ETag",
        query="Write",
        body="Rollback",
        answer="ReplacedRow",
        conditional=True,
        problems=(404, 409, 422),
    ),
    Route(
        "POST",
        f"{JOB}/unpin",
        Action.UNPIN,
        "deployments.unpin",
        "Remove the pin from a row: the job runs the newest code again",
        query="Write",
        answer="ReplacedRow",
        conditional=True,
        problems=(404, 409, 422),
    ),
    # Audit
    Route(
        "GET",
        "/v1/audit",
        Action.GET_AUDIT,
        "audit.list_audit",
        "List who did what, newest first",
        query="ListAudit",
        answer="AuditPage",
    ),
    Route(
        "GET",
        f"{JOB}/audit",
        Action.GET_AUDIT,
        "audit.list_job_audit",
        "List who did what to a job or one of its runs, newest first",
        query="ListJobAudit",
        answer="AuditPage",
    ),
    # Submissions
    Route(
        "POST",
        "/v1/submissions",
        Action.SUBMIT,
        "submissions.submit",
        "Submit work to the job that the request names",
        query="Write",
        body="Submit",
        answer="Submitted",
        status=202,
        problems=(404, 409),
    ),
    Route(
        "GET",
        "/v1/submissions/{submission}",
        Action.GET_SUBMISSION,
        "submissions.get_submission",
        "Get the progress of a submission",
        query="GetRun",
        answer="Submission",
        problems=(404,),
    ),
    # Schedules
    Route(
        "GET",
        f"{JOB}/schedule",
        Action.GET_SCHEDULE,
        "schedules.get_schedule",
        "Get the next and the last scheduled times of a job",
        query="GetSchedule",
        answer="Schedule",
        problems=(404, 409),
    ),
    Route(
        "POST",
        f"{JOB}/schedule/pause",
        Action.PAUSE_SCHEDULE,
        "schedules.pause_schedule",
        "Turn the schedule of a job off in its row, with a note",
        query="Write",
        body="Note",
        answer="Paused",
        problems=(404, 409, 412),
    ),
    Route(
        "POST",
        f"{JOB}/schedule/resume",
        Action.RESUME_SCHEDULE,
        "schedules.resume_schedule",
        "Turn the schedule of a job on, and end a pause after failures",
        query="Write",
        answer="Paused",
        problems=(404, 409, 412, 422),
    ),
    Route(
        "POST",
        f"{JOB}/schedule/backfill",
        Action.BACKFILL,
        "schedules.backfill",
        "Start runs for scheduled times in the past; repeat the request to start the rest",
        query="Write",
        body="Backfill",
        answer="BackfillAnswer",
        status=202,
        problems=(404, 409),
    ),
    # Runs
    Route(
        "GET",
        "/v1/runs",
        Action.LIST_RUNS,
        "runs.list_runs",
        "List the runs of all jobs, newest first",
        query="ListAllRuns",
        answer="RunsPage",
        problems=(409,),
    ),
    Route(
        "GET",
        f"{JOB}/runs",
        Action.LIST_RUNS,
        "runs.list_job_runs",
        "List the runs of a job, newest first",
        query="ListRuns",
        answer="RunsPage",
        problems=(404,),
    ),
    Route(
        "POST",
        f"{JOB}/runs",
        Action.START_RUN,
        "runs.start_run",
        "Start a run",
        query="Write",
        body="StartRun",
        answer="StartedRun",
        status=202,
        problems=(404, 409),
    ),
    Route(
        "GET",
        RUN,
        Action.GET_RUN,
        "runs.get_run",
        "Get a run, or wait for its end",
        query="GetRun",
        answer="RunDetail",
        problems=(404,),
    ),
    Route(
        "POST",
        f"{RUN}/stop",
        Action.STOP_RUN,
        "runs.stop_run",
        "Stop a run",
        query="Write",
        body="Reason",
        answer="StoppedRun",
        status=202,
        problems=(404, 409),
    ),
    Route(
        "POST",
        f"{RUN}/again",
        Action.START_RUN,
        "runs.run_again",
        "Start a run with the input and the overrides of another",
        query="Write",
        body="RunAgain",
        answer="StartedRun",
        status=202,
        problems=(404, 409),
    ),
    Route(
        "GET",
        f"{RUN}/log",
        Action.GET_LOGS,
        "runs.get_log",
        "Get a page of a run's log",
        query="GetLog",
        answer="Log",
        problems=(404, 409),
    ),
    Route(
        "GET",
        f"{RUN}/items",
        Action.GET_RUN,
        "runs.list_items",
        "List the items of a run with a fan-out that have ended, by their index",
        query="ListItems",
        answer="ItemsPage",
        problems=(404,),
    ),
    Route(
        "GET",
        f"{RUN}/items/{{item}}",
        Action.GET_RUN,
        "runs.get_item",
        "Get what an item of a run returned, or why it failed",
        answer="FanOutItem",
        problems=(404,),
    ),
    # Many at once
    Route(
        "POST",
        "/v1/bulk",
        Action.BULK,
        "bulk.start_bulk",
        "Begin a bulk action on jobs or runs; then take its steps",
        query="Write",
        body="StartBulk",
        answer="Bulk",
        status=202,
        problems=(404, 409, 412),
    ),
    Route(
        "GET",
        "/v1/bulk/{bulk}",
        Action.GET_BULK,
        "bulk.get_bulk",
        "Get the progress of a bulk action",
        answer="Bulk",
        problems=(404,),
    ),
    Route(
        "POST",
        "/v1/bulk/{bulk}/step",
        Action.BULK,
        "bulk.step_bulk",
        "Process the next ten targets; repeat until it is over",
        answer="Bulk",
        problems=(404, 409),
    ),
    # Dead-letter messages
    Route(
        "GET",
        "/v1/dead-letters",
        Action.LIST_DEAD_LETTERS,
        "dead_letters.list_dead_letters",
        "List dead-letter messages",
        answer="DeadLetters",
        problems=(409,),
    ),
    Route(
        "POST",
        "/v1/dead-letters/redrive",
        Action.REDRIVE_DEAD_LETTERS,
        "dead_letters.redrive_dead_letters",
        "Redrive dead-letter messages: process them again",
        query="Write",
        body="DeadLetterIds",
        answer="Redriven",
        problems=(404, 409),
    ),
    Route(
        "POST",
        "/v1/dead-letters/discard",
        Action.DISCARD_DEAD_LETTERS,
        "dead_letters.discard_dead_letters",
        "Discard dead-letter messages",
        query="Write",
        body="DeadLetterIds",
        answer="Discarded",
        problems=(404, 409),
    ),
    # Upgrade
    Route(
        "POST",
        "/v1/upgrades",
        Action.START_UPGRADE,
        "upgrades.start_upgrade",
        "Update the stacks of all jobs to this release, in waves",
        query="Write",
        body="StartUpgrade",
        answer="Upgrade",
        status=202,
        problems=(409,),
    ),
    Route(
        "GET",
        "/v1/upgrades/current",
        Action.GET_UPGRADE,
        "upgrades.get_upgrade",
        "Get the progress of the last upgrade",
        answer="Upgrade",
        problems=(404,),
    ),
    Route(
        "POST",
        "/v1/upgrades/current/resume",
        Action.RESUME_UPGRADE,
        "upgrades.resume_upgrade",
        "Continue a paused upgrade",
        query="Write",
        body="ResumeUpgrade",
        answer="Upgrade",
        status=202,
        problems=(404, 409),
    ),
    Route(
        "POST",
        "/v1/upgrades/current/abort",
        Action.ABORT_UPGRADE,
        "upgrades.abort_upgrade",
        "End an upgrade; jobs that are not updated yet stay as they are",
        query="Write",
        body="AbortUpgrade",
        answer="Upgrade",
        status=202,
        problems=(404, 409),
    ),
    # The API itself
    Route(
        "GET",
        "/v1/health",
        Action.GET_HEALTH,
        "about.get_health",
        "Check that the tables answer",
        answer="Health",
    ),
    Route(
        "GET",
        "/v1/openapi.json",
        Action.GET_HEALTH,
        "about.get_openapi",
        "Get this description",
        answer="OpenApi",
    ),
    Route(
        "GET",
        "/v1/problems",
        Action.GET_HEALTH,
        "about.list_problems",
        "List the problem types",
        answer="Problems",
    ),
    Route(
        "GET",
        "/v1/problems/{problem}",
        Action.GET_HEALTH,
        "about.get_problem",
        "Get a problem type",
        answer="ProblemType",
        problems=(404,),
    ),
)
"""`$default` leads here, too: other paths are 404, other methods 405."""
