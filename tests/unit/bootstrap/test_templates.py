"""What the validators and the contract say of the bootstrap's templates."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from typing import ClassVar

import pytest
from cloudformation_validate import (
    CompositeEngine,
    LogicalIdFilter,
    RuleFilterConfig,
    ValidateConfig,
)

from provisioner.aws.stack_items import BY_NAME
from provisioner.entrypoints.slack import TIME_TO_SEND_MILLISECONDS
from provisioner.notifications import slack_client
from provisioner.runs.keys import BY_TIME
from provisioner.runs.model import FINAL
from provisioner.settings import Settings, SlackSettings
from provisioner.stacks.model import JobStatus
from provisioner.stacks.stack_status import IN_PROGRESS, StackStatus
from templates.parts.queue import VISIBILITY_SECONDS
from tests.support.bootstrap import FUNCTION_STACKS, bootstrap_of
from tests.support.iam import Statements
from tests.support.tables import JOBS_BY_NAME, LISTED, RUNS_BY_TIME, SHARD

SUPPRESSED = RuleFilterConfig(
    ids=[
        "I3011",  # what holds people's data says Retain (tested below); the rest may go
        "I4010",  # our comments stand where the reader is
        "I9001",  # tells of every property whose change replaces; nothing is wrong
        "I9040",  # tags are given to the stack, and CloudFormation puts them on everything in it
    ],
    logical_ids=[
        # Taken for passwords by their names; one is a path, the other an ARN.
        LogicalIdFilter(rule_id="W2509", logical_id="SecretsPrefix"),
        LogicalIdFilter(rule_id="W2509", logical_id="SecretsKeyArn"),
        LogicalIdFilter(rule_id="W2509", logical_id="SlackSecretArn"),
        LogicalIdFilter(rule_id="W2509", logical_id="SignInSecretArn"),
        # It refers to the network under the very condition, which the rule does not see in outputs.
        LogicalIdFilter(rule_id="W1001", logical_id="Subnets"),
    ],
)
TEMPLATES = [
    "template.yaml",
    "bootstrap/api.yaml",
    "bootstrap/compute.yaml",
    "bootstrap/console.yaml",
    "bootstrap/network.yaml",
    "bootstrap/notifications.yaml",
    "bootstrap/observability.yaml",
    "bootstrap/pipeline.yaml",
    "bootstrap/provisioning.yaml",
    "bootstrap/runs.yaml",
    "bootstrap/security.yaml",
    "bootstrap/users.yaml",
]
FUNCTIONS = {
    "JobStreamFunction": "job_stream",
    "StackEventsFunction": "stack_events",
    "ArtifactEventsFunction": "artifact_events",
    "ReconcileQueueFunction": "reconcile_queue",
    "SweepFunction": "sweep",
    "RunEventsFunction": "run_events",
    "RunStreamFunction": "run_stream",
    "JobQueueFunction": "job_queue",
    "MissedSchedulesFunction": "missed_schedules",
    "NotifyFunction": "notify",
    "UnroutedFunction": "unrouted",
    "ApiFunction": "api",
    "ConsoleFunction": "console",
}
LOG_GROUPS = {"MissedSchedulesFunction": "/aws/lambda/jobs_missed_ticks"}
"""Those that are not called after their function's module."""


def name_of(module):
    """Return a function's name. No job can have it: job names have no underscore."""
    return "jobs_job_queue" if module == "job_queue" else f"jobs_provisioner_{module}"


OUTPUTS = {
    "JobsTableName",
    "StacksTableName",
    "TriggersTableName",
    "BundleBucketName",
    "ArtifactsBucketName",
    "ReconcileQueueUrl",
    "DeadLetterQueueUrl",
    "NotificationTopicArn",
    "SubmissionTopicArn",
    "DashboardUrl",
}


def test_every_template_is_looked_at(root, nested_paths):
    assert {str(path.relative_to(root)) for path in nested_paths} == set(TEMPLATES[1:])


@pytest.fixture(scope="module")
def validator():
    return CompositeEngine()


