"""Mutation testing: make one small mistake in a module, and see whether its tests notice.

`python -m tools.mutants [MODULE ...]`, by default over `tools.targets`. Each mutant is a fork of a
process that has collected the module's tests already (`tools.swapped`); it runs those that call the
function with the mistake (`tools.reached`) until one fails. A mistake outside of functions, or in
one that was called before tests ran, is made by an import in a process of its own.
"""

from __future__ import annotations

import ast
import importlib
import os
import signal
import sys
import time
import warnings
from argparse import ArgumentParser
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings

from tools import swapped
from tools.ends import end_with_parent, own_temporary_folder
from tools.imported import Finder
from tools.mutations import Mutation, applied, mutations
from tools.reached import Reach, called, reporting
from tools.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from types import CodeType

    from tools.reached import Measure

_LIBRARIES = ("hypothesis", "jsonata", "moto", "troposphere", "pydantic", "aws_lambda_powertools")
_OPTIONS = (
    "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0",
    "--hypothesis-profile=mutants", "--assert=plain", "--tb=no",
)  # fmt: skip
_BUSY = 10
"""How often a process may have to wait as long as it computes."""
_LATE = "timed out"
_NOT_TRIED = "not tried"
_BY_IMPORT = "only an import can tell"
_ENDS = {0: "survived", 1: "killed", -signal.SIGPROF: _LATE, swapped.NOT_SWAPPED: _BY_IMPORT}
"""By a process's exit code."""


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


@dataclass(frozen=True)
class Pace:
    """How many mutants there are at once, and until when new ones are tried."""

    jobs: int
    end: float

    def shortened(self) -> Pace:
        """Leave a fifth of the time for what only an import can tell."""
        now = time.monotonic()
        return Pace(self.jobs, now + 0.8 * (self.end - now))


@dataclass
class Score:
    """How a module's mutants ended."""

    ends: Counter[str] = field(default_factory=Counter)
    survivors: list[Mutation] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return self.ends.total() - self.ends[_NOT_TRIED]

    @property
    def percent(self) -> float:
        return 100 * (1 - self.ends["survived"] / max(self.tried, 1))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each module's score and survivors; return 1 if a module is below the wanted score."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="default: all of TARGETS")
    parser.add_argument("--at-least", type=float, default=0, metavar="PERCENT")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth mutant")
    parser.add_argument("--first", action="store_true", help="only the first of a module's tests")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=inf, help="start no mutant after these")
    options = parser.parse_args(arguments)
    own_temporary_folder()
    for library in _LIBRARIES:
        importlib.import_module(library)
    worst = 100.0
    modules = options.modules or list(TARGETS)
    end = time.monotonic() + 60 * options.minutes
    for position, module in enumerate(modules):
        now = time.monotonic()
        share = max(0.0, end - now) / (len(modules) - position)
        target = Target.of(module, first_tests_only=options.first)
        score = _score(target, options.every, Pace(options.jobs, now + share))
        worst = min(worst, score.percent)
        _print(target, score)
    return int(worst < options.at_least)


def _print(target: Target, score: Score) -> None:
    ends = ", ".join(f"{count} {end}" for end, count in sorted(score.ends.items()))
    print(f"{target.module}: {score.percent:.1f} % of {score.tried} ({ends})")
    for mutation in sorted(score.survivors, key=lambda each: each.line):
        print(f"  {target.path}:{mutation.line}: {mutation.text}")
    sys.stdout.flush()


def _score(target: Target, every: int, pace: Pace) -> Score:
    numbers = list(range(0, len(mutations(target.tree)), every))
    if pace.end < inf:  # others each day
        Random(time.strftime("%Y-%m-%d")).shuffle(numbers)  # noqa: S311
    tried, seconds = _ends_when_swapped(target, numbers, pace.shortened())
    ends = {number: end for number, end in tried.items() if end != _BY_IMPORT}
    left = sorted(set(numbers) - ends.keys(), key=lambda number: number not in tried)
    limit = swapped.limit(seconds)
    ends |= _ends(left, pace, limit, lambda n: _fork(_test, target, _mutant(target, n), limit))
    every_end = {number: ends.get(number, _NOT_TRIED) for number in numbers}
    survivors = [applied(target.tree, n)[0] for n in numbers if every_end[n] == "survived"]
    return Score(Counter(every_end.values()), survivors)


