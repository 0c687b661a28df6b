"""Replies of the API held to its description."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from provisioner.api.openapi import document
from provisioner.api.routes import ROUTES
from tests.support.api import Reply


@cache
def description() -> dict[str, Any]:
    return document()


@cache
def validator(ref: str) -> Draft202012Validator:
    components = description()["components"]
    return Draft202012Validator({"$ref": ref, "components": components})


def hold(method: str, path: str, reply: Reply) -> None:
    """Check that a reply's status, type and body are described."""
    route = next((r for r in ROUTES if r.method == method and r.pattern.fullmatch(path)), None)
    if route is None:
        assert reply.status in {404, 405}
        validator("#/components/schemas/Problem").validate(reply.json)
        return
    responses = description()["paths"][route.path][method.lower()]["responses"]
    assert str(reply.status) in responses, (route.key, reply)
    content = responses[str(reply.status)].get("content")
    if content is None:
        assert not reply.text
        return
    schema = content[reply.headers["Content-Type"]]["schema"]
    validator(schema["$ref"]).validate(reply.json)
