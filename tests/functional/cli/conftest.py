"""The CLI on the state of a bootstrap's tables, buckets and state machines."""

from __future__ import annotations

import boto3
import pytest
import yaml
from moto import mock_aws

from provisioner.aws import clients
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
        clients.client.cache_clear()
        warm_up()
        yield
        clients.client.cache_clear()


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
    """Yield a bootstrap, for which the process has no clients yet."""
    kept = boto3.DEFAULT_SESSION
    boto3.DEFAULT_SESSION = None
    clients.client.cache_clear()
    clients.session.cache_clear()
    yield here
    boto3.DEFAULT_SESSION = kept
    clients.client.cache_clear()
    clients.session.cache_clear()


@pytest.fixture
def file(tmp_path):
    def file(*rows, name="rows.yaml"):
        path = tmp_path / name
        path.write_text(yaml.safe_dump_all(rows))
        return str(path)

    return file
