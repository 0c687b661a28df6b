"""Everything that a runtime names can be made, from settings alone; AWS is not asked."""

from __future__ import annotations

import inspect
from functools import cached_property

import pytest

from provisioner.aws.clients import Clients
from provisioner.entrypoints.wiring import Runtime
from tests.support.functions import having
from tests.support.platforms import SETTINGS

ADAPTERS = [name for name, kind in inspect.getmembers(Runtime) if isinstance(kind, cached_property)]


class NoClients(Clients):
    def make(self, service, _config):
        raise AssertionError(f"a client of {service} is made before it is used")


@pytest.fixture
def runtime():
    environ = {
        "SLACK_SECRET_ARN": "arn:secret",
        "SLACK_QUEUE_URL": "https://queue",
        "SCOPE_PREFIX": "jobs/",
    }
    return Runtime(SETTINGS, NoClients(), environ=environ)


@pytest.mark.parametrize("name", ADAPTERS)
def test_it_is_made_once_and_without_a_client(runtime, name):
    made = getattr(runtime, name)

    assert made is not None
    assert getattr(runtime, name) is made


def test_another_adapter_reaches_whatever_is_made_of_it(runtime):
    jobs = object()

    assert having(runtime, jobs=jobs).ports.jobs is jobs


def test_it_is_frozen(runtime):
    with pytest.raises(AttributeError):
        runtime.clients = None
