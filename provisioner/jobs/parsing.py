"""From an item of the Jobs table to a job, or to everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from provisioner.jobs.attributes import MODELS, read
from provisioner.jobs.errors import MAX_ERRORS, FieldError, InvalidRow, InvalidValueError, at_most
from provisioner.jobs.model import RowModel
from provisioner.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

    from provisioner.jobs.attributes import Row
    from provisioner.jobs.types import Job

_EXAMPLES = {
    "job_name": "",
    "type": '"lambda", "ecs", "batch" or "ec2"',
    "instance_type": 'an EC2 instance type like "m7g.large", or several that will do',
}


def parse(item: Mapping[str, object]) -> Job | InvalidRow:
    """Read a row.

    Parameters
    ----------
    item
        A deserialized item: str, Decimal, bool, None, list, dict, bytes or boto3's Binary, sets.
        int and float may stand for Decimal, as in rows read from a file.

    Returns
    -------
    Job or InvalidRow
        The job, its values normalised and its defaults filled in; or every error of the row. No
        item makes it raise, or take long.
    """
    row = read(item)
    name = item.get("job_name")
    shown_name = printable(name) if isinstance(name, str) else ""
    if len(row.errors) > MAX_ERRORS:
        return InvalidRow(shown_name, at_most(row.errors))
    job_type = row.values.get("type")
    model = MODELS.get(job_type) if isinstance(job_type, str) else None
    try:
        if model is None:
            RowModel.model_validate(
                {name: row.values[name] for name in RowModel.model_fields if name in row.values}
            )
        else:
            job = model.model_validate(row.values)
            if not row.errors:
                return job
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        row.errors.extend(found for detail in details for found in _field_errors(detail, row))
    return InvalidRow(shown_name, at_most(row.errors))


def _field_errors(detail: ErrorDetails, row: Row) -> Iterator[FieldError]:
    name = str(detail["loc"][0])
    if detail["type"] == "missing":
        example = _EXAMPLES[name]
        yield FieldError(name, f"is required: {example}" if example else "is required")
        return
    error = detail.get("ctx", {}).get("error")
    if isinstance(error, InvalidValueError):
        written = row.written.get(name, name)
        for path, message in error.problems:
            yield FieldError(f"{written}{path}", message)
