"""The IAM statements that a row gives its job's own role, as such and in words (`grants`).

The role stands under the permissions boundary whatever a row says; what is refused here is what
nobody should want: every action at once, and statements that grant by exception.
"""

from __future__ import annotations

import re
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING

from provisioner.jobs.errors import did_you_mean, invalid, kind_of, shown
from provisioner.jobs.grants import (
    LONGEST_PARTITION,
    LONGEST_PLACE,
    Grant,
    Statement,
    SubmitGrant,
    grant,
    statements,
)
from provisioner.jobs.values import Check, as_text, each, keyed, known, text_list
from provisioner.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_REFUSED_KEYS = {
    "NotAction": "is not allowed; list the actions in Action",
    "NotResource": "is not allowed; list the resources in Resource",
    "Principal": "is not allowed: the statement is for the job's own role",
    "NotPrincipal": "is not allowed: the statement is for the job's own role",
}
_ARN_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
_SID = re.compile(r"[A-Za-z0-9]{1,128}")
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_ARN = re.compile(
    r"arn:[^:\s]+:[^:\s]+:[^:\s]*:[^:\s]*:[^\s](?:[^\s]| )*"
)  # keys in S3 have spaces
# IAM, PutRolePolicy: of a policy's characters those that can be printed end with Latin-1.
_NOT_IN_AN_ARN = re.compile(r"[^\x20-\x7e\xa0-\xff]")
_COMPARED = ("Equals", "NotEquals")
_ORDERED = (*_COMPARED, "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
_OPERATORS = (
    *(f"String{test}" for test in _COMPARED),
    *("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"),
    *(f"{kind}{test}" for kind in ("Numeric", "Date") for test in _ORDERED),
    *("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
    *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress"),
)
CONDITION_OPERATORS = frozenset(
    {
        "Null",
        *(
            f"{of_set}{operator}{if_exists}"
            for of_set in ("", "ForAllValues:", "ForAnyValue:")
            for operator in _OPERATORS
            for if_exists in ("", "IfExists")
        ),
    }
)
"""IAM User Guide, condition operators: `IfExists` ends any but Null, a set's word starts any."""

# A key that names no service could be one of CloudFormation's intrinsic functions.
_CONDITION_KEY = re.compile(r"(?!Fn::)[A-Za-z0-9-]+:\S+")


Permission = Statement | Grant | SubmitGrant


def permissions(value: object) -> tuple[Permission, ...]:
    """Check a list of IAM statements and permissions in words; a single one is a list of one.

    Returns
    -------
    tuple
        Statements with ``Effect``, ``Action`` and ``Resource`` (both lists) and, when given,
        ``Sid`` and ``Condition`` (operator to key to list of texts); a `Grant` for each sentence
        that stands for statements, a `SubmitGrant` for each job that may be sent messages.
    """
    if isinstance(value, dict | str):
        return permissions([value])
    if not isinstance(value, list):
        raise invalid(f"must be a list of IAM statements, not {kind_of(value)}")
    found = each(((f"[{index}]", item) for index, item in enumerate(value)), _permission)
    given = all_statements(found, LONGEST_PARTITION, LONGEST_PLACE)
    sids = Counter(sid for statement in given if (sid := statement.get("Sid")))
    if repeated := next((sid for sid, count in sids.items() if count > 1), None):
        raise invalid(f'has the Sid "{repeated}" more than once')
    return tuple(found)


def secret_statements(arns: Iterable[str]) -> list[Statement]:
    """Return the right to read secrets and parameters that a row names, and no others.

    Secrets Manager ends a secret's ARN with six characters of its own, which a row may leave out.
    """
    secrets, parameters = set(), set()
    for arn in arns:
        whole = ":".join(arn.split(":")[:7])  # without a key and a version
        if arn.split(":")[2] == "ssm":
            parameters.add(whole)
        else:
            secrets.add(whole if _ARN_SUFFIX.search(whole) else f"{whole}-??????")
    allowed = (("secretsmanager:GetSecretValue", secrets), ("ssm:GetParameters", parameters))
    return [
        {"Effect": "Allow", "Action": action, "Resource": sorted(named)}
        for action, named in allowed
        if named
    ]


def all_statements(found: Iterable[Permission], partition: str, place: str) -> list[Statement]:
    """Return the IAM statements of a row, those that it says in words included.

    `place` is Region and account, as ARNs have them.
    """
    given: list[Statement] = []
    for permission in found:
        match permission:
            case dict():
                given.append(permission)
            case Grant():
                given += statements(permission, partition, place)
            case SubmitGrant():
                continue  # the role has a policy of its own for these
    return given


def _permission(value: object) -> Permission:
    match value:
        case str():
            return grant(value)
        case dict() if len(value) == 1 and not value.keys() & (_CHECKS.keys() | _REFUSED_KEYS):
            [(word, target)] = value.items()  # as YAML reads a sentence that nobody has quoted
            return grant(f"{word}: {as_text(known(target))}")
    found = keyed(value, _CHECKS, "a statement", ("Action", "Resource"), _REFUSED_KEYS)
    return {"Effect": "Allow"} | found


def _sid(value: object) -> str:
    if not isinstance(value, str) or not _SID.fullmatch(value):
        raise invalid("may hold only letters and digits")
    return value


def _effect(value: object) -> str:
    if value not in ("Allow", "Deny"):
        raise invalid(f'must be "Allow" or "Deny", not {shown(value)}')
    return str(value)


def _action(value: str) -> str:
    if "*" in value.partition(":")[0]:
        raise invalid(f'{shown(value)} is every action; name a service, like "s3:GetObject"')
    if not _ACTION.fullmatch(value):
        raise invalid(f'must be a service and an action, like "s3:GetObject", not {shown(value)}')
    return value


def _resource(value: str) -> str:
    if "${AWS::" in value:
        raise invalid(f"{shown(value)} holds a CloudFormation parameter; write the value itself")
    if _NOT_IN_AN_ARN.search(value):
        raise invalid(f"{shown(value)} holds a character that IAM does not take in a policy")
    if value != "*" and not _ARN.fullmatch(value):
        raise invalid(f'must be "*" or an ARN, not {shown(value)}')
    return value


def _each_of(check: Callable[[str], str]) -> Check[list[str]]:
    def check_list(value: object) -> list[str]:
        texts = text_list(value)
        if not texts:
            raise invalid("is empty")
        single = isinstance(value, str)
        parts = (("" if single else f"[{index}]", text) for index, text in enumerate(texts))
        return each(parts, check)

    return check_list


def _condition(value: object) -> dict[str, dict[str, list[str]]]:
    if not isinstance(value, dict):
        raise invalid(f"must be a map of operators, not {kind_of(value)}")
    if wrong := next((name for name in value if name not in CONDITION_OPERATORS), None):
        hint = did_you_mean(wrong, CONDITION_OPERATORS)
        raise invalid(f'{shown(wrong)} is not a condition operator, like "StringEquals"{hint}')
    tests = each(
        ((f".{printable(operator)}", test) for operator, test in value.items()), _condition_keys
    )
    return dict(zip(value, tests, strict=True))


def _condition_keys(value: object) -> dict[str, list[str]]:
    if not isinstance(value, dict) or not value:
        raise invalid(f"must be a map of condition keys and values, not {kind_of(value)}")
    values = each(
        ((f".{printable(key)}", found) for key, found in value.items()), _condition_values
    )
    if wrong := next((name for name in value if not _CONDITION_KEY.fullmatch(name)), None):
        raise invalid(f'{shown(wrong)} is not a condition key, like "s3:prefix"')
    return dict(zip(value, values, strict=True))


def _condition_values(value: object) -> list[str]:
    if isinstance(value, list):
        return list(text_list(value))
    return [as_text(value)]


_CHECKS: Mapping[str, Check[object]] = MappingProxyType(
    {
        "Sid": _sid,
        "Effect": _effect,
        "Action": _each_of(_action),
        "Resource": _each_of(_resource),
        "Condition": _condition,
    }
)
