"""Each test is known by the functions it calls; a mutant meets those that call its own."""

from __future__ import annotations

import ast
import functools

import pytest

from tools.reached import Reach, called, measured, reporting

SOURCE = '''
def double(x):
    """Twice."""
    return x * 2

class Box:
    @property
    def wide(self):
        return double(3)

    def numbers(self):
        yield 1
'''
DOUBLE, WIDE, NUMBERS = 2, 7, 11


@pytest.fixture
def module():
    made = {}
    exec(compile(reporting(ast.parse(SOURCE)), "a.py", "exec"), made)  # noqa: S102  (our own text)
    called.clear()
    yield made
    called.clear()


def test_functions_report_their_calls_and_do_what_they_did(module):
    assert module["double"].__doc__ == "Twice."
    assert called == set()

    assert module["Box"]().wide == 6
    assert called == {WIDE, DOUBLE}
    assert list(module["Box"]().numbers()) == [1]
    assert called == {WIDE, DOUBLE, NUMBERS}


def test_each_test_is_measured_from_the_last_to_the_first(module):
    tests = [lambda: module["double"](1), lambda: module["Box"]().wide, lambda: None]
    ran = []

    def run(number):
        ran.append(number)
        tests[number]()
        return True

    calls, seconds = measured(3, run)

    assert ran == [2, 1, 0]
    assert calls == [{DOUBLE}, {WIDE, DOUBLE}, set()]
    assert len(seconds) == 3


def test_what_a_cache_answers_is_called_all_the_same(module):
    @functools.cache
    def answer():
        return module["double"](1)

    calls, _ = measured(2, lambda _: bool(answer()))

    assert calls == [{DOUBLE}, {DOUBLE}]


def test_nothing_is_measured_when_a_test_fails():
    assert measured(2, lambda number: number != 0) is None


@pytest.fixture
def reach():
    calls = [frozenset({DOUBLE}), frozenset({WIDE, DOUBLE}), frozenset(), frozenset({WIDE})]
    return Reach.of((calls, [3.0, 2.0, 1.0, 9.0]), {WIDE}, ast.parse(SOURCE))


@pytest.mark.parametrize(
    ("lines", "tests"),
    [
        ([DOUBLE], [1, 0]),
        ([WIDE], [1, 3]),
        ([NUMBERS], []),
        ([DOUBLE, 99], [2, 1, 0, 3]),
    ],
    ids=["the quicker one first", "of another", "called by none", "of what reports no calls: all"],
)
def test_a_mutant_meets_the_tests_that_call_it(reach, lines, tests):
    assert reach.tests(lines) == tests


def test_those_that_killed_others_come_first(reach):
    reach.kills[0] += 1

    assert reach.tests([DOUBLE]) == [0, 1]


@pytest.mark.parametrize(
    ("lines", "certain"),
    [([DOUBLE], True), ([WIDE], False), ([99], False)],
    ids=["called by tests alone", "called while tests were collected", "reports no calls"],
)
def test_what_was_called_before_tests_ran_has_to_be_imported(reach, lines, certain):
    assert reach.is_certain(lines) is certain
