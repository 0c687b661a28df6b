"""Where each value of a JSON text stands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from provisioner.console.field_text import to_json
from provisioner.console.json_lines import line_at, lines_of
from provisioner.service.problems import pointer

TEXT = """{
  "a": 1, "b": {
    "c/d": [1,
      {"e": "}, ]"}, []],
    "": "\\" :"
  },
  "f": null}
"""


def test_lines():
    assert lines_of(TEXT) == {
        "": 1, "/a": 2, "/b": 2, "/b/c~1d": 3, "/b/c~1d/0": 3, "/b/c~1d/1": 4,
        "/b/c~1d/1/e": 4, "/b/c~1d/2": 4, "/b/": 5, "/f": 7,
    }  # fmt: skip


def test_what_is_not_there_is_where_it_would_be():
    assert line_at(lines_of(TEXT), "/b/c~1d/1/missing") == 4
    assert line_at(lines_of(TEXT), "/missing") == 1


def paths(value, at=()):
    yield pointer(at)
    match value:
        case dict():
            for name, part in value.items():
                yield from paths(part, (*at, name))
        case list():
            for index, part in enumerate(value):
                yield from paths(part, (*at, index))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_every_value_has_a_line(value):
    assert lines_of(to_json(value)).keys() == set(paths(value))
