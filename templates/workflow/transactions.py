"""What the workflow writes to the Triggers table, each step in one transaction.

Every write can be repeated by the execution that made it, and by no other: the conditions name
their owner. So Step Functions may deliver a transaction twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.runs.keys import PAUSE, SCHEDULED_TIME_RETENTION_SECONDS, PauseStatus
from provisioner.runs.model import CLOCKS_DIFFER_SECONDS, LONGEST_LEASE_SECONDS, MAX_WAITING
from templates.parts.logs import console_url, group_name
from templates.workflow.expressions import (
    ENTERED_MILLIS,
    ENTERED_SECONDS,
    NAME,
    json_text,
    jsonata,
    squeezed,
)

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from provisioner.settings import Platform

LEASE_GRACE_SECONDS = 300
"""How long a lock outlives ``timeout_seconds``. The state machine has ended `MARGIN_SECONDS` after
it in any case; what remains is for its end to be noticed and the lock to be freed properly."""

LOCKED = '$run.overlap != "allow"'

_TICKS = '$run.source = "schedule"'
_ENDED_AT = "$fromMillis($ended)"
_THIS_RUN = '{":run": {"SS": [$run.id]}}'
_CANCELS = '$run.overlap = "cancel_other"'
_NOT_SUPERSEDED = "NOT (attribute_type(cancels, :text) AND cancels > :id AND cancels < :soon)"
_SUPERSEDING = f"""{{
    ":text": {{"S": "S"}},
    ":id": {{"S": $run.id}},
    ":soon": {{"S": $fromMillis({ENTERED_MILLIS} + {CLOCKS_DIFFER_SECONDS * 1000})}}
}}"""
_QUEUED = '{"queued_at": {"S": $run.started_at}, "starts": {"N": "0"}}'


@dataclass(frozen=True, slots=True)
class Admission:
    """The items that a run takes and gives back."""

    job: Job
    platform: Platform

    def admit(self) -> str:
        """Return the lock, the RUNNING row and the tick, or an error when the run can't be put."""
        return f"""(
            $run.problem != "" or $run.large and $stored_input = "" ? $error("not admissible");
            [{LOCKED} ? {self._take_lock()}, {self._row("RUNNING")},
                {self._not_paused() + "," if self.job.pause_on_failures else ""} {self._tick()}]
        )"""

    def queue(self) -> str:
        """Return the run's place among the waiting, its QUEUED row and the tick.

        A run that has waited, and found the lock taken once more, goes on waiting instead.
        """
        return f"""(
            $run.waited
                ? [{self._wait_on()}]
                : [{self._join()}, {self._row("QUEUED", _QUEUED)}, {self._tick()}]
        )"""

    def refusal(self, lock: str, *, pausable: bool = False) -> str:
        """Return the expression that reads off which item refused the transaction.

        DynamoDB lists one code an item, in their order: ``[ConditionalCheckFailed, None]``. Any
        other code is a collision with a concurrent transaction, and passes. `lock` is what the
        lock's refusal means; `pausable` that the pause of the schedule stands before the tick.
        """
        tick, paused = "$rest + 1", ""
        if pausable:
            tick = f"$rest + ({_TICKS} ? 2 : 1)"
            paused = f'{_TICKS} and $failed[$rest + 1] ? "paused" :'
        return jsonata(
            squeezed(rf"""(
                $found := $match($states.errorOutput.Cause, /\[([A-Za-z, ]+)\]/)[0].groups[0];
                $failed := ($exists($found) ? $split($found, ", ") : []).($ =
                    "ConditionalCheckFailed");
                $rest := {LOCKED} ? 1 : 0;
                $failed[$rest] or $failed[{tick}] ? "duplicate"
                    : {paused} {LOCKED} and $failed[0] ? "{lock}" : "conflict"
            )""")
        )

    def refuse(self) -> str:
        """Return the row of a run that is not admitted, and its tick: one row a tick."""
        ended = f"""{{
            "ended_at": {{"S": {_ENDED_AT}}},
            "duration_ms": {{"N": $string($ended - $run.start)}},
            "error": {{"S": $outcome.error}},
            "cause": {{"S": $outcome.cause}}
        }}"""
        return f"""(
            $ended := {ENTERED_MILLIS};
            [{self._row("$outcome.status", ended)}, {self._tick()}]
        )"""

    def record_success(self) -> str:
        """Return the outcome of a run that went well, or an error when its output is too large."""
        return self._record(
            ", #output = :output",
            '{"#output": "output"}',
            '{":output": {"S": $stored_output != "" ? $stored_output : $large'
            f' ? $error("large output") : {json_text("$states.input")}}}}}',
        )

    def record_failure(self) -> str:
        """Return the outcome of a run that failed."""
        return self._record(
            ", #error = :error, cause = :cause",
            '{"#error": "error"}',
            '{":error": {"S": $outcome.error}, ":cause": {"S": $outcome.cause}}',
        )

    def _record(self, sets: str, names: str, values: str) -> str:
        release = f"""{{"Update": {{
            {self._key('"#lock"')},
            "UpdateExpression":
                "SET #status = :free REMOVE #owner, execution_arn, run_id, lease_until",
            "ConditionExpression": "attribute_not_exists(#owner) OR #owner = :me",
            "ExpressionAttributeNames": {{"#owner": "owner", "#status": "status"}},
            "ExpressionAttributeValues": {{":me": {{"S": {NAME}}}, ":free": {{"S": "FREE"}}}}
        }}}}"""
        return f"""(
            $ended := {ENTERED_MILLIS};
            $exited := $exists($outcome.exit_code);
            [{{"Update": {{
                {self._key("$run.id")},
                "UpdateExpression": "SET #status = :status, ended_at = :ended_at,
                    duration_ms = :duration_ms, attempts = :attempts{sets}"
                    & ($exited ? ", exit_code = :exit_code" : ""),
                "ConditionExpression": "#status = :running",
                "ExpressionAttributeNames": $merge([{{"#status": "status"}}, {names}]),
                "ExpressionAttributeValues": $merge([{{
                    ":running": {{"S": "RUNNING"}},
                    ":status": {{"S": $outcome.status}},
                    ":ended_at": {{"S": {_ENDED_AT}}},
                    ":duration_ms": {{"N": $string($ended - $run.start)}},
                    ":attempts": {{"N": $string($outcome.attempts)}}
                }}, {values},
                $exited ? {{":exit_code": {{"N": $string($outcome.exit_code)}}}} : {{}}])
            }}}}, $release and {LOCKED} ? {release}]
        )"""

    def _key(self, trigger_id: str) -> str:
        name = json.dumps(self.job.job_name)
        return f"""
            "TableName": {json.dumps(self.platform.triggers_table)},
            "Key": {{"job_name": {{"S": {name}}}, "trigger_id": {{"S": {trigger_id}}}}}
        """

    def _put(self, attributes: str, condition: str) -> str:
        name = json.dumps(self.job.job_name)
        return f"""{{"Put": {{
            "TableName": {json.dumps(self.platform.triggers_table)},
            "Item": $merge([{{"job_name": {{"S": {name}}}}}, {attributes}]),
            {condition}
        }}}}"""

    def _not_paused(self) -> str:
        """Return the condition under which a scheduled run goes: nobody has paused the schedule."""
        return f"""{_TICKS} ? {{"ConditionCheck": {{
            {self._key(json.dumps(PAUSE))},
            "ConditionExpression": "attribute_not_exists(job_name) OR #status <> :paused",
            "ExpressionAttributeNames": {{"#status": "status"}},
            "ExpressionAttributeValues": {{":paused": {{"S": {json.dumps(PauseStatus.PAUSED)}}}}}
        }}}}"""

    def _take_lock(self) -> str:
        """Return the lock's owner. A run that waited no longer does; others let the waiting by."""
        lease = self.job.timeout_seconds + LEASE_GRACE_SECONDS
        held = """attribute_type(#owner, :text) AND attribute_type(lease_until, :number)
            AND lease_until BETWEEN :now AND :farthest"""
        return f"""{{"Update": {{
            {self._key('"#lock"')},
            "UpdateExpression": "SET #status = :held, #owner = :me, execution_arn = :arn,
                run_id = :id, lease_until = :lease, expires_at = :expires"
                & ($run.waited ? " DELETE waiting :run" : {_CANCELS} ? ", cancels = :id" : ""),
            "ConditionExpression": "#owner = :me OR NOT ({held}) AND {_NOT_SUPERSEDED}"
                & ($run.waited ? "" : " AND NOT attribute_type(waiting, :set)"),
            "ExpressionAttributeNames": {{"#owner": "owner", "#status": "status"}},
            "ExpressionAttributeValues": $merge([{_SUPERSEDING}, {{
                ":held": {{"S": "HELD"}},
                ":me": {{"S": {NAME}}},
                ":arn": {{"S": $states.context.Execution.Id}},
                ":number": {{"S": "N"}},
                ":now": {{"N": $string({ENTERED_SECONDS})}},
                ":farthest": {{"N": $string({ENTERED_SECONDS} + {LONGEST_LEASE_SECONDS})}},
                ":lease": {{"N": $string({ENTERED_SECONDS} + {lease})}},
                ":expires": {{"N": $run.expires_at}}
            }}, $run.waited ? {_THIS_RUN} : {{":set": {{"S": "SS"}}}}])
        }}}}"""

    def _join(self) -> str:
        """Return the run's place: waiting runs are a set beside the lock, taken in their order.

        Of the runs that cancel others the latest by its key wins, in whatever order they come here.
        """
        return f"""{{"Update": {{
            {self._key('"#lock"')},
            "UpdateExpression": "SET expires_at = :expires"
                & ({_CANCELS} ? ", cancels = :id" : "") & " ADD waiting :run",
            "ConditionExpression": {_CANCELS}
                ? "(attribute_not_exists(waiting) OR attribute_type(waiting, :set))
                    AND {_NOT_SUPERSEDED}"
                : "attribute_not_exists(waiting) OR contains(waiting, :id)"
                    & ($run.overlap = "queue_one" ? ""
                        : " OR attribute_type(waiting, :set) AND size(waiting) < :most"),
            "ExpressionAttributeValues": $merge([{_THIS_RUN}, {{
                ":expires": {{"N": $run.expires_at}},
                ":id": {{"S": $run.id}}
            }}, $run.overlap = "queue_one" ? {{}} : {{":set": {{"S": "SS"}}}},
                {_CANCELS} ? {_SUPERSEDING}
                    : $run.overlap = "queue_one" ? {{}} : {{":most": {{"N": "{MAX_WAITING}"}}}}])
        }}}}"""

    def _wait_on(self) -> str:
        """Return the count of a vain start, by which the next one gets another name."""
        return f"""{{"Update": {{
            {self._key("$run.id")},
            "UpdateExpression": "ADD starts :one",
            "ConditionExpression": "#status = :queued",
            "ExpressionAttributeNames": {{"#status": "status"}},
            "ExpressionAttributeValues": {{":one": {{"N": "1"}}, ":queued": {{"S": "QUEUED"}}}}
        }}}}"""

    def _row(self, status: str, more: str = "{}") -> str:
        log_url = console_url(self.platform, group_name(self.job, self.platform))
        return self._put(
            f"""{{
                "trigger_id": {{"S": $run.id}},
                "status": {{"S": {status if status.startswith("$") else json.dumps(status)}}},
                "source": {{"S": $run.source}},
                "started_at": {{"S": $run.started_at}},
                "execution_arn": {{"S": $states.context.Execution.Id}},
                "log_url": {{"S": {json.dumps(log_url)}}},
                "input": {{"S": $stored_input != "" ? $stored_input : $string($run.payload)}},
                "expires_at": {{"N": $run.expires_at}}
            }},
            $run.scheduled_for != "" ? {{"scheduled_for": {{"S": $run.scheduled_for}}}} : {{}},
            $run.overrides != {{}} ? {{"overrides": {{"S": $string($run.overrides)}}}} : {{}},
            $run.by != "" ? {{"started_by": {{"S": $run.by}}}} : {{}},
            $run.waited ? {{"queued_at": {{"S": $substringBefore($run.id, "#")}}}} : {{}},
            {more}""",
            """
                "ConditionExpression": "attribute_not_exists(job_name) OR execution_arn = :me
                    OR #status = :queued",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {
                    ":me": {"S": $states.context.Execution.Id}, ":queued": {"S": "QUEUED"}
                }
            """,
        )

    def _tick(self) -> str:
        keep = f"{ENTERED_SECONDS} + {SCHEDULED_TIME_RETENTION_SECONDS}"
        put = self._put(
            f"""{{
                "trigger_id": {{"S": $run.tick}},
                "owner": {{"S": {NAME}}},
                "expires_at": {{"N": $string({keep})}}
            }}""",
            f"""
                "ConditionExpression": "attribute_not_exists(job_name) OR #owner = :me",
                "ExpressionAttributeNames": {{"#owner": "owner"}},
                "ExpressionAttributeValues": {{":me": {{"S": {NAME}}}}}
            """,
        )
        return f'$run.tick != "" ? {put}'
