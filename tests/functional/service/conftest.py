"""The service on the same world as the command line's tests."""

from tests.functional.cli.conftest import account, environment, here

__all__ = ["account", "environment", "here"]
