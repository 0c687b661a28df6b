"""The items of the Triggers table: their keys, attributes and statuses. Pure text, no rules.

All items of a job have the same partition key, so one transaction can write several of them. What
kind an item is can be read off its sort key. docs/reference/triggers-table.md says who writes and
reads each; the workflow (`templates.workflow`) and the adapters (`provisioner.aws`) take the names
from here. Expressions of DynamoDB are text and spell them out; a test holds them to these.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCK = "#lock"
"""Sort key of the item that says which execution holds a job's lock."""

PAUSE = "#pause"
"""Sort key of the item that says whether a job's schedule is paused."""

QUEUE = "#queue"
"""Sort key of the item that says which concurrency slots of a job's queue are in use."""

RECENT = "#recent"
"""Sort key of the item that says what a list of jobs shows of a job's runs."""

SCHEDULED_TIME_PREFIX = "#tick#"
DEPENDANT_PREFIX = "#dependant#"
COST_PREFIX = "#cost#"
BULK_PREFIX = "#bulk#"
SUBMISSION_PREFIX = "#submission#"

FIRST_RUN = "0"
"""Runs sort from here: their keys begin with a year, those of other items with `#`."""

BY_STATUS = "by_status"
"""The index: partition key `status`, sort key `started_at`."""

BY_TIME = "runs_by_time"
"""The index of all jobs' runs: partition key `run_shard`, sort key `trigger_id`, `LIST_FIELDS`."""

RUN_SHARDS = 2
"""Partition keys of `BY_TIME`. docs/internals/data-model.md has the sum; a row may have any."""

INDEX = f"#{BY_TIME}/{RUN_SHARDS}"
"""Partition key of the item that says how far the rows of earlier versions are in `BY_TIME`.

With other shards all rows are looked through once more.
"""

JOBS_INDEX = "#jobs_by_name"
"""Partition key of the one that says how far the jobs of earlier versions are in their index."""

BACKFILL = "#backfill"
"""Sort key of those items."""

BULK = "#bulk"
"""Partition key of the items that say what a bulk operation is, and how far it has come."""

ARTIFACT_PREFIX = "#artifact#"
"""Begins the partition keys of the items that say which jobs track an artifact."""

TRACKER_PREFIX = "#job#"

UPGRADE = "#upgrade"
"""Both keys of the item that says how far the upgrade of the provisioner has come."""

TIME_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?Z"
"""Scheduled times, in the form that EventBridge Scheduler gives them. Read by JSONata as well."""

TRIGGER_ID_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,12}Z#.{1,80}"
"""Sort keys of runs. Read by JSONata as well."""

RUN_RETENTION_SECONDS = 90 * 24 * 3600
"""How long a run's row is kept after it began, on top of the job's timeout."""

SCHEDULED_TIME_RETENTION_SECONDS = 7 * 24 * 3600
"""Longer than EventBridge Scheduler retries one: `catch_up_minutes`, at most a day."""


COST_RETENTION_SECONDS = 400 * 24 * 3600
"""How long a month's sum is kept after a run of the month: a year to compare with, and a month."""


_SAFE_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def object_folder(job_name: str, trigger_id: str) -> str:
    """Return where a run's objects are in the artifacts bucket: `_key` of the workflow's `Prepare`.

    The name of an execution may hold more than a URI: such a one is hashed.
    """
    began, _, name = trigger_id.partition("#")
    hashed = hashlib.sha256(name.encode()).hexdigest()
    safe = name if _SAFE_NAME.fullmatch(name) else hashed
    return f"runs/{job_name}/{began.replace(':', '-')}-{safe}/"


class LockStatus(StrEnum):
    """`status` of a lock. The stream's filter knows a released lock by it."""

    HELD = "HELD"
    FREE = "FREE"


class PauseStatus(StrEnum):
    """`status` of a pause."""

    PAUSED = "PAUSED"
    RESUMED = "RESUMED"


