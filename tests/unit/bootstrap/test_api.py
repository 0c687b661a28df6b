"""The API's stack has the routes of the table, and lets each role have its own."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from provisioner.api import queries
from provisioner.api.routes import ROUTES
from provisioner.api.routes.route import BACKFILL_SECONDS, MAX_WAIT_SECONDS
from provisioner.service.caller import Role
from provisioner.settings import ApiSettings
from tests.support.bootstrap import bootstrap_of
from tests.unit.bootstrap.test_templates import environ_of
from tools import api_template

EXAMPLES = {
    "job_name": "a-1",
    "run": "manual-1",
    "item": "0",
    "bulk": "b-1",
    "problem": "stale",
    "build": "0f9d3c1a-7a4e-4a53-9f0f-3c6d1c1d2e3f",
    "version": "1",
    "submission": "a-1.manual-1",
}


def path_of(route):
    return route.method + route.path.format(**EXAMPLES)


@pytest.fixture(scope="module", params=["iam", "jwt"])
def api(request, source):
    return bootstrap_of(source, Api=request.param).nested["ApiStack"]


def of_kind(api, kind):
    return {
        name: api.resource(name)
        for name, resource in api.template["Resources"].items()
        if resource["Type"] == f"AWS::ApiGatewayV2::{kind}"
    }


def test_it_is_as_it_was_written_last():
    written = api_template.TEMPLATE.read_text()

    assert api_template.resources() in written, "make golden"


def test_it_has_every_route_and_what_answers_the_others(api):
    keys = [route["RouteKey"] for route in of_kind(api, "Route").values()]

    assert sorted(keys) == sorted([*(route.key for route in ROUTES), "$default"])


def test_no_route_is_open(api):
    jwt = api.values["Authentication"] == "jwt"
    by_key = {route.key: route for route in ROUTES}
    for route in of_kind(api, "Route").values():
        assert route["AuthorizationType"] == ("JWT" if jwt else "AWS_IAM")
        assert (route["AuthorizerId"] is not None) == jwt
        if jwt and route["RouteKey"] != "$default":
            needed = by_key[route["RouteKey"]].role
            enough = [f"jobs/{role.value}" for role in Role if role.includes(needed)]
            assert route["AuthorizationScopes"] == enough


@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
def test_a_policy_lets_a_role_have_its_routes_and_no_other(source, role):
    api = bootstrap_of(source, Api="iam").nested["ApiStack"]
    [statement] = api.resource(f"{role.value.capitalize()}ApiPolicy")["PolicyDocument"]["Statement"]
    patterns = [each.partition("/$default/")[2] for each in statement["Resource"]]

    for route in ROUTES:
        matches = any(fnmatchcase(path_of(route), pattern) for pattern in patterns)
        assert matches == role.includes(route.role), route.key


def test_policies_are_there_with_iam_and_the_pool_without_an_issuer(source):
    def made(**parameters):
        return bootstrap_of(source, **parameters).nested["ApiStack"].made()

    policies = {f"{role.value.capitalize()}ApiPolicy" for role in Role}
    assert policies <= made(Api="iam")
    assert not {"UserPoolClient", "Authorizer"} & made(Api="iam")
    assert {"UserPoolClient", "Authorizer"} <= made(Api="jwt")
    foreign = made(Api="jwt", ApiIssuer="https://issuer.example", ApiAudience="a,b")
    assert "Authorizer" in foreign
    assert not {"UserPoolClient", *policies} & foreign


@pytest.mark.parametrize(
    ("issuer", "more", "audience"),
    [
        ("https://issuer.example", "a,b", {"a", "b"}),
        ("", "", {"UserPoolClient"}),
        ("", "machine", {"UserPoolClient", "machine"}),
    ],
)
def test_whose_tokens_are_taken(source, issuer, more, audience):
    stack = bootstrap_of(source, Api="jwt", ApiIssuer=issuer, ApiAudience=more).nested["ApiStack"]
    tokens = stack.resource("Authorizer")["JwtConfiguration"]

    assert set(tokens["Audience"]) == audience
    assert tokens["Issuer"] == issuer or tokens["Issuer"].endswith("/UserPool")


def test_the_function_is_given_what_it_asks_for(api):
    settings = ApiSettings.from_environ(environ_of(api.resource("ApiFunction")))

    assert settings.scope_prefix == "jobs/"
    assert api.resource("CursorKey")["Name"] == "jobs_provisioner_cursor_key"


def test_requests_are_throttled_and_logged(api):
    stage = api.resource("Stage")

    assert stage["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 100, "ThrottlingRateLimit": 50}
    assert stage["RouteSettings"] == {
        route.key: {
            "ThrottlingBurstLimit": route.throttle.burst,
            "ThrottlingRateLimit": route.throttle.rate,
        }
        for route in ROUTES
        if route.throttle
    }
    assert stage["AccessLogSettings"]["DestinationArn"].endswith("ApiAccessLogs")


def test_a_stage_waits_for_the_routes_that_it_throttles(api):
    """`Unable to find Route by key`, API Gateway says of one that is not there yet."""
    routes = of_kind(api, "Route")
    after = api.template["Resources"]["Stage"]["DependsOn"]

    assert {routes[each]["RouteKey"] for each in after} == {r.key for r in ROUTES if r.throttle}


def test_slow_routes_take_at_most_half_of_what_an_account_runs_at_once(api):
    """The other half of Lambda's 1,000 by default is for jobs, for reconciles, and for the rest."""
    throttles = [route.throttle for route in ROUTES if route.throttle]

    assert sum(each.executions for each in throttles) <= 500
    assert max(each.seconds for each in throttles) <= api.resource("ApiFunction")["Timeout"]


def test_a_route_that_waits_is_throttled_by_how_long():
    for route in ROUTES:
        waits = "wait" in getattr(queries, route.query).model_fields
        if waits or route.name == "backfill":
            assert route.throttle, route.key
            assert route.throttle.seconds >= (MAX_WAIT_SECONDS if waits else BACKFILL_SECONDS)


@pytest.mark.parametrize(("given", "reserved"), [("0", None), ("40", "40")])
def test_the_functions_reserve_what_their_parameters_say(source, given, reserved):
    parameters = {"Api": "iam", "ApiConcurrency": given}
    parameters |= {"Console": "sign-in", "ConsoleConcurrency": given}
    nested = bootstrap_of(source, **parameters).nested

    for stack, function in (("ApiStack", "ApiFunction"), ("ConsoleStack", "ConsoleFunction")):
        kept = nested[stack].resource(function)["ReservedConcurrentExecutions"]
        assert kept == reserved, function


def test_no_request_can_read_a_table_whole(api):
    statements = api.resource("ApiRole")["Policies"][0]["PolicyDocument"]["Statement"]

    assert "dynamodb:Scan" not in str(statements)
