"""What is answered instead of what was asked for."""

from typing import Annotated

from pydantic import Field

from provisioner.api.answers.model import Model, Name


class FieldProblem(Model):
    """One thing wrong with one value."""

    pointer: str = Field(description="A JSON pointer; /query and so on for a parameter.")
    detail: str
    did_you_mean: str | None = None


class Problem(Model):
    """The answer to a request that failed (RFC 9457)."""

    type: Name = Field(description="The address of the type's description, relative to the API's.")
    title: Name
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    request_id: str
    errors: list[FieldProblem] = []


class ProblemType(Model):
    """A type of problem, and what to do about it."""

    type: Name
    status: int
    title: Name
    remedy: Name


class Problems(Model):
    """All types of problems."""

    problems: list[ProblemType]
