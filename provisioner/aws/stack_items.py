"""Items of the Stacks table: each attribute of a record once, with how it is written and read."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from provisioner.aws.tables import version_of
from provisioner.jobs import FieldError
from provisioner.jobs.row_summary import RowSummary
from provisioner.runs.model import iso
from provisioner.settings import DeploymentMode
from provisioner.stacks.model import (
    BuildAttempt,
    BuildStatus,
    Cause,
    Condition,
    Deletion,
    Deployment,
    Drift,
    DriftStatus,
    Failure,
    JobStatus,
    OtherMode,
    Pinned,
    StackRecord,
    UpgradeMark,
)
from provisioner.stacks.rate_limits import Quota, Reservation
from provisioner.stacks.stack_status import StackStatus
from provisioner.stacks.upgrade import (
    FailureKind,
    Upgrade,
    UpgradeFailure,
    UpgradeProgress,
    UpgradeStatus,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisioner.aws.items import Item

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Codec:
    """How a value is written into an item, and read from it again; None never comes here."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        message = f"{text} has no time zone"
        raise ValueError(message)
    return time


def _a(kind: type[Any]) -> Callable[[Any], Any]:
    """Return what reads a value as it is, if it is of a type."""

    def read(value: object) -> object:
        if not isinstance(value, kind):
            message = f"{value!r} is not a {kind.__name__}"
            raise TypeError(message)
        return value

    return read


_text = _a(str)


def _texts(values: object) -> tuple[str, ...]:
    return tuple(_text(value) for value in _a(list)(values))


def _named_texts(values: object) -> dict[str, str]:
    return {name: _text(value) for name, value in _a(dict)(values).items()}


_TEXT = _Codec(lambda value: value, _text)
_FLAG = _Codec(lambda value: value, _a(bool))
_INT = _Codec(lambda number: number, int)
_COUNT = _Codec(lambda number: number or None, int)
_TIME = _Codec(iso, _time)
_SECONDS = _Codec(lambda span: int(span.total_seconds()), lambda n: timedelta(seconds=int(n)))
_OUTPUTS = _Codec(dict, _named_texts)
_NAMES = _Codec(lambda names: list(names) or None, _texts)


def _other_than(default: object, read: Callable[[Any], Any]) -> _Codec:
    """Leave a value out that is the default, which most rows have."""
    return _Codec(lambda value: None if value == default else value, read)


def _word(kind: type[Any]) -> _Codec:
    return _Codec(lambda word: word, kind)


def _map(kind: type[Any], /, **attributes: _Codec) -> _Codec:
    """Write a dataclass as a map of the same names, None left out; what is absent is a default."""

    def write(value: object) -> Item:
        return _written(value, attributes)

    def read(item: Item) -> object:
        return kind(**_read(item, attributes))

    return _Codec(write, read)


def _list(of: _Codec) -> _Codec:
    return _Codec(
        lambda values: [of.write(value) for value in values] or None,
        lambda values: tuple(of.read(value) for value in values),
    )


_BUILD = _map(
    BuildAttempt,
    digest=_TEXT,
    status=_word(BuildStatus),
    **dict.fromkeys(("id", "reason", "log_url", "source_version"), _TEXT),
    **dict.fromkeys(("started_at", "ended_at", "retry_at"), _TIME),
)
UPGRADE_MARK = _map(UpgradeMark, id=_TEXT, to=_TEXT, wave=_INT, at=_TIME, ended_at=_TIME)

_ATTRIBUTES = {
    "job_name": _TEXT,
    "status": _word(JobStatus),
    "cloudformation_status": _word(StackStatus),
    "stack_id": _TEXT,
    "stack_name": _TEXT,
    "row_digest": _TEXT,
    "spec_digest": _TEXT,
    "deployed_digest": _TEXT,
    "template_version": _TEXT,
    "outputs": _OUTPUTS,
    "failure": _map(
        Failure, reason=_TEXT, at=_TIME, resource=_TEXT, digest=_TEXT, resources=_NAMES
    ),
    "errors": _list(_map(FieldError, field=_TEXT, message=_TEXT)),
    "attempts": _INT,
    "recoveries": _INT,
    "next_attempt_at": _TIME,
    "reservation": _map(Reservation, quota=_word(Quota), at=_TIME, kept=_FLAG),
    "drift": _map(Drift, status=_word(DriftStatus), checked_at=_TIME, missing=_NAMES),
    "retained_resources": _NAMES,
    "depends_on": _NAMES,
    "artifacts": _NAMES,
    "former_artifacts": _NAMES,
    "missed_schedules": _COUNT,
    "conditions": _list(
        _map(
            Condition,
            type=_TEXT,
            status=_TEXT,
            reason=_TEXT,
            message=_TEXT,
            last_transition_time=_TIME,
        )
    ),
    "row": _map(
        RowSummary,
        **dict.fromkeys(("type", "description", "owner"), _other_than("", _text)),
        tags=_other_than({}, _named_texts),
        schedule=_NAMES,
        timezone=_other_than("UTC", _text),
        **dict.fromkeys(("schedule_start", "schedule_end"), _TEXT),
        schedule_enabled=_other_than(True, _a(bool)),  # noqa: FBT003
        **dict.fromkeys(("paused", "pauses"), _other_than(False, _a(bool))),  # noqa: FBT003
    ),
    "deployments": _list(
        _map(
            Deployment,
            number=_INT,
            at=_TIME,
            cause=_word(Cause),
            **dict.fromkeys(("digest", "row_digest", "row_content", "artifact"), _TEXT),
            pinned=_other_than(False, _a(bool)),  # noqa: FBT003
            template_version=_TEXT,
        )
    ),
    "pinned": _map(Pinned, version=_TEXT, newest=_TEXT),
    "retain": _FLAG,
    "deletion": _word(Deletion),
    "deployment_mode": _word(DeploymentMode),
    "other_mode": _word(OtherMode),
    "build": _BUILD,
    "former_builds": _list(_BUILD),
    "upgrade": UPGRADE_MARK,
    "updated_at": _TIME,
    "expires_at": _INT,
}
"""Every field of a StackRecord but `version`, which is set by the write itself."""

