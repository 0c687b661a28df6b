"""Where in a JSON Schema others stand, and what a `$ref` may name of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

Parts = tuple[str | int, ...]

MAPS_OF_SCHEMAS = frozenset({"$defs", "dependentSchemas", "properties"})
LISTS_OF_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
SCHEMAS = frozenset(
    {
        *("additionalProperties", "contains", "else", "if", "items", "not"),
        *("propertyNames", "then"),
    }
)


def places(schema: object, at: Parts = ()) -> Iterator[tuple[Parts, object]]:
    """Yield a schema and all that stands for a schema in it, each with its place."""
    yield at, schema
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        inner: list[tuple[Parts, object]] = []
        if keyword in SCHEMAS:
            inner = [((keyword,), value)]
        elif keyword in MAPS_OF_SCHEMAS and isinstance(value, dict):
            inner = [((keyword, name), part) for name, part in value.items()]
        elif keyword in LISTS_OF_SCHEMAS and isinstance(value, list):
            inner = [((keyword, index), part) for index, part in enumerate(value)]
        for parts, part in inner:
            yield from places(part, (*at, *parts))


def targets(schema: object) -> dict[str, Any]:
    """Return what a `$ref` may stand for, by its pointer."""
    return {_pointer(at): part for at, part in places(schema) if isinstance(part, dict | bool)}


def pointer_of(reference: str) -> str | None:
    """Return the pointer of a `$ref`, None when it leads out of its schema."""
    if not reference.startswith("#"):
        return None
    pointer = unquote(reference[1:])
    return f"#{pointer}" if reference[1:2] in ("", "/") else None


def _pointer(parts: Parts) -> str:
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
