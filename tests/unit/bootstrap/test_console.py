"""The console's role has what its pages need, and nothing of what they do not show."""

from __future__ import annotations

import re

import pytest

from provisioner.console.routes import ROUTES
from tests.support.bootstrap import bootstrap_of, policies_of

HERE = "eu-west-1:123456789012"
TABLE = f"arn:aws:dynamodb:{HERE}:table"
BUCKET = "arn:aws:s3:::ArtifactsBucket"
SECRET = f"arn:aws:secretsmanager:{HERE}:secret:sign-in-a1b2c3"
KEY = f"arn:aws:kms:{HERE}:key/theirs"
FUNCTION = f"arn:aws:lambda:{HERE}:function:jobs"
STACKS = f"arn:aws:cloudformation:{HERE}:stack"
STATES = f"arn:aws:states:{HERE}"
LOGS = f"arn:aws:logs:{HERE}:log-group:"
SIGN_IN = {
    "Console": "sign-in",
    "SignInIssuer": "https://issuer.example",
    "SignInClientId": "console",
    "SignInSecretArn": SECRET,
    "SecretsKeyArn": KEY,
}


@pytest.fixture(scope="module")
def may(source):
    return policies_of(bootstrap_of(source, **SIGN_IN))["ConsoleRole"].allow


@pytest.mark.parametrize(
    ("action", "arn", "allowed"),
    [
        *((f"dynamodb:{action}Item", f"{TABLE}/JobsTable", True) for action in ("Put", "Delete")),
        ("dynamodb:BatchGetItem", f"{TABLE}/JobsTable", True),
        ("dynamodb:UpdateItem", f"{TABLE}/JobsTable", False),
        ("dynamodb:BatchGetItem", f"{TABLE}/StacksTable", True),
        ("dynamodb:Query", f"{TABLE}/StacksTable/index/jobs_by_name", True),
        ("dynamodb:PutItem", f"{TABLE}/StacksTable", False),
        ("dynamodb:BatchGetItem", f"{TABLE}/TriggersTable", True),
        ("dynamodb:Query", f"{TABLE}/TriggersTable/index/runs_by_time", True),
        *(
            (f"dynamodb:{action}", f"{TABLE}/TriggersTable", True)
            for action in ("GetItem", "Query", "PutItem", "UpdateItem")
        ),
        ("dynamodb:DeleteItem", f"{TABLE}/TriggersTable", False),
        *(
            ("dynamodb:Scan", f"{TABLE}/{table}", False)
            for table in ("JobsTable", "StacksTable", "TriggersTable", "AuditTable")
        ),
        *(
            (f"dynamodb:{action}Item", f"{TABLE}/SessionsTable", True)
            for action in ("Get", "Put", "Update", "Delete")
        ),
        *(
            (f"dynamodb:{action}", f"{TABLE}/SessionsTable", False)
            for action in ("Scan", "Query", "BatchGetItem")
        ),
        ("s3:GetObject", f"{BUCKET}/runs/report/1/input.json", True),
        ("s3:GetObject", f"{BUCKET}/results/report/1.json", True),
        ("s3:GetObject", f"{BUCKET}/aws/lambda/1", True),
        ("s3:GetObject", f"{BUCKET}/templates/jobs-report/1.json", False),
        ("s3:PutObject", f"{BUCKET}/runs/report/1/input.json", False),
        ("s3:DeleteObject", f"{BUCKET}/aws/lambda/1", True),
        ("s3:DeleteObject", f"{BUCKET}/runs/report/1/input.json", False),
        ("s3:GetObject", "arn:aws:s3:::BundleBucket/report.zip", False),
        ("logs:FilterLogEvents", f"{LOGS}/jobs/report:*", True),
        ("logs:GetLogEvents", f"{LOGS}/jobs/report:log-stream:1", True),
        ("logs:FilterLogEvents", f"{LOGS}/aws/lambda/jobs_console:*", False),
        ("states:StartExecution", f"{STATES}:stateMachine:jobs-a", True),
        ("states:StartExecution", f"{STATES}:stateMachine:b", False),
        ("states:StopExecution", f"{STATES}:execution:jobs-a:1", True),
        ("states:StopExecution", f"{STATES}:execution:b:1", False),
        ("states:DescribeExecution", f"{STATES}:execution:jobs-a:1", True),
        ("sqs:SendMessage", f"arn:aws:sqs:{HERE}:ReconcileQueue", True),
        ("sqs:SendMessage", f"arn:aws:sqs:{HERE}:DeadLetterQueue", False),
        *(
            (f"sqs:{action}", f"arn:aws:sqs:{HERE}:DeadLetterQueue", True)
            for action in (
                *("GetQueueAttributes", "ReceiveMessage"),
                *("ChangeMessageVisibility", "DeleteMessage"),
            )
        ),
        ("sqs:PurgeQueue", f"arn:aws:sqs:{HERE}:DeadLetterQueue", False),
        ("lambda:InvokeFunction", f"{FUNCTION}_provisioner_notify", True),
        ("lambda:InvokeFunction", f"{FUNCTION}_provisioner_console", False),
        ("lambda:InvokeFunction", f"{FUNCTION}-report", False),
        ("secretsmanager:GetSecretValue", SECRET, True),
        ("secretsmanager:GetSecretValue", f"{SECRET}-other", False),
        ("cloudformation:DescribeStacks", "*", False),
        ("cloudformation:DescribeStackEvents", f"{STACKS}/jobs-report/1", True),
        ("cloudformation:DescribeStackEvents", f"{STACKS}/jobs/1", False),
        ("cloudformation:DescribeStackEvents", f"{STACKS}/other/1", False),
    ],
)
def test_what_pages_reach(may, action, arn, allowed):
    assert may(action, arn) is allowed


