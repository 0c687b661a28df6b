"""A bootstrap that is deployed in an account: the one that the environment's credentials reach."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.engine import EngineUnderTest

STACK = "PROVISIONER_STACK"


class Account(EngineUnderTest):
    """The account as a test sees it; what a test puts is deleted after it."""

    def __init__(self) -> None:
        super().__init__({STACK: "jobs", **os.environ})
        self.prefix = self.outputs["Prefix"]
        self._put: dict[str, None] = {}

    def put(self, row):
        self._put[row["job_name"]] = None
        super().put(row)

    def ready(self, row):
        """Put a row and return the job's record once it is READY."""
        self.put(row)
        return self.wait_for(row["job_name"], "READY", timeout_seconds=900)

    def container_row(self, name, **changes):
        image = "public.ecr.aws/docker/library/busybox:1.37"
        return {"job_name": name, "type": "ecs", "image": image, "cpu": 256} | changes

    def ended(self, name, execution_arn, status="SUCCEEDED"):
        """Return a run's row once it has that status."""
        return self.wait_for_run(name, execution_arn, status, timeout_seconds=900)

    def clean(self) -> None:
        for name in self._put:
            self.delete(name)
        for name in self._put:
            self.wait_for(name, "DELETED", timeout_seconds=1800)
        self._put.clear()


@pytest.fixture(scope="session")
def bootstrap() -> Account:
    return Account()


@pytest.fixture
def account(bootstrap: Account) -> Iterator[Account]:
    yield bootstrap
    bootstrap.clean()
