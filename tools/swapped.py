"""Mistakes put into functions that are loaded already: collected tests are run, not imported again.

Only a mistake inside a function can be made so. What tests computed while they were collected
knows nothing of it, so what was called then has to be tried once more by an import.
"""

from __future__ import annotations

import gc
import os
import signal
from contextlib import suppress
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

import pytest

from tools.reached import measured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tools.reached import Measure, Reach

NOT_SWAPPED = 9
"""Exit code: only an import can tell, because the mistake is not inside a function, or because
that function was called before the tests ran."""

_LEAST_SECONDS = 10.0
_PATIENCE = 5
"""In times of what tests take without a mistake."""

Place = tuple[str, int]
"""A function's qualified name and first line."""


class Host:
    """A plugin of pytest that hands over the collected tests instead of running them."""

    def __init__(self, work: Callable[[pytest.Session], None]) -> None:
        self._work = work

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Have the work done; pytest then believes that all tests have run."""
        self._work(session)
        return True


def measure(session: pytest.Session) -> Measure | None:
    """Run all collected tests without any mistake; return what they call and take."""
    return measured(len(session.items), lambda number: _passes(session, number, None))


def run(session: pytest.Session, numbers: Sequence[int], reach: Reach) -> int:
    """Run these of the collected tests until one fails; return pytest's exit code."""
    for number, following in zip(numbers, [*numbers[1:], None], strict=True):
        end_after(limit(reach.seconds[number]))
        if not _passes(session, number, following):
            reach.kills[number] += 1
            return int(pytest.ExitCode.TESTS_FAILED)
    return int(pytest.ExitCode.OK)


def limit(seconds: float) -> float:
    """Return how long tests may take that take so many seconds without a mistake."""
    return max(_LEAST_SECONDS, _PATIENCE * seconds)


def end_after(seconds: float) -> None:
    """End this process when it has computed for so long; how busy the machine is, says nothing."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _passes(session: pytest.Session, number: int, following: int | None) -> bool:
    item = session.items[number]
    nextitem = None if following is None else session.items[following]
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
    return not session.testsfailed


def run_swapped(
    session: pytest.Session, module: str, old: CodeType, new: CodeType, reach: Reach
) -> None:
    """Run the tests that reach what is wrong in a module's new code, and end this process."""
    places = swap(module, old, new)
    if not places:
        os._exit(NOT_SWAPPED)
    lines = [line for _, line in places]
    code = run(session, reach.tests(lines), reach)
    os._exit(NOT_SWAPPED if code == pytest.ExitCode.OK and not reach.is_certain(lines) else code)


def swap(module: str, old: CodeType, new: CodeType) -> set[Place]:
    """Give a module's functions their new code; return none when more than functions differ."""
    if _without_functions(old) != _without_functions(new):
        return set()
    changed = {
        _place(after): after
        for before, after in zip(_functions(old), _functions(new), strict=True)
        if before != after
    }
    gc.unfreeze()
    found = [
        each
        for each in gc.get_objects()
        if type(each) is FunctionType  # a weak reference's proxy may not be asked
        and each.__module__ == module
        and _place(each.__code__) in changed
    ]
    with suppress(ValueError):  # other free variables
        for each in found:
            each.__code__ = changed[_place(each.__code__)]
        if {_place(each.__code__) for each in found} == changed.keys():
            return set(changed)
    return set()


def _functions(code: CodeType) -> Iterator[CodeType]:
    """Yield the functions and methods of a module, not those inside other functions."""
    for const in code.co_consts:
        if isinstance(const, CodeType):
            if _is_function(const):
                yield const
            else:
                yield from _functions(const)


def _is_function(code: CodeType) -> bool:
    return bool(code.co_flags & 0x02)  # CO_NEWLOCALS: the body of a class has none


def _without_functions(code: CodeType) -> CodeType:
    """Return the code of a module or class whose functions are their places alone."""
    consts: list[object] = []
    for const in code.co_consts:
        if not isinstance(const, CodeType):
            consts.append(const)
        else:
            consts.append(_place(const) if _is_function(const) else _without_functions(const))
    return code.replace(co_consts=tuple(consts))


def _place(code: CodeType) -> Place:
    return code.co_qualname, code.co_firstlineno
