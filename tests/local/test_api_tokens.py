"""The HTTP API with tokens: scopes of machines' clients, and groups of people, of our own pool."""

from __future__ import annotations

import base64
import http.client
import json
from urllib.parse import urlencode, urlsplit

import pytest

from provisioner.service.caller import Role
from tests.support.http import Caller
from tests.support.roles import mistaken

pytestmark = [pytest.mark.engine, pytest.mark.night]
ROLES = ("read", "operate", "write", "admin")


@pytest.fixture(scope="module")
def stack(open_engine):
    """Return the physical ids of the stacks of the API and its user pool."""
    cloudformation = open_engine.client("cloudformation")
    found = {}
    for nested in ("ApiStack", "UserPoolStack"):
        detail = cloudformation.describe_stack_resource(
            StackName=open_engine.environment["PROVISIONER_STACK"], LogicalResourceId=nested
        )["StackResourceDetail"]
        name = detail["PhysicalResourceId"]
        resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        found |= {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
    return found


@pytest.fixture(scope="module")
def clients(open_engine, stack):
    """Return a client for each role, which the authorizer takes tokens of, as by `ApiAudience`."""
    cognito, gateway = open_engine.client("cognito-idp"), open_engine.client("apigatewayv2")
    made = {
        role: cognito.create_user_pool_client(
            UserPoolId=stack["UserPool"],
            ClientName=role,
            GenerateSecret=True,
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthFlows=["client_credentials"],
            AllowedOAuthScopes=[f"jobs/{role}"],
        )["UserPoolClient"]
        for role in ROLES
    }
    wanted = {"ApiId": stack["Api"], "AuthorizerId": stack["Authorizer"].rpartition("|")[2]}
    tokens = gateway.get_authorizer(**wanted)["JwtConfiguration"]
    tokens["Audience"] += [each["ClientId"] for each in made.values()]
    gateway.update_authorizer(**wanted, JwtConfiguration=tokens)
    return made


@pytest.fixture(scope="module")
def having(open_engine, clients):
    """Return a function that makes a caller with a client's token."""

    def made(role):
        client = clients[role]
        pair = f"{client['ClientId']}:{client['ClientSecret']}".encode()
        form = {"grant_type": "client_credentials", "scope": f"jobs/{role}"}
        where = urlsplit(open_engine.url)
        connection = http.client.HTTPConnection(where.hostname, where.port)
        connection.request(
            "POST",
            "/oauth2/token",
            urlencode(form),
            {
                "Authorization": f"Basic {base64.b64encode(pair).decode()}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        said = json.loads(connection.getresponse().read())
        connection.close()
        return Caller(open_engine.outputs["ApiUrl"], token=said["access_token"])

    return made


def test_scopes_are_roles(open_engine, having):
    row = open_engine.lambda_row(open_engine.unique("tokens")) | {"schedule": "rate(1 day)"}
    path = f"/v1/rows/{row['job_name']}"
    read, operate, write, admin = map(having, ROLES)

    assert write("PUT", f"{path}?dry_run=true", row, if_none_match="*").status == 200
    assert write("PUT", path, row, if_none_match="*").status == 201
    assert read("GET", f"/v1/jobs/{row['job_name']}").status == 200
    assert operate("POST", f"/v1/jobs/{row['job_name']}/retry").status == 202
    assert admin("DELETE", path, if_match="*").status == 202
    for caller, method, where in (
        (read, "GET", path),
        (read, "POST", f"/v1/jobs/{row['job_name']}/retry"),
        (operate, "DELETE", path),
        (write, "POST", "/v1/dead-letters/discard"),
    ):
        assert caller(method, where, {} if method == "POST" else None).status == 403, where


def test_each_role_has_its_routes_and_no_other(open_engine, having):
    callers: dict[Role | None, Caller] = {role: having(role.value) for role in Role}

    assert mistaken({None: Caller(open_engine.outputs["ApiUrl"]), **callers}) == []


def test_without_a_token_of_ours_nothing_is_answered(open_engine, having):
    url = open_engine.outputs["ApiUrl"]
    good = having("read").token

    for caller in (Caller(url), Caller(url, token="x"), Caller(url, token=f"{good[:-8]}AAAAAAAA")):
        assert caller("GET", "/v1/jobs").status == 401


def test_what_is_not_there_is_a_problem_too(having):
    assert having("read")("GET", "/v1/nowhere").slug == "not-found"
