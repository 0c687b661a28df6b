"""Mutation testing: make one small mistake in a module, and see whether its tests notice.

`python -m tools.mutants [MODULE ...]`, by default over `TARGETS`. Each mutant is a fork of this
process, which has the large libraries loaded already: it imports the module with the mistake in it,
and runs the module's own tests until one fails. What survives is printed.
"""

from __future__ import annotations

import ast
import importlib
import os
import sys
import time
import warnings
from argparse import ArgumentParser
from collections import Counter
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings

from tools.mutations import Mutation, applied, mutations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.process import BaseProcess
    from types import CodeType

_STACKS = "tests/unit/stacks"
_RUNS = "tests/functional/entrypoints"
_WORKFLOW = "tests/functional/workflow"
TARGETS = {
    "provisioner.stacks.plan": (f"{_STACKS}/test_documented_table.py", _STACKS),
    "provisioner.stacks.attempts": (f"{_STACKS}/test_plan.py", _STACKS),
    "provisioner.stacks.record": (f"{_STACKS}/test_reconcile.py", _STACKS),
    "provisioner.stacks.rate_limits": (f"{_STACKS}/test_rate_limits.py", _STACKS),
    "provisioner.runs.overlap": ("tests/unit/runs/test_overlap.py", _RUNS),
    "provisioner.runs.completion": ("tests/functional/entrypoints/test_entrypoints.py", _RUNS),
    "provisioner.runs.dependencies": ("tests/unit/runs/test_dependencies.py", _RUNS),
    "provisioner.jobs.scheduled_times": ("tests/unit/jobs/test_scheduled_times.py",),
    "templates.workflow.definition": (f"{_WORKFLOW}/test_workflow.py", _WORKFLOW),
    "templates.workflow.transactions": (f"{_WORKFLOW}/test_workflow.py", _WORKFLOW),
    "templates.workflow.failure_rules": (f"{_WORKFLOW}/test_failure_rules.py", _WORKFLOW),
}
"""Where a mistake costs most: module by its tests. What survives the first meets the next."""

_LIBRARIES = ("hypothesis", "jsonata", "moto", "troposphere", "pydantic", "aws_lambda_powertools")
_OPTIONS = (
    "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0",
    "--hypothesis-profile=mutants",     "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
_LEAST_SECONDS = 10.0
_PATIENCE = 5
"""Of a mutant's tests, in times of what they take without a mistake."""


@dataclass(frozen=True)
class Target:
    """A module and the tests that are to notice what is wrong with it."""

    module: str
    path: Path
    tree: ast.Module
    tests: tuple[str, ...]

    @classmethod
    def of(cls, module: str, *, first_tests_only: bool = False) -> Target:
        path = Path(*module.split(".")).with_suffix(".py")
        if not path.exists():
            path = Path(*module.split("."), "__init__.py")
        tests = TARGETS[module][:1] if first_tests_only else TARGETS[module]
        return cls(module, path, ast.parse(path.read_text(encoding="utf-8")), tests)


@dataclass
class Score:
    """How a module's mutants ended."""

    ends: Counter[str] = field(default_factory=Counter)
    survivors: list[Mutation] = field(default_factory=list)

    @property
    def percent(self) -> float:
        return 100 * (1 - self.ends["survived"] / max(self.ends.total(), 1))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each module's score and survivors; return 1 if a module is below the wanted score."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="default: all of TARGETS")
    parser.add_argument("--at-least", type=float, default=0, metavar="PERCENT")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth mutant")
    parser.add_argument("--first", action="store_true", help="only the first of a module's tests")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    for library in _LIBRARIES:
        importlib.import_module(library)
    worst = 100.0
    for module in options.modules or TARGETS:
        target = Target.of(module, first_tests_only=options.first)
        score = _score(target, options.jobs, options.every)
        worst = min(worst, score.percent)
        _print(target, score)
    return int(worst < options.at_least)


def _print(target: Target, score: Score) -> None:
    ends = ", ".join(f"{count} {end}" for end, count in sorted(score.ends.items()))
    print(f"{target.module}: {score.percent:.1f} % of {score.ends.total()} ({ends})")
    for mutation in sorted(score.survivors, key=lambda each: each.line):
        print(f"  {target.path}:{mutation.line}: {mutation.text}")
    sys.stdout.flush()


def _score(target: Target, jobs: int, every: int) -> Score:
    limit = max(_LEAST_SECONDS, _PATIENCE * _seconds_without_mistake(target))
    numbers = iter(range(0, len(mutations(target.tree)), every))
    score = Score()
    running: list[_Mutant] = []
    while True:
        running += [_Mutant(target, n, limit) for n in islice(numbers, jobs - len(running))]
        if not running:
            return score
        wait([mutant.process.sentinel for mutant in running], timeout=1)
        for mutant in running[:]:
            if end := mutant.end():
                running.remove(mutant)
                score.ends[end] += 1
                score.survivors += [mutant.mutation] if end == "survived" else []


def _seconds_without_mistake(target: Target) -> float:
    began = time.monotonic()
    process = _fork(target, target.tree)
    process.join()
    if process.exitcode:
        raise SystemExit(f"{target.module}: its tests fail without any mistake in it")
    return time.monotonic() - began


class _Mutant:
    """A module with one mistake, under test in a process of its own."""

    def __init__(self, target: Target, number: int, limit_seconds: float) -> None:
        self.mutation, tree = applied(target.tree, number)
        self._deadline = time.monotonic() + limit_seconds
        self.process = _fork(target, tree)

    def end(self) -> str | None:
        """Return how the mutant ended; None while it runs."""
        if self.process.is_alive() and time.monotonic() < self._deadline:
            return None
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
            return "timed out"
        self.process.join()
        match self.process.exitcode:
            case 0:
                return "survived"
            case 1:
                return "killed"
            case _:
                return "not even imported"


def _fork(target: Target, tree: ast.Module) -> BaseProcess:
    process = get_context("fork").Process(target=_test, args=(target, tree))
    process.start()
    return process


def _test(target: Target, tree: ast.Module) -> None:
    """Run the tests of a module with this tree; the exit code is pytest's."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(nowhere, descriptor)
    with warnings.catch_warnings(action="ignore"):
        code = compile(tree, str(target.path), "exec")
    sys.meta_path.insert(0, _Finder(target, code))
    phases = (Phase.explicit, Phase.generate)  # the shortest example is of no use here
    settings.register_profile("mutants", deadline=None, database=None, phases=phases)
    for tests in target.tests:
        if end := pytest.main([*_OPTIONS, tests]):
            os._exit(int(end))
    os._exit(0)


class _Finder(MetaPathFinder):
    """Gives one module's code to whoever imports it."""

    def __init__(self, target: Target, code: CodeType) -> None:
        self._target = target
        self._loader = _Loader(target.module, str(target.path))
        self._loader.code = code

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname != self._target.module:
            return None
        return spec_from_file_location(fullname, self._target.path, loader=self._loader)


class _Loader(SourceFileLoader):
    code: CodeType

    def get_code(self, _fullname: str) -> CodeType:
        return self.code


if __name__ == "__main__":
    sys.exit(main())
