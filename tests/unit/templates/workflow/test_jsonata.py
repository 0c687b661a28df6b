"""Python data as JSONata: whatever is written down reads as the same."""

from __future__ import annotations

import operator

import jsonata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.workflow.jsonata import (
    ELEMENT,
    assign,
    block,
    both,
    call,
    cases,
    concat,
    either,
    expression,
    function,
    included,
    merge,
    negated,
    regex,
    statements,
    text,
    variable,
    when,
)


def value(written, **variables):
    """Return what an expression yields."""
    return jsonata.Jsonata.jsonata(text(written)).evaluate(None, variables)


NAMES = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ['"', "'", "\\", '\\"', "$run", "${x}", "{{x", "{% x %}", "/", "é😀", "\x00", "\u2028"]
)
DATA = st.recursive(
    st.booleans() | st.integers(-(10**9), 10**9) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(DATA)
def test_data_read_as_they_were(data):
    written = f'{{"is": {text(data)}}}'

    assert jsonata.Jsonata.jsonata(written).evaluate(None) == {"is": data}


@given(NAMES)
def test_no_constant_holds_what_others_take_for_their_own(constant):
    written = text(constant)

    assert not {"$", "%"} & set(written)
    assert "{{" not in written


def test_null_is_a_value():
    assert text([None]) == "[null]"


NUMBERS = st.integers(-5, 5)
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
TREES = st.recursive(
    NUMBERS, lambda inner: st.tuples(st.sampled_from([*ARITHMETIC]), inner, inner), max_leaves=8
)


def built(tree):
    match tree:
        case int():
            return expression(tree)
        case name, left, right:
            return ARITHMETIC[name](built(left), built(right))


def computed(tree):
    match tree:
        case int():
            return tree
        case name, left, right:
            return ARITHMETIC[name](computed(left), computed(right))


@given(TREES)
def test_operators_bind_as_in_python(tree):
    assert value(built(tree)) == computed(tree)


LOGIC = st.recursive(
    st.booleans(),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or", "equals"]), inner, inner),
        st.tuples(st.just("when"), inner, inner, inner),
        st.tuples(st.just("not"), inner),
    ),
    max_leaves=8,
)


def condition(tree):
    """Return a tree of tests as an expression, and what it has to yield."""
    match tree:
        case bool():
            return expression(tree), tree
        case "not", inner:
            test, result = condition(inner)
            return negated(test), not result
        case kind, *parts:
            tests, results = zip(*map(condition, parts), strict=True)
            return TESTS[kind](tests, results)


TESTS = {
    "and": lambda tests, results: (both(*tests), all(results)),
    "or": lambda tests, results: (either(*tests), any(results)),
    "equals": lambda tests, results: (tests[0].equals(tests[1]), results[0] == results[1]),
    "when": lambda tests, results: (when(*tests), results[1] if results[0] else results[2]),
}


@given(LOGIC)
def test_conditions_bind_as_they_are_nested(tree):
    test, result = condition(tree)

    assert value(test) is result


X = variable("x")
WRITTEN = {
    "a path": (variable("x.y"), "$x.y"),
    "a list with what there is": ([when(X, 1), 2], "[$x ? 1, 2]"),
    "an object": ({"a": X, "b": {}}, '{"a": $x, "b": {}}'),
    "the other quotes": ('a "b"', "'a \"b\"'"),
    "parentheses where they are needed": (2 * (X + 1), "2 * ($x + 1)"),
    "no others": (both(X.above(0), X.below(9)), "$x > 0 and $x < 9"),
    "a condition in a text": (concat("a", when(X, "b", "c")), '"a" & ($x ? "b" : "c")'),
    "cases": (
        cases((X.equals(1), "one"), (X.equals(2), "two"), otherwise=""),
        '$x = 1 ? "one" : $x = 2 ? "two" : ""',
    ),
    "a condition in a condition": (when(X, when(X, 1, 2), 3), "$x ? ($x ? 1 : 2) : 3"),
    "elements": (variable("x.names").where(ELEMENT.within(["a"])), '$x.names[$ in ["a"]]'),
    "one of a sum": ((X + 1).at(0), "($x + 1)[0]"),
    "a block": (block(assign("y", X), variable("y")), "( $y := $x; $y )"),
    "statements": (block(statements("\n  $y := 1;\n  $y + 1;\n")), "( $y := 1; $y + 1 )"),
    "a function": (function(["v"], variable("v").at_least(1)), "function($v) { $v >= 1 }"),
    "a call": (call("replace", X, regex("[a-z]"), ""), '$replace($x, /[a-z]/, "")'),
    "objects as one": (merge(X, included(X, {"a": 1})), '$merge([$x, $x ? {"a": 1} : {}])'),
    "fractions": (X / 1000 - X, "$x / 1000 - $x"),
}


@pytest.mark.parametrize(("made", "written"), WRITTEN.values(), ids=WRITTEN)
def test_expressions_are_written_as_a_person_would(made, written):
    assert text(made) == written


def test_renaming_leaves_constants_alone():
    test = concat(variable("run.id"), variable("runs"), "$run", ELEMENT.at(variable("run")))

    renamed = test.renamed(["run"], "item_")

    assert renamed.text == r'$item_run.id & $runs & "\u0024run" & $[$item_run]'
