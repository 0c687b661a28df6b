"""The keywords of a JSON Schema that hold other schemas against a value or its parts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from provisioner.jobs.errors import did_you_mean, shown
from provisioner.jobs.rows import printable
from provisioner.jobs.schema_places import pointer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from provisioner.jobs.schema_assertions import Steps
    from provisioner.jobs.schema_places import Parts

MAX_MEANT = 100
"""Keys that a misspelt one is compared with."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with the value at a place, by a keyword (None: by a schema that is `false`)."""

    at: Parts
    keyword: str | None
    message: str
    inner: Parts = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a payload a schema is held against a value, within how many other schemas."""

    schema: Mapping[str, Any]
    at: Parts
    depth: int


class Run(Protocol):
    """One payload that is held against one schema."""

    steps: Steps

    @property
    def targets(self) -> Mapping[str, object]:
        """What a `$ref` may stand for."""

    def violations(
        self, schema: object, value: object, at: Parts, depth: int
    ) -> Iterator[Violation]:
        """Yield what is wrong with a value."""

    def fits(self, schema: object, value: object, place: Place) -> bool:
        """Return whether nothing is wrong with a value."""


def _ref(run: Run, wanted: str, value: object, place: Place) -> Iterator[Violation]:
    target = run.targets.get(pointer_of(wanted) or "", True)
    yield from run.violations(target, value, place.at, place.depth)


def _all_of(run: Run, wanted: list[object], value: object, place: Place) -> Iterator[Violation]:
    run.steps.pay(0, glances=len(wanted))
    for schema in wanted:
        yield from run.violations(schema, value, place.at, place.depth)


def _any_of(run: Run, wanted: list[object], value: object, place: Place) -> Iterator[Violation]:
    run.steps.pay(len(wanted))
    if not any(run.fits(schema, value, place) for schema in wanted):
        yield _does_not_fit("anyOf", place)


def _one_of(run: Run, wanted: list[object], value: object, place: Place) -> Iterator[Violation]:
    run.steps.pay(len(wanted))
    if sum(run.fits(schema, value, place) for schema in wanted) != 1:
        yield _does_not_fit("oneOf", place)


def _not(run: Run, wanted: object, value: object, place: Place) -> Iterator[Violation]:
    if run.fits(wanted, value, place):
        yield _does_not_fit("not", place)


def _if(run: Run, wanted: object, value: object, place: Place) -> Iterator[Violation]:
    branch = "then" if run.fits(wanted, value, place) else "else"
    yield from run.violations(place.schema.get(branch, True), value, place.at, place.depth)


def _properties(
    run: Run, wanted: Mapping[str, object], value: object, place: Place
) -> Iterator[Violation]:
    if not isinstance(value, dict):
        return
    run.steps.pay(0, glances=len(wanted))
    for name, schema in wanted.items():
        if name in value:
            yield from run.violations(schema, value[name], (*place.at, name), place.depth)


def _additional(run: Run, wanted: object, value: object, place: Place) -> Iterator[Violation]:
    if not isinstance(value, dict):
        return
    known = place.schema.get("properties", {})
    run.steps.pay(0, glances=len(value))
    for name, part in value.items():
        if name in known:
            continue
        if wanted is False:
            hint = did_you_mean(printable(name), islice(known, MAX_MEANT))
            yield Violation(place.at, "additionalProperties", f"is not part of it{hint}", (name,))
        else:
            yield from run.violations(wanted, part, (*place.at, name), place.depth)


def _names(run: Run, wanted: object, value: object, place: Place) -> Iterator[Violation]:
    if not isinstance(value, dict):
        return
    run.steps.pay(0, glances=len(value))
    for name in value:
        for violation in run.violations(wanted, name, place.at, place.depth):
            message = f"has a name that does not fit: it {violation.message}"
            yield Violation(place.at, violation.keyword, message, (name,))


def _required(run: Run, wanted: list[str], value: object, place: Place) -> Iterator[Violation]:
    run.steps.pay(len(wanted))
    if isinstance(value, dict):
        missing = (name for name in wanted if name not in value)
        yield from (Violation(place.at, "required", "is required", (name,)) for name in missing)


def _dependent_required(
    run: Run, wanted: Mapping[str, list[str]], value: object, place: Place
) -> Iterator[Violation]:
    if not isinstance(value, dict):
        return
    for name, others in wanted.items():
        run.steps.pay(1 + len(others))
        for other in others if name in value else ():
            if other not in value:
                message = f"is required beside {shown(name)}"
                yield Violation(place.at, "dependentRequired", message, (other,))


def _dependent_schemas(
    run: Run, wanted: Mapping[str, object], value: object, place: Place
) -> Iterator[Violation]:
    run.steps.pay(0, glances=len(wanted))
    for name, schema in wanted.items():
        if isinstance(value, dict) and name in value:
            yield from run.violations(schema, value, place.at, place.depth)


def _prefix_items(
    run: Run, wanted: list[object], value: object, place: Place
) -> Iterator[Violation]:
    run.steps.pay(0, glances=len(wanted))
    if isinstance(value, list):
        for index, (schema, part) in enumerate(zip(wanted, value, strict=False)):
            yield from run.violations(schema, part, (*place.at, index), place.depth)


def _items(run: Run, wanted: object, value: object, place: Place) -> Iterator[Violation]:
    if isinstance(value, list):
        run.steps.pay(0, glances=len(value))
        first = len(place.schema.get("prefixItems", ()))
        for index, part in enumerate(value[first:], start=first):
            yield from run.violations(wanted, part, (*place.at, index), place.depth)


def _contains(run: Run, wanted: object, value: object, place: Place) -> Iterator[Violation]:
    if isinstance(value, list):
        run.steps.pay(0, glances=len(value))
        found = sum(run.fits(wanted, part, place) for part in value)
        most = place.schema.get("maxContains", found)
        if not place.schema.get("minContains", 1) <= found <= most:
            yield _does_not_fit("contains", place)


APPLICATORS: dict[str, Callable[[Run, Any, object, Place], Iterator[Violation]]] = {
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


def _does_not_fit(keyword: str, place: Place) -> Violation:
    return Violation(place.at, keyword, f'does not fit "{keyword}" of its schema')
