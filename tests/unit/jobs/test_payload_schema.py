"""What a payload has to look like, and what a schema may ask of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from provisioner.jobs import InvalidRow, parse
from provisioner.jobs.run_input import payload_errors
from provisioner.jobs.schema_assertions import TYPES
from provisioner.jobs.schema_dialect import DIALECT, KEYWORDS, UNSUPPORTED
from provisioner.jobs.schema_engine import violations
from provisioner.jobs.schema_places import SCHEMAS as HELD

ROW = {"job_name": "x", "type": "ecs", "image": "busybox:1"}


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
    "a number longer than anybody reads": (
        {"day": 10**400},
        {"payload.day": "must be text, not the number 1" + "0" * 45 + "..."},
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
        {"payload.cuont": 'is not part of it; did you mean "count"?'},
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
        ("payload.v", "holds what its schema does not allow"),
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


VERDICTS = {
    "a reference": ({"$ref": "#/$defs/short"}, ["ab"], ["abc"]),
    "a reference to nowhere": ({"$ref": "#/$defs/none"}, ["anything"], []),
    "all of": ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, [1, 2], [0, 3]),
    "any of": ({"anyOf": [{"type": "null"}, {"minimum": 2}]}, [None, 2], [1]),
    "one of": ({"oneOf": [{"minimum": 1}, {"maximum": 2}]}, [0, 3], [1, 2]),
    "not": ({"not": {"type": "null"}}, [0], [None]),
    "if and then": ({"if": {"minimum": 5}, "then": {"multipleOf": 2}}, [3, 6], [7]),
    "if and else": ({"if": {"minimum": 5}, "else": {"multipleOf": 2}}, [4, 7], [3]),
    "if alone": ({"if": {"minimum": 5}}, [4, 7], []),
    "properties": ({"properties": {"a": {"type": "null"}}}, [{}, {"a": None}, 1], [{"a": 1}]),
    "other keys by a schema": (
        {"properties": {"a": {}}, "additionalProperties": {"type": "null"}},
        [{"a": 1, "b": None}, [1]],
        [{"b": 1}],
    ),
    "no other keys": (
        {"properties": {"a": {}}, "additionalProperties": False},
        [{"a": 1}, {}, "b"],
        [{"b": 1}],
    ),
    "names of keys": ({"propertyNames": {"maxLength": 1}}, [{"a": 1}, {}, "ab"], [{"ab": 1}]),
    "required": ({"required": ["a"]}, [{"a": None}, [], 1], [{}]),
    "a key that needs another": (
        {"dependentRequired": {"a": ["b"]}},
        [{}, {"b": 1}, {"a": 1, "b": 1}, "a"],
        [{"a": 1}],
    ),
    "a key that needs a schema": (
        {"dependentSchemas": {"a": {"minProperties": 2}}},
        [{}, {"b": 1}, {"a": 1, "b": 1}, ["a"]],
        [{"a": 1}],
    ),
    "first entries": (
        {"prefixItems": [{"type": "null"}, {"minimum": 1}]},
        [[], [None], [None, 1, "x"], "x"],
        [[1], [None, 0]],
    ),
    "all entries": ({"items": {"type": "null"}}, [[], [None], {"a": 1}], [[None, 1]]),
    "entries after the first": (
        {"prefixItems": [{}], "items": {"type": "null"}},
        [[1], [1, None]],
        [[None, 1]],
    ),
    "an entry": ({"contains": {"type": "null"}}, [[1, None], "x"], [[], [1]]),
    "so many entries": (
        {"contains": {"type": "null"}, "minContains": 2, "maxContains": 3},
        [[None] * 2, [None, 1, None, None]],
        [[None], [None] * 4],
    ),
    "no more entries than": (
        {"contains": {}, "minContains": 0, "maxContains": 1},
        [[], [1]],
        [[1, 2]],
    ),
}


@pytest.mark.parametrize(("held", "good", "bad"), VERDICTS.values(), ids=VERDICTS)
def test_what_fits(held, good, bad):
    contract = schema({"v": held}, **{"$defs": {"short": {"maxLength": 2}}})

    assert [value for value in good if violations(contract, {"v": value})] == []
    assert [value for value in bad if not violations(contract, {"v": value})] == []


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
    "no expression": (schema({"a": {"pattern": "("}}), ".properties.a.pattern", "not a regular"),
    "huge expression": (schema({"a": {"pattern": r"(\w{99}){99}"}}), "", "repeat too much"),
    "a huge expression in disguise": (
        schema({"a": {"pattern": r"([[a-z]\w]{100})*{100}"}}),
        "",
        "repeat too much",
    ),
    "expressions that are large together": (
        schema({f"k{n}": {"pattern": rf"^\w{{1,{n}}}$"} for n in range(100, 105)}),
        "",
        "repeat too much",
    ),
    "expression with comments": (
        schema({"a": {"pattern": "(?x) a # [\n{99}"}}),
        ".properties.a.pattern",
        "has the flag x",
    ),
    "the dialect of another draft within": (
        schema({"a": {"$schema": "http://json-schema.org/draft-07/schema#"}}),
        ".properties.a.$schema",
        "2020-12",
    ),
    "an encoded number sign": (
        schema({"a": {"$ref": "%23/$defs/a"}}, **{"$defs": {"a": {}}}),
        ".properties.a.$ref",
        "part of this schema",
    ),
    "an encoded slash": (
        schema({"a": {"$ref": "#%2f$defs%2fa"}}, **{"$defs": {"a": {}}}),
        ".properties.a.$ref",
        "part of this schema",
    ),
    "no text in a list of names": (schema({}, required=["a", 5]), ".required[1]", "must be text"),
    "a name twice": (schema({}, required=["a", "a"]), ".required", "the same entry twice"),
    "half a length": (schema({"a": {"minLength": 0.5}}), ".properties.a.minLength", "whole number"),
    "less than nothing": (schema({"a": {"maxItems": -1}}), ".properties.a.maxItems", "at least 0"),
    "multiple of nothing": (
        schema({"a": {"multipleOf": 0}}),
        ".properties.a.multipleOf",
        "more than 0",
    ),
    "none of nothing": (schema({}, anyOf=[]), ".anyOf", "at least 1 entries"),
    "a list of what is no schema": (schema({}, allOf=[5]), ".allOf[0]", "must be a map or true"),
    "properties as a list": ({"type": "object", "properties": []}, ".properties", "must be a map"),
    "names needed by a text": (
        schema({}, dependentRequired={"a": "b"}),
        ".dependentRequired.a",
        "must be a list",
    ),
    "a type as a number": (schema({"a": {"type": 5}}), ".properties.a.type", "text or a list"),
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


TWICE = {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/allOf/0"}] * 100}}}
TWICE["$defs"]["b"] = {"allOf": [{"$ref": "#/$defs/a"}] * 20}
TWICE["$ref"] = "#/$defs/b"

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
    "a slow pattern for a shorter one": (
        schema({"v": {"pattern": "(.{0,60}){0,60}(x+x+)+$"}}),
        {"v": "x" * 10_000 + "b"},
    ),
    "itself, twice each time, in its own dialect": (
        schema({}, **{"$schema": DIALECT, "allOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        {},
    ),
    "every step twice, in their own dialect": (
        schema(
            {},
            **{
                "$ref": "#/$defs/d0",
                "$defs": {name: {"$schema": DIALECT, **part} for name, part in doubled(20).items()},
            },
        ),
        {},
    ),
    "lists looked through for nothing": (
        schema({"v": {"allOf": [{"items": {}}] * 400}}),
        {"v": [1] * 8_000},
    ),
    "large values compared": (
        schema({"v": {"allOf": [{"enum": [[*range(200)]] * 2}] * 5, "items": {"$ref": "#"}}}),
        {"v": [[*range(200)]] * 2_000},
    ),
    "large entries told apart": (
        schema({"v": {"allOf": [{"uniqueItems": True}] * 200}}),
        {"v": [{"a": n} for n in range(2_000)]},
    ),
    "hundreds of properties, hundreds of times": (
        schema({}, allOf=[{"properties": {f"k{n}": True for n in range(300)}}], **TWICE),
        {f"k{n}": 1 for n in range(300)},
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


MULTIPLES = {
    "beyond what a float holds": (0.1, 10**400, True),
    "in tenths": (0.1, 0.3, True),
    "not in tenths": (0.1, 0.35, False),
    "whole": (3, 9, True),
    "infinite": (3, float("inf"), False),
    "of the least": (5e-324, 1e308, True),
}


@pytest.mark.parametrize(("of", "value", "fits"), MULTIPLES.values(), ids=MULTIPLES)
def test_a_multiple_is_one_to_the_last_digit(of, value, fits):
    assert (not violations(schema({"v": {"multipleOf": of}}), {"v": value})) == fits


def test_the_deepest_schema_of_a_row_can_be_checked(accepted):
    deep = {"type": "object", **nested("not", 18)}

    assert accepted("lambda", {"payload_schema": deep}).payload_schema == deep


EQUAL = {
    "a whole number and a fraction": (1, 1.0, True),
    "a number and a flag": (1, True, False),
    "nothing and false": (None, False, False),
    "a flag and a list": (True, ["flag", 1], False),
    "a list and a text": (["a"], "a", False),
    "maps in another order": ({"a": 1, "b": [True]}, {"b": [True], "a": 1.0}, True),
    "maps and lists": ({}, [], False),
}


@pytest.mark.parametrize(("wanted", "value", "equal"), EQUAL.values(), ids=EQUAL)
def test_what_counts_as_the_same_value(wanted, value, equal):
    for keyword in ({"const": wanted}, {"enum": [wanted]}):
        assert (not violations(schema({"v": keyword}), {"v": value})) == equal
    assert (not violations(schema({"v": {"uniqueItems": True}}), {"v": [wanted, value]})) != equal


DEEP = json.loads("[" * 900 + "]" * 900)


@pytest.mark.parametrize("keyword", [{"uniqueItems": True}, {"enum": [[]]}, {"const": 1}])
def test_a_payload_as_deep_as_json_can_be_raises_nothing(keyword):
    ((_, message),) = violations(schema({"v": keyword}), {"v": [DEEP, DEEP]})

    assert "too many steps" in message


def test_a_keyword_of_a_dialect_within_changes_nothing(accepted):
    within = schema({"a": {"$schema": DIALECT, "type": "integer"}})

    (error,) = payload_errors(accepted("lambda", {"payload_schema": within}), {"a": "x"})

    assert error.message == 'must be a whole number, not "x"'


NAMES = st.sampled_from(["a", "b", "$ref", "%25", "a/b", "~"])
LEAVES = (
    st.none() | st.booleans() | st.integers(-2, 4) | st.floats(-2, 4) | st.text("ab1", max_size=3)
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)
COUNTS = st.integers(0, 3)


def schemas(inner):
    several = st.lists(inner, min_size=1, max_size=2)
    maps = st.dictionaries(NAMES, inner, max_size=3)
    listed = st.lists(NAMES, max_size=2, unique=True)
    kinds = st.sampled_from(TYPES)
    return st.booleans() | st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), COUNTS),
            **dict.fromkeys(("minProperties", "maxProperties"), COUNTS),
            **dict.fromkeys(("minContains", "maxContains", "multipleOf"), st.integers(1, 2)),
            **dict.fromkeys(("minimum", "exclusiveMaximum"), st.integers(-1, 3) | st.floats(-1, 3)),
            **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), several),
            **dict.fromkeys(("properties", "dependentSchemas", "$defs"), maps),
            **dict.fromkeys(HELD, inner),
            "$ref": st.sampled_from(
                ["#", "#/$defs/a", "#/properties/b", "#/allOf/0", "#/$defs/%2525", "#/not"]
            ),
            "const": VALUES,
            "dependentRequired": st.dictionaries(NAMES, listed, max_size=2),
            "enum": st.lists(VALUES, max_size=3),
            "pattern": st.sampled_from(["^a", "b$", "[0-9]", "a{1,2}b"]),
            "required": listed,
            "type": kinds | st.lists(kinds, min_size=1, max_size=2, unique=True),
            "uniqueItems": st.booleans(),
        },
    )


SCHEMAS = st.recursive(st.just({}), schemas, max_leaves=8).filter(
    lambda made: made not in (True, False)
)
PAYLOADS = st.dictionaries(NAMES, VALUES, max_size=4)


@settings(suppress_health_check=list(HealthCheck))
@given(SCHEMAS, PAYLOADS)
def test_a_payload_fits_exactly_when_the_library_says_so(made, payload):
    made = {**made, "type": "object"}
    assume(not isinstance(parse(ROW | {"payload_schema": made}), InvalidRow))
    found = violations(made, payload)
    assume(not any("too many steps" in message for _, message in found))

    try:
        fits = Draft202012Validator(made).is_valid(payload)
    except RecursionError:  # it looks at a reference to itself before what has decided already
        reject()
    assert (not found) == fits, found


@settings(suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(st.sampled_from(sorted(KEYWORDS | UNSUPPORTED.keys())), SCHEMAS | VALUES),
    PAYLOADS,
)
def test_no_schema_makes_anything_raise(made, payload):
    job = parse(ROW | {"payload_schema": {**made, "type": "object"}, "payload": payload})

    if not isinstance(job, InvalidRow):
        payload_errors(job, payload)


def test_the_library_is_not_in_the_package():
    row = ROW | {"payload_schema": DAY, "payload": {"day": "2026-11-20"}}
    script = (
        "import sys; from provisioner.jobs import parse; "
        f"parse({row!r}); print('jsonschema' in sys.modules)"
    )

    found = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )

    assert found.stdout == "False\n"
