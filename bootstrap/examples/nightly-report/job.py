"""Report on the orders in the database that index-orders has left, for people to read.

The payload is in the variable PAYLOAD. Batch starts this container when it is its turn.
"""

import json
import os
import sqlite3
import sys
from contextlib import closing

import boto3
from botocore.exceptions import BotoCoreError, ClientError

SALES = """
SELECT region, product, sum(quantity), sum(quantity * unit_price)
FROM orders GROUP BY region, product ORDER BY 4 DESC, region, product"""


def main() -> None:
    """Run once."""
    payload = json.loads(os.environ["PAYLOAD"])
    if missing := {"database", "destination"} - payload.keys():
        raise ValueError(f"the payload has no {' and no '.join(sorted(missing))}")
    s3 = boto3.client("s3")
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(s3.get_object(**location(payload["database"]))["Body"].read())
        sales = database.execute(SALES).fetchall()
    s3.put_object(
        **location(payload["destination"]),
        Body=report(sales).encode(),
        ContentType="text/markdown",
    )
    print(f"report with {len(sales)} lines written to {payload['destination']}")


def report(sales: list[tuple[str, str, int, float]]) -> str:
    """Return a table with a line for each region and product, what sold best first."""
    lines = [
        f"# {sum(amount for *_, amount in sales):.2f} EUR",
        "",
        "| region | product | sold | EUR |",
        "|---|---|---:|---:|",
        *(f"| {region} | {product} | {n} | {amount:.2f} |" for region, product, n, amount in sales),
    ]
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
    except (ValueError, sqlite3.Error, ClientError, BotoCoreError) as error:
        sys.exit(f"nightly-report: {error}")