def test_its_secret_is_read_with_its_own_key(may):
    assert may("kms:Decrypt", KEY, kms_ViaService="secretsmanager.eu-west-1.amazonaws.com")
    assert not may("kms:Decrypt", KEY, kms_ViaService="s3.eu-west-1.amazonaws.com")
    assert not may("kms:Decrypt", KEY)


@pytest.mark.parametrize("without", ["SignInSecretArn", "SecretsKeyArn"])
def test_it_has_no_key_without_a_secret_that_is_encrypted_with_it(source, without):
    keyed = policies_of(bootstrap_of(source, **SIGN_IN | {without: ""}))["ConsoleRole"]

    via = "secretsmanager.eu-west-1.amazonaws.com"
    assert not keyed.allow("kms:Decrypt", KEY, kms_ViaService=via)


def test_without_a_sign_in_there_are_no_sessions_and_no_variables_of_the_stage(source):
    bootstrap = bootstrap_of(source, Console="loopback")
    found = policies_of(bootstrap)["ConsoleRole"]

    assert not found.allow("dynamodb:GetItem", f"{TABLE}/SessionsTable")
    assert bootstrap.nested["ConsoleStack"].resource("ConsoleStage")["StageVariables"] is None


OTHER = {"SignInIssuer": "https://issuer.example", "SignInClientId": "console"}
ELSEWHERE = {"ApiIssuer": "https://issuer.example", "ApiAudience": "a"}


@pytest.mark.parametrize(
    ("parameters", "has_pool"),
    [
        ({"Console": "sign-in"}, True),
        ({"Console": "sign-in", **OTHER}, False),
        ({"Console": "loopback"}, False),
        ({"Api": "jwt"}, True),
        ({"Api": "jwt", **ELSEWHERE}, False),
        ({"Api": "iam", "Console": "sign-in"}, True),
        ({"Api": "jwt", **ELSEWHERE, "Console": "sign-in"}, True),
        ({"Api": "jwt", "Console": "sign-in", **OTHER}, True),
    ],
    ids=str,
)
def test_there_is_a_user_pool_where_no_issuer_is_named(source, parameters, has_pool):
    assert ("UserPoolStack" in bootstrap_of(source, **parameters).made()) is has_pool


