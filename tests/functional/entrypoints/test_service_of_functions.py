"""The service that a function has: by its settings, without a call to AWS."""

from __future__ import annotations

import os

import pytest

from provisioner.entrypoints.wiring import Runtime
from provisioner.errors import NotFoundError
from provisioner.service import edits
from provisioner.service.caller import Caller, Role
from provisioner.settings import Settings
from tests.support.clients import CLIENTS

ADA = Caller("arn:aws:iam::123456789012:user/ada", via="api", role=Role.WRITE, proven=True)
ROW = {
    "job_name": "report",
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "main.handler",
    "bundle": "s3://bundles/report.zip",
}


@pytest.mark.usefixtures("bootstrap")
def test_a_function_edits_rows_by_its_settings():
    runtime = Runtime(Settings.from_environ(os.environ), CLIENTS)
    service = runtime.service(lambda: ADA)

    edited = edits.put(service, ROW, if_none_match=True)

    assert edits.row_of(service, "report").etag == edited.etag
    assert runtime.jobs.get_many(["report"]) == {"report": ROW}
    with pytest.raises(NotFoundError):
        edits.row_of(service, "other")


@pytest.mark.usefixtures("bootstrap")
def test_rows_are_held_to_the_bootstraps_parameters():
    service = Runtime(Settings.from_environ(os.environ), CLIENTS).service(lambda: ADA)

    (problem,) = edits.check(service, ROW | {"reserved_concurrency": 1001})

    assert problem.pointer == "/reserved_concurrency"
