"""What becomes of an attempt that failed, by how it failed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from provisioner.jobs.errors import invalid, kind_of, shown
from provisioner.jobs.values import Check, T, choice, each, keyed, text_list, whole

MAX_RULES = 20
"""Ours: each is a choice, or three, of the job's workflow."""

MAX_NAMED_ERRORS = 200
"""Ours, of all rules together: each is a part of the job's workflow, which has at most 1 MB."""

FailureAction: TypeAlias = Literal["retry", "fail", "ignore"]

MAX_ERROR_CHARACTERS = 100

_ERROR = re.compile(r"(?! )[ !#$&-)+-\[\]-z|~]{0,100}(?<! )\*?")
"""What languages call their errors: ``Function<Errno::ENOENT>``, ``com.acme.App$Retryable``. Not
what CloudFormation or Step Functions could take for their own, nor what JSON has to escape."""


@dataclass(frozen=True, slots=True)
class FailureRule:
    """What to do about an attempt that ended with one of `exit_codes`, or with one of `errors`.

    An error that ends in ``*`` stands for all that start with it. Exactly one of the two is given.
    """

    action: FailureAction
    exit_codes: tuple[int, ...] = ()
    errors: tuple[str, ...] = ()


def container_failure_rules(value: object) -> tuple[FailureRule, ...]:
    """Check the rules of a container."""
    return _rules(value, {})


def lambda_failure_rules(value: object) -> tuple[FailureRule, ...]:
    """Check the rules of a function, which has no exit code."""
    return _rules(value, {"exit_codes": 'is for containers; a "lambda" job has errors'})


def _rules(value: object, refused: dict[str, str]) -> tuple[FailureRule, ...]:
    if not isinstance(value, list):
        raise invalid(f"must be a list of rules, not {kind_of(value)}")
    if len(value) > MAX_RULES:
        raise invalid(f"has {len(value)} rules; at most {MAX_RULES} are allowed")
    checks = {name: check for name, check in _CHECKS.items() if name not in refused}

    def rule(one: object) -> FailureRule:
        found = keyed(one, checks, "a rule", required=("action",), refused=refused)
        if len(found) != 2:
            raise invalid(f"must have {_one_of(checks)}")
        return FailureRule(**found)  # type: ignore[arg-type]  # each key has the check of its type

    rules = tuple(each(((f"[{index}]", one) for index, one in enumerate(value)), rule))
    if (named := sum(len(one.errors) for one in rules)) > MAX_NAMED_ERRORS:
        raise invalid(f"names {named} errors; at most {MAX_NAMED_ERRORS} are allowed")
    return rules


def _one_of(checks: dict[str, Check[object]]) -> str:
    return "errors" if "exit_codes" not in checks else "either exit_codes or errors"


def _exit_codes(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise invalid(f"must be a list of numbers, not {kind_of(value)}")
    codes = each(((f"[{index}]", code) for index, code in enumerate(value)), whole(0, 255))
    return _some(codes)


def _errors(value: object) -> tuple[str, ...]:
    def check(name: str) -> str:
        if not 0 < len(name) <= MAX_ERROR_CHARACTERS or not _ERROR.fullmatch(name):
            raise invalid(
                f"must be the name of an error, up to {MAX_ERROR_CHARACTERS} ASCII characters "
                'other than " % { } and backslash, with * at the end for all that start with it, '
                f"not {shown(name)}"
            )
        return name

    names = text_list(value)
    return _some(each(((f"[{index}]", name) for index, name in enumerate(names)), check))


def _some(found: list[T]) -> tuple[T, ...]:
    if not found:
        raise invalid("is empty")
    return tuple(dict.fromkeys(found))


_CHECKS: dict[str, Check[object]] = {
    "exit_codes": _exit_codes,
    "errors": _errors,
    "action": choice(("retry", "fail", "ignore")),
}
