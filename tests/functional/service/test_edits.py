"""Rows as people edit them: with an ETag, by merge patches, and never over what another wrote."""

from __future__ import annotations

from decimal import Decimal

import pytest

from provisioner.errors import NotFoundError, StaleError
from provisioner.jobs import FieldError
from provisioner.service import edits
from provisioner.service.apply import ApplyOutcome, AttributeChange
from provisioner.service.edits import ANY, InvalidRowError
from provisioner.service.problems import FieldProblem, problem_of
from tests.support.rows import ROW

STORED = ROW | {"memory_mb": Decimal(256), "tags": {"team": "data", "cost/center": "7"}}


@pytest.fixture
def service(here):
    here.jobs.put(STORED)
    return here.service


def row(here):
    return here.row("report")


class TestEtag:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({"n": Decimal("1.0")}, {"n": 1}),
            ({"n": Decimal(1024)}, {"n": Decimal("1.024E+3")}),
            ({"n": 0.5}, {"n": Decimal("0.50")}),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
            ({"s": {"x", "y", "z"}}, {"s": {"z", "y", "x"}}),
        ],
        ids=["numbers", "exponents", "floats", "order", "sets"],
    )
    def test_the_same_values_have_the_same(self, one, other):
        assert edits.etag_of(one) == edits.etag_of(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({"n": 1}, {"n": "1"}),
            ({"n": True}, {"n": 1}),
            ({"n": None}, {}),
            ({"n": ["a"]}, {"n": {"a"}}),
            ({"n": b"a"}, {"n": "a"}),
            ({"n": "\ud800"}, {"n": "a"}),
            ({"n": ["N", "1"]}, {"n": 1}),
        ],
        ids=ascii,
    )
    def test_other_values_have_another(self, one, other):
        assert edits.etag_of(one) != edits.etag_of(other)

    def test_what_was_written_has_the_one_that_is_read(self, service):
        written = edits.put(service, ROW | {"memory_mb": 512, "slow_percent": 150.0}, if_match=ANY)

        assert edits.row_of(service, "report").etag == written.etag


class TestPut:
    def test_a_row_replaces_the_one_that_was_seen(self, here, service):
        seen = edits.row_of(service, "report")

        edited = edits.put(service, ROW | {"memory_mb": 512}, if_match=seen.etag)

        assert row(here) == ROW | {"memory_mb": 512}
        assert edited.before == STORED

    @pytest.mark.parametrize("if_match", [ANY, "0" * 32], ids=["any", "of another row"])
    def test_a_row_that_is_not_there_cannot_be_replaced(self, here, if_match):
        with pytest.raises(StaleError):
            edits.put(here.service, ROW, if_match=if_match)
        assert row(here) == {}

    def test_a_colleagues_change_is_not_lost(self, here, service):
        seen = edits.row_of(service, "report")
        here.jobs.put(STORED | {"description": "mine"})

        with pytest.raises(StaleError):
            edits.put(service, ROW | {"memory_mb": 512}, if_match=seen.etag)
        assert row(here)["description"] == "mine"

    def test_a_new_row_replaces_none(self, here, service):
        edits.put(service, ROW | {"job_name": "other"}, if_none_match=True)
        with pytest.raises(StaleError, match="already"):
            edits.put(service, ROW, if_none_match=True)

        assert row(here) == STORED
        assert here.row("other") == ROW | {"job_name": "other"}

    def test_a_wrong_row_is_not_written(self, here, service):
        with pytest.raises(InvalidRowError) as error:
            edits.put(service, ROW | {"memmory_mb": 512}, if_match=ANY)

        assert [each.pointer for each in error.value.problems] == ["/memmory_mb"]
        assert error.value.problems[0].did_you_mean == "memory_mb"
        assert row(here) == STORED


class TestPatch:
    @pytest.mark.parametrize(
        ("merge_patch", "expected"),
        [
            ({"description": "d"}, STORED | {"description": "d"}),
            ({"memory_mb": None}, {k: v for k, v in STORED.items() if k != "memory_mb"}),
            ({"tags": {"team": None}}, STORED | {"tags": {"cost/center": "7"}}),
            ({"payload": {"a": {"b": None, "c": 1}}}, STORED | {"payload": {"a": {"c": 1}}}),
            ({}, STORED),
            ({"never_there": None}, STORED),
        ],
        ids=str,
    )
    def test_it_changes_what_it_names(self, here, service, merge_patch, expected):
        edits.patch(service, "report", merge_patch, ANY)

        assert row(here) == expected

    @pytest.mark.parametrize("name", ["other", None, 1], ids=repr)
    def test_a_row_keeps_its_name(self, here, service, name):
        with pytest.raises(InvalidRowError, match="/job_name"):
            edits.patch(service, "report", {"job_name": name}, ANY)
        assert row(here) == STORED

    def test_a_stale_patch_changes_nothing(self, here, service):
        with pytest.raises(StaleError):
            edits.patch(service, "report", {"memory_mb": 1}, "stale")
        with pytest.raises(NotFoundError):
            edits.patch(service, "reprot", {"memory_mb": 1}, ANY)
        assert row(here) == STORED


