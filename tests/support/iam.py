"""IAM in miniature: what policies allow, as the IAM User Guide says they are evaluated.

A Deny that applies wins, and without an Allow the answer is no. Of policies of resources the
denials are read, for every principal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

Context = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class Statements:
    """Policies of one principal."""

    statements: tuple[Mapping[str, Any], ...]

    def allow(self, action: str, resource: str, **context: str | list[str]) -> bool:
        """Say whether a request is allowed; a key's first underscore stands for its colon."""
        return self.verdict(
            action, resource, {key.replace("_", ":", 1): value for key, value in context.items()}
        )

    def verdict(self, action: str, resource: str, context: Context) -> bool:
        return bool(self._effects(action, resource, context) == {"Allow"})

    def deny(self, action: str, resource: str, context: Context) -> bool:
        """Say whether a request is refused by a Deny, and would be whatever else allowed it."""
        return "Deny" in self._effects(action, resource, context)

    def _effects(self, action: str, resource: str, context: Context) -> set[str]:
        keys = {key.lower(): value for key, value in context.items()}
        return {s["Effect"] for s in self.statements if _applies(s, action, resource, keys)}

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.statements)


def _applies(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    return (
        _named(statement, "Action", action.lower(), lower=True)
        and _named(_filled(statement, context), "Resource", resource, lower=False)
        and all(
            _holds(operator, context.get(key.lower()), _texts(values))
            for operator, wanted in statement.get("Condition", {}).items()
            for key, values in wanted.items()
        )
    )


def _filled(statement: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Return a statement with the values of its policy variables in its resources.

    A pattern whose variable has no value matches nothing.
    """
    filled = {}
    for element in {"Resource", "NotResource"} & statement.keys():
        patterns = [
            _VARIABLE.sub(lambda found: str(context.get(found[1].lower(), "\0")), pattern)
            for pattern in listed(statement, element)
        ]
        filled[element] = patterns
    return {**statement, **filled}


_VARIABLE = re.compile(r"\$\{([^}]+)\}")


def _named(statement: Mapping[str, Any], element: str, text: str, *, lower: bool) -> bool:
    negated = f"Not{element}" in statement
    patterns = listed(statement, f"Not{element}" if negated else element)
    return negated != any(matches(p.lower() if lower else p, text) for p in patterns)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Say whether a text is what a pattern with ``*`` and ``?`` stands for; ARNs part by part."""
    if pattern == "*" or not pattern.startswith("arn:"):
        return bool(_pattern(pattern).fullmatch(text))
    wanted, found = pattern.split(":", 5), text.split(":", 5)
    return len(wanted) == len(found) and all(
        _pattern(part).fullmatch(actual) for part, actual in zip(wanted, found, strict=True)
    )


def _holds(operator: str, actual: str | list[str] | None, values: list[str]) -> bool:
    quantifier, _, name = operator.rpartition(":")
    name, if_exists = name.removesuffix("IfExists"), name.endswith("IfExists")
    if name == "Null":
        return (actual is None) == (values == ["true"])
    negated = "Not" in name
    if actual is None:
        return if_exists or negated or quantifier == "ForAllValues"
    found = [any(_equal(name, value, a) for value in values) != negated for a in _texts(actual)]
    return all(found) if quantifier == "ForAllValues" else any(found)


def _equal(name: str, wanted: str, actual: str) -> bool:
    match name.replace("Not", ""):
        case "StringEquals" | "Bool":
            return wanted == actual
        case "StringEqualsIgnoreCase":
            return wanted.lower() == actual.lower()
        case "StringLike":
            return bool(_pattern(wanted).fullmatch(actual))
        case "ArnEquals" | "ArnLike":
            return matches(wanted, actual)
        case _:
            raise AssertionError(name)


def listed(statement: Mapping[str, Any], element: str) -> list[str]:
    """Return an element that may be one string or a list of them, as a list."""
    return _texts(statement[element])


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
