"""What callers of an API can no longer rely on, from one description of it to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]


def breaking(old: Document, new: Document) -> list[str]:
    """Return each change that breaks a caller who knows the old description."""
    return sorted({*_of_paths(old, new), *_of_schemas(old, new)})


def _of_paths(old: Document, new: Document) -> Iterator[str]:
    for path, methods in old["paths"].items():
        for method, before in methods.items():
            where = f"{method.upper()} {path}"
            after = new["paths"].get(path, {}).get(method)
            if after is None:
                yield f"{where} is gone"
                continue
            yield from _of_operation(where, before, after)


def _of_operation(where: str, before: Document, after: Document) -> Iterator[str]:
    if before["operationId"] != after["operationId"]:
        yield f"{where} has another operationId"
    if before["x-role"] != after["x-role"]:
        yield f"{where} needs another role"
    yield from _of_parameters(where, before, after)
    yield from _of_content(f"{where} body", before.get("requestBody"), after.get("requestBody"))
    if not before.get("requestBody") and after.get("requestBody", {}).get("required"):
        yield f"{where} needs a body"
    for status, response in before["responses"].items():
        if status.startswith("2"):
            if status not in after["responses"]:
                yield f"{where} does not answer {status} any more"
            yield from _of_content(f"{where} {status}", response, after["responses"].get(status))


def _of_parameters(where: str, before: Document, after: Document) -> Iterator[str]:
    known = {(each["in"], each["name"].lower()): each for each in before["parameters"]}
    now = {(each["in"], each["name"].lower()): each for each in after["parameters"]}
    for key, each in known.items():
        if key not in now:
            yield f"{where} has no {each['name']} any more"
        else:
            yield from _values(f"{where} {each['name']}", each["schema"], now[key]["schema"])
    for key, each in now.items():
        if each.get("required") and not known.get(key, {}).get("required"):
            yield f"{where} needs {each['name']}"


def _of_content(where: str, before: Document | None, after: Document | None) -> Iterator[str]:
    content, now = (before or {}).get("content", {}), (after or {}).get("content", {})
    for kind, each in content.items():
        if kind not in now:
            yield f"{where} is not {kind} any more"
        elif each["schema"] != now[kind]["schema"]:
            yield f"{where} is another schema"


def _of_schemas(old: Document, new: Document) -> Iterator[str]:
    requests = {
        content["schema"]["$ref"].rpartition("/")[2]
        for methods in new["paths"].values()
        for operation in methods.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
    }
    schemas = new["components"]["schemas"]
    for name, before in old["components"]["schemas"].items():
        if name not in schemas:
            yield f"{name} is gone"
            continue
        after = schemas[name]
        yield from _values(name, before, after)
        yield from _of_properties(name, before, after, is_request=name in requests)


def _of_properties(
    name: str, before: Document, after: Document, *, is_request: bool
) -> Iterator[str]:
    now = after.get("properties", {})
    for each, schema in before.get("properties", {}).items():
        if each not in now:
            yield f"{name}.{each} is gone"
            continue
        yield from _values(f"{name}.{each}", schema, now[each])
    needed, needs = set(before.get("required", ())), set(after.get("required", ()))
    for each in needs - needed if is_request else needed - needs:
        yield f"{name}.{each} is {'needed now' if is_request else 'not always there any more'}"


def _values(where: str, before: Document, after: Document) -> Iterator[str]:
    for each in before.get("enum", ()):
        if "enum" in after and each not in after["enum"]:
            yield f"{where} cannot be {each!r} any more"
    for key in ("type", "$ref", "format"):
        if before.get(key) != after.get(key):
            yield f"{where} has another {key}"
    for key in ("maximum", "maxLength", "maxItems"):
        if key in after and after[key] < before.get(key, float("inf")):
            yield f"{where} has a lower {key}"
