"""The steps are tests of tests/smoke: what they are, and how each of them ends."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tools.smoke.cost import Usage
from tools.smoke.state import FAILED, NEEDS_AWS, PASSED, Result

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from tools.smoke.state import State

TESTS = "tests/smoke"
_OPTIONS = ("-m", "smoke", "-p", "no:terminal", "-p", "no:cacheprovider", "-s")


@dataclass(frozen=True)
class Step:
    """One test: its name in words, what it shows, what it uses, and what of AWS it needs."""

    name: str
    shows: str
    usage: Usage
    needs_aws: str = ""

    @classmethod
    def of(cls, item: pytest.Function) -> Step:
        """Read a step off its test: name, docstring and markers."""
        needs, uses = item.get_closest_marker("needs_aws"), item.get_closest_marker("uses")
        return cls(
            _name(item.nodeid),
            (inspect.getdoc(item.function) or "").partition("\n")[0].rstrip("."),
            Usage(**uses.kwargs) if uses else Usage(),
            needs.args[0] if needs else "",
        )


def all_steps() -> list[Step]:
    """Return the steps in the order in which they run.

    Raises
    ------
    RuntimeError
        A module of tests/smoke cannot be imported.
    """
    collected = _Collected()
    code = pytest.main([TESTS, "--collect-only", *_OPTIONS], plugins=[collected])
    if code:
        message = f"pytest could not collect {TESTS}: {collected.errors}"
        raise RuntimeError(message)
    return collected.steps


def run(steps: AbstractSet[str], state: State, log: Path, say: Callable[[str], None]) -> bool:
    """Run these steps, each whatever became of the others; return False if interrupted.

    The state is saved after each step. `log` gets the whole text of failures.
    """
    if not steps:
        return True
    recorder = _Recorder(steps, state, log, say)
    code = pytest.main([TESTS, *_OPTIONS], plugins=[recorder])
    return code != pytest.ExitCode.INTERRUPTED


def _name(node_id: str) -> str:
    return node_id.rpartition("::")[2].removeprefix("test_").replace("_", " ")


@dataclass(eq=False)  # pytest keeps plugins in sets
class _Collected:
    steps: list[Step] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.steps = [Step.of(item) for item in session.items if isinstance(item, pytest.Function)]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(str(report.longrepr))


@dataclass(eq=False)
class _Recorder:
    """Lets only the wanted steps run, and puts their ends into the state."""

    wanted: AbstractSet[str]
    state: State
    log: Path
    say: Callable[[str], None]
    _seconds: float = 0.0
    _failure: str = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if _name(item.nodeid) in self.wanted]

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._seconds, self._failure = 0.0, ""
        self.say(f"step {_name(nodeid)} …")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds += report.duration
        if report.failed:
            self._failure = self._failure or _reason(report)
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"==== {report.nodeid}, {report.when}\n{report.longreprtext}\n")

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        outcome = FAILED if self._failure else PASSED
        self.state.results[_name(nodeid)] = Result(outcome, round(self._seconds, 1), self._failure)
        self.state.save()
        self.say(f"     {outcome} in {self._seconds:.0f} s" + f"  {self._failure}".rstrip())


def _reason(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else report.longreprtext
    return text.strip().partition("\n")[0]


def left_to_aws(steps: list[Step]) -> dict[str, Result]:
    """Return what becomes of the steps that an engine cannot prove."""
    return {step.name: Result(NEEDS_AWS, why=step.needs_aws) for step in steps if step.needs_aws}
