"""Functions that are loaded get new code, wherever they have been imported; nothing else does."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from tools.swapped import swap

NAME = "a_module_to_swap"
SOURCE = """
LIMIT = 3

def double(x):
    return x * 2

class Box:
    size = 1

    def grown(self):
        return [self.size + each for each in range(2)]

    @property
    def wide(self):
        def width():
            return self.size
        return width()
"""


@pytest.fixture
def module(monkeypatch):
    made = ModuleType(NAME)
    exec(compile(SOURCE, "a.py", "exec"), made.__dict__)  # noqa: S102  (a text of this test)
    monkeypatch.setitem(sys.modules, NAME, made)
    return made


def swapped(old, new):
    code, other = (compile(text, "a.py", "exec") for text in (SOURCE, SOURCE.replace(old, new)))
    assert code != other
    return swap(NAME, code, other)


def test_a_function_that_others_hold_is_swapped(module):
    held = module.double

    assert swapped("x * 2", "x * 3")

    assert held(2) == 6


def test_methods_and_what_is_inside_them_are_swapped(module):
    box = module.Box()

    assert swapped("self.size + each", "self.size - each")
    assert box.grown() == [1, 0]
    assert swapped("return self.size\n", "return 9\n")
    assert box.wide == 9


@pytest.mark.parametrize(
    ("old", "new"),
    [("LIMIT = 3", "LIMIT = 4"), ("size = 1", "size = 2"), ("def double(x)", "def double(x=1)")],
    ids=["a constant", "an attribute of a class", "a default"],
)
def test_what_is_not_inside_a_function_is_not(module, old, new):
    assert not swapped(old, new)

    assert (module.LIMIT, module.Box.size) == (3, 1)