@pytest.mark.parametrize("name", TEMPLATES)
def test_cloudformation_validate_finds_nothing(validator, root, name):
    report = validator.validate_template(root / name, ValidateConfig(exclude=SUPPRESSED))
    assert [(d.rule_id, d.message) for d in report.diagnostics] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_checkov_suppression_has_its_reason(root, name):
    text = (root / name).read_text()
    suppressed = re.findall(r"^ *(?:- )?id: CKV_.*\n(.*)", text, re.MULTILINE)
    assert all(re.match(r" *comment: \w.{20,}", following) for following in suppressed)
    assert len(suppressed) == text.count("CKV_")


def test_the_outputs_are_there(source):
    assert set(source["Outputs"]) >= OUTPUTS


def test_what_holds_data_is_retained(source):
    kept = {
        name
        for name, resource in source["Resources"].items()
        if resource["Type"] in {"AWS::DynamoDB::Table", "AWS::S3::Bucket"}
    } - {"PaceTable", "SessionsTable"}
    assert len(kept) == len({"Jobs", "Stacks", "Triggers", "Audit", "Bundle", "Artifacts"})
    for name in kept:
        resource = source["Resources"][name]
        # A table is protected from its rollback, too; an empty bucket goes with its first stack.
        policy = "Retain" if name.endswith("Table") else "RetainExceptOnCreate"
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (policy, "Retain")


def test_a_first_deployment_that_fails_does_not_stop_the_second(source, root):
    """What is kept has no name of ours, and the failed stack itself is deleted."""
    for name, resource in source["Resources"].items():
        if "DeletionPolicy" in resource:
            assert not {"TableName", "BucketName"} & set(resource["Properties"]), name
    settings = tomllib.loads((root / "samconfig.toml").read_text())
    assert settings["default"]["deploy"]["parameters"]["on_failure"] == "DELETE"


def test_the_cluster_needs_no_role_that_a_new_account_lacks(bootstrap):
    cluster = bootstrap.nested["ComputeStack"].resource("Cluster")
    assert not {name for name in cluster if "CapacityProvider" in name}


@pytest.mark.parametrize(
    ("name", "keys", "index", "stream", "expires"),
    [
        ("JobsTable", ["job_name"], None, True, False),
        ("StacksTable", ["job_name"], ["status", "updated_at"], True, True),
        ("TriggersTable", ["job_name", "trigger_id"], ["status", "started_at"], True, True),
    ],
)
def test_tables(bootstrap, name, keys, index, stream, expires):
    table = bootstrap.resource(name)
    assert [key["AttributeName"] for key in table["KeySchema"]] == keys
    indexes = {
        i["IndexName"]: [key["AttributeName"] for key in i["KeySchema"]]
        for i in table.get("GlobalSecondaryIndexes", [])
    }
    of_lists = {"TriggersTable": {BY_TIME: ["run_shard", "trigger_id"]}}.get(
        name, {BY_NAME: ["listed", "job_name"]}
    )
    assert indexes == ({"by_status": index, **of_lists} if index else {})
    wanted = {"StreamViewType": "NEW_AND_OLD_IMAGES"} if stream else None
    assert table.get("StreamSpecification") == wanted
    wanted = {"AttributeName": "expires_at", "Enabled": True} if expires else None
    assert table.get("TimeToLiveSpecification") == wanted
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEEnabled"]
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert table["DeletionProtectionEnabled"]


@pytest.mark.parametrize(
    ("name", "index", "key"),
    [("TriggersTable", RUNS_BY_TIME, SHARD), ("StacksTable", JOBS_BY_NAME, LISTED)],
    ids=["runs", "jobs"],
)
def test_the_indexes_of_lists_have_the_fields_of_a_list(bootstrap, name, index, key):
    table = bootstrap.resource(name)
    assert index in table["GlobalSecondaryIndexes"]
    assert key in table["AttributeDefinitions"]


