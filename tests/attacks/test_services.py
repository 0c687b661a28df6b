"""The roles behind the jobs refuse what no template needs."""

from __future__ import annotations

from functools import cache

import pytest

from tests.attacks.services import REFUSED
from tests.support.bootstrap import ROOT, bootstrap_of, load, policies_of


@cache
def policies():
    return policies_of(bootstrap_of(load(ROOT / "template.yaml")))


@pytest.mark.parametrize("ask", REFUSED, ids=str)
def test_a_role_refuses(ask):
    assert not policies()[ask.role].verdict(ask.action, ask.resource, ask.context)
