"""What a payload has to look like, and what a schema may ask of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from provisioner.jobs.contract import payload_errors


def schema(properties, **keywords):
    return {"type": "object", "properties": properties, **keywords}


def nested(keyword, levels):
    inner = {}
    for _ in range(levels):
        inner = {keyword: inner}
    return inner


def doubled(levels):
    """Return definitions each of which asks twice for the next."""
    names = [f"d{level}" for level in range(levels)]
    return {"end": {}} | {
        name: {"allOf": [{"$ref": f"#/$defs/{after}"}] * 2}
        for name, after in zip(names, [*names[1:], "end"], strict=True)
    }


DAY = schema(
    {
        "day": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
        "mode": {"enum": ["fast", "full"]},
        "count": {"type": ["integer", "null"], "minimum": 1},
        "tables": {"type": "array", "items": {"$ref": "#/$defs/table"}, "uniqueItems": True},
    },
    required=["day"],
    additionalProperties=False,
    **{"$defs": {"table": {"type": "string", "maxLength": 3}}},
)

PAYLOADS = {
    "good": ({"day": "2026-11-20", "count": None, "tables": ["a", "b"], "mode": "full"}, {}),
    "whole number with a zero fraction": ({"day": "2026-11-20", "count": 2.0}, {}),
    "nothing": ({}, {"payload.day": "is required"}),
    "wrong types": (
        {"day": 5, "count": "x"},
        {
            "payload.day": "must be text, not the number 5",
            "payload.count": 'must be a whole number or NULL, not "x"',
        },
    ),
    "boolean for a number": ({"day": "2026-11-20", "count": True}, {"payload.count": "not true"}),
    "pattern up to the end": (
        {"day": "2026-11-20\n"},
        {"payload.day": "must match ^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    ),
    "text that is no Unicode": ({"day": "\ud800"}, {"payload.day": "must match"}),
    "one of a few": (
        {"day": "2026-11-20", "mode": "slow"},
        {"payload.mode": 'must be "fast" or "full"'},
    ),
    "too small": ({"day": "2026-11-20", "count": 0}, {"payload.count": "must be at least 1"}),
    "in a list": (
        {"day": "2026-11-20", "tables": ["a", "abcd"]},
        {"payload.tables[1]": "must have at most 3 characters"},
    ),
    "twice": (
        {"day": "2026-11-20", "tables": ["a", "a"]},
        {"payload.tables": "holds the same entry twice"},
    ),
    "unknown key": (
        {"day": "2026-11-20", "cuont": 1},
        {"payload.cuont": 'is no part of it; did you mean "count"?'},
    ),
}


@pytest.mark.parametrize(("payload", "wrong"), PAYLOADS.values(), ids=PAYLOADS)
def test_a_payload_is_held_to_its_schema(accepted, payload, wrong):
    errors = payload_errors(accepted("lambda", {"payload_schema": DAY}), payload)

    assert [error.field for error in errors] == list(wrong)
    for error in errors:
        assert wrong[error.field] in error.message


def test_it_is_the_merged_payload_that_counts(accepted):
    job = accepted("lambda", {"payload_schema": DAY, "payload": {"day": "2026-11-20"}})

    assert payload_errors(job, {"count": 1, "_run": {"source": "manual"}}) == ()
    assert [error.field for error in payload_errors(job, {"day": "today"})] == ["payload.day"]


def test_without_a_schema_anything_goes(accepted):
    assert payload_errors(accepted("lambda", {}), {"day": 5}) == ()


OTHER_WORDS = {
    "names of keys": (
        schema({}, propertyNames={"maxLength": 2}),
        {"abc": 1},
        ("payload.abc", "has a name that does not fit: it must have at most 2 characters"),
    ),
    "a constant": (
        schema({"v": {"const": 2}}),
        {"v": 1},
        ("payload.v", "must be 2"),
    ),
    "many values": (
        schema({"v": {"enum": list(range(200))}}),
        {"v": -1},
        ("payload.v", "must be one of the values in its schema"),
    ),
    "what has no words of its own": (
        schema({"v": {"not": {"type": "null"}}}),
        {"v": None},
        ("payload.v", 'does not fit "not" of its schema'),
    ),
    "what is not allowed": (
        schema({"v": False}),
        {"v": 1},
        ("payload", "holds what its schema does not allow"),
    ),
    "a reference with a slash": (
        schema({"v": {"$ref": "#/$defs/a~1b%20c"}}, **{"$defs": {"a/b c": {"type": "null"}}}),
        {"v": 1},
        ("payload.v", "must be NULL, not the number 1"),
    ),
}


@pytest.mark.parametrize(("contract", "payload", "error"), OTHER_WORDS.values(), ids=OTHER_WORDS)
def test_words(accepted, contract, payload, error):
    job = accepted("lambda", {"payload_schema": contract})

    assert [(e.field, e.message) for e in payload_errors(job, payload)] == [error]


BAD_SCHEMAS = {
    "misspelt keyword": (schema({}, requird=["a"]), ".requird", 'did you mean "required"?'),
    "misspelt within": (schema({"a": {"mininum": 1}}), ".properties.a.mininum", '"minimum"?'),
    "unknown type": (schema({"a": {"type": "strin"}}), ".properties.a.type", '"string"?'),
    "unknown type of two": (
        schema({"a": {"type": ["string", "nil"]}}),
        ".properties.a.type",
        '"null"',
    ),
    "limit as text": (
        schema({"a": {"anyOf": [{"minimum": "1"}]}}),
        ".properties.a.anyOf[0].minimum",
        'must be a number, not "1"',
    ),
    "schema that is none": (schema({"a": 5}), ".properties.a", "must be a map or true or false"),
    "remote reference": (
        schema({"a": {"$ref": "https://example.com/day"}}),
        ".properties.a.$ref",
        "must name a part of this schema",
    ),
    "file reference": (schema({}, **{"$ref": "file:///etc/passwd"}), ".$ref", "part of this"),
    "reference to nothing": (schema({}, **{"$ref": "#/$defs/no"}), ".$ref", "part of this schema"),
    "reference to what is no schema": (
        schema({"a": {"$ref": "#/required/0"}}, required=["a"]),
        ".properties.a.$ref",
        "part of this schema",
    ),
    "identifier": (schema({}, **{"$id": "https://example.com"}), ".$id", "is not supported"),
    "dynamic reference": (schema({}, **{"$dynamicRef": "#a"}), ".$dynamicRef", "not supported"),
    "patterns of keys": (schema({}, patternProperties={}), ".patternProperties", "propertyNames"),
    "look-ahead": (schema({"a": {"pattern": "(?=a)b"}}), ".properties.a.pattern", "linear time"),
    "back-reference": (schema({"a": {"pattern": r"(a)\1"}}), ".properties.a.pattern", "linear"),
    "no expression": (schema({"a": {"pattern": "("}}), ".properties.a.pattern", "no regular"),
    "huge expression": (
        schema({"a": {"pattern": r"(\w{99}){99}"}}),
        ".properties.a.pattern",
        "no regular expression",
    ),
    "long expression": (
        schema({"a": {"pattern": "a" * 201}}),
        ".properties.a.pattern",
        "the most is 200",
    ),
    "many expressions": (
        schema({f"k{n}": {"pattern": f"^{n}$"} for n in range(21)}),
        "",
        "has 21 patterns; at most 20",
    ),
}


@pytest.mark.parametrize(("contract", "path", "words"), BAD_SCHEMAS.values(), ids=BAD_SCHEMAS)
def test_a_bad_schema_is_an_error_of_the_row(refused, contract, path, words):
    (error,) = refused("lambda", {"payload_schema": contract})

    assert error.field == f"payload_schema{path}"
    assert words in error.message


def test_a_name_of_a_keyword_may_be_that_of_a_key(accepted):
    named = schema({"$id": {"type": "string"}, "patternProperties": True}, required=["$id"])

    assert payload_errors(accepted("lambda", {"payload_schema": named}), {"$id": "x"}) == ()


TAKES_LONG = {
    "a schema in itself": (schema({}, **{"$ref": "#"}), {}),
    "every step twice": (schema({}, **{"$ref": "#/$defs/d0", "$defs": doubled(20)}), {}),
    "a long list of values for each entry": (
        schema({"v": {"items": {"enum": list(range(1000, 2500))}}}),
        {"v": list(range(8000))},
    ),
    "a pattern for a long text": (
        schema({"v": {"pattern": "(.{0,60}){0,60}(x+x+)+$"}}),
        {"v": "x" * 100_000 + "b"},
    ),
}


@pytest.mark.parametrize(("contract", "payload"), TAKES_LONG.values(), ids=TAKES_LONG)
def test_what_takes_too_long_is_given_up(accepted, contract, payload):
    job = accepted("lambda", {"payload_schema": contract})

    (error,) = payload_errors(job, payload)

    assert "takes too many steps" in error.message


def test_a_pattern_takes_linear_time(accepted):
    job = accepted("lambda", {"payload_schema": schema({"v": {"pattern": "^(a+)+$"}})})
    began = time.process_time()

    (error,) = payload_errors(job, {"v": "a" * 19_000 + "b"})

    assert "must match" in error.message
    assert time.process_time() - began < 5  # backtracking would take longer than the world lasts


def test_numbers_beyond_all_bounds_are_told(accepted):
    job = accepted("lambda", {"payload_schema": schema({"v": {"multipleOf": 0.1}})})

    (error,) = payload_errors(job, {"v": 10**400})

    assert "a number too large" in error.message


def test_the_deepest_schema_of_a_row_can_be_checked(accepted):
    deep = {"type": "object", **nested("not", 18)}

    assert accepted("lambda", {"payload_schema": deep}).payload_schema == deep


def test_a_row_without_a_schema_does_not_load_jsonschema():
    row = {"job_name": "x", "type": "ecs", "image": "busybox:1", "payload": {"a": 1}}
    script = (
        "import sys; from provisioner.jobs import parse; "
        f"from provisioner.jobs.contract import payload_errors; job = parse({json.dumps(row)}); "
        "print(payload_errors(job, {}), 'jsonschema' in sys.modules)"
    )

    found = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )

    assert found.stdout == "() False\n"
