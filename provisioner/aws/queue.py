"""The reconcile queue: jobs to look at again, now or later."""

from __future__ import annotations

import json

from provisioner.aws.clients import client, translated

MAX_DELAY_SECONDS = 900
"""DelaySeconds of SQS."""


class ReconcileQueue:
    """Sends names only: whoever receives one reads the row itself."""

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, job_name: str, *, delay_seconds: int = 0, retry: bool = False) -> None:
        """Ask for a look at a job, at the earliest in `delay_seconds` (900 at most are kept).

        With `retry` the look forgets what has failed before.
        """
        message = {"job_name": job_name, "retry": True} if retry else {"job_name": job_name}
        with translated():
            client("sqs").send_message(
                QueueUrl=self._url,
                MessageBody=json.dumps(message),
                DelaySeconds=max(0, min(delay_seconds, MAX_DELAY_SECONDS)),
            )
