"""The HTTP API and the console in this process, over the tables of an engine, and what they read.

They are made as the deployed functions are, from these functions' own variables.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner.console.http import request_of
from provisioner.entrypoints.cold_start import collector_paused
from provisioner.entrypoints.console import app_of
from provisioner.entrypoints.wiring import Runtime
from provisioner.settings import Settings
from tests.support.api import Client, by_scopes
from tests.support.console import event_of

if TYPE_CHECKING:
    from tests.support.engine import EngineUnderTest


@dataclass(frozen=True)
class Look:
    """One request: how long it took, what it read, what came of it.

    `cpu_ms` is this process's own time, `reads` are requests to DynamoDB, `others` those to other
    services.
    """

    took_ms: float
    cpu_ms: float
    reads: int
    others: int
    status: int
    tag: str | None = None
    body: Any = None


class Faces:
    """Asks the API and the console for one address after the other."""

    def __init__(self, under_test: EngineUnderTest) -> None:
        client = under_test.client("lambda")
        for name in ("jobs_provisioner_console", "jobs_provisioner_api"):
            found = client.get_function_configuration(FunctionName=name)
            os.environ |= found["Environment"]["Variables"]
        with collector_paused():  # as each function begins: it never looks at what is there by then
            self.runtime = Runtime(Settings.from_environ(os.environ), environ=os.environ)
            self._api = Client(self.runtime.api, by_scopes(f"{os.environ['SCOPE_PREFIX']}admin"))
            self._console = app_of(self.runtime, None)

    def __call__(self, address: str, tag: str | None = None) -> Look:
        """Ask for an address of the API (`/v1/…`) or of the console; `tag` is what is known."""
        before, all_before = self._reads(), self._calls()
        began, cpu_began = time.perf_counter(), time.process_time()
        found = self._of_api(address) if address.startswith("/v1/") else self._page(address, tag)
        took = (time.perf_counter() - began) * 1000
        cpu = (time.process_time() - cpu_began) * 1000
        reads = self._reads() - before
        return Look(took, cpu, reads, self._calls() - all_before - reads, *found)

    def forget(self) -> None:
        """Forget what the process keeps for other readers for a moment."""
        vars(self.runtime).pop("recall", None)  # it is made when it is first asked for

    def _of_api(self, address: str) -> tuple[int, str | None, Any]:
        path, _, query = address.partition("?")
        reply = self._api("GET", path, query=query)
        return reply.status, None, reply.json

    def _page(self, address: str, tag: str | None) -> tuple[int, str | None, Any]:
        event = event_of("GET", address, {"if-none-match": tag} if tag else {})
        answer = self._console.answer(request_of(event))
        return answer.status, answer.headers.get("ETag"), answer.body

    def _reads(self) -> int:
        return self.runtime.clients.reads("dynamodb")

    def _calls(self) -> int:
        return self.runtime.clients.calls.total()
