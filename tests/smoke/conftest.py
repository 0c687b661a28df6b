"""A bootstrap that `make smoke` has deployed; the environment says where, and with which images."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.engine import EngineUnderTest

PUBLIC_IMAGE = "public.ecr.aws/docker/library/python:3.13-alpine"


class Account(EngineUnderTest):
    """The account as a test sees it; what a test puts is deleted after it."""

    def __init__(self) -> None:
        super().__init__(os.environ)
        self.prefix = self.outputs["Prefix"]
        self._put: dict[str, None] = {}

    def put(self, row):
        self._put[row["job_name"]] = None
        super().put(row)

    def ready(self, row):
        """Put a row that is new or changed; return the job's record once it is READY with it."""
        name = row["job_name"]
        before = self.record(name)
        self.put(row)

        def settled():
            record = self.record(name)
            is_new = record.get("spec_digest") != before.get("spec_digest")
            is_refused = record.get("status") == "INVALID" != before.get("status")
            is_done = is_new and record["status"] in {"READY", "FAILED"}
            return record if is_done or is_refused else None

        record = self.wait(settled, f"{name} as its row says", timeout_seconds=900)
        assert record["status"] == "READY", record
        return record

    def container_row(self, name, **changes):
        """Return a row of a container with Python, on AWS from a public registry."""
        packed = os.environ.get("SMOKE_TASK_IMAGE")
        row = {
            "job_name": name,
            "type": "ecs",
            "image": packed or PUBLIC_IMAGE,
            "architecture": os.environ["SMOKE_ARCHITECTURE"] if packed else "arm64",
            "cpu": 256,
        }
        return row | changes

    def image_function_row(self, name, **changes):
        row = {
            "job_name": name,
            "type": "lambda",
            "image": os.environ["SMOKE_FUNCTION_IMAGE"],
            "architecture": os.environ["SMOKE_ARCHITECTURE"],
            "command": "code_under_test.echo",
            "memory_mb": 128,
        }
        return row | changes

    def function_memory_mb(self, name):
        functions = self.client("lambda")
        found = functions.get_function_configuration(FunctionName=f"{self.prefix}-{name}")
        return found["MemorySize"]

    def ended(self, name, execution_arn, status="SUCCEEDED"):
        """Return a run's row once the run has ended, with that status."""
        suffix = "#" + execution_arn.rpartition(":")[2]

        def ended():
            rows = [run for run in self.runs(name) if run["trigger_id"].endswith(suffix)]
            return rows[0] if rows and rows[0]["status"] not in {"QUEUED", "RUNNING"} else None

        run = self.wait(ended, "the run's end", timeout_seconds=900)
        assert run["status"] == status, run
        return run

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
