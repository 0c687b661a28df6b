"""Read a CSV object from S3, write a summary of its columns as a JSON object."""

import csv
import io
import json
import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import boto3


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run once: `event` is the job's payload, what is returned is the run's output."""
    source, destination = event["source"], event["destination"]
    s3 = boto3.client("s3")
    body = s3.get_object(**location(source))["Body"]
    summary = summarise(io.StringIO(body.read().decode("utf-8-sig"), newline=""))
    s3.put_object(
        **location(destination),
        Body=json.dumps(summary, indent=2).encode(),
        ContentType="application/json",
    )
    print(f"{summary['rows']} rows of {source} summarised in {destination}")
    return {"source": source, "destination": destination, **summary}


def summarise(file: Iterable[str]) -> dict[str, Any]:
    """Return the number of rows, and per column what its values are like."""
    reader = csv.DictReader(file, restkey="", restval="")
    if not reader.fieldnames:
        raise ValueError("the file is empty: its first line must name the columns")
    columns: dict[str, list[str]] = defaultdict(list)
    rows = 0
    for row in reader:
        rows += 1
        if "" in row:
            raise ValueError(f"line {reader.line_num} has more values than there are columns")
        for name, value in row.items():
            if value.strip():
                columns[name].append(value.strip())
    return {"rows": rows, "columns": {name: describe(columns[name]) for name in reader.fieldnames}}


def describe(values: list[str]) -> dict[str, float]:
    """Return how a column looks: figures when all of it is numbers, else how many values differ."""
    numbers = [found for value in values if (found := number(value)) is not None]
    if not numbers or len(numbers) < len(values):
        return {"filled": len(values), "distinct": len(set(values))}
    return {
        "filled": len(values),
        "minimum": min(numbers),
        "maximum": max(numbers),
        "mean": round(statistics.fmean(numbers), 4),
        "sum": round(sum(numbers), 4),
    }


def number(text: str) -> float | None:
    """Return a text as a number, None when it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def location(uri: str) -> dict[str, str]:
    """Return the bucket and key of an `s3://` address."""
    bucket, slash, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not slash or not key:
        raise ValueError(f"{uri!r} is not an address like s3://bucket/key")
    return {"Bucket": bucket, "Key": key}
