"""Read the summary that csv-summary has written, write a report that people can read.

The payload is in the variable PAYLOAD. Batch starts this container when it is its turn.
"""

import json
import os
import sys
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Run once."""
    payload = json.loads(os.environ["PAYLOAD"])
    if missing := {"source", "destination"} - payload.keys():
        raise ValueError(f"the payload has no {' and no '.join(sorted(missing))}")
    s3 = boto3.client("s3")
    summary = json.load(s3.get_object(**location(payload["source"]))["Body"])
    s3.put_object(
        **location(payload["destination"]),
        Body=report(summary).encode(),
        ContentType="text/markdown",
    )
    print(f"report on {summary['rows']} rows written to {payload['destination']}")


def report(summary: dict[str, Any]) -> str:
    """Return a table with a line for each column."""
    lines = [
        f"# {summary['rows']} rows",
        "",
        "| column | filled | what is in it |",
        "|---|---|---|",
    ]
    for name, column in summary["columns"].items():
        found = {key: value for key, value in column.items() if key != "filled"}
        said = ", ".join(f"{key} {value}" for key, value in found.items())
        lines.append(f"| {name} | {column['filled']} | {said} |")
    return "\n".join(lines) + "\n"


def location(uri: str) -> dict[str, str]:
    """Return the bucket and key of an `s3://` address."""
    bucket, slash, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not slash or not key:
        raise ValueError(f"{uri!r} is not an address like s3://bucket/key")
    return {"Bucket": bucket, "Key": key}


if __name__ == "__main__":
    try:
        main()
    except (ValueError, ClientError, BotoCoreError) as error:
        sys.exit(f"nightly-report: {error}")
