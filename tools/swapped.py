"""Mistakes put into functions that are loaded already: collected tests are run, not imported again.

Only a mistake inside a function can be made so. What tests computed while they were collected
knows nothing of it, so what survives here has to be tried once more by an import.
"""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOT_SWAPPED = 9
"""Exit code: the mistake is not inside a function."""


class Host:
    """A plugin of pytest that hands over the collected tests instead of running them."""

    def __init__(self, work: Callable[[pytest.Session], None]) -> None:
        self._work = work

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Have the work done; pytest then believes that all tests have run."""
        self._work(session)
        return True


def run(session: pytest.Session) -> int:
    """Run the collected tests until one fails; return pytest's exit code."""
    following = [*session.items[1:], None]
    for item, nextitem in zip(session.items, following, strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
        if session.testsfailed:
            return int(pytest.ExitCode.TESTS_FAILED)
    return int(pytest.ExitCode.OK)


def run_swapped(session: pytest.Session, module: str, old: CodeType, new: CodeType) -> None:
    """Run the tests with `new` in the place of a module's code, and end this process."""
    if not swap(module, old, new):
        os._exit(NOT_SWAPPED)
    os._exit(run(session))


def swap(module: str, old: CodeType, new: CodeType) -> bool:
    """Give a module's functions their new code; False when more than functions differ."""
    if _without_functions(old) != _without_functions(new):
        return False
    changed = {
        _place(after): after
        for before, after in zip(_functions(old), _functions(new), strict=True)
        if before != after
    }
    gc.unfreeze()
    found = [
        each
        for each in gc.get_objects()
        if isinstance(each, FunctionType)
        and each.__module__ == module
        and _place(each.__code__) in changed
    ]
    with suppress(ValueError):  # other free variables
        for each in found:
            each.__code__ = changed[_place(each.__code__)]
        return {_place(each.__code__) for each in found} == changed.keys()
    return False


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


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno
