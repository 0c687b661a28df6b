"""The console's function behind its HTTP API, with the rights of its own role."""

from __future__ import annotations

import http.client
import time
from urllib.parse import quote, urlsplit

import pytest

from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.together]

ORDERS = "order-totals"
"""An example, which `up` deploys."""


class Console:
    """Asked as a browser does, which resolves names that end with `localhost` itself."""

    def __init__(self, address: str) -> None:
        split = urlsplit(address)
        assert split.hostname
        assert split.hostname.endswith(".localhost")
        self._host, self._port = split.netloc, split.port

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", path, headers={"Host": self._host})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def console(engine):
    return Console(engine.outputs["ConsoleUrl"])


def test_it_shows_a_run_its_result_and_its_log(engine, console):
    orders = [{"customer": "Grace", "quantity": 1, "price": 5}]
    execution = engine.start(ORDERS, {"orders": orders})
    run = engine.wait_for_run(ORDERS, execution, "SUCCEEDED")
    name = execution.rpartition(":")[2] if ":" in execution else execution
    at = quote(run["trigger_id"].partition("#")[0], safe="")

    status, page = console.get(f"/jobs/{ORDERS}/runs/{name}?at={at}")
    log_status, log = console.get(f"/jobs/{ORDERS}/runs/{name}/log?at={at}")

    assert (status, log_status) == (200, 200)
    assert "Grace" in page
    assert "The beginning of the log" in log, log[-3000:]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/", "Runs of a day"),
        ("/jobs?prefix=order", ORDERS),
        (f"/jobs/{ORDERS}", "Stack"),
        ("/runs", ORDERS),
        ("/failures", "Failures"),
        ("/dead-letters", "Dead-letter messages"),
    ],
)
def test_pages(console, path, said):
    status, page = console.get(path)

    assert (status, said in page) == (200, True), page[-3000:]


def test_a_page_is_there_within_three_seconds(console):
    """On a machine that has time for it: the other engines of a test run take theirs."""

    def is_quick():
        begun = time.monotonic()
        status, _ = console.get("/jobs")
        return (status, time.monotonic() - begun < 3) == (200, True)

    wait_until(is_quick, "a page within three seconds")
