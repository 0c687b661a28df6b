"""The headers that make a write depend on a row, and that spare a read its body."""

from __future__ import annotations

import pytest

from provisioner.api.preconditions import Precondition, is_unchanged, quoted, required
from provisioner.api.problems import Problem, ProblemType

A, B = "0123456789abcdef" * 2, "f" * 32


@pytest.mark.parametrize(
    ("headers", "may_create", "condition"),
    [
        ({"if-match": f'"{A}"'}, False, Precondition(A, if_none_match=False)),
        ({"if-match": f' "{A}" '}, True, Precondition(A)),
        ({"if-match": f'"{A}","{B}"'}, False, Precondition(f"{A},{B}")),
        ({"if-match": f'"{A}" , "{B}"'}, False, Precondition(f"{A},{B}")),
        ({"if-match": f'W/"{B}", "{A}"'}, False, Precondition(A)),
        ({"if-match": "*"}, False, Precondition("*")),
        ({"if-match": " * "}, False, Precondition("*")),
        ({"if-none-match": "*"}, True, Precondition(if_none_match=True)),
        ({"if-none-match": " * "}, True, Precondition(if_none_match=True)),
        ({"if-match": f'"{A}"', "if-none-match": "*"}, False, Precondition(A)),
    ],
    ids=[
        "one ETag",
        "spaces around it",
        "two",
        "spaces between them",
        "a weak one matches no write",
        "whichever is there",
        "whichever, with spaces",
        "none yet",
        "none yet, with spaces",
        "what cannot be created ignores If-None-Match",
    ],
)
def test_a_write_depends_on(headers, may_create, condition):
    assert required(headers, may_create=may_create) == condition


@pytest.mark.parametrize(
    ("headers", "may_create", "kind", "says"),
    [
        ({}, False, ProblemType.PRECONDITION_REQUIRED, "Send If-Match with the row's ETag."),
        ({}, True, ProblemType.PRECONDITION_REQUIRED, "or If-None-Match: * to create it"),
        ({"if-none-match": "*"}, False, ProblemType.PRECONDITION_REQUIRED, "Send If-Match"),
        ({"if-none-match": f'"{A}"'}, True, ProblemType.INVALID_PARAMETER, "can only be *"),
        ({"if-match": "*", "if-none-match": "*"}, True, ProblemType.STALE, "exclude each other"),
        ({"if-match": A}, False, ProblemType.STALE, "has no ETag of a row"),
        ({"if-match": ""}, False, ProblemType.STALE, "has no ETag of a row"),
        ({"if-match": f'W/"{A}"'}, False, ProblemType.STALE, "has no ETag of a row"),
        ({"if-match": f'"{A.upper()}"'}, False, ProblemType.STALE, "has no ETag of a row"),
        ({"if-match": f'"{A}" "{B}"'}, False, ProblemType.STALE, "has no ETag of a row"),
    ],
    ids=[
        "no condition",
        "no condition of what may be created",
        "nothing that may be created",
        "an ETag that must not be there",
        "both",
        "without quotes",
        "empty",
        "only a weak one",
        "upper case",
        "no comma between two",
    ],
)
def test_a_write_is_refused(headers, may_create, kind, says):
    with pytest.raises(Problem, match=says.replace("*", r"\*")) as refused:
        required(headers, may_create=may_create)

    assert refused.value.type is kind


def test_a_write_may_create_nothing_unless_it_is_said():
    with pytest.raises(Problem) as refused:
        required({"if-none-match": "*"})

    assert refused.value.type is ProblemType.PRECONDITION_REQUIRED


@pytest.mark.parametrize(
    ("header", "unchanged"),
    [
        (quoted(A), True),
        (f'"{B}", "{A}"', True),
        (f' W/"{A}" ', True),
        ("*", True),
        (quoted(B), False),
        (A, False),
        ("", False),
    ],
    ids=["the same", "one of two", "made weak", "any", "another", "without quotes", "empty"],
)
def test_a_read_has_its_representation_already(header, unchanged):
    assert is_unchanged({"if-none-match": header}, A) is unchanged


def test_a_read_without_a_condition_gets_it():
    assert not is_unchanged({}, A)
