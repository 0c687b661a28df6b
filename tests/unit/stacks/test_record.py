"""What a Stacks row keeps of errors."""

from __future__ import annotations

from datetime import UTC, datetime

from provisioner.jobs import FieldError, InvalidRow
from provisioner.jobs.errors import MAX_ERRORS
from provisioner.stacks.model import JobStatus, StackRecord
from provisioner.stacks.outcomes import Done
from provisioner.stacks.plan import MarkInvalid
from provisioner.stacks.record import after

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def test_a_row_with_more_errors_than_a_person_reads():
    errors = tuple(
        FieldError(f"permissions[{number}]", "is not allowed") for number in range(MAX_ERRORS + 7)
    )
    row = InvalidRow("report", errors)

    fresh = after(StackRecord("report"), row, None, MarkInvalid(errors), Done(), NOW)

    assert fresh.status is JobStatus.INVALID
    assert fresh.errors[:-1] == errors[:MAX_ERRORS]
    assert fresh.errors[-1].message.startswith("and more")