class TestDelete:
    def test_the_row_that_was_seen_goes(self, here, service):
        seen = edits.row_of(service, "report")

        assert edits.delete(service, "report", seen.etag) == STORED
        assert row(here) == {}

    def test_another_row_stays(self, here, service):
        with pytest.raises(StaleError):
            edits.delete(service, "report", edits.etag_of(ROW))
        assert row(here) == STORED

    def test_a_row_that_changes_in_the_meantime_stays(self, here, service):
        class Late:
            def __init__(self, table):
                self.table = table

            def get_many(self, names):
                found = self.table.get_many(names)
                here.jobs.put(STORED | {"description": "mine"})
                return found

            def __getattr__(self, name):
                return getattr(self.table, name)

        class LateService(type(service)):
            @property
            def jobs(self):
                return Late(super().jobs)

        late = LateService(*(getattr(service, name) for name in type(service).__slots__))
        for edit in (
            lambda: edits.delete(late, "report", ANY),
            lambda: edits.patch(late, "report", {"memory_mb": 512}, ANY),
            lambda: edits.put(late, ROW, if_match=ANY),
        ):
            here.jobs.put(STORED)
            with pytest.raises(StaleError):
                edit()
            assert row(here)["description"] == "mine"


class TestPlan:
    def test_it_says_what_changes_and_writes_nothing(self, here, service):
        plan = edits.plan(service, ROW | {"memory_mb": 512})

        assert plan.outcome is ApplyOutcome.UPDATED
        assert plan.changes == (
            AttributeChange("memory_mb", Decimal(256), Decimal(512)),
            AttributeChange("tags", STORED["tags"], None),
        )
        assert plan.before == edits.row_of(service, "report")
        assert row(here) == STORED

    def test_of_a_new_row_and_of_the_same(self, service):
        assert edits.plan(service, ROW | {"job_name": "new"}).outcome is ApplyOutcome.CREATED
        assert edits.plan(service, STORED).outcome is ApplyOutcome.UNCHANGED

    def test_problems_come_before_a_plan(self, service):
        wrong = {"job_name": "report", "type": "lamda"}

        with pytest.raises(InvalidRowError):
            edits.plan(service, wrong)
        assert [each.pointer for each in edits.check(service, wrong)] == ["/type"]
        assert edits.check(service, ROW) == ()


@pytest.mark.parametrize(
    ("field", "pointer"),
    [
        ("", ""),
        ("memory_mb", "/memory_mb"),
        ("environment.LOG_LEVEL", "/environment/LOG_LEVEL"),
        ("permissions[0].Action", "/permissions/0/Action"),
        ("permissions[0].Resource[1]", "/permissions/0/Resource/1"),
        ("tags.a.b", "/tags/a.b"),
        ("tags.a.b.c", "/tags/a.b/c"),
        ("tags.x/y~z", "/tags/x~1y~0z"),
        ("schedule[7]", "/schedule/7"),
        (".", "/"),
        ("a..b", "/a/.b"),
    ],
)
def test_where_a_problem_is(field, pointer):
    document = {
        "permissions": [{"Action": 1, "Resource": [1, 2]}],
        "tags": {"a.b": 1, "a": 1, "x/y~z": 1},
        "schedule": ["rate(1 day)"],
    }

    assert problem_of(FieldError(field, "is wrong"), document).pointer == pointer
    assert problem_of(FieldError(field, "x"), document, "/payload").pointer == f"/payload{pointer}"


def test_what_was_meant():
    assert problem_of(FieldError("a", 'is wrong; did you mean "b"?'), {}) == FieldProblem(
        "/a", 'is wrong; did you mean "b"?', "b"
    )


@pytest.mark.usefixtures("usual_recursion_limit")
def test_a_row_deeper_than_python_can_read_is_refused(service):
    deep: object = 1
    for _ in range(2000):
        deep = {"a": deep}

    (problem,) = edits.check(service, STORED | {"payload": deep})

    assert problem == FieldProblem("", "is nested too deeply")
