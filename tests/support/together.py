"""Tests of one module that run at the same time: they wait for an engine most of theirs."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

AT_ONCE = 8


class Together:
    """Runs the tests of modules that are marked `together` in threads, and tells of each apart.

    All start when the first is due. Their fixtures have to be the module's or the session's.
    """

    def __init__(self) -> None:
        self._started: dict[str, Future[None]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        if pyfuncitem.get_closest_marker("together") is None:
            return None
        if pyfuncitem.nodeid not in self._started:
            self._start(pyfuncitem)
        self._started[pyfuncitem.nodeid].result()
        return True

    def _start(self, first: pytest.Function) -> None:
        # All fixtures are there before the first test begins.
        calls = {
            item.nodeid: (item.obj, self._arguments(first, item))
            for item in first.session.items
            if isinstance(item, pytest.Function) and item.module is first.module
        }
        pool = ThreadPoolExecutor(AT_ONCE)
        for nodeid, (test, arguments) in calls.items():
            self._started[nodeid] = pool.submit(test, **arguments)
        pool.shutdown(wait=False)

    @staticmethod
    def _arguments(first: pytest.Function, item: pytest.Function) -> dict[str, object]:
        """Return a test's arguments: the module's fixtures are the same, whichever test asks."""
        given = item.callspec.params if hasattr(item, "callspec") else {}
        return {
            name: given[name] if name in given else first._request.getfixturevalue(name)
            for name in item._fixtureinfo.argnames
        }
