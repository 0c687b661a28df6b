"""The keywords of a JSON Schema that hold other schemas against a value or its parts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from provisioner.jobs.errors import did_you_mean, shown
from provisioner.jobs.schema_places import pointer_of
from provisioner.plain_text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from provisioner.jobs.schema_assertions import Steps
    from provisioner.jobs.schema_places import Parts

MAX_MEANT = 100
"""Keys that a misspelt one is compared with."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with a value, by a keyword (None: by a schema that is `false`)."""

    at: Parts
    keyword: str | None
    message: str
    inner: Parts = ()


@dataclass(frozen=True, slots=True)
class Location:
    """Where in a payload a schema is held against a value, within how many other schemas."""

    schema: Mapping[str, Any]
    at: Parts
    depth: int


class Evaluation(Protocol):
    """One payload that is held against one schema."""

    steps: Steps

    @property
    def targets(self) -> Mapping[str, object]:
        """What a `$ref` may stand for."""

    def violations(
        self, schema: object, value: object, at: Parts, depth: int
    ) -> Iterator[Violation]:
        """Yield what is wrong with a value."""

    def fits(self, schema: object, value: object, location: Location) -> bool:
        """Return whether nothing is wrong with a value."""


def _ref(
    evaluation: Evaluation, wanted: str, value: object, location: Location
) -> Iterator[Violation]:
    target = evaluation.targets.get(pointer_of(wanted) or "", True)
    yield from evaluation.violations(target, value, location.at, location.depth)


def _all_of(
    evaluation: Evaluation, wanted: list[object], value: object, location: Location
) -> Iterator[Violation]:
    evaluation.steps.pay(0, glances=len(wanted))
    for schema in wanted:
        yield from evaluation.violations(schema, value, location.at, location.depth)


def _any_of(
    evaluation: Evaluation, wanted: list[object], value: object, location: Location
) -> Iterator[Violation]:
    evaluation.steps.pay(len(wanted))
    if not any(evaluation.fits(schema, value, location) for schema in wanted):
        yield _does_not_fit("anyOf", location)


def _one_of(
    evaluation: Evaluation, wanted: list[object], value: object, location: Location
) -> Iterator[Violation]:
    evaluation.steps.pay(len(wanted))
    if sum(evaluation.fits(schema, value, location) for schema in wanted) != 1:
        yield _does_not_fit("oneOf", location)


def _not(
    evaluation: Evaluation, wanted: object, value: object, location: Location
) -> Iterator[Violation]:
    if evaluation.fits(wanted, value, location):
        yield _does_not_fit("not", location)


def _if(
    evaluation: Evaluation, wanted: object, value: object, location: Location
) -> Iterator[Violation]:
    branch = "then" if evaluation.fits(wanted, value, location) else "else"
    yield from evaluation.violations(
        location.schema.get(branch, True), value, location.at, location.depth
    )


def _properties(
    evaluation: Evaluation, wanted: Mapping[str, object], value: object, location: Location
) -> Iterator[Violation]:
    if not isinstance(value, dict):
        return
    evaluation.steps.pay(0, glances=len(wanted))
    for name, schema in wanted.items():
        if name in value:
            yield from evaluation.violations(
                schema, value[name], (*location.at, name), location.depth
            )


def _additional(
    evaluation: Evaluation, wanted: object, value: object, location: Location
) -> Iterator[Violation]:
    if not isinstance(value, dict):
        return
    known = location.schema.get("properties", {})
    evaluation.steps.pay(0, glances=len(value))
    for name, part in value.items():
        if name in known:
            continue
        if wanted is False:
            hint = did_you_mean(printable(name), islice(known, MAX_MEANT))
            yield Violation(
                location.at, "additionalProperties", f"is not part of it{hint}", (name,)
            )
        else:
            yield from evaluation.violations(wanted, part, (*location.at, name), location.depth)


def _names(
    evaluation: Evaluation, wanted: object, value: object, location: Location
) -> Iterator[Violation]:
    if not isinstance(value, dict):
        return
    evaluation.steps.pay(0, glances=len(value))
    for name in value:
        for violation in evaluation.violations(wanted, name, location.at, location.depth):
            message = f"has a name that does not fit: it {violation.message}"
            yield Violation(location.at, violation.keyword, message, (name,))


def _required(
    evaluation: Evaluation, wanted: list[str], value: object, location: Location
) -> Iterator[Violation]:
    evaluation.steps.pay(len(wanted))
    if isinstance(value, dict):
        missing = (name for name in wanted if name not in value)
        yield from (Violation(location.at, "required", "is required", (name,)) for name in missing)


def _dependent_required(
    evaluation: Evaluation, wanted: Mapping[str, list[str]], value: object, location: Location
) -> Iterator[Violation]:
    if not isinstance(value, dict):
        return
    for name, others in wanted.items():
        evaluation.steps.pay(1 + len(others))
        for other in others if name in value else ():
            if other not in value:
                message = f"is required beside {shown(name)}"
                yield Violation(location.at, "dependentRequired", message, (other,))


def _dependent_schemas(
    evaluation: Evaluation, wanted: Mapping[str, object], value: object, location: Location
) -> Iterator[Violation]:
    evaluation.steps.pay(0, glances=len(wanted))
    for name, schema in wanted.items():
        if isinstance(value, dict) and name in value:
            yield from evaluation.violations(schema, value, location.at, location.depth)


def _prefix_items(
    evaluation: Evaluation, wanted: list[object], value: object, location: Location
) -> Iterator[Violation]:
    evaluation.steps.pay(0, glances=len(wanted))
    if isinstance(value, list):
        for index, (schema, part) in enumerate(zip(wanted, value, strict=False)):
            yield from evaluation.violations(schema, part, (*location.at, index), location.depth)


def _items(
    evaluation: Evaluation, wanted: object, value: object, location: Location
) -> Iterator[Violation]:
    if isinstance(value, list):
        evaluation.steps.pay(0, glances=len(value))
        first = len(location.schema.get("prefixItems", ()))
        for index, part in enumerate(value[first:], start=first):
            yield from evaluation.violations(wanted, part, (*location.at, index), location.depth)


def _contains(
    evaluation: Evaluation, wanted: object, value: object, location: Location
) -> Iterator[Violation]:
    if isinstance(value, list):
        evaluation.steps.pay(0, glances=len(value))
        found = sum(evaluation.fits(wanted, part, location) for part in value)
        most = location.schema.get("maxContains", found)
        if not location.schema.get("minContains", 1) <= found <= most:
            yield _does_not_fit("contains", location)


APPLICATORS: dict[str, Callable[[Evaluation, Any, object, Location], Iterator[Violation]]] = {
    "$ref": _ref,
    "additionalProperties": _additional,
    "allOf": _all_of,
    "anyOf": _any_of,
    "contains": _contains,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "if": _if,
    "items": _items,
    "not": _not,
    "oneOf": _one_of,
    "prefixItems": _prefix_items,
    "properties": _properties,
    "propertyNames": _names,
    "required": _required,
}


def _does_not_fit(keyword: str, location: Location) -> Violation:
    return Violation(location.at, keyword, f'does not fit "{keyword}" of its schema')