@pytest.mark.parametrize(("name", "module"), FUNCTIONS.items())
def test_functions(bootstrap, root, name, module):
    function = bootstrap.resource(name)
    assert function["Handler"] == f"provisioner.entrypoints.{module}.handler"
    assert (root / f"provisioner/entrypoints/{module}.py").is_file()
    assert function["Role"].rpartition("/")[2] == name.replace("Function", "Role")
    assert function["FunctionName"] == name_of(module)
    group = LOG_GROUPS.get(name, f"/aws/lambda/jobs_{module}")
    in_the_root = name == "JobQueueFunction"
    assert function["LoggingConfig"] == {
        "LogFormat": "JSON",
        "LogGroup": "JobQueueLogs" if in_the_root else group,
        "ApplicationLogLevel": "INFO",
    }
    assert function["Environment"]["Variables"]["LOG_LEVEL"] == "INFO"
    [written] = written_logs(bootstrap.resource(function["Role"].rpartition("/")[2]))
    assert written.endswith(":log-group:JobQueueLogs:*" if in_the_root else f":log-group:{group}:*")


@pytest.mark.parametrize(("name", "module"), FUNCTIONS.items())
def test_the_logs_of_functions_are_there_before_them(bootstrap, source, name, module):
    group = LOG_GROUPS.get(name, f"/aws/lambda/jobs_{module}")
    [logs] = [
        logical_id
        for logical_id, resource in source["Resources"].items()
        if resource["Type"] == "AWS::Logs::LogGroup"
        and bootstrap.resource(logical_id)["LogGroupName"] == group
    ]
    assert bootstrap.resource(logs)["RetentionInDays"] == 30
    if name not in source["Resources"]:
        [stack] = [n for n, s in bootstrap.nested.items() if name in s.template["Resources"]]
        before = source["Resources"][stack]["DependsOn"]
        assert logs in ([before] if isinstance(before, str) else before)


def written_logs(role):
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Sid"] == "WriteLogs":
                yield statement["Resource"]


STAYING = {
    *("JobsTable", "StacksTable", "TriggersTable", "PaceTable", "AuditTable", "SessionsTable"),
    *("ReconcileQueue", "UnroutedQueue", "MissedTicksQueue", "SlackQueue"),
    *("DeadLetterQueue", "SlackDeadLetterQueue"),
    *("BundleBucket", "ArtifactsBucket"),
    *("NotificationTopic", "SubmissionTopic", "NotificationKey", "ScheduleGroup"),
    *("JobStreamFunctionJobs", "RunStreamFunctionRuns"),
    *("NotifyFunctionRuns", "NotifyFunctionStacks"),
    *("JobQueueRole", "JobQueueFunction"),
    *("NetworkStack", "ComputeStack", "SecurityStack"),
}
"""With another logical id, or in another stack, an upgrade would delete and make them again."""


def test_what_has_state_or_is_named_by_stacks_of_jobs_stays_where_it_is(source):
    logs = {name for name in source["Resources"] if name.endswith("Logs")}
    assert len(logs) == len(FUNCTIONS) + len({"SlackLogs", "ApiAccessLogs", "BuildLogs"})
    assert source["Resources"].keys() >= STAYING | logs


def test_only_functions_and_what_starts_them_are_nested_apart(bootstrap):
    nested = {
        resource["Type"]
        for name in FUNCTION_STACKS
        for resource in bootstrap.nested[name].template["Resources"].values()
        if name != "ApiStack"
    }
    of_the_console = {"Api", "Integration", "Route", "Stage"}
    assert nested == {
        *("AWS::IAM::Role", "AWS::Scheduler::Schedule", "AWS::Serverless::Function"),
        *(f"AWS::ApiGatewayV2::{each}" for each in of_the_console),
        *("AWS::Lambda::Permission", "AWS::Cognito::UserPoolClient"),
    }


