"""The pages about the API list all that it has."""

from __future__ import annotations

import re
from pathlib import Path

from provisioner.api.problems import ProblemType
from provisioner.api.routes import ROUTES

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def test_every_route_is_there_with_its_role():
    page = (REFERENCE / "api.md").read_text()
    listed = set(re.findall(r"^\| `(\w+ /\S+)` \| (\w+) \|", page, re.MULTILINE))

    assert listed == {(route.key, route.role.value) for route in ROUTES}


def test_every_type_of_problem_is_there():
    page = (REFERENCE / "api-errors.md").read_text()
    listed = set(re.findall(r"^\| (\d+) \| `([a-z-]+)` \| (.+?) \| (.+?) \|$", page, re.MULTILINE))

    assert listed == {
        (str(kind.status), kind.slug, kind.title, kind.remedy) for kind in ProblemType
    }


def test_every_throttle_is_there_with_what_it_lets_callers_keep_busy():
    page = (REFERENCE / "api.md").read_text()
    listed = re.findall(
        r"^\|.*\| (\d+) \| (\d+) \| (\d+) \| (\d+)(?: each)? \|$", page, re.MULTILINE
    )
    throttles = [route.throttle for route in ROUTES if route.throttle]

    assert {tuple(map(int, row)) for row in listed} == {
        (each.rate, each.burst, each.seconds, each.executions) for each in throttles
    }
    assert f"That is {sum(each.executions for each in throttles)} in all" in page
