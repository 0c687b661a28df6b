"""The API's description (OpenAPI 3.1), built from the routes and the models when we build.

At run time it is a file: `make openapi` writes it, and a test holds it to the code.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from provisioner.api import answers, bodies, queries
from provisioner.api.call import JSON, MERGE_PATCH, PROBLEM
from provisioner.api.routes import PATH_PATTERNS, ROUTES
from provisioner.service.caller import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from provisioner.api.routes import Route

_REF = "#/components/schemas/{model}"
_ALWAYS = (400, 401, 403, 406, 429, 500, 503)
_WITH_BODY = (413, 415, 422)
_CONDITIONAL = (412, 422, 428)
_RENAMED = {413: "Content Too Large", 422: "Unprocessable Content"}
"""By RFC 9110; Pythons before 3.13 have earlier phrases."""

_LINKS = {
    "put_row": ("get_job", "get_row", "get_stack", "start_run", "delete_row"),
    "start_run": ("get_run", "get_log", "stop_run", "run_again"),
    "run_again": ("get_run", "stop_run"),
    "start_bulk": ("get_bulk", "step_bulk"),
}
"""What can be done with an answer."""

_KNOWN = {
    "job_name": "$request.path.job_name",
    "run": "$response.body#/run",
    "bulk": "$response.body#/id",
}
_BY_GATEWAY = frozenset({401, 403, 429, 500, 503})
"""Also answered by API Gateway itself, whose body has only a `message`."""


def document() -> dict[str, Any]:
    """Return the whole description."""
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Provisioner",
            "version": "1",
            "description": "Serverless jobs: their rows, schedules and runs.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "iam": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "Signature Version 4 of the service execute-api.",
                },
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    tag = route.handler.partition(".")[0]
    said: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [tag],
        "x-role": route.role.value,
        "security": [
            {"jwt": [role.value for role in Role if role.includes(route.role)]},
            {"iam": []},
        ],
        "parameters": list(_parameters(route)),
        "responses": _responses(route),
    }
    if route.repeated:
        said["description"] = f"No Idempotency-Key: the same request again {route.repeated}"
    if route.body:
        schema = {"$ref": _REF.format(model=route.body)}
        kinds = (MERGE_PATCH, JSON) if route.method == "PATCH" else (JSON,)
        said["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": schema} for kind in kinds},
        }
    return said


def _parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name, pattern in PATH_PATTERNS.items():
        if f"{{{name}}}" in route.path:
            schema = {"type": "string", "pattern": f"^{pattern}$"}
            yield {"name": name, "in": "path", "required": True, "schema": schema}
    query = getattr(queries, route.query).model_json_schema(ref_template=_REF)
    for name, schema in query.get("properties", {}).items():
        description = schema.pop("description", None)
        schema.pop("title", None)
        said = {"name": name, "in": "query", "schema": _inline(schema, query.get("$defs", {}))}
        yield said | ({"description": description} if description else {})
    yield from _headers(route)


def _headers(route: Route) -> Iterator[dict[str, Any]]:
    if route.conditional:
        text = "The row's ETag, or * for any." + (
            " Either this or If-None-Match is required." if route.creates else ""
        )
        yield _header("If-Match", text, required=not route.creates)
    if route.creates:
        yield _header("If-None-Match", "* to create a row only.", enum=["*"])
    if route.has_key:
        text = "The same key again starts nothing new: the answer is about what it has started."
        yield _header("Idempotency-Key", text, pattern="^[!-~]{1,255}$")


def _header(
    name: str, description: str, *, required: bool = False, **schema: object
) -> dict[str, Any]:
    said = {"name": name, "in": "header", "required": required, "description": description}
    return said | {"schema": {"type": "string", **schema}}


def _inline(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter's schema without references and null: absent is null in a query."""
    if "$ref" in schema:
        found = definitions[schema["$ref"].rpartition("/")[2]]
        return {
            name: value for name, value in found.items() if name not in {"title", "description"}
        }
    if "anyOf" in schema:
        (kept,) = [each for each in schema["anyOf"] if each.get("type") != "null"]
        return _inline(kept, definitions)
    return schema


def _responses(route: Route) -> dict[str, Any]:
    statuses = {*_ALWAYS, *route.problems}
    statuses |= {404} if "{" in route.path else set()
    statuses |= {*_WITH_BODY} if route.body else set()
    statuses |= {*_CONDITIONAL} if route.conditional else set()
    return {str(route.status): _success(route)} | {
        **({"201": _success(route)} if route.creates else {}),
        **(
            {"304": {"description": "Not Modified"}} if route.name in {"get_job", "get_row"} else {}
        ),
        **{str(status): _problem(status) for status in sorted(statuses)},
    }


def _success(route: Route) -> dict[str, Any]:
    content = {JSON: {"schema": {"$ref": _REF.format(model=route.answer)}}}
    said: dict[str, Any] = {"description": _phrase(route.status), "content": content}
    links = {operation: _link(operation) for operation in _LINKS.get(route.name, ())}
    return said | ({"links": links} if links else {})


def _link(operation: str) -> dict[str, Any]:
    (route,) = [each for each in ROUTES if each.name == operation]
    known = {name: _KNOWN[name] for name in _KNOWN if f"{{{name}}}" in route.path}
    return {"operationId": operation, "parameters": known}


def _problem(status: int) -> dict[str, Any]:
    content = {PROBLEM: {"schema": {"$ref": _REF.format(model="Problem")}}}
    if status in _BY_GATEWAY:
        content[JSON] = {"schema": {"$ref": _REF.format(model="GatewayMessage")}}
    return {"description": _phrase(status), "content": content}


def _phrase(status: int) -> str:
    return _RENAMED.get(status) or HTTPStatus(status).phrase


def _schemas() -> dict[str, Any]:
    named = {route.answer for route in ROUTES if route.answer} | {"Problem"}
    models: list[type[BaseModel]] = [getattr(answers, name) for name in sorted(named)]
    models += [getattr(bodies, name) for name in sorted({r.body for r in ROUTES if r.body})]
    _, schemas = models_json_schema([(each, "validation") for each in models], ref_template=_REF)
    found: dict[str, Any] = schemas["$defs"]
    message = {"type": "object", "properties": {"message": {"type": ["string", "null"]}}}
    message["description"] = "What API Gateway answers by itself."
    found["GatewayMessage"] = message | {"required": ["message"]}
    return dict(sorted(found.items()))
