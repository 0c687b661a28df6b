"""The answers of the API, as its description has them; nothing else reads this at run time.

One module a subject, as in `provisioner.api.resources`; here is what routes name. A field without a
default is always there. Items of lists may lack any field: callers choose them.
"""

from provisioner.api.answers.about import Health, OpenApi
from provisioner.api.answers.audit import AuditPage
from provisioner.api.answers.builds import Build, Builds
from provisioner.api.answers.bulk import Bulk, BulkActions
from provisioner.api.answers.dead_letters import DeadLetters, Discarded, Redriven
from provisioner.api.answers.deployments import Deployments
from provisioner.api.answers.jobs import JobDetail, JobsPage, Operations, Stack
from provisioner.api.answers.logs import Log
from provisioner.api.answers.problems import Problem, Problems, ProblemType
from provisioner.api.answers.rows import Accepted, Plan, ReplacedRow, Row, Validation, WrittenRow
from provisioner.api.answers.runs import (
    FanOutItem,
    ItemsPage,
    RunDetail,
    RunsPage,
    StartedRun,
    StoppedRun,
)
from provisioner.api.answers.schedules import BackfillAnswer, Paused, Schedule
from provisioner.api.answers.submissions import Submission, Submitted
from provisioner.api.answers.upgrades import Upgrade
from provisioner.api.answers.versions import VersionDetail, Versions

__all__ = [
    "Accepted",
    "AuditPage",
    "BackfillAnswer",
    "Build",
    "Builds",
    "Bulk",
    "BulkActions",
    "DeadLetters",
    "Deployments",
    "Discarded",
    "FanOutItem",
    "Health",
    "ItemsPage",
    "JobDetail",
    "JobsPage",
    "Log",
    "OpenApi",
    "Operations",
    "Paused",
    "Plan",
    "Problem",
    "ProblemType",
    "Problems",
    "Redriven",
    "ReplacedRow",
    "Row",
    "RunDetail",
    "RunsPage",
    "Schedule",
    "Stack",
    "StartedRun",
    "StoppedRun",
    "Submission",
    "Submitted",
    "Upgrade",
    "Validation",
    "VersionDetail",
    "Versions",
    "WrittenRow",
]