def test_people_of_our_own_pool_sign_in_at_the_consoles_client(source):
    stack = bootstrap_of(source, Console="sign-in").nested["ConsoleStack"]
    variables = stack.resource("ConsoleStage")["StageVariables"]
    client = stack.resource("ConsoleClient")

    assert variables["ClientId"].endswith("ConsoleClient")
    assert variables["GroupsClaim"] == "cognito:groups"
    assert variables["SecretArn"] == "none"
    assert "cognito-idp.eu-west-1.amazonaws.com/" in variables["Issuer"]
    assert [each.endswith("/callback") for each in client["CallbackURLs"]] == [True]
    assert (client["AllowedOAuthFlows"], client["AllowedOAuthScopes"]) == (
        ["code"],
        ["openid", "email"],
    )


def test_with_another_issuer_its_client_is_the_one_that_is_named(source):
    stack = bootstrap_of(source, **SIGN_IN).nested["ConsoleStack"]
    variables = stack.resource("ConsoleStage")["StageVariables"]

    assert "ConsoleClient" not in stack.made()
    assert (variables["ClientId"], variables["Issuer"]) == ("console", "https://issuer.example")
    assert variables["GroupsClaim"] == "groups"


def test_passwords_are_only_for_the_pools_own_pages(source):
    """Without a list Cognito lets a client's users sign in by SRP at its API, too."""
    bootstrap = bootstrap_of(source, Api="jwt", Console="sign-in")
    for stack, client in (("ApiStack", "UserPoolClient"), ("ConsoleStack", "ConsoleClient")):
        properties = bootstrap.nested[stack].resource(client)
        assert properties["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]


def test_api_gateway_takes_the_variables_of_the_stage(source):
    """HTTP APIs: 512 characters of letters, digits and `-._~:/?#&=,`."""
    stack = bootstrap_of(source, **SIGN_IN).nested["ConsoleStack"]
    variables = stack.resource("ConsoleStage")["StageVariables"]

    assert len(variables) == 6
    for name, value in variables.items():
        assert re.fullmatch(r"\w{1,64}", name)
        assert re.fullmatch(r"[A-Za-z0-9._~:/?#&=,-]{1,512}", value), name
    longest = {"SignInIssuer", "SignInRoles"}
    assert {source["Parameters"][name]["MaxLength"] for name in longest} == {512}


A_PAGE = 0.3
"""Seconds: what `bench.lists` aims at."""


@pytest.fixture(scope="module")
def console(source):
    return bootstrap_of(source, Console="loopback").nested["ConsoleStack"]


def test_slow_pages_have_throttles_and_routes_of_their_own(console):
    resources = console.template["Resources"]
    keys = {
        name: console.resource(name)["RouteKey"]
        for name, each in resources.items()
        if each["Type"] == "AWS::ApiGatewayV2::Route"
    }
    throttled = console.resource("ConsoleStage")["RouteSettings"].keys()

    assert set(keys.values()) == {"$default", *throttled}
    assert {keys[name] for name in resources["ConsoleStage"]["DependsOn"]} == throttled
    assert throttled <= {f"{each.method} {each.pattern}" for each in ROUTES}


def test_the_console_takes_at_most_half_of_what_an_account_runs_at_once(console):
    """Of Lambda's 1,000 by default."""
    stage, longest = (
        console.resource("ConsoleStage"),
        console.resource("ConsoleFunction")["Timeout"],
    )
    slow = sum(_executions(each, longest) for each in stage["RouteSettings"].values())

    assert slow + _executions(stage["DefaultRouteSettings"], A_PAGE) <= 500


def _executions(throttle, seconds):
    return throttle["ThrottlingBurstLimit"] + throttle["ThrottlingRateLimit"] * seconds
