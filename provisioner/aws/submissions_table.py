"""What has become of messages: items beside the runs of their job.

There is one for each message that its producer may ask for, and for each that shares a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.aws.clients import translated
from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.aws.tables import not_held, written
from provisioner.aws.updates import assignments, update
from provisioner.runs import keys
from provisioner.runs.keys import Field
from provisioner.runs.messages import Claim
from provisioner.runs.model import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from provisioner.aws.clients import Clients
    from provisioner.aws.items import Item

_REASON_CHARACTERS = 500
_KEPT = timedelta(seconds=keys.RUN_RETENTION_SECONDS)


@dataclass(frozen=True, slots=True)
class Submission:
    """What is known of a message.

    Attributes
    ----------
    request
        A digest of what was asked for; "" for one that came by the topic.
    run
        The execution that has it; None as long as no batch had it.
    sent_at
        When it was in the queue, ISO 8601; "" when that is not known.
    dead_at, reason
        When it became a dead-letter message, ISO 8601, and why; "" when it has not.
    """

    request: str
    run: str | None
    sent_at: str = ""
    dead_at: str = ""
    reason: str = ""

    @property
    def is_sent(self) -> bool:
        """Whether it is known to be in the queue."""
        return self.sent_at != ""


class SubmissionsTable:
    """One item a message. Each write can be repeated."""

    def __init__(self, clients: Clients, name: str, clock: Callable[[], datetime]) -> None:
        self._clients = clients
        self._name = name
        self._clock = clock

    def get(self, job_name: str, message_id: str) -> Submission | None:
        """Read what is known of a message consistently."""
        with translated():
            found = self._clients.dynamodb.get_item(
                TableName=self._name,
                Key=to_dynamodb(_key(job_name, message_id)),
                ConsistentRead=True,
            )
        item = to_plain(found.get("Item", {}))
        if not item:
            return None
        names = ("request", "sent_at", "run", "dead_at", "reason")
        texts = {name: str(item.get(name) or "") for name in names}
        return Submission(**texts | {"run": texts["run"] or None})  # type: ignore[arg-type]

    def add(self, job_name: str, message_id: str, request: str) -> bool:
        """Note a message that is going to be sent; False when there is one of that name."""
        return self._set(
            job_name,
            message_id,
            "attribute_not_exists(#request)",
            request=request,
            created_at=iso(self._clock()),
        )

    def sent(self, job_name: str, message_id: str) -> None:
        """Note that a message is in the queue."""
        self._set(job_name, message_id, sent_at=iso(self._clock()))

    def claim(self, job_name: str, message_ids: Sequence[str], run: str) -> dict[str, Claim]:
        """Claim messages for a run, all of them or none. Idempotent per run.

        Returns
        -------
        dict
            By message id, the claims of other runs that prevented it.
        """
        values: dict[str, object] = {
            Field.RUN: run,
            Field.CLAIMED_AT: iso(self._clock()),
            Field.EXPIRES_AT: self._expiry(),
        }
        updates = [
            update(
                self._name,
                _key(job_name, message_id),
                f"SET {assignments(values)}",
                "#run = :run OR NOT attribute_type(#run, :text)",
                text="S",
                **values,
            )
            for message_id in message_ids
        ]
        found = not_held(self._clients, updates)
        return {message_ids[place]: _claim(item) for place, item in found.items()}

    def withdraw(self, job_name: str, message_id: str, claim: Claim) -> None:
        """Remove a claim, unless it has been made again since it was read."""
        request = update(
            self._name,
            _key(job_name, message_id),
            "REMOVE #run, claimed_at",
            "#run = :run AND (claimed_at = :at OR NOT attribute_type(claimed_at, :text))",
            text="S",
            run=claim.run,
            at=claim.at,
        )
        written(self._clients, "update_item", **request)

    def dead(self, job_name: str, message_id: str, reason: str) -> None:
        """Note why a message starts no run: it is a dead-letter message from now on."""
        at = iso(self._clock())
        self._set(job_name, message_id, dead_at=at, reason=reason[:_REASON_CHARACTERS])

    def _set(self, job_name: str, message_id: str, condition: str = "", **values: object) -> bool:
        values[Field.EXPIRES_AT] = self._expiry()
        key, expression = _key(job_name, message_id), f"SET {assignments(values)}"
        request = update(self._name, key, expression, condition, **values)
        return written(self._clients, "update_item", **request) is not None

    def _expiry(self) -> int:
        return int((self._clock() + _KEPT).timestamp())


def _claim(item: Item) -> Claim:
    run, at = item.get(Field.RUN), item.get(Field.CLAIMED_AT)
    return Claim(run if isinstance(run, str) else "", at if isinstance(at, str) else "")


def _key(job_name: str, message_id: str) -> dict[str, str]:
    return {Field.JOB_NAME: job_name, Field.TRIGGER_ID: keys.submission(message_id)}