def _mutant(target: Target, number: int) -> ast.Module:
    return applied(target.tree, number)[1]


def _ends_when_swapped(
    target: Target, numbers: Sequence[int], pace: Pace
) -> tuple[dict[int, str], float]:
    """Return how mutants ended, those that there was time for, and what all tests take."""
    receiver, sender = get_context("fork").Pipe(duplex=False)
    host = _fork(_host, target, numbers, pace, sender)
    sender.close()
    try:
        ends, seconds = receiver.recv()
    except EOFError:
        raise SystemExit(f"{target.module}: its tests fail without any mistake in it") from None
    host.join()
    return ends, seconds


def _host(target: Target, numbers: Sequence[int], pace: Pace, sender: Connection) -> None:
    """Collect a module's tests once, and run them for each mutant in a fork."""
    _prepare()
    code = _compiled(target, reporting(target.tree))
    sys.meta_path.insert(0, Finder(target.module, target.path, code))
    ended = []

    def work(session: pytest.Session) -> None:
        while_collecting = frozenset(called)
        measure = _measured(session)
        if measure is None:
            return
        reach = Reach.of(measure, while_collecting, target.tree)
        old = _compiled(target, target.tree)

        def start(number: int) -> BaseProcess:
            new = _compiled(target, _mutant(target, number))
            return _fork(swapped.run_swapped, session, target.module, old, new, reach)

        total = sum(reach.seconds)
        ended.append((_ends(numbers, pace, swapped.limit(total), start), total))

    pytest.main([*_OPTIONS, *_arguments(target)], plugins=[swapped.Host(work)])
    if ended:
        sender.send(ended[0])
    os._exit(0)


def _measured(session: pytest.Session) -> Measure | None:
    """Run the tests without any mistake, in a fork: they leave nothing behind for others."""
    receiver, sender = get_context("fork").Pipe(duplex=False)
    _fork(lambda: sender.send(swapped.measure(session)))
    measure: Measure | None = receiver.recv()
    return measure


def _ends(
    numbers: Iterable[int], pace: Pace, limit: float, start: Callable[[int], BaseProcess]
) -> dict[int, str]:
    """Start a process for each mutant while there is time; return how they ended."""
    coming = iter(numbers)
    ends: dict[int, str] = {}
    running: dict[int, tuple[BaseProcess, float]] = {}
    while True:
        free = pace.jobs - len(running) if time.monotonic() < pace.end else 0
        for number in islice(coming, free):
            running[number] = (start(number), time.monotonic() + _BUSY * limit)
        if not running:
            return ends
        wait([process.sentinel for process, _ in running.values()], timeout=1)
        for number, (process, deadline) in list(running.items()):
            if end := _end(process, deadline):
                del running[number]
                ends[number] = end


def _end(process: BaseProcess, deadline: float) -> str | None:
    """Return how a mutant ended; None while it runs."""
    if process.is_alive() and time.monotonic() < deadline:
        return None
    if process.is_alive():
        process.kill()
        process.join()
        return _LATE
    process.join()
    return _ENDS.get(process.exitcode or 0, "not even imported")


def _fork(work: Callable[..., None], *arguments: object) -> BaseProcess:
    process = get_context("fork").Process(target=_work, args=(os.getpid(), work, *arguments))
    process.start()
    return process


def _work(parent: int, work: Callable[..., None], *arguments: object) -> None:
    end_with_parent(parent)
    work(*arguments)


def _prepare() -> None:
    """Have a process that runs tests say nothing, and look for no shortest example."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(nowhere, descriptor)
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutants", deadline=None, database=None, phases=phases)


def _test(target: Target, tree: ast.Module, limit: float) -> None:
    """Import a module from this tree and run its tests; the exit code is pytest's."""
    swapped.end_after(limit)
    _prepare()
    sys.meta_path.insert(0, Finder(target.module, target.path, _compiled(target, tree)))
    os._exit(int(pytest.main([*_OPTIONS, *_arguments(target)])))


def _arguments(target: Target) -> list[str]:
    return [argument for tests in target.tests for argument in tests.split()]


def _compiled(target: Target, tree: ast.Module) -> CodeType:
    with warnings.catch_warnings(action="ignore"):
        return compile(tree, str(target.path), "exec")


if __name__ == "__main__":
    sys.exit(main())
