"""A value against a JSON Schema of draft 2020-12, in bounded time and in plain words.

The author of a row writes its schema, and the starter of a run its payload; neither is trusted. So
nothing here fetches, raises, or takes more than its steps: a schema is a
tree of plain maps (`payload_schema` has seen to that), `$ref` names a location in it, and every
keyword pays for what it looks at.
"""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from provisioner.jobs.schema_applicators import APPLICATORS, Location, Violation
from provisioner.jobs.schema_assertions import ASSERTIONS, MAX_DEPTH, Steps, TooLongError, fault
from provisioner.jobs.schema_places import targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provisioner.jobs.schema_places import Parts

MAX_PROBLEMS = 20

_COMPLETED_BY_A_RUN = frozenset(
    {
        *("anyOf", "const", "dependentRequired", "enum", "minProperties", "not", "oneOf"),
        "required",
    }
)
"""What is wrong by these with a default payload as a whole, a run's own input can put right."""


def violations(
    schema: Mapping[str, Any], payload: object, *, partial: bool = False
) -> tuple[tuple[Parts, str], ...]:
    """Return where a payload does not fit a schema, and why.

    A `partial` one may lack what a run's own input will add.
    """
    found = _Evaluation(schema).violations(schema, payload, (), 0)
    try:
        shown = islice(
            (
                (violation.at + violation.inner, violation.message)
                for violation in found
                if not partial or violation.at or violation.keyword not in _COMPLETED_BY_A_RUN
            ),
            MAX_PROBLEMS,
        )
        return tuple(dict.fromkeys(shown))
    except TooLongError:
        return (((), "cannot be checked against payload_schema: that takes too many steps"),)


class _Evaluation:
    """One payload, held against one schema with a limited number of steps."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.steps = Steps()
        self._schema = schema

    @cached_property
    def targets(self) -> Mapping[str, object]:
        """What a `$ref` may stand for."""
        return targets(self._schema)

    def violations(
        self, schema: object, value: object, at: Parts, depth: int
    ) -> Iterator[Violation]:
        """Yield what is wrong with a value."""
        if depth > MAX_DEPTH:
            raise TooLongError
        if schema is False:
            yield Violation(at, None, "holds what its schema does not allow")
        if not schema or not isinstance(schema, dict):
            return
        location = Location(schema, at, depth + 1)
        for keyword, wanted in schema.items():
            if fits := ASSERTIONS.get(keyword):
                self.steps.pay(1)
                if not fits(self.steps, wanted, value):
                    yield Violation(at, keyword, fault(keyword, wanted, value))
            elif apply := APPLICATORS.get(keyword):
                self.steps.pay(1)
                yield from apply(self, wanted, value, location)

    def fits(self, schema: object, value: object, location: Location) -> bool:
        """Return whether nothing is wrong with a value."""
        return next(self.violations(schema, value, location.at, location.depth), None) is None
