from __future__ import annotations

import json

import boto3
import pytest
from moto.core import set_initial_no_auth_action_count
from typer.testing import CliRunner

from provisioner.cli.commands import app
from provisioner.cli.session import using
from tests.support.cli import REGION, put_run
from tests.support.rows import ROW


class TestErrors:
    """One line, exit code 1, no traceback."""

    def test_no_bootstrap(self, account):
        result = account.run("get")

        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: there is no stack jobs in {REGION}: deploy")
        assert "sam build && sam deploy" in result.stderr
        assert len(result.stderr.splitlines()) == 1

    def test_a_stack_that_is_not_a_bootstrap(self, account):
        account.deploy("other", {"Something": "else"})

        result = account.run("get", "--stack", "other")

        assert result.exit_code == 1
        assert "other has no output StacksTableName: it is not the provisioner's" in result.stderr

    def test_a_table_that_is_gone(self, account):
        account.deploy()

        result = account.run("get", "report")

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ResourceNotFoundException")

    def test_no_region(self, fresh_clients, monkeypatch):
        monkeypatch.delenv("AWS_REGION")
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

        result = fresh_clients.run("get")

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: no AWS Region: set AWS_REGION")

    def test_no_credentials(self, fresh_clients, monkeypatch):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

        result = fresh_clients.run("get")

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: no AWS credentials: set AWS_PROFILE")

    def test_access_denied(self, fresh_clients, monkeypatch):
        iam = boto3.client("iam")
        iam.create_user(UserName="nobody")
        key = iam.create_access_key(UserName="nobody")["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        boto3.DEFAULT_SESSION = None

        result = set_initial_no_auth_action_count(0)(fresh_clients.run)("get")

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: AccessDenied: User: arn:aws:iam::")
        assert "is not authorized to perform: cloudformation:DescribeStacks" in result.stderr
        assert len(result.stderr.splitlines()) == 1

    def test_a_profile_that_does_not_exist(self, fresh_clients, monkeypatch):
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

        result = fresh_clients.run("get")

        assert result.exit_code == 1
        assert "nobody" in result.stderr

    def test_a_duration_that_is_not_valid(self, here):
        result = here.run("logs", "report", "--since", "long")

        assert result.exit_code == 2
        assert '"long" is not a valid duration' in result.stderr

    @pytest.mark.parametrize("endpoint", ["localhost:4566", "http://a%%b:x/"])
    def test_an_endpoint_that_is_not_an_address(self, fresh_clients, monkeypatch, endpoint):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)

        result = fresh_clients.run("get")

        assert result.exit_code == 1
        assert result.stderr == (
            f"Error: Invalid endpoint: {endpoint}: it must begin with https:// or http://\n"
        )

    def test_a_region_that_is_not_valid(self, fresh_clients, monkeypatch):
        monkeypatch.setenv("AWS_REGION", "eu west")

        result = fresh_clients.run("get")

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: Provided region_name 'eu west' doesn't match")

    @pytest.mark.parametrize("charset", ["ascii", "latin-1"])
    def test_an_output_that_cannot_take_every_character(self, here, charset):
        here.jobs.put(ROW | {"description": "Größe → 😀"})
        put_run("report", "r1", "FAILED", error="日本")

        with using(here.clients):
            result = CliRunner(charset=charset).invoke(app, ["get", "report"])

        assert result.exit_code == 0
        assert r"\u65e5\u672c" in result.output
        assert r"\u2192" in result.output

    @pytest.mark.parametrize("charset", ["ascii", "latin-1"])
    def test_an_input_is_utf_8_whatever_the_locale(self, here, charset):
        text = json.dumps(ROW | {"description": "Größe → 😀"}, ensure_ascii=False)

        with using(here.clients):
            result = CliRunner(charset=charset).invoke(app, ["apply", "-"], input=text.encode())

        assert result.exit_code == 0, result.output
        assert here.row()["description"] == "Größe → 😀"
