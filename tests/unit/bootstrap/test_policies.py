"""Who may do what: the bootstrap's roles, evaluated as IAM would."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.bootstrap import PSEUDO, SLACK_SECRET, bootstrap_of, policies_of
from tests.support.iam import Statements

HERE = "eu-west-1:123456789012"
STACK = f"arn:aws:cloudformation:{HERE}:stack/jobs-report/1"
SERVICE_ROLE = "arn:aws:iam::123456789012:role/jobs_provisioner/CloudFormationRole"
BOUNDARY = "arn:aws:iam::123456789012:policy/jobs_provisioner/JobBoundary"
LIMITS = "arn:aws:iam::123456789012:policy/jobs_provisioner/JobLimits"
JOB_ROLE = "arn:aws:iam::123456789012:role/jobs/jobs-report"
OWN_ROLE = "arn:aws:iam::123456789012:role/jobs_provisioner/WorkflowRole"
TABLE = f"arn:aws:dynamodb:{HERE}:table"
TOPIC = f"arn:aws:sns:{HERE}:NotificationTopic"
QUEUE = f"arn:aws:sqs:{HERE}:"
KEY = f"arn:aws:kms:{HERE}:key/NotificationKey"
CLUSTER = f"arn:aws:ecs:{HERE}:cluster/Cluster"
TASK = f"arn:aws:ecs:{HERE}:task-definition/jobs-a:1"
FOREIGN_TASK = f"arn:aws:ecs:{HERE}:task-definition/b:1"
MACHINE = f"arn:aws:states:{HERE}:stateMachine:jobs-a"
FOREIGN_FUNCTION = f"arn:aws:lambda:{HERE}:function:other"
FOREIGN_MACHINE = f"arn:aws:states:{HERE}:stateMachine:b"
BATCH = f"arn:aws:batch:{HERE}:"
RECONCILERS = ["JobStreamRole", "StackEventsRole", "ReconcileQueueRole"]
OPERATIONS = ["CreateStack", "UpdateStack", "DeleteStack", "ContinueUpdateRollback"]

IAM_ROLE_WRITES = [
    "CreateRole",
    "PutRolePolicy",
    "DeleteRolePolicy",
    "AttachRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
]


@pytest.mark.parametrize("role", ["ApiRole", "ConsoleRole"])
@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("runs/report/1/output.json", True),
        ("results/report/1.json", True),
        ("machines/report/1.json", False),
        ("templates/jobs-report.json", False),
    ],
)
def test_what_shows_runs_reads_their_payloads_alone(policies, role, key, allowed):
    assert policies[role].allow("s3:GetObject", f"arn:aws:s3:::ArtifactsBucket/{key}") is allowed


def test_a_bare_star_only_denies(policies):
    bare = {
        (name, statement["Effect"])
        for name, statements in policies.items()
        for statement in statements
        if "*" in actions(statement)
    }
    assert bare == {("JobBoundary", "Deny"), ("JobLimits", "Deny")}


def test_no_role_is_allowed_all_of_a_service(policies):
    for name, statements in policies.items():
        if name != "JobBoundary":
            for statement in statements:
                if statement["Effect"] == "Allow":
                    assert not [a for a in actions(statement) if a.endswith("*")], name


WITHOUT_RESOURCE = {
    "batch:DescribeJobDefinitions",
    "batch:DescribeJobs",
    "batch:ListJobs",
    "cloudformation:BatchDescribeTypeConfigurations",
    "cloudformation:DescribeStacks",  # of all stacks
    "cloudformation:ListStacks",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecr:GetAuthorizationToken",
    "ecs:DeregisterTaskDefinition",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTaskDefinitions",
    "ecs:ListTasks",
    "ecs:RegisterTaskDefinition",
    "lambda:CreateEventSourceMapping",
    "logs:DescribeIndexPolicies",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "states:SendTaskFailure",
    "states:SendTaskHeartbeat",
    "states:SendTaskSuccess",
}
"""Actions for which IAM knows no resource (Service Authorization Reference)."""


def test_every_resource_is_named_where_iam_can_tell_them_apart(policies):
    for name, statements in policies.items():
        if name != "JobBoundary":
            for statement in statements:
                if statement["Effect"] == "Allow" and "*" in resources(statement):
                    assert set(actions(statement)) <= WITHOUT_RESOURCE, name


def test_roles_are_passed_to_named_services_only(policies):
    passing = [
        statement
        for name, statements in policies.items()
        for statement in statements
        if statement["Effect"] == "Allow" and "iam:PassRole" in actions(statement)
    ]
    assert len(passing) >= 6
    for statement in passing:
        assert actions(statement) == ["iam:PassRole"]
        assert statement["Condition"]["StringEquals"]["iam:PassedToService"]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("role", RECONCILERS)
def test_stacks_are_operated_with_the_service_role_only(policies, role, operation):
    action = f"cloudformation:{operation}"
    assert policies[role].allow(action, STACK, cloudformation_RoleArn=SERVICE_ROLE)
    assert not policies[role].allow(action, STACK)
    assert not policies[role].allow(action, STACK, cloudformation_RoleArn=OWN_ROLE)


@pytest.mark.parametrize(
    "stack",
    [
        "jobs/1",
        "jobs-SecurityStack-1A2B/1",
        "jobs-NetworkStack-1A2B/1",
        "jobs-ComputeStack-1A2B/1",
        "jobs-ObservabilityStack-1A2B/1",
        "somebody-elses/1",
    ],
)
@pytest.mark.parametrize("role", RECONCILERS)
def test_no_other_stack_is_operated(policies, role, stack):
    arn = f"arn:aws:cloudformation:{HERE}:stack/{stack}"
    for operation in OPERATIONS:
        action = f"cloudformation:{operation}"
        assert not policies[role].allow(action, arn, cloudformation_RoleArn=SERVICE_ROLE)


AUDIT = f"{TABLE}/AuditTable"


@pytest.mark.parametrize(
    ("policy", "key", "allowed"),
    [
        ("JobStreamRole", "version#report", True),
        ("JobStreamRole", "report", False),
        ("JobStreamRole", "says#report", False),
        ("AuditPolicy", "report", True),
        ("AuditPolicy", "#bootstrap", True),
        ("AuditPolicy", "version#report", False),
        ("AuditPolicy", "says#report", False),
    ],
)
def test_versions_and_proven_and_claimed_entries_have_writers_of_their_own(
    bootstrap, policies, policy, key, allowed
):
    found = (
        policies[policy]
        if policy.endswith("Role")
        else Statements(tuple(bootstrap.resource(policy)["PolicyDocument"]["Statement"]))
    )
    keys = {"dynamodb_LeadingKeys": [key]}
    assert found.allow("dynamodb:PutItem", AUDIT, **keys) == allowed
    assert not found.allow("dynamodb:UpdateItem", AUDIT, **keys)
    assert not found.allow("dynamodb:DeleteItem", AUDIT, **keys)
    assert not found.allow("dynamodb:BatchWriteItem", AUDIT, **keys)


def test_no_other_function_writes_the_audit(policies):
    writers = {
        role
        for role, found in policies.items()
        if found.allow("dynamodb:PutItem", AUDIT, dynamodb_LeadingKeys=["report"])
        or found.allow("dynamodb:PutItem", AUDIT, dynamodb_LeadingKeys=["version#report"])
    }
    of_callers = {"ApiRole", "ConsoleRole", "RunStreamRole"}  # that one rolls back by a canary
    assert writers - of_callers == {"JobStreamRole", "AuditPolicy"}


@pytest.mark.parametrize("role", RECONCILERS)
def test_reconcilers_write_stacks_rows_and_nothing_else_of_people(policies, role):
    may = policies[role].allow
    for table in ("JobsTable", "StacksTable"):
        assert may("dynamodb:BatchGetItem", f"{TABLE}/{table}")
    assert may("dynamodb:PutItem", f"{TABLE}/StacksTable")
    assert may("dynamodb:PutItem", f"{TABLE}/PaceTable")
    assert not may("dynamodb:PutItem", f"{TABLE}/JobsTable")
    assert not may("dynamodb:PutItem", f"{TABLE}/TriggersTable")
    assert may("s3:GetObject", "arn:aws:s3:::BundleBucket/report.zip")
    assert may("s3:ListBucket", "arn:aws:s3:::BundleBucket")
    assert not may("s3:PutObject", "arn:aws:s3:::BundleBucket/report.zip")
    assert may("s3:PutObject", "arn:aws:s3:::ArtifactsBucket/templates/jobs-report.json")
    assert not may("s3:PutObject", "arn:aws:s3:::ArtifactsBucket/runs/report/1/input.json")
    assert may("sqs:SendMessage", f"arn:aws:sqs:{HERE}:ReconcileQueue")
    assert not may("states:StartExecution", f"arn:aws:states:{HERE}:stateMachine:jobs-report")
    assert not may("iam:CreateRole", JOB_ROLE, iam_PermissionsBoundary=BOUNDARY)


def test_what_hears_of_pushes_finds_jobs_and_none_of_their_runs(policies):
    may = policies["ArtifactEventsRole"].allow
    table = f"{TABLE}/TriggersTable"
    assert may("dynamodb:Query", table, dynamodb_LeadingKeys="#artifact#s3/bundles/a.zip")
    assert not may("dynamodb:Query", table, dynamodb_LeadingKeys="report")
    assert not may("dynamodb:PutItem", table, dynamodb_LeadingKeys="#artifact#s3/bundles/a.zip")
    assert not may("s3:GetObject", "arn:aws:s3:::BundleBucket/a.zip")
    assert may("sqs:SendMessage", f"arn:aws:sqs:{HERE}:ReconcileQueue")


@pytest.mark.parametrize("role", RECONCILERS)
def test_reconciles_delete_items_of_artifacts_only(policies, role):
    may, table = policies[role].allow, f"{TABLE}/TriggersTable"
    assert may("dynamodb:DeleteItem", table, dynamodb_LeadingKeys="#artifact#s3/bundles/a.zip")
    assert not may("dynamodb:DeleteItem", table, dynamodb_LeadingKeys="report")


def test_more_bundle_buckets_can_be_named(bootstrap):
    security = bootstrap.nested["SecurityStack"]
    more = type(security)(
        security.template,
        security.values | {"ReadableBundleBucketArns": ["arn:aws:s3:::ours", "arn:aws:s3:::b"]},
    )
    statements = more.resource("FindCodePolicy")["PolicyDocument"]["Statement"]
    [policy] = more.resource("WorkflowRole")["Policies"]
    statements = [*statements, *policy["PolicyDocument"]["Statement"]]
    readable = {s["Sid"]: s["Resource"] for s in statements}
    assert readable["PinBundles"] == ["arn:aws:s3:::ours/*", "arn:aws:s3:::b/*"]
    assert readable["ReadItems"] == ["arn:aws:s3:::ours/*", "arn:aws:s3:::b/*"]
    assert readable["FindItems"] == ["arn:aws:s3:::ours", "arn:aws:s3:::b"]


@pytest.mark.parametrize("action", IAM_ROLE_WRITES)
def test_roles_of_jobs_are_written_under_the_boundary_only(policies, action):
    may = policies["CloudFormationRole"].allow
    limits = {"iam_PolicyARN": LIMITS}
    assert may(f"iam:{action}", JOB_ROLE, iam_PermissionsBoundary=BOUNDARY, **limits)
    assert not may(f"iam:{action}", JOB_ROLE, **limits)
    assert not may(f"iam:{action}", JOB_ROLE, iam_PermissionsBoundary=BOUNDARY + "2", **limits)
    assert not may(f"iam:{action}", OWN_ROLE, iam_PermissionsBoundary=BOUNDARY, **limits)


def test_no_policy_but_the_limits_is_attached_to_roles_of_jobs(policies):
    administrator = {"iam_PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}
    under = {"iam_PermissionsBoundary": BOUNDARY}
    assert not policies["CloudFormationRole"].allow(
        "iam:AttachRolePolicy", JOB_ROLE, **under, **administrator
    )


@pytest.mark.parametrize(
    "action",
    ["CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "SetDefaultPolicyVersion"],
)
def test_the_boundary_itself_is_out_of_reach(policies, action):
    statements = policies["CloudFormationRole"]
    assert not statements.allow(f"iam:{action}", BOUNDARY)
    assert action in denied(statements)
    assert "DeleteRolePermissionsBoundary" in denied(statements)


@pytest.mark.parametrize(
    ("role", "service"),
    [
        (JOB_ROLE, "lambda.amazonaws.com"),
        (JOB_ROLE, "ecs-tasks.amazonaws.com"),
        (JOB_ROLE, "ec2.amazonaws.com"),
        (OWN_ROLE, "states.amazonaws.com"),
        (OWN_ROLE.replace("Workflow", "Scheduler"), "scheduler.amazonaws.com"),
        (OWN_ROLE.replace("Workflow", "Execution"), "ecs-tasks.amazonaws.com"),
    ],
)
def test_each_role_goes_to_its_service_and_to_no_other(policies, role, service):
    may = policies["CloudFormationRole"].allow
    assert may("iam:PassRole", role, iam_PassedToService=service)
    assert not may("iam:PassRole", role, iam_PassedToService="glue.amazonaws.com")
    if role != JOB_ROLE:
        assert not may("iam:PassRole", role, iam_PassedToService="ec2.amazonaws.com")
        assert not may("iam:PassRole", role, iam_PassedToService="lambda.amazonaws.com")


@pytest.mark.parametrize(
    ("action", "arn", "allowed"),
    [
        ("lambda:CreateFunction", f"arn:aws:lambda:{HERE}:function:jobs-report", True),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{HERE}:function:jobs_job_stream", False),
        ("states:CreateStateMachine", f"arn:aws:states:{HERE}:stateMachine:jobs-report", True),
        ("states:UpdateStateMachine", f"arn:aws:states:{HERE}:stateMachine:other", False),
        ("scheduler:CreateSchedule", f"arn:aws:scheduler:{HERE}:schedule/jobs/jobs-a-0", True),
        ("scheduler:UpdateSchedule", f"arn:aws:scheduler:{HERE}:schedule/default/sweep", False),
        ("logs:CreateLogGroup", f"arn:aws:logs:{HERE}:log-group:/jobs/report", True),
        ("logs:DeleteLogGroup", f"arn:aws:logs:{HERE}:log-group:/aws/lambda/x", False),
        ("cloudwatch:PutMetricAlarm", f"arn:aws:cloudwatch:{HERE}:alarm:jobs-report", True),
        ("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{HERE}:alarm:billing", False),
        ("dynamodb:DeleteTable", f"{TABLE}/JobsTable", False),
        ("s3:GetObjectVersion", "arn:aws:s3:::BundleBucket/report.zip", True),
        ("s3:DeleteBucket", "arn:aws:s3:::BundleBucket", False),
        ("sqs:CreateQueue", f"{QUEUE}jobs-report", True),
        ("sqs:SetQueueAttributes", f"{QUEUE}jobs-report_dead", True),
        ("sqs:DeleteQueue", f"{QUEUE}orders", False),
        ("sqs:DeleteQueue", f"{QUEUE}ReconcileQueue", False),
        ("sns:Unsubscribe", f"arn:aws:sns:{HERE}:SubmissionTopic:1", True),
        ("sns:Unsubscribe", f"{TOPIC}:1", False),
    ],
)
def test_stacks_of_jobs_hold_only_what_is_theirs(policies, action, arn, allowed):
    assert policies["CloudFormationRole"].allow(action, arn) is allowed


@pytest.mark.parametrize(
    ("topic", "protocol", "endpoint", "allowed"),
    [
        ("SubmissionTopic", "sqs", f"{QUEUE}jobs-report", True),
        ("SubmissionTopic", "sqs", f"{QUEUE}orders", False),
        ("SubmissionTopic", "https", "https://example.com", False),
        ("NotificationTopic", "sqs", f"{QUEUE}jobs-report", False),
    ],
    ids=["its queue", "another's queue", "no queue", "another topic"],
)
def test_queues_of_jobs_subscribe_to_submissions_only(policies, topic, protocol, endpoint, allowed):
    may = policies["CloudFormationRole"].allow
    context = {"sns_Protocol": protocol, "sns_Endpoint": endpoint}
    assert may("sns:Subscribe", f"arn:aws:sns:{HERE}:{topic}", **context) is allowed


@pytest.mark.parametrize("action", ["Create", "Update", "Delete", "Get"])
def test_queues_of_jobs_are_mapped_to_one_function_only(policies, action):
    may = policies["CloudFormationRole"].allow
    mapping = f"arn:aws:lambda:{HERE}:event-source-mapping:1"
    function = f"arn:aws:lambda:{HERE}:function:jobs_"
    action = f"lambda:{action}EventSourceMapping"
    assert may(action, mapping, lambda_FunctionArn=f"{function}job_queue")
    assert not may(action, mapping, lambda_FunctionArn=f"{function}sweep")
    assert not may(action, mapping)


def test_security_groups_are_changed_in_our_network_only(bootstrap, policies):
    may = policies["CloudFormationRole"].allow
    group = f"arn:aws:ec2:{HERE}:security-group/sg-1"
    vpc = f"arn:aws:ec2:{HERE}:vpc/" + bootstrap.nested["SecurityStack"].values["VpcId"]
    assert may("ec2:DeleteSecurityGroup", group, ec2_Vpc=vpc)
    assert not may("ec2:DeleteSecurityGroup", group, ec2_Vpc=vpc + "2")
    assert may("ec2:CreateSecurityGroup", vpc)
    assert not may("ec2:CreateSecurityGroup", vpc + "2")


# Values as long as they get in an account: names that CloudFormation makes end in 13 characters.
_LONG = {
    "Prefix": "p" * 20,
    "BundleBucketArns": ",".join([f"arn:aws:s3:::{index:02}{'b' * 25}" for index in range(30)]),
    "JobResourceArns": "arn:aws:sqs:*:*:" + "q" * 284,
    "JobActions": ",".join(["textract:AnalyzeID*"] * 72),
    "SlackSecretArn": f"arn:aws:secretsmanager:{HERE}:secret:{'s' * 64}",
    "SecretsPrefix": "s" * 32,
    "AllowedSubmissions": "*",
}


_STACK = "stack-as-long-as-so-"
_PLACES = [("aws", "ap-southeast-1"), ("aws-cn", "cn-northwest-1"), ("aws-us-gov", "us-gov-west-1")]


@pytest.fixture(scope="module", params=_PLACES, ids=lambda place: place[1])
def sizes(source, request):
    """What IAM counts of each policy of its own, and of all policies in a role."""
    for name in ("BundleBucketArns", "JobResourceArns", "JobActions"):
        assert len(_LONG[name]) <= source["Parameters"][name]["MaxLength"]
        assert len(_LONG[name]) + 28 > source["Parameters"][name]["MaxLength"]
    partition, region = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PSEUDO, "AWS::Partition", partition)
        patch.setitem(PSEUDO, "AWS::Region", region)
        patch.setitem(PSEUDO, "AWS::StackName", _STACK)
        longest = bootstrap_of(source, **_LONG)
        return {
            name: _characters(_policies(stack.resource(name)))
            for stack in (longest, *longest.nested.values())
            for name, resource in stack.template["Resources"].items()
            if resource["Type"] in {"AWS::IAM::ManagedPolicy", "AWS::IAM::Role"}
        }


def _policies(resource):
    if "PolicyDocument" in resource:
        return resource["PolicyDocument"]
    return [policy["PolicyDocument"] for policy in resource["Policies"]]


def _characters(document) -> int:
    """As IAM counts them, without white space; physical names are longer than logical ones."""
    text = "".join(json.dumps(document).split())
    named_by_cloudformation = (
        r"JobsTable|StacksTable|PaceTable|TriggersTable|AuditTable|[A-Za-z]+Queue\b"
    )
    named_by_cloudformation += r"|[A-Za-z]+Topic|[A-Za-z]+Bucket|:cluster/|WorkflowRole|JobLimits"
    names = len(re.findall(named_by_cloudformation, text))
    there = len(PSEUDO["AWS::Partition"] + PSEUDO["AWS::Region"]) - len("aws" + "eu-west-1")
    return len(text) + names * (len(_STACK) + 1 + 13 + there)


MANAGED = (
    *("JobBoundary", "JobLimits"),
    "AuditPolicy",
    "FindCodePolicy",
    *("ReconcilePolicy", "StartRunsPolicy", "CompleteRunsPolicy", "PublishPolicy"),
    *("BatchJobsPolicy", "RunBatchJobsPolicy", "RepositoriesPolicy"),
    *("MachinePolicy", "MachineStacksPolicy", "RunMachinesPolicy", "StopMachinesPolicy"),
)


@pytest.mark.parametrize("name", MANAGED)
def test_managed_policies_fit_into_iam(sizes, name):
    assert sizes[name] <= 6_144  # IAM quotas


def test_inline_policies_fit_into_iam(sizes):
    of_roles = {name: size for name, size in sizes.items() if name not in MANAGED}
    # IAM quotas, of all inline policies of a role.
    assert {name: size for name, size in of_roles.items() if size > 10_240} == {}
    assert max(of_roles.values()) > 5_000  # the service role's is large: it is still looked at


@pytest.mark.parametrize(
    ("action", "arn", "context", "allowed"),
    [
        ("lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:jobs-report", {}, True),
        ("lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:jobs_sweep", {}, False),
        (
            "ecs:RunTask",
            TASK,
            {"ecs_cluster": CLUSTER},
            True,
        ),
        (
            "ecs:RunTask",
            TASK,
            {"ecs_cluster": "x"},
            False,
        ),
        ("ecs:RunTask", FOREIGN_TASK, {"ecs_cluster": CLUSTER}, False),
        ("ecs:StopTask", f"arn:aws:ecs:{HERE}:task/Cluster/1", {}, True),
        ("ecs:StopTask", f"arn:aws:ecs:{HERE}:task/other/1", {}, False),
        ("batch:SubmitJob", f"{BATCH}job-queue/jobs_high", {}, True),
        ("batch:SubmitJob", f"{BATCH}job-queue/payments", {}, False),
        ("batch:SubmitJob", f"{BATCH}job-definition/jobs-a:3", {}, True),
        ("batch:SubmitJob", f"{BATCH}job-definition/b:1", {}, False),
        ("batch:TerminateJob", f"{BATCH}job/1", {"aws_ResourceTag/provisioner": "jobs"}, True),
        ("batch:TerminateJob", f"{BATCH}job/1", {"aws_ResourceTag/provisioner": "other"}, False),
        ("batch:TerminateJob", f"{BATCH}job/1", {}, False),
        ("iam:PassRole", JOB_ROLE, {"iam_PassedToService": "ecs-tasks.amazonaws.com"}, True),
        ("iam:PassRole", JOB_ROLE, {"iam_PassedToService": "lambda.amazonaws.com"}, False),
        ("dynamodb:PutItem", f"{TABLE}/TriggersTable", {}, True),
        ("dynamodb:PutItem", f"{TABLE}/JobsTable", {}, False),
        ("s3:PutObject", "arn:aws:s3:::ArtifactsBucket/runs/report/1/output.json", {}, True),
        ("s3:PutObject", "arn:aws:s3:::ArtifactsBucket/templates/jobs-report.json", {}, False),
        ("states:StartExecution", MACHINE, {}, True),
        ("states:StartExecution", FOREIGN_MACHINE, {}, False),
        ("states:StopExecution", f"arn:aws:states:{HERE}:execution:jobs-a/Map:1", {}, True),
        ("states:StopExecution", f"arn:aws:states:{HERE}:execution:b:1", {}, False),
        ("s3:GetObject", "arn:aws:s3:::BundleBucket/items.json", {}, True),
        ("s3:GetObject", "arn:aws:s3:::ArtifactsBucket/runs/report/1/output.json", {}, False),
        ("s3:GetObject", "arn:aws:s3:::payroll/items.json", {}, False),
        ("s3:ListBucket", "arn:aws:s3:::BundleBucket", {}, True),
        ("s3:ListBucket", "arn:aws:s3:::ArtifactsBucket", {}, True),  # as GetObject asks it
    ],
)
def test_workflows(policies, action, arn, context, allowed):
    assert policies["WorkflowRole"].allow(action, arn, **context) is allowed


@pytest.mark.parametrize(
    ("role", "action", "arn", "allowed"),
    [
        (
            "SchedulerRole",
            "states:StartExecution",
            MACHINE,
            True,
        ),
        ("SchedulerRole", "states:StartExecution", FOREIGN_MACHINE, False),
        ("SchedulerRole", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:MissedTicksQueue", True),
        ("SchedulerRole", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:ReconcileQueue", False),
        ("SweepRole", "dynamodb:Query", f"{TABLE}/StacksTable/index/by_status", True),
        ("SweepRole", "dynamodb:Query", f"{TABLE}/TriggersTable/index/by_status", True),
        ("SweepRole", "dynamodb:Scan", f"{TABLE}/JobsTable", True),
        ("SweepRole", "dynamodb:Scan", f"{TABLE}/TriggersTable", True),
        ("RunStreamRole", "dynamodb:Scan", f"{TABLE}/TriggersTable", False),
        ("SweepRole", "dynamodb:PutItem", f"{TABLE}/TriggersTable", True),
        ("SweepRole", "dynamodb:PutItem", f"{TABLE}/StacksTable", False),
        ("SweepRole", "dynamodb:UpdateItem", f"{TABLE}/StacksTable", True),
        *(
            (role, "s3:ListBucket", "arn:aws:s3:::ArtifactsBucket", True)
            for role in ("SweepRole", "RunStreamRole")
        ),
        ("SweepRole", "cloudformation:DescribeStacks", "*", True),
        ("SweepRole", "cloudformation:DeleteStack", STACK, False),
        ("SweepRole", "ecs:DeregisterTaskDefinition", "*", True),
        ("SweepRole", "ecs:RegisterTaskDefinition", "*", False),
        ("SweepRole", "ecs:PutClusterCapacityProviders", CLUSTER, True),
        ("SweepRole", "ecs:PutClusterCapacityProviders", f"{CLUSTER}2", False),
        ("SweepRole", "ecs:DeleteCluster", CLUSTER, False),
        ("ReconcileQueueRole", "cloudformation:DetectStackDrift", STACK, True),
        (
            "ReconcileQueueRole",
            "lambda:GetFunction",
            f"arn:aws:lambda:{HERE}:function:other",
            False,
        ),
        ("JobStreamRole", "cloudformation:DetectStackDrift", STACK, False),
        ("SweepRole", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:ReconcileQueue", True),
        *(
            (role, f"sqs:{action}", f"arn:aws:sqs:{HERE}:DeadLetterQueue", action == "SendMessage")
            for role in (*RECONCILERS, "SweepRole", "RunEventsRole", "NotifyRole")
            for action in ("SendMessage", "ReceiveMessage", "DeleteMessage")
        ),
        ("NotifyRole", "dynamodb:GetRecords", f"{TABLE}/TriggersTable/stream/now", True),
        ("NotifyRole", "dynamodb:GetRecords", f"{TABLE}/StacksTable/stream/now", True),
        ("NotifyRole", "dynamodb:GetRecords", f"{TABLE}/JobsTable/stream/now", False),
        ("NotifyRole", "dynamodb:BatchGetItem", f"{TABLE}/JobsTable", True),
        ("NotifyRole", "dynamodb:Query", f"{TABLE}/TriggersTable", True),
        ("NotifyRole", "dynamodb:UpdateItem", f"{TABLE}/TriggersTable", False),
        ("SweepRole", "dynamodb:BatchGetItem", f"{TABLE}/JobsTable", True),
        ("SlackRole", "secretsmanager:GetSecretValue", SLACK_SECRET, True),
        ("SlackRole", "secretsmanager:GetSecretValue", SLACK_SECRET + "-other", False),
        ("SlackRole", "sqs:ChangeMessageVisibility", f"arn:aws:sqs:{HERE}:SlackQueue", True),
        ("SlackRole", "sqs:ReceiveMessage", f"arn:aws:sqs:{HERE}:DeadLetterQueue", False),
        ("SlackRole", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:SlackDeadLetterQueue", True),
        ("SlackRole", "sqs:SendMessage", f"arn:aws:sqs:{HERE}:SlackQueue", False),
        ("SlackRole", "sns:Publish", TOPIC, False),
        ("RunEventsRole", "dynamodb:UpdateItem", f"{TABLE}/TriggersTable", True),
        ("RunEventsRole", "dynamodb:UpdateItem", f"{TABLE}/StacksTable", False),
        ("RunEventsRole", "ecs:StopTask", f"arn:aws:ecs:{HERE}:task/Cluster/1", True),
        ("RunEventsRole", "ecs:StopTask", f"arn:aws:ecs:{HERE}:task/other/1", False),
        ("RunEventsRole", "states:StartExecution", MACHINE, False),
        ("RunStreamRole", "states:StartExecution", MACHINE, True),
        ("RunStreamRole", "states:StartExecution", FOREIGN_MACHINE, False),
        ("RunStreamRole", "s3:GetObject", "arn:aws:s3:::ArtifactsBucket/runs/a/b", True),
        ("RunStreamRole", "s3:GetObject", "arn:aws:s3:::ArtifactsBucket/templates/a", False),
        ("RunStreamRole", "dynamodb:PutItem", f"{TABLE}/JobsTable", True),
        ("RunStreamRole", "dynamodb:DeleteItem", f"{TABLE}/JobsTable", False),
        ("RunStreamRole", "dynamodb:BatchGetItem", f"{TABLE}/StacksTable", True),
        ("RunStreamRole", "dynamodb:PutItem", f"{TABLE}/StacksTable", False),
        ("RunStreamRole", "sqs:SendMessage", f"{QUEUE}ReconcileQueue", True),
        ("RunStreamRole", "sqs:ReceiveMessage", f"{QUEUE}ReconcileQueue", False),
        ("RunEventsRole", "sqs:SendMessage", f"{QUEUE}ReconcileQueue", False),
        *(
            (role, f"sqs:{action}", f"{QUEUE}jobs-report_waiting", True)
            for role in ("JobQueueRole", "RunStreamRole", "SweepRole")
            for action in ("GetQueueUrl", "SendMessage", "ReceiveMessage", "DeleteMessage")
        ),
        ("JobQueueRole", "sqs:ChangeMessageVisibility", f"{QUEUE}jobs-report", True),
        ("JobQueueRole", "sqs:ReceiveMessage", f"{QUEUE}orders", False),
        ("JobQueueRole", "dynamodb:UpdateItem", f"{TABLE}/TriggersTable", True),
        ("JobQueueRole", "dynamodb:BatchGetItem", f"{TABLE}/StacksTable", True),
        ("JobQueueRole", "dynamodb:PutItem", f"{TABLE}/StacksTable", False),
        ("JobQueueRole", "states:StartExecution", MACHINE, True),
        ("JobQueueRole", "states:StartExecution", FOREIGN_MACHINE, False),
        ("UnroutedRole", "sqs:ReceiveMessage", f"{QUEUE}UnroutedQueue", True),
        ("UnroutedRole", "sqs:SendMessage", f"{QUEUE}DeadLetterQueue", True),
        ("UnroutedRole", "sqs:SendMessage", f"{QUEUE}jobs-a", True),
        ("UnroutedRole", "sqs:SendMessage", f"{QUEUE}orders", False),
        ("UnroutedRole", "dynamodb:BatchGetItem", f"{TABLE}/StacksTable", True),
        ("UnroutedRole", "dynamodb:PutItem", f"{TABLE}/StacksTable", False),
        ("MissedSchedulesRole", "sqs:ReceiveMessage", f"{QUEUE}MissedTicksQueue", True),
        ("MissedSchedulesRole", "dynamodb:PutItem", f"{TABLE}/TriggersTable", True),
        ("MissedSchedulesRole", "dynamodb:UpdateItem", f"{TABLE}/StacksTable", True),
        ("MissedSchedulesRole", "dynamodb:PutItem", f"{TABLE}/StacksTable", False),
        ("MissedSchedulesRole", "dynamodb:UpdateItem", f"{TABLE}/JobsTable", False),
        (
            "JobQueueRole",
            "states:StopExecution",
            f"arn:aws:states:{HERE}:execution:jobs-a:1",
            False,
        ),
    ],
)
def test_the_other_roles(policies, role, action, arn, allowed):
    assert policies[role].allow(action, arn) is allowed


def test_the_execution_role_reads_secrets_of_jobs_only(policies):
    may = policies["ExecutionRole"].allow
    secrets = f"arn:aws:secretsmanager:{HERE}:secret:"
    assert may("secretsmanager:GetSecretValue", secrets + "jobs/database-a1b2c3")
    assert not may("secretsmanager:GetSecretValue", secrets + "payroll-a1b2c3")
    assert may("ssm:GetParameters", f"arn:aws:ssm:{HERE}:parameter/jobs/database")
    assert not may("ssm:GetParameters", f"arn:aws:ssm:{HERE}:parameter/payroll")


def test_the_execution_role_never_reads_the_slack_secret(source):
    secret = f"arn:aws:secretsmanager:{HERE}:secret:jobs/slack-a1b2c3"
    may = policies_of(bootstrap_of(source, SlackSecretArn=secret))["ExecutionRole"].allow
    assert not may("secretsmanager:GetSecretValue", secret)
    assert may("secretsmanager:GetSecretValue", secret.replace("slack", "slack-channel"))


SERVICES_THAT_TELL_THEIR_SOURCE = {
    "ExecutionRole",
    "WorkflowRole",
    "SchedulerRole",
    "SweepScheduleRole",
}


def test_no_other_account_can_have_our_roles_used(bootstrap):
    trusts = {
        name: stack.resource(name)["AssumeRolePolicyDocument"]["Statement"]
        for stack in (bootstrap, *bootstrap.nested.values())
        for name, resource in stack.template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    assert len(trusts) == 19
    for name, [statement] in trusts.items():
        assert list(statement["Principal"]) == ["Service"]
        conditions = statement.get("Condition", {})
        is_held = conditions.get("StringEquals", {}).get("aws:SourceAccount") == "123456789012"
        assert is_held is (name in SERVICES_THAT_TELL_THEIR_SOURCE)


@pytest.mark.parametrize(
    "policy",
    ["BundleBucketPolicy", "ArtifactsBucketPolicy", "ReconcileQueuePolicy", "DeadLetterQueuePolicy",
     "NotificationTopicPolicy", "SubmissionTopicPolicy", "MissedTicksQueuePolicy",
     "UnroutedQueuePolicy", "SlackQueuePolicy", "SlackDeadLetterQueuePolicy"],
)  # fmt: skip
def test_only_encrypted_traffic_is_answered(bootstrap, policy):
    first = bootstrap.resource(policy)["PolicyDocument"]["Statement"][0]
    assert (first["Effect"], first["Principal"]) == ("Deny", "*")
    assert first["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("role", ["NotifyRole", "SweepRole"])
def test_notifications_are_published_encrypted(policies, role):
    may = policies[role].allow
    assert may("sns:Publish", TOPIC)
    assert not may("sns:Publish", f"arn:aws:sns:{HERE}:other")
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert may(action, KEY, kms_ViaService="sns.eu-west-1.amazonaws.com")
        assert not may(action, KEY, kms_ViaService="s3.eu-west-1.amazonaws.com")
        assert not may(action, KEY)


def test_the_topic_and_nobody_else_writes_to_the_slack_queue(bootstrap):
    statements = bootstrap.resource("SlackQueuePolicy")["PolicyDocument"]["Statement"]
    allowed = Statements(tuple(s for s in statements if s["Effect"] == "Allow"))
    queue = f"arn:aws:sqs:{HERE}:SlackQueue"
    assert allowed.allow("sqs:SendMessage", queue, aws_SourceArn=TOPIC)
    assert not allowed.allow("sqs:SendMessage", queue, aws_SourceArn=f"{TOPIC}2")
    assert not allowed.allow("sqs:SendMessage", queue)


def test_a_secrets_own_key_may_be_used_to_read_it(source, bootstrap):
    key = f"arn:aws:kms:{HERE}:key/theirs"
    keyed = bootstrap_of(source, SecretsKeyArn=key)
    for stack, allowed in ((keyed, True), (bootstrap, False)):
        [policy] = stack.resource("SlackRole")["Policies"]
        may = Statements(tuple(policy["PolicyDocument"]["Statement"])).allow
        service = "secretsmanager.eu-west-1.amazonaws.com"
        assert may("kms:Decrypt", key, kms_ViaService=service) is allowed


def test_alarms_of_the_provisioner_and_of_jobs_may_publish(bootstrap):
    key = bootstrap.resource("NotificationKey")["KeyPolicy"]["Statement"]
    topic = bootstrap.resource("NotificationTopicPolicy")["PolicyDocument"]["Statement"]
    for alarm in ("jobs-Provisioner-DeadLetters", "jobs-report"):
        source = {"aws_SourceArn": f"arn:aws:cloudwatch:{HERE}:alarm:{alarm}"}
        assert Statements(tuple(topic[1:])).allow("sns:Publish", TOPIC, **source)
    foreign = {"aws_SourceArn": f"arn:aws:cloudwatch:{HERE}:alarm:billing"}
    assert not Statements(tuple(topic[1:])).allow("sns:Publish", TOPIC, **foreign)
    cloudwatch = [s for s in key if s["Principal"] == {"Service": "cloudwatch.amazonaws.com"}]
    assert Statements(tuple(cloudwatch)).allow(
        "kms:GenerateDataKey", "*", aws_SourceAccount="123456789012"
    )


def actions(statement) -> list[str]:
    named = statement.get("Action", [])
    return [named] if isinstance(named, str) else named


def resources(statement) -> list[str]:
    named = statement["Resource"]
    return [named] if isinstance(named, str) else named


def denied(statements) -> set[str]:
    return {
        action.partition(":")[2]
        for statement in statements
        if statement["Effect"] == "Deny"
        for action in actions(statement)
    }


def test_the_documentation_knows_every_function(bootstrap, root):
    """A function that is new has to say there what it may do."""
    table = (root / "docs/operating/security.md").read_text("utf-8")
    functions = {
        stack.resource(name)["FunctionName"].removeprefix("jobs_").removeprefix("provisioner_")
        for stack in (bootstrap, *bootstrap.nested.values())
        for name, resource in stack.template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert len(functions) >= 10
    assert {
        name for name in functions if f"`{name}`" not in table.split("## What a job")[0]
    } == set()


def test_what_the_documentation_warns_of_is_not_in_the_default(source, root):
    text = (
        (root / "docs/operating/security.md").read_text("utf-8").split("What not to add to it")[1]
    )
    warned = set(re.findall(r"`([a-z0-9]+:\S*?)`", text.split("Each of them")[0]))
    assert len(warned) >= 10
    assert not warned & set(source["Parameters"]["JobActions"]["Default"].split(","))
