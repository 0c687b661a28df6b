"""A form from a schema: what stands in it, how it is read, where its errors stand."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provisioner.console.field_text import FieldType
from provisioner.console.schema_form import fields, filled, initial, violations
from tests.support.drawn import examples

SCHEMA = {
    "type": "object",
    "required": ["day"],
    "properties": {
        "day": {"type": "string", "format": "date", "description": "The day to count."},
        "mode": {"enum": ["fast", "full", 1, None], "default": "fast"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 9, "title": "Limit"},
        "share": {"type": "number", "exclusiveMinimum": 0},
        "dry": {"type": "boolean", "default": False},
        "note": {"type": "string", "maxLength": 500},
        "tables": {"type": "array", "items": {"$ref": "#/$defs/table"}},
        "first": {"$ref": "#/$defs/table"},
        "maybe": {"type": ["string", "null"]},
        "a/b~c": {"type": "string"},
        "": {"type": "string"},
        "odd\nname": {"type": "string"},
        "only": {"const": {"v": 1}},
    },
    "$defs": {"table": {"type": "string", "maxLength": 3}},
}

TEXT = st.text(max_size=20) | st.sampled_from(
    ["", " ", "\n", "a\r\nb", "\x00", "null", "2026-11-26", "-", "1"]
)
VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PAYLOAD = st.dictionaries(
    st.sampled_from([*SCHEMA["properties"], "other", "x:y"]), VALUE, max_size=8
)


def as_a_browser_sends(made):
    """What HTML does to the value of each field (HTML, 4.10.5 and 4.10.11): a select has no other
    values than its options, a line has no line breaks, and a box sends them as CRLF."""
    sent = {}
    for field in made:
        text = field.text
        if field.options:
            assert text == "" or text in [option.value for option in field.options]
        elif field.kind in (FieldType.LINES, FieldType.JSON, FieldType.REST):
            text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
        else:
            text = text.replace("\r", "").replace("\n", "")
        sent[field.name] = text.encode("utf-8").decode("utf-8")
    return sent


def typed(value):
    """Tell 1 from 1.0 and True, at every depth."""
    match value:
        case dict():
            return {name: typed(part) for name, part in value.items()}
        case list():
            return [typed(part) for part in value]
        case _:
            return (type(value), value)


@settings(max_examples=examples(300), deadline=None)
@given(payload=PAYLOAD, schema=st.sampled_from([SCHEMA, None, {"type": "object"}]))
@example(payload={"note": ""}, schema=SCHEMA)
@example(payload={"day": "not a day", "mode": "other", "limit": True}, schema=SCHEMA)
def test_a_form_gives_back_the_payload_that_it_shows(payload, schema):
    read = filled(as_a_browser_sends(fields(schema, payload)))

    assert not read.errors
    assert typed(dict(read.payload)) == typed(payload)


def test_defaults_are_values_and_the_row_s_payload_wins():
    assert initial(SCHEMA, {"dry": True}) == {"mode": "fast", "dry": True}


def by_member(made):
    return {field.member: field for field in made}


def test_each_type_has_its_field():
    made = by_member(fields(SCHEMA, {"note": "two\nlines", "day": "2026-11-26"}))

    kinds = {member: str(field.kind) for member, field in made.items() if member}
    assert kinds | {"": None} == {
        "day": "date", "mode": "choice", "limit": "integer", "share": "number", "dry": "flag",
        "note": "lines", "tables": "json", "first": "text", "maybe": "json", "a/b~c": "text",
        "only": "choice", "": None,
    }  # fmt: skip
    assert made["day"].required
    assert made["day"].hint == "The day to count. (a date)"
    assert (made["limit"].label, made["limit"].hint) == ("Limit", "(from 1, at most 9)")
    assert [option.label for option in made["mode"].options] == ["fast", "full", "1", "null"]


def test_a_closed_schema_has_no_field_for_other_members():
    closed = SCHEMA | {"additionalProperties": False}

    assert FieldType.REST not in {field.kind for field in fields(closed, {})}
    assert FieldType.REST in {field.kind for field in fields(closed, {"other": 1})}


WRONG = {
    "not a number": ({"integer:limit": "many"}, {"/limit": ("is not a number",)}),
    "not JSON": (
        {"json:tables": "[1,"},
        {"/tables": ("is not valid JSON: Expecting value (line 1, column 4)",)},
    ),
    "NaN": (
        {"json:tables": "[NaN]"},
        {"/tables": ("is not valid JSON: NaN is not a number there",)},
    ),
    "nested without end": (
        {"json:tables": "[" * 100_000},
        {"/tables": ("is not valid JSON: it is nested too deeply",)},
    ),
    "the rest is a list": ({"rest:": "[]"}, {"": ("must be a JSON object",)}),
}  # fmt: skip


@pytest.mark.parametrize(("form", "errors"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_read_has_its_error(form, errors):
    assert filled(form).errors == errors


def test_a_form_is_read_by_its_names_alone():
    form = {
        "csrf": "x",
        "text:": "",
        "no-kind": "1",
        "evil:day": "x",
        "text:day": "d",
        "rest:": '{"day": 1}',
    }

    assert filled(form).payload == {"day": "d"}


def test_errors_stand_beside_their_fields():
    payload = {"limit": 0, "tables": ["long name"], "extra": 1}
    closed = SCHEMA | {"additionalProperties": False}

    made = by_member(fields(closed, payload, violations(closed, payload)))

    assert made["day"].errors == ("is required",)
    assert made["limit"].errors == ("must be at least 1",)
    assert made["tables"].errors == ("/0 must have at most 3 characters",)
    rest = next(
        field
        for field in fields(closed, payload, violations(closed, payload))
        if field.kind is FieldType.REST
    )
    assert len(rest.errors) == 1
    assert rest.errors[0].startswith("/extra ")
