"""Who may do what, and what each role sees of rows and runs."""

from __future__ import annotations

import json

import pytest

from provisioner.errors import ForbiddenError
from provisioner.jobs import InvalidRow, guarded
from provisioner.service import redaction, rights
from provisioner.service.caller import Caller, Role
from provisioner.service.rights import Action

ROLES = list(Role)
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jobs/db-AbCdEf"
OVERRIDES = {"environment": {"A": "hunter2"}, "cpu": 2}
RUN = {"status": "RUNNING", "overrides": json.dumps(OVERRIDES)}
ROW = {
    "job_name": "report",
    "type": "lambda",
    "runtime": "python3.13",
    "handler": "main.handler",
    "bundle": "s3://bundles/report.zip",
    "environment": {"LEVEL": "hunter2", "DAY": "hunter3"},
    "secrets": {"DB_PASSWORD": ARN},
}


def caller(role):
    return Caller("arn:aws:iam::123456789012:user/ada", via="api", role=role, proven=True)


class TestRights:
    def test_roles_are_in_order(self):
        assert [[a.includes(b) for b in ROLES] for a in ROLES] == [
            [True, False, False, False],
            [True, True, False, False],
            [True, True, True, False],
            [True, True, True, True],
        ]

    def test_roles_are_not_compared_as_texts(self):
        with pytest.raises(TypeError):
            _ = Role.ADMIN >= Role.READ

    def test_every_action_has_its_role(self):
        assert rights.NEEDED.keys() == set(Action)

    @pytest.mark.parametrize(
        ("action", "least"),
        [
            (Action.GET_JOB, Role.READ),
            (Action.START_RUN, Role.OPERATE),
            (Action.READ_ENVIRONMENT, Role.WRITE),
            (Action.DELETE_ROW, Role.WRITE),
            (Action.CONFIRM_DELETION, Role.ADMIN),
        ],
    )
    def test_an_action_is_for_a_role_and_those_above(self, action, least):
        allowed = [role for role in ROLES if rights.allows(caller(role), action)]

        assert allowed == ROLES[ROLES.index(least) :]

    def test_what_a_role_may_not_do_says_what_it_needs(self):
        rights.require(caller(Role.OPERATE), Action.START_RUN)
        with pytest.raises(ForbiddenError, match="needs the role write; yours is operate"):
            rights.require(caller(Role.OPERATE), Action.UPDATE_ROW)


class TestRows:
    @pytest.mark.parametrize("role", [Role.READ, Role.OPERATE], ids=str)
    def test_readers_and_operators_see_names_only(self, role):
        shown = redaction.row_for(caller(role), ROW)

        assert shown == ROW | {"environment": {"LEVEL": None, "DAY": None}}

    @pytest.mark.parametrize("role", [Role.WRITE, Role.ADMIN], ids=str)
    def test_who_may_write_sees_whole_rows(self, role):
        assert redaction.row_for(caller(role), ROW) == ROW

    @pytest.mark.parametrize(
        "row",
        [
            {"environment": "LEVEL=hunter2"},
            {"environment": ["hunter2"]},
            {"environment": {"A": {"B": "hunter2"}}},
            {"env": {"LEVEL": "hunter2"}},
            {"enviroment": {"LEVEL": "hunter2"}},
            {"secrets": {"DB_PASSWORD": "hunter2"}},
            {"secrets": "hunter2"},
        ],
        ids=str,
    )
    def test_values_do_not_show_in_rows_that_are_wrong(self, row):
        assert "hunter2" not in str(redaction.row_for(caller(Role.READ), row))

    @pytest.mark.parametrize("secrets", [{"DB": "hunter2"}, "hunter2", ["hunter2"]], ids=str)
    def test_nobody_sees_what_may_be_a_secret(self, secrets):
        assert "hunter2" not in str(redaction.row_for(caller(Role.ADMIN), {"secrets": secrets}))

    def test_a_redacted_row_cannot_be_written_back(self):
        back = guarded.parse(redaction.row_for(caller(Role.READ), ROW))

        assert isinstance(back, InvalidRow)
        assert {error.field for error in back.errors} == {"environment.LEVEL", "environment.DAY"}


class TestRuns:
    def test_readers_see_which_variables_a_run_had(self):
        shown = redaction.run_for(caller(Role.READ), RUN)

        assert json.loads(shown["overrides"]) == {"environment": {"A": None}, "cpu": 2}

    def test_who_may_write_sees_all(self):
        assert redaction.run_for(caller(Role.WRITE), RUN) == RUN

    @pytest.mark.parametrize("text", ["hunter2", '["hunter2"]', 5, "[" * 100_000], ids=lambda _: "")
    def test_overrides_that_are_wrong_are_hidden(self, text):
        assert redaction.run_for(caller(Role.READ), {"overrides": text}) == {"overrides": None}

    def test_a_run_without_overrides(self):
        assert redaction.run_for(caller(Role.READ), {"status": "QUEUED"}) == {"status": "QUEUED"}