_FORMER_NAMES = {"orphans": "retained_resources", "admission": "reservation"}

_OWN_NAMES = frozenset(
    {*_ATTRIBUTES, *_FORMER_NAMES, "in_sync", "version", "listed", "ready_message"}
)

UPGRADE = _map(
    Upgrade,
    **dict.fromkeys(("id", "by", "to", "reason"), _TEXT),
    waves=_list(_INT),
    soak=_SECONDS,
    **dict.fromkeys(("pause_on_failures", "wave", "total"), _INT),
    **dict.fromkeys(("started_at", "stepped_at", "ended_at"), _TIME),
    status=_word(UpgradeStatus),
    progress=_list(_map(UpgradeProgress, **{each.name: _INT for each in fields(UpgradeProgress)})),
    failures=_list(
        _map(
            UpgradeFailure,
            job_name=_TEXT,
            kind=_word(FailureKind),
            reason=_TEXT,
            accepted=_FLAG,
            at=_TIME,
        )
    ),
)
"""Everything of an upgrade but `version`: a map in its item of the Triggers table."""

LISTED = "jobs"
"""`listed` of rows in `jobs_by_name`, its partition key; deleted jobs and long names have none."""

BY_NAME = "jobs_by_name"
"""The index of all jobs: partition key `listed`, sort key `job_name`, `JOB_LIST_FIELDS`."""

JOB_LIST_FIELDS = ("status", "in_sync", "ready_message", "row", "updated_at")
"""What a line of a list shows, besides the key: `BY_NAME` has nothing else."""

_SHOWN_CHARACTERS = 300

_SORT_KEY_BYTES = 1024
"""DynamoDB refuses an item whose sort key in an index is longer; a partition key may have 2,048."""


@dataclass(frozen=True, slots=True)
class JobEntry:
    """A job as `BY_NAME` has it; `row` is None when the job has no row, or no readable entry."""

    job_name: str
    status: JobStatus
    in_sync: bool
    message: str | None
    row: RowSummary | None
    updated_at: datetime | None


def entry_of(item: Item) -> JobEntry:
    """Return an entry of the index; what cannot be read of it reads as if it were absent."""

    def read(name: str) -> Any:  # noqa: ANN401
        try:
            return _read(item, {name: _ATTRIBUTES[name]}).get(name)
        except Exception as error:  # noqa: BLE001  (whatever a person may have written there)
            job_name = item["job_name"]
            _log.warning(
                "%s of %s cannot be read (%r)", name, job_name, error, extra={"job_name": job_name}
            )
            return None

    message = item.get("ready_message")
    return JobEntry(
        job_name=item["job_name"],
        status=read("status") or JobStatus.FAILED,
        in_sync=item.get("in_sync") is True,
        message=message if isinstance(message, str) else None,
        row=read("row"),
        updated_at=read("updated_at"),
    )


def to_item(record: StackRecord) -> Item:
    """Return the row's attributes, the stack's outputs among them under their own names."""
    outputs = {_snake(name): value for name, value in record.outputs.items()}
    return {
        **{name: value for name, value in outputs.items() if name not in _OWN_NAMES},
        **dict.fromkeys(_ATTRIBUTES),
        **_written(record, _ATTRIBUTES),
        "in_sync": record.in_sync,
        "listed": LISTED if _is_listed(record) else None,
        "ready_message": _ready_message(record),
    }


def _is_listed(record: StackRecord) -> bool:
    """Tell whether a job is in the index; one of a longer name is INVALID, and its row stays."""
    fits = len(record.job_name.encode()) <= _SORT_KEY_BYTES
    return fits and record.status is not JobStatus.DELETED


def _ready_message(record: StackRecord) -> str | None:
    """Return why a job is not READY as a line of a list shows it."""
    said = (each.message for each in record.conditions if each.type == "Ready")
    return " ".join(next(said, "").split())[:_SHOWN_CHARACTERS] or None


def from_item(item: Item) -> StackRecord:
    """Return the record that `to_item` wrote.

    Raises
    ------
    Exception
        Whatever it may be, if a person has written into the row what cannot be read.
    """
    current = {_FORMER_NAMES.get(name, name): value for name, value in item.items()}
    values = _read(current, _ATTRIBUTES)
    if "status" not in values:
        message = "it has no status"
        raise ValueError(message)
    return StackRecord(**values, version=version_of(item))


def _written(value: object, attributes: dict[str, _Codec]) -> Item:
    held = {name: getattr(value, name) for name in attributes}
    done = {name: attributes[name].write(one) for name, one in held.items() if one is not None}
    return {name: one for name, one in done.items() if one is not None}


def _read(item: Item, attributes: dict[str, _Codec]) -> dict[str, Any]:
    return {
        name: codec.read(item[name])
        for name, codec in attributes.items()
        if item.get(name) is not None
    }


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