class QueueStatus(StrEnum):
    """`status` of a queue; it has none while no message is parked."""

    WAITING = "WAITING"


class Field(StrEnum):
    """Names of attributes. The same name says the same in every kind of item that has it."""

    JOB_NAME = "job_name"
    TRIGGER_ID = "trigger_id"
    STATUS = "status"
    STARTED_AT = "started_at"
    EXPIRES_AT = "expires_at"
    EXECUTION_ARN = "execution_arn"
    OWNER = "owner"

    TYPE = "type"
    SOURCE = "source"
    SCHEDULED_FOR = "scheduled_for"
    STARTED_BY = "started_by"
    PARENT = "parent"
    ENDED_AT = "ended_at"
    DURATION_MS = "duration_ms"
    QUEUED_AT = "queued_at"
    STARTS = "starts"
    LOG_URL = "log_url"
    LOG_STREAM = "log_stream"
    REQUEST_ID = "request_id"
    INPUT = "input"
    OUTPUT = "output"
    ERROR = "error"
    CAUSE = "cause"
    ATTEMPTS = "attempts"
    EXIT_CODE = "exit_code"
    CAPACITY_TYPE = "capacity_type"
    INSTANCE_TYPE = "instance_type"
    SPOT_INTERRUPTIONS = "spot_interruptions"
    QUEUED_MS = "queued_ms"
    PULL_MS = "pull_ms"
    START_MS = "start_ms"
    RUN_MS = "run_ms"
    OVERRIDES = "overrides"
    STOPPED_BY = "stopped_by"
    STOP_REASON = "stop_reason"
    ALERTED_AT = "alerted_at"
    USAGE = "usage"
    WORK_MS = "work_ms"
    ITEM_COUNT = "item_count"
    ITEM_FAILURES = "item_failures"
    BATCH_JOB_ID = "batch_job_id"
    ESTIMATED_COST = "estimated_cost"
    ESTIMATED_COST_FROM = "estimated_cost_from"
    ERROR_GROUP = "error_group"
    RUN_SHARD = "run_shard"
    PENDING_REASON = "pending_reason"
    PENDING_AT = "pending_at"

    RUN_ID = "run_id"
    LEASE_UNTIL = "lease_until"
    WAITING = "waiting"
    CANCELS = "cancels"

    SINCE = "since"
    NOTE = "note"

    ACTION = "action"
    REASON = "reason"
    BY = "by"
    CREATED_AT = "created_at"
    TARGETS = "targets"
    DONE = "done"
    ROWS = "rows"
    FAILURES = "failures"

    # Stored under their first names: a queue's item outlives an upgrade.
    ACQUIRED = "taken"
    ACQUIRED_AT = "taken_at"
    PARKED_AT = "aside_at"

    NEEDS = "needs"

    RUNS = "runs"
    UNPRICED = "unpriced"

    REQUEST = "request"
    SENT_AT = "sent_at"
    DEAD_AT = "dead_at"
    RUN = "run"
    CLAIMED_AT = "claimed_at"

    AFTER = "after"
    DONE_AT = "done_at"
    ASKED_AT = "asked_at"

    UPGRADE = "upgrade"

    LAST = "last"
    SEEN = "seen"
    VERSION = "version"


def _texts(*fields: Field) -> dict[str, str]:
    return dict.fromkeys(fields, "S")


DETAILS: Mapping[str, str] = MappingProxyType(
    {
        **_texts(
            Field.LOG_STREAM,
            Field.REQUEST_ID,
            Field.CAPACITY_TYPE,
            Field.INSTANCE_TYPE,
            Field.BATCH_JOB_ID,
        ),
        **dict.fromkeys((Field.EXIT_CODE, Field.SPOT_INTERRUPTIONS), "N"),
        **dict.fromkeys((Field.QUEUED_MS, Field.PULL_MS, Field.START_MS, Field.RUN_MS), "N"),
        **dict.fromkeys((Field.WORK_MS, Field.ITEM_COUNT, Field.ITEM_FAILURES), "N"),
    }
)
"""Attributes of a run that the workflow writes at its end if they are known, and their types.

None is a reserved word of DynamoDB.
"""

