"""What the workflow writes to the Triggers table, each step in one transaction.

Every write can be repeated by the execution that made it, and by no other: the conditions name
their owner. So Step Functions may deliver a transaction twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.runs.keys import (
    DETAILS,
    LOCK,
    PAUSE,
    RUN_SHARDS,
    SCHEDULED_TIME_RETENTION_SECONDS,
    Field,
    LockStatus,
    PauseStatus,
)
from provisioner.runs.model import (
    CLOCKS_DIFFER_SECONDS,
    LONGEST_LEASE_SECONDS,
    MAX_WAITING,
    RunStatus,
)
from templates.parts.logs import console_url, group_name
from templates.workflow import log_streams, programs, usage
from templates.workflow.dynamodb import ConditionExpression, Items, number, string, string_set
from templates.workflow.expressions import (
    ENTERED_MILLIS,
    ENTERED_SECONDS,
    EXECUTION_ARN,
    INPUT,
    NAME,
    SCHEDULED,
    json_text,
    outcome,
    run,
)
from templates.workflow.jsonata import (
    Expression,
    assign,
    block,
    both,
    call,
    concat,
    either,
    expression,
    included,
    merge,
    variable,
    when,
)

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from provisioner.settings import Platform
    from templates.workflow.jsonata import Value

LEASE_GRACE_SECONDS = 300
"""How long a lock outlives ``timeout_seconds``. The state machine has ended `MARGIN_SECONDS` after
it in any case; what remains is for its end to be noticed and the lock to be freed properly."""

LOCKED = run("overlap").differs("allow")
"""Whether a run takes the lock."""

_WAITED = run("waited")
_CANCELS = run("overlap").equals("cancel_other")
_WAITS_ALONE = run("overlap").equals("queue_one")
_STORED_INPUT, _STORED_OUTPUT = variable("stored_input"), variable("stored_output")
_ENDED = variable("ended")

_THIS_RUN = expression({":run": string_set(run("id"))})
_A_SET = expression({":set": string("SS")})

_LEASED = (
    "attribute_type(#owner, :text) AND attribute_type(lease_until, :number)"
    " AND lease_until BETWEEN :now AND :farthest"
)
_NOT_SUPERSEDED = "NOT (attribute_type(cancels, :text) AND cancels > :id AND cancels < :soon)"
_SUPERSEDING = expression(
    {
        ":text": string("S"),
        ":id": string(run("id")),
        ":soon": string(call("fromMillis", ENTERED_MILLIS + CLOCKS_DIFFER_SECONDS * 1000)),
    }
)

_IS_NEW_OR_OURS = ConditionExpression(
    "attribute_not_exists(job_name) OR execution_arn = :me OR #status = :queued",
    expression({":me": string(EXECUTION_ARN), ":queued": string(RunStatus.QUEUED)}),
    (Field.STATUS,),
)

_TAKE = concat(
    "SET #status = :held, #owner = :me, execution_arn = :arn, run_id = :id,"
    " lease_until = :lease, expires_at = :expires",
    when(_WAITED, " DELETE waiting :run", when(_CANCELS, ", cancels = :id", "")),
)
_IS_FREE = concat(
    f"#owner = :me OR NOT ({_LEASED}) AND {_NOT_SUPERSEDED}",
    when(_WAITED, "", " AND NOT attribute_type(waiting, :set)"),
)
_WAITING_VALUE = when(_WAITED, _THIS_RUN, _A_SET)

_WAIT = concat(
    "SET expires_at = :expires", when(_CANCELS, ", cancels = :id", ""), " ADD waiting :run"
)
_HAS_ROOM = concat(
    "attribute_not_exists(waiting) OR contains(waiting, :id)",
    when(_WAITS_ALONE, "", " OR attribute_type(waiting, :set) AND size(waiting) < :most"),
)
_IS_LATEST = (
    f"(attribute_not_exists(waiting) OR attribute_type(waiting, :set)) AND {_NOT_SUPERSEDED}"
)
_MAY_WAIT = ConditionExpression(
    when(_CANCELS, _IS_LATEST, _HAS_ROOM),
    merge(
        _THIS_RUN,
        {":expires": number(run("expires_at")), ":id": string(run("id"))},
        when(_WAITS_ALONE, {}, _A_SET),
        when(_CANCELS, _SUPERSEDING, when(_WAITS_ALONE, {}, {":most": number(MAX_WAITING)})),
    ),
)

_SETS_WORK = f", {Field.WORK_MS} = :work_ms"
_END: dict[str, Value] = {
    Field.ENDED_AT: string(call("fromMillis", _ENDED)),
    Field.DURATION_MS: number(_ENDED - run("start")),
}
_FAILURE: dict[str, Value] = {
    Field.ERROR: string(outcome("error")),
    Field.CAUSE: string(outcome("cause")),
}
_QUEUED: dict[str, Value] = {
    Field.QUEUED_AT: string(run("started_at")),
    Field.STARTS: number(0),
}


@dataclass(frozen=True, slots=True)
class Admission:
    """The items that a run takes and gives back."""

    job: Job
    platform: Platform

    def admit(self) -> Expression:
        """Return the lock, the RUNNING row and the scheduled time, or an error.

        The error is for inputs that are invalid, and for large ones that are not in S3 yet.
        """
        unfit = either(run("problem").differs(""), both(run("large"), _STORED_INPUT.equals("")))
        pause = [self._check_pause()] if self.job.pause_on_failures is not None else []
        return block(
            when(unfit, call("error", "not admissible")),
            [
                when(LOCKED, self._take_lock()),
                self._row(RunStatus.RUNNING, self._beginning()),
                *pause,
                self._claim_scheduled_time(),
            ],
        )

    def _beginning(self) -> dict[str, Value]:
        stream = log_streams.known_at_start(self.job)
        return {
            Field.USAGE: usage.size_of_attempt(self.job),
            **({Field.LOG_STREAM: string(stream)} if stream else {}),
        }

    def queue(self) -> Expression:
        """Return the run's place among the waiting, its QUEUED row and the scheduled time.

        A run that has waited, and found the lock taken once more, keeps waiting instead.
        """
        return when(
            _WAITED,
            [self._count_start()],
            [self._wait(), self._row(RunStatus.QUEUED, _QUEUED), self._claim_scheduled_time()],
        )

    def refuse(self) -> Expression:
        """Return the row of a run that is not admitted, and its scheduled time."""
        return block(
            assign("ended", ENTERED_MILLIS),
            [self._row(outcome("status"), {**_END, **_FAILURE}), self._claim_scheduled_time()],
        )

    def record_success(self) -> Expression:
        """Return the outcome of a run that went well, or an error when its output is too large."""
        kept = when(variable("large"), call("error", "large output"), json_text(INPUT))
        output = when(_STORED_OUTPUT.differs(""), _STORED_OUTPUT, kept)
        return self._record(", #output = :output", (Field.OUTPUT,), {":output": string(output)})

    def record_failure(self) -> Expression:
        """Return the outcome of a run that failed."""
        values: Value = {f":{name}": value for name, value in _FAILURE.items()}
        return self._record(", #error = :error, cause = :cause", (Field.ERROR,), values)

    def _record(self, sets: str, names: tuple[Field, ...], values: Value) -> Expression:
        update = concat(
            "SET #status = :status, ended_at = :ended_at, duration_ms = :duration_ms,"
            f" attempts = :attempts{sets}{_SETS_WORK if self._is_timed else ''}",
            variable("detail_sets"),
        )
        ended: Value = {
            ":running": string(RunStatus.RUNNING),
            ":status": string(outcome("status")),
            **{f":{name}": value for name, value in _END.items()},
            ":attempts": number(outcome("attempts")),
            **({":work_ms": number(usage.worked_ms(_ENDED))} if self._is_timed else {}),
        }
        is_running = ConditionExpression(
            "#status = :running",
            merge(ended, values, variable("detail_values")),
            (Field.STATUS, *names),
        )
        return block(
            assign("ended", ENTERED_MILLIS),
            assign("detail_names", list(DETAILS)),
            programs.DETAILS,
            [
                self._items.update(run("id"), update, is_running),
                when(both(variable("release"), LOCKED), self._release_lock()),
            ],
        )

    @property
    def _is_timed(self) -> bool:
        """Whether the workflow's own clock says how long the work took; else `outcome` may."""
        return self.job.fan_out is None and not usage.is_reported(self.job)

    @property
    def _items(self) -> Items:
        key = (Field.JOB_NAME, self.job.job_name)
        return Items(self.platform.triggers_table, key, Field.TRIGGER_ID)

    def _check_pause(self) -> Expression:
        """Return the condition under which a scheduled run goes: nobody has paused the schedule."""
        is_on = ConditionExpression(
            "attribute_not_exists(job_name) OR #status <> :paused",
            {":paused": string(PauseStatus.PAUSED)},
            (Field.STATUS,),
        )
        return when(SCHEDULED, self._items.check(PAUSE, is_on))

    def _take_lock(self) -> Value:
        """Return the lock's owner. A run that waited no longer does; others let the waiting by."""
        values = merge(_SUPERSEDING, self._lease(), _WAITING_VALUE)
        condition = ConditionExpression(_IS_FREE, values, (Field.OWNER, Field.STATUS))
        return self._items.update(LOCK, _TAKE, condition)

    def _lease(self) -> Value:
        lease_seconds = self.job.timeout_seconds + LEASE_GRACE_SECONDS
        return {
            ":held": string(LockStatus.HELD),
            ":me": string(NAME),
            ":arn": string(EXECUTION_ARN),
            ":number": string("N"),
            ":now": number(ENTERED_SECONDS),
            ":farthest": number(ENTERED_SECONDS + LONGEST_LEASE_SECONDS),
            ":lease": number(ENTERED_SECONDS + lease_seconds),
            ":expires": number(run("expires_at")),
        }

    def _release_lock(self) -> Value:
        is_ours = ConditionExpression(
            "attribute_not_exists(#owner) OR #owner = :me",
            {":me": string(NAME), ":free": string(LockStatus.FREE)},
            (Field.OWNER, Field.STATUS),
        )
        update = "SET #status = :free REMOVE #owner, execution_arn, run_id, lease_until"
        return self._items.update(LOCK, update, is_ours)

    def _wait(self) -> Value:
        """Return the run's place: waiting runs are a set beside the lock, taken in their order.

        Of the runs that cancel others the latest by its key wins, in whatever order they come here.
        """
        return self._items.update(LOCK, _WAIT, _MAY_WAIT)

    def _count_start(self) -> Value:
        """Return the count of a start that admitted nothing, so the next has another name."""
        is_queued = ConditionExpression(
            "#status = :queued",
            {":one": number(1), ":queued": string(RunStatus.QUEUED)},
            (Field.STATUS,),
        )
        return self._items.update(run("id"), "ADD starts :one", is_queued)

    def _row(self, status: Value, *more: Value) -> Value:
        stored = when(_STORED_INPUT.differs(""), _STORED_INPUT, call("string", run("payload")))
        attributes: dict[str, Value] = {
            Field.STATUS: string(status),
            Field.TYPE: string(self.job.type),
            Field.SOURCE: string(run("source")),
            Field.STARTED_AT: string(run("started_at")),
            Field.RUN_SHARD: number(run("start") % RUN_SHARDS),
            Field.EXECUTION_ARN: string(EXECUTION_ARN),
            Field.LOG_URL: string(console_url(self.platform, group_name(self.job, self.platform))),
            Field.INPUT: string(stored),
            Field.EXPIRES_AT: number(run("expires_at")),
        }
        optional = (*_OPTIONAL, *more)
        return self._items.put(run("id"), attributes, *optional, condition=_IS_NEW_OR_OURS)

    def _claim_scheduled_time(self) -> Expression:
        """Return the item that only one run can have: what Scheduler delivers twice runs once."""
        claim: dict[str, Value] = {
            Field.OWNER: string(NAME),
            Field.EXPIRES_AT: number(ENTERED_SECONDS + SCHEDULED_TIME_RETENTION_SECONDS),
        }
        is_ours = ConditionExpression(
            "attribute_not_exists(job_name) OR #owner = :me",
            {":me": string(NAME)},
            (Field.OWNER,),
        )
        key = run("scheduled_time")
        return when(key.differs(""), self._items.put(key, claim, condition=is_ours))


_OPTIONAL = (
    included(run("scheduled_for").differs(""), {Field.SCHEDULED_FOR: string(run("scheduled_for"))}),
    included(
        run("overrides").differs({}), {Field.OVERRIDES: string(call("string", run("overrides")))}
    ),
    included(run("by").differs(""), {Field.STARTED_BY: string(run("by"))}),
    included(run("parent").differs(""), {Field.PARENT: string(run("parent"))}),
    included(_WAITED, {Field.QUEUED_AT: string(call("substringBefore", run("id"), "#"))}),
)
"""Attributes that only some rows have."""
