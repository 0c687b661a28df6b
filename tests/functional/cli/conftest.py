"""The CLI on the state of a bootstrap's tables, buckets and state machines."""

from __future__ import annotations

import boto3
import pytest
import yaml
from moto import mock_aws

from provisioner.aws.clients import Clients
from tests.support.cli import REGION, Provisioner, warm_up


@pytest.fixture(scope="module", autouse=True)
def environment():
    """Let all tests share their clients: making them takes longer than all the rest."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "PROVISIONER_STACK"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_REGION", REGION)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        warm_up()
        yield


@pytest.fixture
def account():
    """Yield an account with nothing in it."""
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield Provisioner()


@pytest.fixture
def here(account):
    """Yield a deployed bootstrap."""
    account.build()
    return account


@pytest.fixture
def fresh_clients(here):
    """Yield a bootstrap, whose command makes its clients from the environment as it is then."""
    kept = boto3.DEFAULT_SESSION
    boto3.DEFAULT_SESSION = None
    here.clients = Clients()
    yield here
    boto3.DEFAULT_SESSION = kept


@pytest.fixture
def file(tmp_path):
    def file(*rows, name="rows.yaml"):
        path = tmp_path / name
        path.write_text(yaml.safe_dump_all(rows))
        return str(path)

    return file
