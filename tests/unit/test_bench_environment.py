"""The benchmarks' functions start with the settings that functions ask for today."""

from __future__ import annotations

from bench.environment import FUNCTION
from provisioner.settings import Settings


def test_settings_are_whole():
    assert Settings.from_environ(FUNCTION).platform.allowed.amis == ("*",)
