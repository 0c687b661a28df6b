"""What a claim in the audit, written with rights of its writer alone, cannot make others see."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.aws.items import to_dynamodb
from provisioner.service import audit
from provisioner.service.audit import recorded
from provisioner.service.caller import Caller, Role
from provisioner.service.rights import Action
from tests.functional.cli.conftest import account, environment, here
from tests.support.clients import CLIENTS

__all__ = ["account", "environment", "here"]

ADA = Caller("arn:aws:iam::123456789012:user/ada", via="api", role=Role.ADMIN, proven=True)
TOMORROW = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%S.000Z}"


def claim(at):
    said = {"subject": "says#report", "entry_id": f"{at}#x", "feed": "all", "caller": "eve"}
    CLIENTS.dynamodb.put_item(TableName="jobs-Audit", Item=to_dynamodb(said))


@pytest.mark.parametrize("job", ["report", ""], ids=["of a job", "of all"])
def test_no_claim_of_the_future_stands_above_what_is_recorded(here, job):
    for at in ("9999-12-31T23:59:59.999Z", TOMORROW, "~"):
        claim(at)
    with recorded(replace(here.service, caller=lambda: ADA), Action.RETRY_JOB, "report"):
        pass
    later = replace(here.service, clock=lambda: datetime.now(UTC) + timedelta(days=2))

    assert [each.writer for each in audit.newest(here.service, job, 10)] == [ADA.name]
    assert [each.writer for each in audit.newest(later, job, 10)] == ["says eve", ADA.name]