def test_what_has_a_name_of_ours_moved_under_another(bootstrap):
    """CloudFormation makes the new one before it deletes the old one."""
    before = {f"jobs_{module}" for module in [*FUNCTIONS.values(), "slack", "missed_ticks"]}
    now = {
        bootstrap.resource(name)["FunctionName"]
        for stack in FUNCTION_STACKS
        for name, resource in bootstrap.nested[stack].template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert len(now) == len(FUNCTIONS)
    assert not now & before


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_given_what_settings_ask_for(bootstrap, name):
    function = bootstrap.resource(name)
    settings = settings_of(function)
    assert settings.platform.prefix == "jobs"
    assert settings.platform.assign_public_ip is True
    assert len(settings.platform.subnets) == 2
    assert all(function["Environment"]["Variables"].values())
    assert not [
        pair
        for pair in function["Environment"]["Variables"]["SETTINGS"].split()
        if pair.endswith("=")
    ]
    assert set(settings.platform.subnets) == set(settings.platform.allowed.subnets)
    assert settings.platform.allowed.secrets_prefix == "jobs"
    assert settings.platform.allowed.slack_secret_arn == bootstrap.values["SlackSecretArn"]
    assert settings.platform.allowed.git_connections == ()


def test_functions_know_which_repositories_are_open(source):
    connection = "0f9d3c1a-7a4e-4a53-9f0f-3c6d1c1d2e3f"
    opened = {"GitConnections": connection, "AllowedGitRepositories": "github.com/a/*,gitlab.com/b"}
    function = bootstrap_of(source, **opened).resource("JobStreamFunction")
    allowed = settings_of(function).platform.allowed

    assert allowed.git_connections == (connection,)
    assert allowed.git_repositories == ("github.com/a/*", "gitlab.com/b")


def settings_of(function):
    return Settings.from_environ(environ_of(function))


def environ_of(function):
    variables = function["Environment"]["Variables"]
    return {key: str(value) for key, value in variables.items()} | {"AWS_REGION": "eu-west-1"}


@pytest.fixture(scope="module")
def filled(source):
    """The bootstrap with every parameter as long as it may be."""
    longest = {
        parameter: "x" * declared["MaxLength"]
        for parameter, declared in source["Parameters"].items()
        if "MaxLength" in declared
    }
    return bootstrap_of(source, **longest, Prefix="p" * 20, SecretsPrefix="s" * 40)


NAMES_THAT_CLOUDFORMATION_MAKES_UP = 12 * 60


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_environment_of_functions_stays_below_lambdas_limit(filled, name):
    """4 KB of names and values."""
    variables = filled.resource(name)["Environment"]["Variables"]
    size = sum(len(key) + len(str(value)) for key, value in variables.items())

    assert size + NAMES_THAT_CLOUDFORMATION_MAKES_UP < 4096


@pytest.mark.parametrize("stack", FUNCTION_STACKS)
def test_parameters_of_nested_stacks_stay_below_cloudformations_limit(filled, stack):
    values = filled.nested[stack].values
    assert len(values) <= 200
    texts = (",".join(v) if isinstance(v, list) else str(v) for v in values.values())
    longest = max(len(text.encode()) for text in texts)
    assert longest + NAMES_THAT_CLOUDFORMATION_MAKES_UP < 4096


class TestThePrivateNetwork:
    PUBLIC: ClassVar = {"InternetGateway", "InternetGatewayAttachment", "DefaultRoute"}
    GATEWAYS: ClassVar = {"S3Endpoint", "DynamoDbEndpoint"}

    def made(self, source, **parameters):
        network = bootstrap_of(source, NetworkMode="private", **parameters).nested["NetworkStack"]
        assert not network.made() & self.PUBLIC
        assert network.made() >= self.GATEWAYS
        return network

    def endpoints(self, network):
        return {
            network.resource(name)["ServiceName"].removeprefix("com.amazonaws.eu-west-1.")
            for name in network.made()
            if network.template["Resources"][name]["Type"] == "AWS::EC2::VPCEndpoint"
            and name not in self.GATEWAYS
        }

    def test_is_in_three_zones_without_a_way_out(self, source):
        network = self.made(source)
        subnets = [network.resource(f"PrivateSubnet{letter}") for letter in "ABC"]
        assert [
            (subnet["AvailabilityZone"], subnet["CidrBlock"], subnet["MapPublicIpOnLaunch"])
            for subnet in subnets
        ] == [
            ("eu-west-1a", "10.97.0.0/22", False),
            ("eu-west-1b", "10.97.4.0/22", False),
            ("eu-west-1c", "10.97.8.0/22", False),
        ]

    @pytest.mark.parametrize("mode", ["public", "private"])
    def test_is_in_the_zones_that_are_named(self, source, mode):
        zones = ["eu-west-1d", "eu-west-1a", "eu-west-1f"]
        named = {"NetworkMode": mode, "NetworkZones": ",".join(zones)}
        network = bootstrap_of(source, **named).nested["NetworkStack"]
        names = {"public": ["SubnetA", "SubnetB"], "private": [f"PrivateSubnet{x}" for x in "ABC"]}
        subnets = [network.resource(name) for name in names[mode]]
        assert [subnet["AvailabilityZone"] for subnet in subnets] == zones[: len(subnets)]

    @pytest.mark.parametrize(
        ("level", "services"),
        [
            ("none", set()),
            ("containers", {"ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm"}),
            ("machines", {"ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "states"}),
        ],
    )
    def test_has_the_endpoints_that_the_parameter_names(self, source, level, services):
        network = self.made(source, InterfaceEndpoints=level)
        assert self.endpoints(network) == services
        assert ("EndpointsSecurityGroup" in network.made()) is bool(services)

    def test_stays_below_the_quotas_of_a_new_account(self, source):
        """Amazon VPC quotas: per VPC, per Region, per group and per table of routes."""
        network = self.made(source, InterfaceEndpoints="machines")
        kinds = Counter(network.template["Resources"][name]["Type"] for name in network.made())
        group = network.resource("EndpointsSecurityGroup")

        assert len(self.endpoints(network)) <= 50  # interface endpoints
        assert len(self.GATEWAYS) <= 20
        assert kinds["AWS::EC2::VPC"] <= 5
        assert kinds["AWS::EC2::Subnet"] <= 200
        assert kinds["AWS::EC2::Route"] + 1 + len(self.GATEWAYS) <= 50
        assert len(group["SecurityGroupIngress"]) <= 60
        assert len(group["SecurityGroupEgress"]) <= 60

    def test_gives_containers_no_public_address(self, source):
        bootstrap = bootstrap_of(source, NetworkMode="private")
        platform = settings_of(bootstrap.resource("JobStreamFunction")).platform
        assert platform.assign_public_ip is False
        assert len(platform.subnets) == 3

    def test_is_for_those_without_subnets_of_their_own(self, source):
        bootstrap = bootstrap_of(
            source, NetworkMode="private", Subnets="subnet-01234567", VpcId="vpc-01234567"
        )
        assert settings_of(bootstrap.resource("JobStreamFunction")).platform.assign_public_ip

    def test_is_not_there_by_default(self, bootstrap):
        network = bootstrap.nested["NetworkStack"]
        assert network.made() >= self.PUBLIC | self.GATEWAYS
        assert self.endpoints(network) == set()


@pytest.mark.parametrize(
    ("name", "function", "table"),
    [
        ("JobStreamFunctionJobs", "JobStreamFunction", "JobsTable"),
        ("RunStreamFunctionRuns", "RunStreamFunction", "TriggersTable"),
        ("NotifyFunctionRuns", "NotifyFunction", "TriggersTable"),
        ("NotifyFunctionStacks", "NotifyFunction", "StacksTable"),
    ],
)
def test_stream_mappings(bootstrap, name, function, table):
    mapping = bootstrap.resource(name)
    assert mapping["FunctionName"].endswith(f"/{function}")
    assert mapping["EventSourceArn"].endswith(f"table/{table}/stream/now")
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] < 100
    assert 0 < mapping["MaximumRecordAgeInSeconds"] <= 86_400
    kept_in = mapping["DestinationConfig"]["OnFailure"]["Destination"]
    assert kept_in == "arn:aws:s3:::ArtifactsBucket"


def delivered(bootstrap, mapping, record):
    filters = bootstrap.resource(mapping)["FilterCriteria"]["Filters"]
    return any(matches(json.loads(each["Pattern"]), record) for each in filters)


def run_key(trigger_id):
    keys = {"job_name": {"S": "report"}, "trigger_id": {"S": trigger_id}}
    return {"eventName": "INSERT", "dynamodb": {"Keys": keys}}


def run_change(before, after):
    change = {"OldImage": {"status": {"S": before}}, "NewImage": {"status": {"S": after}}}
    key = run_key("2026-11-21T09:00:00.000Z#run-1")["dynamodb"]
    return {"eventName": "MODIFY", "dynamodb": key | change}


def stacks_row(status):
    return {"dynamodb": {"NewImage": {"status": {"S": status}}}}


@pytest.mark.parametrize(
    ("mapping", "record", "passes"),
    [
        ("Runs", run_key("2026-11-21T09:00:00.000Z#run-1"), True),
        ("Runs", run_key("#lock"), False),
        ("Runs", run_key("#tick#jobs-report-0#2026"), False),
        ("Runs", run_key("2026-11-21T09:00:00.000Z#run-1") | {"eventName": "REMOVE"}, False),
        ("Runs", run_change("RUNNING", "FAILED"), True),
        ("Runs", run_change("QUEUED", "QUEUED"), True),  # alerted_at
        ("Runs", run_change("FAILED", "FAILED"), False),  # its cost
        *(("Stacks", stacks_row(s), s in {"FAILED", "INVALID"}) for s in JobStatus),
    ],
)
def test_notify_is_not_woken_by_what_it_does_not_publish(bootstrap, mapping, record, passes):
    assert delivered(bootstrap, f"NotifyFunction{mapping}", record) is passes


OTHERWISE_CONDITIONAL = {
    *("NetworkStack", "NotificationEmailSubscription"),
    *("ApiLogs", "ApiAccessLogs", "ApiStack"),
    *("ConsoleLogs", "ConsoleStack", "SessionsTable", "UserPoolStack"),
    *("BuildLogs", "PipelineStack"),
}


@pytest.mark.parametrize(
    ("record", "passes"),
    [
        *((run_change("RUNNING", end), True) for end in ("SUCCEEDED", "FAILED", "STOPPED")),
        (run_change("QUEUED", "RUNNING"), True),
        (run_change("RUNNING", "RUNNING"), False),  # why it waits
        (run_change("FAILED", "FAILED"), False),  # its cost
        ({"eventName": "INSERT", **stacks_row("RUNNING")}, True),
        (run_key("#recent"), False),
    ],
    ids=str,
)
def test_run_stream_is_woken_by_what_lists_show(bootstrap, record, passes):
    assert delivered(bootstrap, "RunStreamFunctionRuns", record) is passes


def test_slack_is_there_when_its_secret_is(source, bootstrap):
    nested = bootstrap.nested["NotificationsStack"].template
    for template, parts in ((source, 6), (nested, 2)):
        slack = {n: r for n, r in template["Resources"].items() if n.startswith("Slack")}
        assert len(slack) == parts
        assert {resource["Condition"] for resource in slack.values()} == {"TellSlack"}
        conditional = {n for n, r in template["Resources"].items() if r.get("Condition")}
        assert conditional - OTHERWISE_CONDITIONAL == set(slack)


def test_the_slack_function(bootstrap):
    function = bootstrap.resource("SlackFunction")
    assert function["Handler"] == "provisioner.entrypoints.slack.handler"
    assert function["Role"].rpartition("/")[2] == "SlackRole"
    environ = environ_of(function)
    assert SlackSettings.from_environ(environ).secret_arn == bootstrap.values["SlackSecretArn"]
    assert Settings.from_environ(environ).dead_letter_queue_url == "SlackDeadLetterQueue"
    assert environ["SLACK_QUEUE_URL"] == "SlackQueue"
    mapping = function["Events"]["Notices"]["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == 2
    assert mapping["BatchSize"] <= 5
    # One hanging message after the other, and the last begun when there is time for it.
    longest = slack_client._CONNECT_SECONDS + slack_client._READ_SECONDS
    assert longest * 1000 < TIME_TO_SEND_MILLISECONDS
    assert function["Timeout"] * 1000 > TIME_TO_SEND_MILLISECONDS


def test_the_slack_queue(bootstrap):
    queue = bootstrap.resource("SlackQueue")
    assert queue["VisibilityTimeout"] >= 6 * bootstrap.resource("SlackFunction")["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"].endswith(":SlackDeadLetterQueue")
    assert queue["SqsManagedSseEnabled"] is True
    dead_letter_messages = bootstrap.resource("SlackDeadLetterQueue")
    assert dead_letter_messages["SqsManagedSseEnabled"] is True
    assert dead_letter_messages["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


def test_slack_gets_notifications_only(bootstrap):
    subscription = bootstrap.resource("SlackSubscription")
    assert "FilterPolicy" not in subscription  # alarms on dead letters come, too
    assert subscription["RawMessageDelivery"] is True


def test_reconcile_queue_outlasts_its_function(bootstrap):
    queue = bootstrap.resource("ReconcileQueue")
    function = bootstrap.resource("ReconcileQueueFunction")
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"].endswith(":DeadLetterQueue")
    mapping = function["Events"]["Jobs"]["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


RULES = [("StackEventsFunction", "StackStatus"), ("RunEventsFunction", "RunStatus")]
PUSHES = [("ArtifactEventsFunction", rule) for rule in ("Bundles", "Images", "Builds")]


@pytest.mark.parametrize(("function", "rule"), RULES + PUSHES)
def test_events_that_failed_reach_the_dead_letter_queue(bootstrap, function, rule):
    """The policy goes by the root's name; CloudFormation would make a longer one and shorten it."""
    name = bootstrap.resource(function)["Events"][rule]["Properties"]["RuleName"]
    statements = bootstrap.resource("DeadLetterQueuePolicy")["PolicyDocument"]["Statement"]
    allowed = Statements(tuple(s for s in statements if s["Effect"] == "Allow"))
    queue = "arn:aws:sqs:eu-west-1:123456789012:DeadLetterQueue"
    of_rule = f"arn:aws:events:eu-west-1:123456789012:rule/{name}"
    assert allowed.allow("sqs:SendMessage", queue, aws_SourceArn=of_rule)
    assert not allowed.allow("sqs:SendMessage", queue, aws_SourceArn=of_rule.replace("jobs", "b"))


def test_no_job_reaches_what_starts_the_functions(bootstrap):
    limits = bootstrap.nested["SecurityStack"].resource("JobLimits")["PolicyDocument"]["Statement"]
    denials = Statements(tuple(limits))
    where = "eu-west-1:123456789012"
    for schedule in ("SweepSchedule", "DailyCheckSchedule"):
        arn = f"arn:aws:scheduler:{where}:schedule/default/{bootstrap.resource(schedule)['Name']}"
        assert denials.deny("scheduler:UpdateSchedule", arn, {})
    for function, rule in RULES:
        name = bootstrap.resource(function)["Events"][rule]["Properties"]["RuleName"]
        assert denials.deny("events:PutTargets", f"arn:aws:events:{where}:rule/{name}", {})


def pattern_of(bootstrap, function, rule):
    return bootstrap.resource(function)["Events"][rule]["Properties"]["Pattern"]


@pytest.mark.parametrize(
    ("function", "rule", "event"),
    [
        (*RULES[0], "stack_status_change.json"),
        (*RULES[1], "execution_status_change.json"),
    ],
)
def test_rules_match_what_aws_sends(bootstrap, root, function, rule, event):
    pattern = pattern_of(bootstrap, function, rule)
    captured = json.loads((root / "tests/events" / event).read_text())
    assert matches(pattern, captured)
    foreign = json.loads(json.dumps(captured).replace("jobs-report", "somebody-elses"))
    assert not matches(pattern, foreign)


def test_rules_of_pushes_match_what_was_pushed_and_nothing_else(bootstrap, root):
    function = "ArtifactEventsFunction"
    bundles, images = (pattern_of(bootstrap, function, rule) for rule in ("Bundles", "Images"))
    created = json.loads((root / "tests/events/object_created.json").read_text())
    pushed = json.loads((root / "tests/events/image_pushed.json").read_text())
    assert matches(bundles, created)
    assert not matches(bundles, created | {"detail-type": "Object Deleted"})
    assert not matches(bundles, created | {"resources": ["arn:aws:s3:::others"]})
    assert matches(images, pushed)
    assert not matches(bundles, pushed)
    for change in ({"action-type": "DELETE"}, {"result": "FAILURE"}):
        assert not matches(images, pushed | {"detail": pushed["detail"] | change})
    del pushed["detail"]["image-tag"]
    assert not matches(images, pushed)


def test_the_rule_of_builds_matches_their_ends(bootstrap, root):
    pattern = pattern_of(bootstrap, "ArtifactEventsFunction", "Builds")
    ended = json.loads((root / "tests/events/build_state_change.json").read_text())
    assert matches(pattern, ended)
    for change in ({"build-status": "IN_PROGRESS"}, {"project-name": "payments_build_arm64"}):
        assert not matches(pattern, ended | {"detail": ended["detail"] | change})


BATCH_RULE = ("RunEventsFunction", "BatchJob")


def test_jobs_of_batch_are_reported_while_they_wait_and_when_they_begin(bootstrap, root):
    pattern = pattern_of(bootstrap, *BATCH_RULE)
    captured = json.loads((root / "tests/events/batch_job_state_change.json").read_text())
    assert matches(pattern, captured)
    blocked = captured | {"detail-type": "Batch Job Queue Blocked"}
    assert matches(pattern, blocked)
    others = captured["detail"]["jobQueue"].replace("jobs_low", "payments")
    assert not matches(pattern, captured | {"detail": captured["detail"] | {"jobQueue": others}})
    child = {"arrayProperties": {"index": 3}}
    assert not matches(pattern, captured | {"detail": captured["detail"] | child})


@pytest.mark.parametrize(("function", "rule"), RULES)
def test_rules_fit_into_eventbridge(bootstrap, function, rule):
    # EventBridge takes patterns of 2,048 characters; the longest prefix and Region count too.
    pattern = json.dumps(pattern_of(bootstrap, function, rule))
    assert len(pattern.replace("jobs-", "j" * 20 + "-").replace("eu-west-1", "r" * 20)) <= 2048


def test_stack_events_come_at_every_status_that_stays(bootstrap):
    pattern = pattern_of(bootstrap, *RULES[0])
    statuses = set(pattern["detail"]["status-details"]["status"])
    # REVIEW_IN_PROGRESS is a stack that only a change set has made, and no one's job.
    assert statuses == set(StackStatus) - IN_PROGRESS - {StackStatus.REVIEW_IN_PROGRESS}


def matches(pattern, event) -> bool:
    match pattern:
        case dict() if event is None:
            return all(matches(value, None) for value in pattern.values())
        case dict():
            return all(matches(pattern[key], event.get(key)) for key in pattern)
        case [{"exists": False}]:
            return event is None
        case list() if event is None:
            return False
        case [{"exists": True}]:
            return True
        case list() if isinstance(event, list):  # one of the event's values is enough
            return any(matches(pattern, each) for each in event)
        case list():
            return any(
                event.startswith(value["prefix"]) if isinstance(value, dict) else event == value
                for value in pattern
            )
        case _:
            raise AssertionError(pattern)


def test_deploy_settings_name_capabilities_for_both_places(root):
    settings = tomllib.loads((root / "samconfig.toml").read_text())
    for place in ("default", "local"):
        deploy = settings[place]["deploy"]["parameters"]
        assert deploy["stack_name"] == "jobs"
        assert deploy["resolve_s3"] is True
        assert "CAPABILITY_AUTO_EXPAND" in deploy["capabilities"]


def test_lambda_does_not_take_a_job_that_waits_for_a_loop(bootstrap):
    """It stops a function that is woken by its own messages for the sixteenth time."""
    for name in ("ReconcileQueueFunction", "JobQueueFunction"):
        assert bootstrap.resource(name)["RecursiveLoop"] == "Allow"


@pytest.mark.parametrize("status", sorted(FINAL))
def test_every_end_of_a_run_reaches_the_stream_function_once(bootstrap, status):
    refused = run_change("", status) | {"eventName": "INSERT"}
    refused["dynamodb"].pop("OldImage")
    ends = [refused, *(run_change(before, status) for before in ("RUNNING", "QUEUED"))]
    for record in ends:
        assert delivered(bootstrap, "RunStreamFunctionRuns", record)
    assert not delivered(bootstrap, "RunStreamFunctionRuns", run_change(status, status))


def test_locks_and_waiting_runs_reach_the_stream_function(bootstrap):
    for before, after in (("HELD", "FREE"), ("FREE", "FREE"), ("RUNNING", "QUEUED")):
        assert delivered(bootstrap, "RunStreamFunctionRuns", run_change(before, after))


def test_jobs_name_the_function_that_takes_their_messages(bootstrap):
    function = bootstrap.resource("JobQueueFunction")
    named = settings_of(function).platform.job_queue_function_arn
    assert named.endswith(f":function:{function['FunctionName']}")
    assert function["Timeout"] * 6 <= VISIBILITY_SECONDS
