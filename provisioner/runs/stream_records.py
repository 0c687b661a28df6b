"""What a record of the Triggers table's stream says of a run, or of a lock. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.runs import keys, model
from provisioner.runs.keys import LockStatus
from provisioner.runs.messages import RUN_PREFIX
from provisioner.runs.model import FINAL, RunStatus


def may_start_a_waiting_run(record: Mapping[str, object]) -> bool:
    """Tell whether a record of the Triggers table's stream is a reason to start a waiting run.

    A released lock without waiting runs is none: a run that waits later makes a record of its own.
    A run that was skipped because of another run is one: the execution that holds the lock may be
    gone.
    """
    match record:
        case {"dynamodb": {"NewImage": {"status": {"S": LockStatus.FREE}} as lock}}:
            return "waiting" in lock
        case {"dynamodb": {"NewImage": {"status": {"S": RunStatus.QUEUED}}}}:
            return True
        case {
            "dynamodb": {
                "NewImage": {"status": {"S": RunStatus.SKIPPED}, "error": {"S": model.OVERLAP}}
            }
        }:
            return True
        case _:
            return False


def status_in(record: Mapping[str, object]) -> str | None:
    """Return the `status` in a record of the Triggers table's stream, None without one."""
    match record:
        case {"dynamodb": {"NewImage": {"status": {"S": str(status)}}}}:
            return status
        case _:
            return None


def end_alone(record: Mapping[str, object]) -> dict[str, object]:
    """Return only a run's key and status from a record of the Triggers table's stream.

    Its input and output do not belong in a dead-letter message.
    """
    match record:
        case {"dynamodb": {"NewImage": {"status": status}} as change} if isinstance(
            change, Mapping
        ):
            kept = {name: change[name] for name in ("Keys", "SequenceNumber") if name in change}
            return {"dynamodb": kept | {"NewImage": {"status": status}}}
        case _:
            return {}


def ended_run(record: Mapping[str, object]) -> str | None:
    """Return the sort key of a run, when a record says that it has ended.

    None of one that was skipped: nothing follows from its end, unless its workflow is of a version
    that left it out of the index of all runs.
    """
    match record:
        case {
            "dynamodb": {
                "Keys": {"trigger_id": {"S": str(trigger_id)}},
                "NewImage": {"status": {"S": status}} as row,
            }
        } if status in FINAL and keys.is_trigger_id(trigger_id):
            return None if status == RunStatus.SKIPPED and _is_listed(row) else trigger_id
        case _:
            return None


def _is_listed(row: object) -> bool:
    """Tell whether a run's row is in a shard of the index of all runs that lists read."""
    match row:
        case {keys.Field.RUN_SHARD: {"N": str(shard)}}:
            return shard in _SHARDS
        case _:
            return False


_SHARDS = {str(number) for number in range(keys.RUN_SHARDS)}


def ended_message_run(record: Mapping[str, object]) -> str | None:
    """Return the execution of a run that messages started, when a record says that it has ended."""
    match record:
        case {
            "dynamodb": {
                "Keys": {"trigger_id": {"S": str(trigger_id)}},
                "NewImage": {"status": {"S": status}},
            }
        } if status in FINAL:
            execution = keys.execution_name_of(trigger_id)
            return execution if execution.startswith(RUN_PREFIX) else None
        case _:
            return None
