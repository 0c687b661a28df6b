"""Releases of the provisioner whose templates differ, and the upgrade that takes jobs to them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from provisioner.entrypoints.wiring import Runtime
from provisioner.stacks.upgrade import FailedRun, Upgrade
from tests.simulation.stacks.calls import Calls
from tests.simulation.stacks.wiring import MEMORY
from tests.simulation.timeline import Timeline
from tests.support.fakes import FakeUpgrades

FIRST = MEMORY.template_version
LONGEST_DEPLOYMENT_SECONDS = 60
"""The functions of a bootstrap are updated one after another within that time."""


class Releases:
    """Which release each function is of."""

    def __init__(
        self, timeline: Timeline, chance: random.Random, make: Callable[[str], Runtime]
    ) -> None:
        self._timeline = timeline
        self._chance = chance
        self._make = make
        self._made: dict[str, Runtime] = {}
        self._of: dict[str, str] = {}
        self.deployed = FIRST
        self.deployed_at = timeline.now

    def version_of(self, function: str) -> str:
        """Return the version of the templates that a function builds."""
        return self._of.get(function, FIRST)

    def runtime_of(self, function: str) -> Runtime:
        version = self.version_of(function)
        if version not in self._made:
            self._made[version] = self._make(version)
        return self._made[version]

    def deploy(self, version: str, functions: list[str]) -> None:
        """Have each function be of a release, at a time of its own."""
        self._timeline.note("release", version)
        self.deployed, self.deployed_at = version, self._timeline.now
        for function in functions:
            seconds = self._chance.uniform(0, LONGEST_DEPLOYMENT_SECONDS)
            self._timeline.after(seconds, partial(self._switch, function, version))

    def _switch(self, function: str, version: str) -> None:
        if version == self.deployed:  # and no later deployment came before
            self._of[function] = version


class Upgrades(FakeUpgrades):
    """The upgrade, as functions reach it; people change it past the calls of functions."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self._calls = calls
        self.saved: Callable[[Upgrade | None, Upgrade], None] = lambda *_: None

    def get(self) -> Upgrade | None:
        return self._calls("upgrades.get", super().get)

    def save(self, upgrade: Upgrade) -> None:
        self._calls("upgrades.save", partial(self._save, upgrade))

    def _save(self, upgrade: Upgrade) -> None:
        before = self.kept
        super().save(upgrade)
        self.saved(before, upgrade)

    def write(self, upgrade: Upgrade) -> None:
        """Write it as a person does, who has just read it."""
        version = self.kept.version if self.kept else 0
        super().save(replace(upgrade, version=version))


class FailedRuns:
    """The runs that failed."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.runs: list[FailedRun] = []

    def since(self, moment: datetime) -> list[FailedRun]:
        found = [run for run in self.runs if run.started_at >= moment]
        return self._calls("failed_runs.since", lambda: found)

    def had_failed(self, job_name: str, moment: datetime) -> bool:
        return self._calls("failed_runs.had_failed", partial(self.has_before, job_name, moment))

    def has_before(self, job_name: str, moment: datetime) -> bool:
        return any(run.job_name == job_name and run.started_at <= moment for run in self.runs)
