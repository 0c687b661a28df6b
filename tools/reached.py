"""Which tests call which functions of a module, how long they take, and which find most mistakes.

A mutant meets only the tests that call what is wrong with it, and first those that killed others.
"""

from __future__ import annotations

import ast
import functools
import gc
import time
from copy import deepcopy
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence

called: set[int] = set()
"""The functions that were called since this was last cleared, by their first lines."""

_CACHE = type(functools.cache(lambda: None))
_OURS = ("provisioner", "templates", "tests")


Measure = tuple[list[frozenset[int]], list[float]]
"""What each test calls, and the seconds that it takes."""


class _Cache(Protocol):
    def cache_clear(self) -> None: ...


@dataclass(frozen=True)
class Reach:
    """What each test calls, in the order of the tests, and what it takes."""

    calls: Sequence[frozenset[int]]
    seconds: Sequence[float]
    while_collecting: frozenset[int]
    """What was called before any test ran: a mistake there has to be imported to have effect."""
    known: frozenset[int]
    """The functions whose calls are noticed."""
    kills: MutableSequence[int]
    """How many mistakes each test has found, in whichever fork of this process."""

    @classmethod
    def of(cls, measure: Measure, while_collecting: Iterable[int], tree: ast.Module) -> Reach:
        """Return what is known before any mistake was made."""
        calls, seconds = measure
        kills = get_context("fork").Array("i", [0] * len(calls), lock=False)
        lines = frozenset(first_line(function) for function in _functions(tree.body))
        return cls(calls, seconds, frozenset(while_collecting), lines, kills)

    def tests(self, lines: Iterable[int]) -> list[int]:
        """Return the numbers of the tests that can notice a mistake in these functions."""
        wrong = frozenset(lines)
        all_of_them = not wrong <= self.known
        numbers = [n for n, each in enumerate(self.calls) if all_of_them or each & wrong]
        return sorted(numbers, key=lambda n: (-self.kills[n], self.seconds[n]))

    def is_certain(self, lines: Iterable[int]) -> bool:
        """Tell whether a mistake in these functions has all its effect while tests run."""
        wrong = frozenset(lines)
        return wrong <= self.known and not wrong & self.while_collecting


def reporting(tree: ast.Module) -> ast.Module:
    """Return the module with functions and methods that put their first line into `called`."""
    tree = deepcopy(tree)
    for function in _functions(tree.body):
        report = f"__import__({__name__!r}, fromlist=['_']).called.add({first_line(function)})"
        statement = ast.parse(report).body[0]
        for node in ast.walk(statement):
            ast.copy_location(node, function)
        after = 0 if ast.get_docstring(function, clean=False) is None else 1
        function.body.insert(after, statement)
    return ast.fix_missing_locations(tree)


def first_line(function: ast.FunctionDef) -> int:
    """Return the line that the function's code object names as its first."""
    return min([function.lineno, *(each.lineno for each in function.decorator_list)])


def _functions(body: Iterable[ast.stmt]) -> Iterator[ast.FunctionDef]:
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            yield statement
        elif isinstance(statement, ast.ClassDef):
            yield from _functions(statement.body)


def measured(count: int, run: Callable[[int], bool]) -> Measure | None:
    """Run so many tests; return what it calls and the seconds that it takes, None when one fails.

    The last one comes first: that none needs what another one left behind has to be so anyway,
    because mutants meet them in any order. Nothing is answered from a cache.
    """
    caches = _caches()
    calls = [frozenset[int]()] * count
    seconds = [0.0] * count
    for number in reversed(range(count)):
        for cache in caches:
            cache.cache_clear()
        called.clear()
        began = time.process_time()
        if not run(number):
            return None
        calls[number], seconds[number] = frozenset(called), time.process_time() - began
    return calls, seconds


def _caches() -> list[_Cache]:
    gc.unfreeze()
    return [
        each
        for each in gc.get_objects()
        if type(each) is _CACHE and str(each.__module__).split(".")[0] in _OURS
    ]
