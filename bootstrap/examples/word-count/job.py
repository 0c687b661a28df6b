"""Read a text object from S3, write its most frequent words as a JSON object.

The payload is in the variable PAYLOAD. The exit code decides what becomes of the run: 0 is
SUCCEEDED, anything else FAILED; what is printed goes to the job's log group.
"""

import json
import os
import re
import sys
from collections import Counter
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")


def main() -> None:
    """Run once."""
    payload = json.loads(os.environ["PAYLOAD"])
    if missing := {"source", "destination"} - payload.keys():
        raise ValueError(f"the payload has no {' and no '.join(sorted(missing))}")
    s3 = boto3.client("s3")
    body = s3.get_object(**location(payload["source"]))["Body"]
    result = count(body.read().decode("utf-8-sig"), payload.get("top", 10))
    s3.put_object(
        **location(payload["destination"]),
        Body=json.dumps({"source": payload["source"], **result}, indent=2).encode(),
        ContentType="application/json",
    )
    print(f"{result['words']} words of {payload['source']} counted in {payload['destination']}")


def count(text: str, top: int) -> dict[str, Any]:
    """Return how many lines and words a text has, and its most frequent words."""
    words = Counter(word.lower() for word in WORD.findall(text))
    ranked = sorted(words.items(), key=lambda item: (-item[1], item[0]))
    return {
        "lines": len(text.splitlines()),
        "words": words.total(),
        "distinct": len(words),
        "most_frequent": dict(ranked[: int(top)]),
    }


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
        sys.exit(f"word-count: {error}")
