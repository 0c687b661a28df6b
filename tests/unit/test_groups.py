"""Each module of tests/local is run by one group."""

from pathlib import Path

from tests.support.groups import ENGINE

LOCAL = Path(__file__).parents[1] / "local"


def test_each_module_is_in_one_group():
    modules = [module for group in ENGINE.values() for module in group]

    assert sorted(modules) == sorted(path.stem for path in LOCAL.glob("test_*.py"))
