"""The rows of this world's jobs."""

from __future__ import annotations


def row_of(name: str, attributes: dict[str, object] | None) -> dict[str, object] | None:
    """Return a row, None for none; an attribute that is None is left out."""
    if attributes is None:
        return None
    row = {
        "job_name": name,
        "type": "lambda",
        "runtime": "python3.13",
        "handler": "app.handler",
        "bundle": "s3://bundles/report.zip",
        **attributes,
    }
    return {key: value for key, value in row.items() if value is not None}
