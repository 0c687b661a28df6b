"""What a row grants its job's role in words, and the IAM statements that each of them becomes.

A word says what the job's code does, and with what. Which actions and ARNs this takes is known
here, once, and is never more than the sentence says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from provisioner.jobs.artifacts import s3_object
from provisioner.jobs.environment import secret_arn
from provisioner.jobs.errors import did_you_mean, invalid, shown
from provisioner.jobs.names import valid_job_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Statement = dict[str, object]

LONGEST_PARTITION = "aws-us-gov"
LONGEST_PLACE = "ap-southeast-1:123456789012"
"""With which a row's statements are measured before its account and Region are known."""

_NOT_IN_A_PATH = re.compile(r"[*?]|\$\{|[^\x20-\x7e\xa0-\xff]")
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")  # DynamoDB, naming rules
_DESTINATION = r"[A-Za-z0-9_-]{1,256}(?:\.fifo)?"  # SNS, CreateTopic; a queue has at most 80
_NAME = re.compile(_DESTINATION)
_ARN = re.compile(rf"arn:aws[a-z-]*:(?:sqs|sns):[a-z0-9-]+:[0-9]{{12}}:{_DESTINATION}")


@dataclass(frozen=True, slots=True)
class SubmitGrant:
    """``"submit: other-job"``: the right to send messages to a job's queue."""

    job_name: str


@dataclass(frozen=True, slots=True)
class Grant:
    """``"read: s3://bucket/path"`` and the like: a word of `WORDS`, and what it is about."""

    word: str
    target: str


def grant(text: str) -> Grant | SubmitGrant:
    """Check a permission in words."""
    word, colon, target = (part.strip() for part in text.partition(":"))
    if word == "submit" and colon:
        return SubmitGrant(valid_job_name(target))
    if word not in _CHECKS or not colon:
        hint = did_you_mean(word, WORDS)
        raise invalid(
            'must be an IAM statement, or words like "read: s3://bucket/path", with one of '
            f"{', '.join(WORDS)}; not {shown(text)}{hint}"
        )
    return Grant(word, _CHECKS[word](target))


def statements(granted: Grant, partition: str, place: str) -> list[Statement]:
    """Return what a grant allows, as IAM takes it.

    Parameters
    ----------
    place
        Region and account, as ARNs have them: ``eu-west-1:123456789012``.
    """
    target = granted.target
    match granted.word:
        case "read":
            return _read(target, partition)
        case "write":
            return [_allow(_WRITE, *_objects(target, partition))]
        case "read-table":
            table = f"arn:{partition}:dynamodb:{place}:table/{target}"
            return [_allow(_READ_TABLE, table, f"{table}/index/*")]
        case "write-table":
            return [_allow(_WRITE_TABLE, f"arn:{partition}:dynamodb:{place}:table/{target}")]
        case "send":
            arns = (
                [target]
                if target.startswith("arn:")
                else [f"arn:{partition}:{service}:{place}:{target}" for service in _SEND]
            )
            return [_allow(_SEND[arn.split(":")[2]], arn) for arn in arns]
        case _:
            return [_secret(target)]


_WRITE = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject")
_READ_TABLE = (
    *("dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DescribeTable"),
    *("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"),
)
_WRITE_TABLE = (
    *("dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem"),
    *("dynamodb:DescribeTable", "dynamodb:PutItem", "dynamodb:UpdateItem"),
)
_SEND = {
    "sqs": ("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"),
    "sns": ("sns:Publish",),
}


def _allow(actions: tuple[str, ...], *resources: str) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _read(uri: str, partition: str) -> list[Statement]:
    bucket, key = bucket_and_path(uri)
    listed = _allow(("s3:ListBucket",), f"arn:{partition}:s3:::{bucket}")
    if key:
        listed["Condition"] = {"StringLike": {"s3:prefix": [f"{key.removesuffix('/')}/*"]}}
    return [_allow(("s3:GetObject",), *_objects(uri, partition)), listed]


def _objects(uri: str, partition: str) -> list[str]:
    """Return an object and what is under its name as under a folder, never what begins alike."""
    bucket, key = bucket_and_path(uri)
    keys = [f"{key}*"] if not key or key.endswith("/") else [key, f"{key}/*"]
    return [f"arn:{partition}:s3:::{bucket}/{each}" for each in keys]


def bucket_and_path(uri: str) -> tuple[str, str]:
    """Return what ``s3://bucket/path`` names; the path is empty for a whole bucket."""
    bucket, _, path = uri.removeprefix("s3://").partition("/")
    return bucket, path


def _secret(arn: str) -> Statement:
    if arn.split(":")[2] == "ssm":
        return _allow(("ssm:GetParameter", "ssm:GetParameters"), arn)
    # Secrets Manager ends a secret's ARN with six characters of its own, which a row may leave out.
    actions = ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue")
    return _allow(actions, arn, f"{arn}-??????")


def _path(target: str) -> str:
    if _NOT_IN_A_PATH.search(target):
        raise invalid(
            f"{shown(target)} holds a wildcard or a character that IAM does not take; "
            "a path stands for everything under it, and other patterns need an IAM statement"
        )
    bucket = target.removeprefix("s3://")
    whole = f"{target}/" if bucket and "/" not in bucket else target
    return s3_object(whole, "path", whole_bucket=True).uri


def _table(target: str) -> str:
    if not _TABLE.fullmatch(target):
        raise invalid(f'must name a table of this account, like "orders", not {shown(target)}')
    return target


def _destination(target: str) -> str:
    if not _NAME.fullmatch(target) and not _ARN.fullmatch(target):
        raise invalid(f"must be the name or ARN of a queue or topic, not {shown(target)}")
    return target


def _whole_secret(target: str) -> str:
    arn = secret_arn(target)
    if arn.split(":")[2] == "secretsmanager" and arn.count(":") > 6:
        raise invalid("must end with the secret's name: permissions are for the whole secret")
    return arn


_CHECKS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "read": _path,
        "write": _path,
        "read-table": _table,
        "write-table": _table,
        "send": _destination,
        "secret": _whole_secret,
    }
)
WORDS = (*_CHECKS, "submit")
"""What a permission in words may begin with."""
