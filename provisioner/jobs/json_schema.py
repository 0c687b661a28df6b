"""jsonschema, in bounded time and in plain words.

Schemas here have passed `contract.contract`. Nothing is fetched: the registry is empty.
Patterns are matched in linear time by the engine that pydantic brings, and everything else counts
its steps.
"""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from jsonschema.exceptions import ValidationError
from jsonschema.validators import Draft202012Validator, extend
from pydantic_core import SchemaError, SchemaValidator, core_schema
from pydantic_core import ValidationError as Mismatch
from referencing import Registry

from provisioner.jobs.contract import MAX_PATTERNS
from provisioner.jobs.errors import did_you_mean, shown
from provisioner.jobs.rows import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jsonschema.protocols import Validator

    from provisioner.jobs.contract import Parts

    Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]

MAX_STEPS = 20_000
"""Keywords, values of lists and characters of matched texts looked at for one payload: a few tenths
of a second, with patterns made to be slow two seconds."""

MAX_DEPTH = 100
"""Keywords within keywords: far below Python's own limit, at which rpds would panic."""

MAX_PROBLEMS = 20
MAX_LISTED_CHARACTERS = 200

_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "NULL",
    "number": "a number",
    "object": "a map",
    "string": "text",
}
_WORDS = {
    "exclusiveMaximum": "must be less than {}",
    "exclusiveMinimum": "must be more than {}",
    "maximum": "must be at most {}",
    "maxItems": "must have at most {} entries",
    "maxLength": "must have at most {} characters",
    "maxProperties": "must have at most {} keys",
    "minimum": "must be at least {}",
    "minItems": "must have at least {} entries",
    "minLength": "must have at least {} characters",
    "minProperties": "must have at least {} keys",
    "multipleOf": "must be a multiple of {}",
    "pattern": "must match {}",
    "uniqueItems": "holds the same entry twice",
}


_COMPLETED_BY_A_RUN = frozenset(
    {
        *("anyOf", "const", "dependentRequired", "enum", "minProperties", "not", "oneOf"),
        "required",
    }
)
"""What is wrong by these with a default payload as a whole, a run's own input can put right."""


class _TooLongError(Exception):
    """The steps are used up, or go too deep."""


def faults(schema: Mapping[str, Any]) -> tuple[tuple[Parts, str], ...]:
    """Return where a schema is none, and why."""
    return _told(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(dict(schema)))


def misfits(
    schema: Mapping[str, Any], payload: Mapping[str, Any], *, partial: bool
) -> tuple[tuple[Parts, str], ...]:
    """Return where a payload does not fit a schema, and why.

    A `partial` one may lack what a run's own input will add.
    """
    validator = _bounded()(schema, registry=Registry())
    try:
        return _told(
            error
            for error in validator.iter_errors(dict(payload))
            if not partial or error.absolute_path or error.validator not in _COMPLETED_BY_A_RUN
        )
    except _TooLongError:
        message = "cannot be checked against payload_schema: that takes too many steps"
    except (ArithmeticError, RecursionError, ValueError):
        message = "cannot be checked: it is nested too deeply, or holds a number too large"
    return (((), message),)


def pattern_problem(pattern: str) -> str:
    """Return what is wrong with a regular expression, "" when nothing is."""
    try:
        _matcher(pattern)
    except SchemaError:
        return (
            "is no regular expression that takes linear time; these have no look-around and no "
            "back-references"
        )
    return ""


@lru_cache(maxsize=MAX_PATTERNS)
def _matcher(pattern: str) -> SchemaValidator:
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def _matches(pattern: str, text: str) -> bool:
    try:
        _matcher(pattern).validate_python(text)
    except Mismatch:
        return False
    return True


def _bounded() -> type[Validator]:
    """Return a validator class that raises `_TooLongError` when its steps are used up."""
    left = MAX_STEPS
    depth = 0

    def counted(keyword: Keyword) -> Keyword:
        def check(
            validator: Validator, value: object, instance: object, schema: object
        ) -> Iterator[ValidationError]:
            nonlocal left, depth
            left -= 1 + _size(value, instance)
            if left < 0 or depth == MAX_DEPTH:
                raise _TooLongError
            depth += 1
            try:
                yield from keyword(validator, value, instance, schema) or ()
            finally:
                depth -= 1

        return check

    keywords = {**Draft202012Validator.VALIDATORS, "pattern": _pattern, "uniqueItems": _unique}
    bounded: type[Validator] = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {name: counted(keyword) for name, keyword in keywords.items()}
    )
    return bounded


def _size(value: object, instance: object) -> int:
    """Return how many steps a keyword is beyond the one: a pattern takes its text's length."""
    match value:
        case list():
            return len(value)
        case str() if isinstance(instance, str):
            return len(instance)
        case _:
            return 0


def _pattern(
    _validator: Validator, pattern: str, instance: object, _schema: object
) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _matches(pattern, instance):
        yield ValidationError("")


def _unique(
    _validator: Validator, wanted: object, instance: object, _schema: object
) -> Iterator[ValidationError]:
    if wanted and isinstance(instance, list):
        texts = {json.dumps(item, sort_keys=True) for item in instance}
        if len(texts) < len(instance):
            yield ValidationError("")


def _told(errors: Iterable[ValidationError]) -> tuple[tuple[Parts, str], ...]:
    """Return each error once, in our words: jsonschema's repeat the whole value."""
    told = (
        ((*error.absolute_path, *inner), message)
        for error in islice(errors, MAX_PROBLEMS)
        for inner, message in _said(error)
    )
    return tuple(dict.fromkeys(told))


def _said(error: ValidationError) -> Iterator[tuple[Parts, str]]:
    keyword, wanted, found, schema = _parts(error)
    if "propertyNames" in error.schema_path:
        yield (str(found),), f"has a name that does not fit: it {_fault(keyword, wanted, found)}"
    elif keyword == "required":
        yield from (((name,), "is required") for name in wanted if name not in found)
    elif keyword == "additionalProperties":
        known = schema.get("properties", {})
        for name in found:
            if name not in known:
                yield (name,), f"is no part of it{did_you_mean(printable(name), known)}"
    else:
        yield (), _fault(keyword, wanted, found)


def _parts(error: ValidationError) -> tuple[str | None, Any, Any, Any]:
    """Return the keyword, None for a schema that is `false`, with its value, and what it met."""
    keyword: Any = error.validator
    return keyword, error.validator_value, error.instance, error.schema


def _fault(keyword: str | None, wanted: Any, found: object) -> str:  # noqa: ANN401  (any JSON)
    match keyword:
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return f"must be {' or '.join(_KINDS[kind] for kind in kinds)}, not {shown(found)}"
        case "enum":
            return f"must be {_values(wanted)}"
        case "const":
            return f"must be {_values([wanted])}"
        case None:
            return "holds what its schema does not allow"
        case _ if keyword in _WORDS:
            return _WORDS[keyword].format(wanted)
        case _:
            return f'does not fit "{keyword}" of its schema'


def _values(values: list[object]) -> str:
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    text = " or ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))
    return text if len(text) <= MAX_LISTED_CHARACTERS else "one of the values in its schema"
