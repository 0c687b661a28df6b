"""The console's function: API Gateway's events become pages of the bootstrap that it belongs to."""

from __future__ import annotations

import pytest

from provisioner.entrypoints import console
from tests.support.console import body_of, event_of
from tests.support.functions import deliver


@pytest.mark.usefixtures("bootstrap")
@pytest.mark.parametrize(
    ("address", "source", "status", "said"),
    [
        ("/jobs", "127.0.0.1", 200, "There is no job yet"),
        ("/jobs", "203.0.113.7", 403, "answers this machine only"),
        ("/jobs?status=GOOD", "127.0.0.1", 400, "is not one of"),
        ("/none", "127.0.0.1", 404, "There is no page"),
    ],
)
def test_a_page(address, source, status, said):
    answer = deliver(console, event_of("GET", address, source=source))

    assert (answer["statusCode"], said in body_of(answer).decode()) == (status, True)
