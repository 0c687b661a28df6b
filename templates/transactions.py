"""What the workflow writes to the Triggers table, each step in one transaction.

Every write can be repeated by the execution that made it, and by no other: the conditions name
their owner. So Step Functions may deliver a transaction twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from templates.expressions import (
    ENTERED_MILLIS,
    ENTERED_SECONDS,
    NAME,
    TICK_RETENTION_SECONDS,
    jsonata,
    squeezed,
)
from templates.logs import console_url, group_name

if TYPE_CHECKING:
    from provisioner.jobs import Job
    from provisioner.settings import Platform

ATTEMPTS = "$states.context.State.RetryCount + 1"

LEASE_GRACE_SECONDS = 300
"""How long a lock outlives ``timeout_seconds``. The state machine has ended `MARGIN_SECONDS` after
it in any case; what remains is for its end to be noticed and the lock to be freed properly."""

_ENDED_AT = "$fromMillis($ended)"


@dataclass(frozen=True, slots=True)
class Admission:
    """The items that a run takes and gives back."""

    job: Job
    platform: Platform

    @property
    def locked(self) -> bool:
        """Whether only one run may go at a time."""
        return self.job.overlap == "skip"

    def admit(self) -> str:
        """Return the lock, the RUNNING row and the tick, or an error when the run can't be put."""
        return f"""(
            $run.problem != "" or $run.large and $stored_input = "" ? $error("not admissible");
            [{self._lock() if self.locked else ""} {self._row("RUNNING")}, {self._tick()}]
        )"""

    def refusal(self) -> str:
        """Return the expression that reads off which item refused the transaction.

        DynamoDB lists one code an item, in their order: ``[ConditionalCheckFailed, None]``. Any
        other code is a collision with a concurrent transaction, and passes.
        """
        lock = '$codes[0] = "ConditionalCheckFailed" ? "overlap" : ' if self.locked else ""
        return jsonata(
            squeezed(rf"""(
                $found := $match($states.errorOutput.Cause, /\[([A-Za-z, ]+)\]/)[0].groups[0];
                $codes := $exists($found) ? $split($found, ", ") : [];
                $codes[{2 if self.locked else 1}] = "ConditionalCheckFailed" ? "duplicate"
                    : {lock} "conflict"
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
            ' ? $error("large output") : $string($states.input)}}',
        )

    def record_failure(self) -> str:
        """Return the outcome of a run that failed."""
        return self._record(
            ", #error = :error, cause = :cause",
            '{"#error": "error"}',
            '{":error": {"S": $outcome.error}, ":cause": {"S": $outcome.cause}}',
        )

    def _record(self, sets: str, names: str, values: str) -> str:
        release = f"""{{"Delete": {{
            {self._key('"#lock"')},
            "ConditionExpression": "attribute_not_exists(job_name) OR #owner = :me",
            "ExpressionAttributeNames": {{"#owner": "owner"}},
            "ExpressionAttributeValues": {{":me": {{"S": {NAME}}}}}
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
            }}}}{f", $release ? {release}" if self.locked else ""}]
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

    def _lock(self) -> str:
        lease = self.job.timeout_seconds + LEASE_GRACE_SECONDS
        return (
            self._put(
                f"""{{
                    "trigger_id": {{"S": "#lock"}},
                    "owner": {{"S": {NAME}}},
                    "execution_arn": {{"S": $states.context.Execution.Id}},
                    "lease_until": {{"N": $string({ENTERED_SECONDS} + {lease})}}
                }}""",
                f"""
                    "ConditionExpression":
                        "attribute_not_exists(job_name) OR lease_until < :now OR #owner = :me",
                    "ExpressionAttributeNames": {{"#owner": "owner"}},
                    "ExpressionAttributeValues": {{
                        ":now": {{"N": $string({ENTERED_SECONDS})}}, ":me": {{"S": {NAME}}}
                    }}
                """,
            )
            + ","
        )

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
            {more}""",
            """
                "ConditionExpression": "attribute_not_exists(job_name) OR execution_arn = :me",
                "ExpressionAttributeValues": {":me": {"S": $states.context.Execution.Id}}
            """,
        )

    def _tick(self) -> str:
        keep = f"{ENTERED_SECONDS} + {TICK_RETENTION_SECONDS}"
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
