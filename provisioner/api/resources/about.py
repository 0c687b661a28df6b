"""The API itself: its health, its description, its problems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.api.call import Answer
from provisioner.api.problems import TYPES, Problem, ProblemType

if TYPE_CHECKING:
    from provisioner.api.call import Call

DESCRIPTION = Path(__file__).parents[1] / "openapi.json"
"""Made by `make openapi`; the functions' package has it."""


def get_health(call: Call) -> Answer:
    """Read one item of each table; errors are those of the reads."""
    call.service.jobs.get_many(["health"])
    call.service.stacks.get_many(["health"])
    call.service.triggers.pause("health")
    return Answer({"status": "ok"})


def get_openapi(call: Call) -> Answer:  # noqa: ARG001
    """Return the description as it was built."""
    return Answer(None, text=DESCRIPTION.read_text("utf-8"))


def list_problems(call: Call) -> Answer:  # noqa: ARG001
    """Return all types of problems."""
    return Answer({"problems": [_type(kind) for kind in ProblemType]})


def get_problem(call: Call) -> Answer:
    """Return one type of problem."""
    for kind in ProblemType:
        if kind.slug == call.path["problem"]:
            return Answer(_type(kind))
    raise Problem(ProblemType.NOT_FOUND, f"No problem type is called {call.path['problem']}.")


def _type(kind: ProblemType) -> dict[str, object]:
    return {
        "type": f"{TYPES}/{kind.slug}",
        "status": kind.status,
        "title": kind.title,
        "remedy": kind.remedy,
    }