_EXPIRY: dict[str, str] = {Field.EXPIRES_AT: "N"}

RUN_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        **_texts(Field.STATUS, Field.TYPE, Field.SOURCE, Field.SCHEDULED_FOR, Field.STARTED_BY),
        **_texts(Field.PARENT),
        **_texts(Field.STARTED_AT, Field.ENDED_AT, Field.QUEUED_AT, Field.ALERTED_AT),
        **_texts(Field.EXECUTION_ARN, Field.LOG_URL, Field.INPUT, Field.OUTPUT),
        **_texts(Field.ERROR, Field.CAUSE, Field.OVERRIDES),
        **_texts(Field.STOPPED_BY, Field.STOP_REASON),
        **_texts(Field.PENDING_REASON, Field.PENDING_AT),
        **dict.fromkeys((Field.DURATION_MS, Field.STARTS, Field.ATTEMPTS), "N"),
        **DETAILS,
        Field.USAGE: "M",
        **dict.fromkeys((Field.ESTIMATED_COST, Field.ESTIMATED_COST_FROM), "N"),
        Field.ERROR_GROUP: "S",
        Field.RUN_SHARD: "N",
        **_EXPIRY,
    }
)
"""Attributes of a run, and DynamoDB's types of them."""

LIST_FIELDS = (
    *(Field.STATUS, Field.TYPE, Field.SOURCE, Field.SCHEDULED_FOR, Field.STARTED_BY),
    *(Field.STARTED_AT, Field.ENDED_AT, Field.QUEUED_AT, Field.DURATION_MS, Field.ATTEMPTS),
    *(Field.ERROR, Field.ERROR_GROUP, Field.EXIT_CODE, Field.STOPPED_BY, Field.PENDING_REASON),
    *(Field.ESTIMATED_COST, Field.ESTIMATED_COST_FROM),
)
"""What a line of a list shows, besides the keys: `BY_TIME` has nothing else.

The fields of an index cannot be changed in place. Each is bounded, so that an entry stays below a
kilobyte; input, output and cause are not among them.
"""

LOCK_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        **_texts(Field.STATUS, Field.OWNER, Field.EXECUTION_ARN, Field.RUN_ID, Field.CANCELS),
        Field.LEASE_UNTIL: "N",
        Field.WAITING: "SS",
        **_EXPIRY,
    }
)

SCHEDULED_TIME_FIELDS: Mapping[str, str] = MappingProxyType({Field.OWNER: "S", **_EXPIRY})

PAUSE_FIELDS: Mapping[str, str] = MappingProxyType(
    _texts(Field.STATUS, Field.SINCE, Field.NOTE) | _EXPIRY
)

QUEUE_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        Field.ACQUIRED: "SS",
        **_texts(Field.STATUS, Field.STARTED_AT, Field.ACQUIRED_AT, Field.PARKED_AT),
        **_EXPIRY,
    }
)

DEPENDANT_FIELDS: Mapping[str, str] = MappingProxyType({Field.NEEDS: "L"})

TRACKER_FIELDS: Mapping[str, str] = MappingProxyType({Field.VERSION: "N", **_EXPIRY})

COST_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys((Field.RUNS, Field.UNPRICED), "N"),
        **dict.fromkeys((Field.ESTIMATED_COST, Field.ESTIMATED_COST_FROM), "N"),
        **_EXPIRY,
    }
)

BULK_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        **_texts(Field.ACTION, Field.REASON, Field.BY, Field.CREATED_AT, Field.REQUEST),
        Field.TARGETS: "L",
        Field.DONE: "N",
        Field.FAILURES: "L",
        Field.ROWS: "M",
        **_EXPIRY,
    }
)

