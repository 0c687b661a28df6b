"""The reconcile queue: jobs to reconcile again, now or later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provisioner.aws.clients import translated
from provisioner.errors import TemporaryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provisioner.aws.clients import Clients

MAX_DELAY_SECONDS = 900
"""DelaySeconds of SQS."""

_BATCH_SIZE = 10
"""Entries of one SendMessageBatch."""


class ReconcileQueue:
    """Sends names only: the function that receives one reads the row itself."""

    def __init__(self, clients: Clients, url: str) -> None:
        self._clients = clients
        self._url = url

    def send(
        self,
        job_name: str,
        *,
        delay_seconds: int = 0,
        retry: bool = False,
        confirm_deletion: bool = False,
        detect_drift: bool = False,
        tries: int = 0,
        receives: int = 0,
    ) -> None:
        """Have a job reconciled, at the earliest in `delay_seconds` (900 at most are kept).

        With `retry` its failures are reset first; with `confirm_deletion` its stack may be deleted
        though many others are; with `detect_drift` its drift is detected instead. `tries` are the
        reconciles in a row that failed, `receives` the times that a function was given the job
        under another message.
        """
        asks = {
            "retry": retry,
            "confirm_deletion": confirm_deletion,
            "detect_drift": detect_drift,
            "tries": tries,
            "receives": receives,
        }
        with translated():
            self._clients.sqs.send_message(
                QueueUrl=self._url, **_message(job_name, delay_seconds, **asks)
            )

    def forget(self, receipt_handles: Iterable[str]) -> None:
        """Take messages out of the queue before the function that was given them ends."""
        entries = [
            {"Id": str(index), "ReceiptHandle": handle}
            for index, handle in enumerate(receipt_handles)
        ]
        for start in range(0, len(entries), _BATCH_SIZE):
            with translated():
                self._clients.sqs.delete_message_batch(
                    QueueUrl=self._url, Entries=entries[start : start + _BATCH_SIZE]
                )

    def send_many(
        self,
        delays_seconds: Mapping[str, int],
        *,
        detect_drift: bool = False,
        check_code: bool = False,
        receives: int = 0,
    ) -> None:
        """Have many jobs reconciled, each with its delay; see `send`.

        With `check_code` only other code is a reason to ask CloudFormation about a READY job.

        Raises
        ------
        TemporaryError
            If SQS did not take some of them.
        """
        asks = {"detect_drift": detect_drift, "check_code": check_code, "receives": receives}
        messages = [
            {"Id": str(index), **_message(job_name, seconds, **asks)}
            for index, (job_name, seconds) in enumerate(delays_seconds.items())
        ]
        for start in range(0, len(messages), _BATCH_SIZE):
            with translated():
                response = self._clients.sqs.send_message_batch(
                    QueueUrl=self._url, Entries=messages[start : start + _BATCH_SIZE]
                )
            if response.get("Failed"):
                raise TemporaryError(f"SQS did not take {len(response['Failed'])} messages")


def _message(job_name: str, delay_seconds: int, **asks: int) -> dict[str, Any]:
    body = {"job_name": job_name} | {name: asked for name, asked in asks.items() if asked}
    return {
        "MessageBody": json.dumps(body),
        "DelaySeconds": max(0, min(delay_seconds, MAX_DELAY_SECONDS)),
    }
