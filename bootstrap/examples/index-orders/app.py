"""Bring the orders of a CSV object into a SQLite database in S3, and optimise it for the report."""

import csv
import io
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import boto3
from botocore.exceptions import ClientError

TABLE = """
CREATE TABLE IF NOT EXISTS orders (
  order_id INTEGER PRIMARY KEY, region TEXT, product TEXT, quantity INTEGER, unit_price REAL
)"""
# It holds all that nightly-report asks for, so that SQLite reads the index alone.
INDEX = """
CREATE INDEX IF NOT EXISTS sales ON orders (region, product, quantity, unit_price)"""
INSERT = """
INSERT OR REPLACE INTO orders VALUES (:order_id, :region, :product, :quantity, :unit_price)"""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run once: the same orders again change nothing."""
    s3 = boto3.client("s3")
    target = location(event["database"])
    text = s3.get_object(**location(event["orders"]))["Body"].read().decode("utf-8-sig")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        if before := content_of(s3, target):
            database.deserialize(before)
        orders = add(database, csv.DictReader(io.StringIO(text, newline="")))
        optimise(database)
        content = database.serialize()
    s3.put_object(**target, Body=content, ContentType="application/vnd.sqlite3")
    print(f"{orders} orders in {event['database']}, {len(content)} bytes")
    return {"database": event["database"], "orders": orders, "bytes": len(content)}


def add(database: sqlite3.Connection, rows: Iterable[dict[str, str]]) -> int:
    """Write orders, all or none of them; return how many there are now."""
    database.execute(TABLE)
    database.execute("BEGIN")
    database.executemany(INSERT, rows)
    database.execute("COMMIT")
    count: int = database.execute("SELECT count(*) FROM orders").fetchone()[0]
    return count


def optimise(database: sqlite3.Connection) -> None:
    """Make the index, renew the statistics by which SQLite plans, and close gaps in the file."""
    for statement in (INDEX, "ANALYZE", "VACUUM"):
        database.execute(statement)
    [verdict] = database.execute("PRAGMA integrity_check").fetchone()
    if verdict != "ok":
        raise ValueError(f"the database is damaged: {verdict}")


def content_of(s3: Any, target: dict[str, str]) -> bytes | None:  # noqa: ANN401  (boto3's clients)
    """Return the database from the night before; None if there is none yet.

    S3 calls a missing object forbidden when the bucket may not be listed, and no job may list the
    artifacts bucket.
    """
    try:
        content: bytes = s3.get_object(**target)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
            return None
        raise
    return content


def location(uri: str) -> dict[str, str]:
    """Return the bucket and key of an `s3://` address."""
    bucket, slash, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not slash or not key:
        raise ValueError(f"{uri!r} is not an address like s3://bucket/key")
    return {"Bucket": bucket, "Key": key}
