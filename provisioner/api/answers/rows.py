"""Rows, and what writing one would change."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, RootModel

from provisioner.api.answers.model import Model, Name
from provisioner.api.answers.problems import FieldProblem


class Row(BaseModel):
    """A row (docs/reference/jobs.md); a value that nobody may see is null."""

    model_config = ConfigDict(extra="allow")
    job_name: Name


class Accepted(Model):
    """The request was accepted; follow it at `Location`."""

    job_name: Name
    dry_run: bool


class Validation(Model):
    """What is wrong with a row."""

    valid: bool
    problems: list[FieldProblem]


class Change(Model):
    """An attribute before and after."""

    name: Name
    before: Any
    after: Any


class Plan(Model):
    """What writing a row would change; `etag` is that of the row as it is.

    `risks` are the resources of the stack that are replaced or deleted, each in a sentence.
    """

    outcome: Literal["created", "updated", "unchanged"]
    etag: str | None
    changes: list[Change]
    risks: list[str]


class WrittenRow(RootModel[Plan | Row]):
    """The row as it is now, or the plan of a dry run."""


class ReplacedRow(RootModel[Plan | Row]):
    """The row as it is now, or the plan of a dry run."""
