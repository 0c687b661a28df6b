"""The description is what the code says, and no change of it breaks a caller."""

from __future__ import annotations

import copy
import json
import tomllib
from importlib import import_module

import pytest
from jsonschema import Draft202012Validator

from provisioner.api import queries
from provisioner.api.openapi import document
from provisioner.api.resources.about import DESCRIPTION
from provisioner.api.routes import ROUTES
from tests.golden.update import GOLDEN
from tests.support.compatibility import breaking

HELD = json.loads((GOLDEN / "openapi.json").read_text())


def test_no_change_breaks_a_caller():
    assert breaking(HELD, document()) == []


def test_it_is_as_it_was_written_last():
    assert document() == HELD, "read the changes, then `make golden`"
    assert json.loads(DESCRIPTION.read_text()) == HELD


def test_every_schema_is_one():
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_has_its_function(route):
    module, _, function = route.handler.partition(".")

    assert callable(getattr(import_module(f"provisioner.api.resources.{module}"), function))


def test_routes_are_unique():
    assert (
        len({route.key for route in ROUTES}) == len({route.name for route in ROUTES}) == len(ROUTES)
    )


def test_the_fuzzers_settings_know_every_list():
    settings = tomllib.loads((GOLDEN.parent / "fuzz" / "schemathesis.toml").read_text())
    (lists,) = settings["operations"]

    assert sorted(lists["include-operation-id"]) == sorted(
        route.name for route in ROUTES if "cursor" in getattr(queries, route.query).model_fields
    )


def gone(path):
    def change(said):
        *way, last = path.split("|")
        for each in way:
            said = said[int(each) if isinstance(said, list) else each]
        del said[last]

    return change


def required(name, field):
    return lambda said: said["components"]["schemas"][name].setdefault("required", []).append(field)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (gone("paths|/v1/jobs"), "GET /v1/jobs is gone"),
        (gone("paths|/v1/rows/{job_name}|patch"), "PATCH /v1/rows/{job_name} is gone"),
        (gone("components|schemas|Run|properties|status"), "Run.status is gone"),
        (
            lambda said: said["components"]["schemas"]["JobStatus"]["enum"].remove("READY"),
            "JobStatus cannot be 'READY' any more",
        ),
        (required("StartRun", "payload"), "StartRun.payload is needed now"),
        (
            lambda said: said["components"]["schemas"]["RunsPage"]["required"].remove("next"),
            "RunsPage.next is not always there any more",
        ),
        (
            lambda said: said["paths"]["/v1/jobs"]["get"]["parameters"][0].update(required=True),
            "GET /v1/jobs needs limit",
        ),
        (
            lambda said: said["paths"]["/v1/jobs"]["get"]["parameters"].pop(0),
            "GET /v1/jobs has no limit any more",
        ),
        (
            lambda said: said["paths"]["/v1/jobs"]["get"].update({"x-role": "write"}),
            "GET /v1/jobs needs another role",
        ),
        (
            lambda said: said["components"]["schemas"]["Run"]["properties"]["run"].update(
                type="integer"
            ),
            "Run.run has another type",
        ),
        (
            lambda said: said["components"]["schemas"]["Reason"]["properties"]["reason"].update(
                maxLength=1
            ),
            "Reason.reason has a lower maxLength",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_breaks_a_caller(change, said):
    changed = copy.deepcopy(HELD)
    change(changed)

    assert said in breaking(HELD, changed)


def test_what_is_new_breaks_nobody():
    changed = copy.deepcopy(HELD)
    changed["paths"]["/v1/more"] = changed["paths"]["/v1/jobs"]
    changed["components"]["schemas"]["Run"]["properties"]["more"] = {"type": "string"}
    changed["components"]["schemas"]["JobStatus"]["enum"].append("MORE")

    assert breaking(HELD, changed) == []


def with_header(name):
    """Return which routes have a header, and whether they need it."""
    return {
        each["operationId"]: header["required"]
        for operations in document()["paths"].values()
        for each in operations.values()
        for header in each["parameters"]
        if header["name"] == name
    }


def test_headers_are_described_where_they_are_read():
    keyed = {"start_run", "run_again", "submit", "start_bulk"}
    assert with_header("Idempotency-Key").keys() == keyed
    assert with_header("If-None-Match").keys() == {"put_row", "restore_version"}
    needed = {"patch_row": True, "delete_row": True, "put_row": False, "restore_version": False}
    needed |= {"roll_back": True, "unpin": True}
    assert with_header("If-Match") == needed


WRITES = [route for route in ROUTES if route.method != "GET"]


@pytest.mark.parametrize("route", WRITES, ids=lambda route: route.name)
def test_every_write_says_what_the_same_request_does_again(route):
    assert route.conditional + route.has_key + bool(route.repeated) == 1


def test_no_read_is_repeated():
    assert not [route.name for route in ROUTES if route.method == "GET" and route.repeated]


def test_every_write_can_be_tried_as_the_page_says():
    without = {r.name for r in WRITES if "dry_run" not in getattr(queries, r.query).model_fields}

    assert without == {"step_bulk", "validate_row", "plan_row"}