SUBMISSION_FIELDS: Mapping[str, str] = MappingProxyType(
    _texts(
        *(Field.REQUEST, Field.CREATED_AT, Field.SENT_AT, Field.RUN, Field.CLAIMED_AT),
        *(Field.DEAD_AT, Field.REASON),
    )
    | _EXPIRY
)

RECENT_FIELDS: Mapping[str, str] = MappingProxyType(
    {Field.LAST: "M", Field.SEEN: "S", Field.VERSION: "N", **_EXPIRY}
)

BACKFILL_FIELDS: Mapping[str, str] = MappingProxyType(
    {Field.AFTER: "M", Field.ASKED_AT: "S", Field.DONE_AT: "S"}
)

UPGRADE_FIELDS: Mapping[str, str] = MappingProxyType({Field.UPGRADE: "M", Field.VERSION: "N"})
"""All is in one map: with a `status` of its own the item would be among the runs of `by_status`."""

_TRIGGER_ID = re.compile(TRIGGER_ID_PATTERN)
_TIME = re.compile(TIME_PATTERN)


def trigger_id(started_at: str, execution_name: str) -> str:
    """Return a run's sort key, so that runs sort by their start.

    Parameters
    ----------
    started_at
        ISO 8601 in UTC with milliseconds (`provisioner.runs.model.iso`).
    """
    return f"{started_at}#{execution_name}"


def is_trigger_id(text: str) -> bool:
    """Tell whether a text may be a run's sort key."""
    return _TRIGGER_ID.fullmatch(text) is not None


def started_at_of(trigger_id: str) -> str:
    """Return when the run of a sort key began, ISO 8601."""
    return trigger_id.partition("#")[0]


def execution_name_of(trigger_id: str) -> str:
    """Return the name of the execution that a run's sort key ends with."""
    return trigger_id.partition("#")[2]


def run_shard(trigger_id: str) -> int:
    """Return the partition of `BY_TIME` for a run whose workflow did not choose one."""
    return zlib.crc32(trigger_id.encode(errors="replace")) % RUN_SHARDS


def scheduled_time(schedule: str, time: str) -> str:
    """Return the sort key of the item that lets one scheduled time start one run only."""
    return f"{SCHEDULED_TIME_PREFIX}{schedule}#{time}"


def is_time(text: str) -> bool:
    """Tell whether a text is a time as EventBridge Scheduler gives it."""
    return _TIME.fullmatch(text) is not None


def dependant(job_name: str) -> str:
    """Return the sort key of the item that says that `job_name` runs after another job."""
    return DEPENDANT_PREFIX + job_name


def dependant_of(sort_key: str) -> str:
    """Return the job that a dependant's sort key names."""
    return sort_key.removeprefix(DEPENDANT_PREFIX)


def artifact(name: str) -> str:
    """Return the partition key of the jobs that track an artifact."""
    return ARTIFACT_PREFIX + name


def tracker(job_name: str) -> str:
    """Return the sort key of the item that says that a job tracks an artifact."""
    return TRACKER_PREFIX + job_name


def tracker_of(sort_key: str) -> str:
    """Return the job that a tracker's sort key names."""
    return sort_key.removeprefix(TRACKER_PREFIX)


def bulk(bulk_id: str) -> str:
    """Return the sort key of the item of a bulk operation."""
    return BULK_PREFIX + bulk_id


def bulk_of(sort_key: str) -> str:
    """Return the id of the bulk operation that a sort key names."""
    return sort_key.removeprefix(BULK_PREFIX)


def submission(message_id: str) -> str:
    """Return the sort key of the item that says what has become of a message."""
    return SUBMISSION_PREFIX + message_id


def cost(month: str) -> str:
    """Return the sort key of the item that sums up what a month's runs have cost."""
    return COST_PREFIX + month
