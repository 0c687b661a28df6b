"""Turn a CSV object into one of JSON lines."""

from __future__ import annotations

import csv
import json
from urllib.parse import urlsplit

import boto3


def handler(event: dict[str, str], context: object) -> dict[str, object]:
    """Read `source`, write `destination`, and return how many lines there were."""
    del context
    s3 = boto3.client("s3")
    source, destination = (urlsplit(event[name]) for name in ("source", "destination"))
    content = s3.get_object(Bucket=source.netloc, Key=source.path.lstrip("/"))["Body"].read()
    rows = list(csv.DictReader(content.decode().splitlines()))
    if not rows:
        raise LookupError(f"{event['source']} holds no orders")
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    s3.put_object(Bucket=destination.netloc, Key=destination.path.lstrip("/"), Body=lines.encode())
    print(f"wrote {len(rows)} lines")
    return {"lines": len(rows), "destination": event["destination"]}
