"""The editor's YAML against JSON, and against how the command line reads the same text."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.cli import rows
from provisioner.console.field_text import from_json, to_json
from tests.support.node import answers

pytestmark = pytest.mark.node


def converted(asked):
    """Return what the editor makes of texts."""
    return answers("yaml_text.js", asked)


@cache
def tables():
    """Return what the editor makes of the tables below: Node takes its time to start."""
    texts = [*TRAPS.values(), *(yaml for yaml, *_ in REFUSED.values())]
    found = converted([{"yaml": yaml, "pointers": []} for yaml in texts])
    return dict(zip(texts, found, strict=True))


def by_the_command(yaml, folder):
    """Return the row that `provisioner apply` reads, None if it reads none."""
    path = folder / "row.yaml"
    path.write_text(yaml, "utf-8")
    try:
        found = rows.read(str(path))
    except rows.UnreadableFileError:
        return None
    return found[0].values if len(found) == 1 else None


def exact(text):
    return json.loads(text, parse_float=Decimal)


TRAPS = {
    "old_booleans": "a: no\nb: on\nc: y\nd: Yes",
    "booleans": "a: true\nb: False\nc: TRUE",
    "nothing": "a: ~\nb: null\nc:\nd: Null\ne: ''",
    "times_and_dates": "a: 12:30\nb: 2026-11-27\nc: 2026-11-27T10:00:00Z",
    "whole_numbers": "a: 0\nb: -7\nc: +7\nd: 007\ne: 0x1F\nf: 0o17\ng: 1_000\nh: -0",
    "many_digits": f"a: {'9' * 38}\nb: 0.{'1' * 38}\nc: 1.10",
    "fractions": "a: .5\nb: 5.\nc: 1e3\nd: -1.5E-3\ne: 1.e3\nf: +.5\ng: .inf\nh: .nan\ni: 1e",
    "text_in_lines": "a: |\n  one\n  two\nb: >-\n  one\n  two\nc: |+\n  end\n\nd: x",
    "text_in_lines_at_the_end": "a: |\n  one",
    "folded_text_at_the_end": "a: >\n  one\n  two",
    "kept_text_at_the_end": "a: |+\n  one",
    "quotation_marks": "a: 'it''s'\nb: \"\\x41\\u00e9\\U0001F600\\n\"\nc: \"1\"",
    "comments": "# one\na: 1 # two\nb: x#y",
    "in_braces": "{a: [1, {b: c}], \"d\": e}",
    "lists": "a:\n- 1\n- - 2\n  - b: 3\n    c: 4",
    "a_merge_key_as_a_value_or_in_quotation_marks": "a: <<\nb:\n  '<<': c",
    "a_long_way_to_write_a_name": "? a\n: b",
    "an_old_version_named": "%YAML 1.1\n---\na: no",
    "windows": "a: 1\r\nb:\r\n  - x\r\n",
    "names_of_every_object": "__proto__: {a: 1}\nconstructor: 2\ntoString: 3",
    "text_that_spans_lines": "a: one\n  two\nb: 'one\n\n  two'",
}  # fmt: skip


@pytest.mark.parametrize("yaml", TRAPS.values(), ids=TRAPS)
def test_it_reads_what_the_command_reads(yaml, tmp_path):
    assert exact(tables()[yaml]["json"]) == by_the_command(yaml, tmp_path)


REFUSED = {
    "a_name_twice": ("a: 1\na: 2", 5, "must be unique"),
    "an_anchor": ("a: &x 1\nb: 2", 6, "must not have an anchor"),
    "an_alias": ("a: *x", 3, "alias"),
    "a_tag": ("a: !!python/name:os.system x", 27, "must not have a tag"),
    "a_tag_of_the_whole": ("!x\na: 1", 3, "must not have a tag"),
    "a_merge_key": ("a: 1\n<<: {b: 2}", 5, "merge key"),
    "two_documents": ("a: 1\n---\nb: 2", 5, "must be one row"),
    "a_list": ("- a: 1", 0, "must be a map"),
    "nothing": ("", 0, "must be a map"),
    "a_number_for_a_name": ("a: 1\n2: x", 5, "must be text"),
    "a_map_for_a_name": ("? {a: 1}\n: x", 2, "must be text"),
    "an_open_bracket": ("a: [1", 5, "is not valid YAML"),
    "an_open_quotation_mark": ("a: 'b", 5, "is not valid YAML"),
    "two_values_in_a_line": ("a: b: c", 3, "is not valid YAML"),
    "a_thousand_laughs": ("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]", 6, "anchor"),
    "too_deep": (f"a: {'[' * 20_000}{']' * 20_000}", 0, "is nested too deeply"),
    "another_line_break": ("# x\u2028a: 1\nb: 2", 3, "line break"),
}


@pytest.mark.parametrize(("yaml", "at", "message"), REFUSED.values(), ids=REFUSED)
def test_what_no_row_is_gets_an_error_at_its_place(yaml, at, message):
    found = tables()[yaml]

    assert message in found["error"]
    assert found["at"] == at


def test_a_problem_stands_where_its_name_does():
    yaml = "a:\n  - x\n  - b~/: 1\nc: 2"
    pointers = ["/a/0", "/a/1/b~0~1", "/a/1/gone/deeper", "/c", "/gone", ""]
    (found,) = converted([{"yaml": yaml, "pointers": pointers}])

    assert found["places"] == [7, 13, 13, 20, 0, 0]


def test_yaml_of_what_is_not_json():
    (found,) = converted([{"json": "{a: 1}"}])

    assert "error" in found


ODD = (
    *(
        "no",
        "On",
        "y",
        "null",
        "~",
        "12:30",
        "2026-11-27",
        "1_000",
        "0x1F",
        "007",
        "1e3",
        ".5",
        "=",
    ),
    *(
        "",
        " a",
        "a ",
        "a: b",
        "a #b",
        "# a",
        "- a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "{",
        "[",
        "'",
    ),
    *(
        "a\nb",
        "a\n",
        "\n",
        "\n\na",
        " a\n b",
        "a\r\nb",
        "\ta",
        "a\t\nb",
        "\u202ea",
        "\x1b[2J",
        "\x85",
    ),
    *(
        "\U000e0041",
        "\ufeff",
        "\ud800",
        "😀",
        "<<",
        "---",
        "...",
        "a\n---\nb",
        "?",
        "? a",
        ":",
        '"',
    ),
)
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""PyYAML reads the two halves of a character as two, where YAML leaves it open what they are."""
TEXT = st.one_of(st.sampled_from(ODD), st.text(max_size=20))
NUMBER = st.one_of(
    st.integers(-(10**38), 10**38),
    st.decimals(allow_nan=False, allow_infinity=False, places=20),
)
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBER, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=12,
)


@settings(max_examples=1)
@given(st.lists(st.dictionaries(TEXT, VALUE, max_size=5), min_size=150, max_size=150))
def test_a_row_is_the_same_after_yaml(tmp_path_factory, given_rows):
    """Other rows each time, all in one example: Node is started twice for them."""
    texts = [to_json(row) for row in given_rows]
    as_yaml = [each["yaml"] for each in converted([{"json": text} for text in texts])]
    again = converted([{"yaml": yaml, "pointers": []} for yaml in as_yaml])

    assert [each["json"] for each in again] == texts
    assert [from_json(text) for text in texts] == given_rows
    folder = tmp_path_factory.mktemp("rows")
    for text, yaml in zip(texts, as_yaml, strict=True):
        if not SURROGATE.search(text):
            assert by_the_command(yaml, folder) == exact(text)
