"""Calls that the code of a job may try: with what its row grants it, and what stops each one.

Data, so that other suites can try the same. Names are those of a bootstrap with the prefix ``jobs``
in `HERE`, whose resources are called as in the templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

REGION = "eu-west-1"
ACCOUNT = "123456789012"
HERE = f"{REGION}:{ACCOUNT}"
AT_HOME = {
    "aws:RequestedRegion": REGION,
    "aws:ResourceAccount": ACCOUNT,
    "aws:PrincipalTag/provisioner": "jobs",
    "aws:PrincipalTag/job": "report",
}
OPEN = {"aws:ResourceTag/open-to-jobs": "jobs"}
OF_A_RUN = {"aws:ResourceTag/provisioner": "jobs"}
FUNCTION = {"lambda:SourceFunctionArn": f"arn:aws:lambda:{HERE}:function:jobs-report"}


class StoppedBy(StrEnum):
    """What refuses a call although the row's `permissions` grant everything."""

    BOUNDARY = "a Deny of the boundary, whatever JobActions says"
    ACTIONS = "JobActions as they are by default"
    LIMITS = "the policy that is attached to every job's role"
    ROLE = "the job's own role, as its template makes it"
    BUCKET = "the policy of the artifacts bucket"


@dataclass(frozen=True)
class Call:
    """What a job's code calls, on what, and with which condition keys."""

    action: str
    resource: str
    stopped_by: StoppedBy
    context: Mapping[str, str | list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([self.action, self.resource, *map(str, self.context.values())])


def arn(service: str, resource: str) -> str:
    """Return the ARN of a resource of this account and Region."""
    return f"arn:aws:{service}:{HERE}:{resource}"


_ELSEWHERE = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/a"


def _table(name: str) -> str:
    return arn("dynamodb", f"table/{name}")


def _role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


_BOUNDARY = StoppedBy.BOUNDARY
_BEYOND_THE_BOUNDARY = [  # identities, and sessions without a boundary
    Call("iam:CreateRole", _role("mine"), _BOUNDARY),
    Call("iam:PassRole", _role("jobs/jobs-report"), _BOUNDARY),
    Call("iam:DeleteRolePermissionsBoundary", _role("jobs/jobs-report"), _BOUNDARY),
    Call("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/any", _BOUNDARY),
    Call("iam:CreateServiceLinkedRole", "*", _BOUNDARY),
    Call("organizations:LeaveOrganization", "*", _BOUNDARY),
    Call("account:CloseAccount", "*", _BOUNDARY),
    Call("sts:AssumeRoot", f"arn:aws:iam::{ACCOUNT}:root", _BOUNDARY),
    Call("sts:AssumeRole", _role(f"cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}"), _BOUNDARY),
    Call("sts:TagSession", _role(f"cdk-hnb659fds-deploy-role-{ACCOUNT}-{REGION}"), _BOUNDARY),
    Call("sts:AssumeRole", _role("Admin"), _BOUNDARY, {"aws:ResourceTag/open-to-jobs": "other"}),
    Call("sts:AssumeRole", _role("jobs/jobs-neighbour"), _BOUNDARY, OPEN),
    Call("sts:AssumeRole", _role("jobs_provisioner/WorkflowRole"), _BOUNDARY, OPEN),
    Call("sts:AssumeRole", _role("jobs_provisioner/CloudFormationRole"), _BOUNDARY, OPEN),
    Call(
        "sts:AssumeRole",
        "arn:aws:iam::210987654321:role/theirs",
        _BOUNDARY,
        OPEN | {"aws:ResourceAccount": "210987654321"},
    ),
    Call("sts:GetFederationToken", "*", StoppedBy.ACTIONS),
    Call("glue:UpdateDevEndpoint", "*", StoppedBy.ACTIONS),
    Call("glue:StartJobRun", arn("glue", "job/nightly"), StoppedBy.ACTIONS),
    Call("glue:RunStatement", arn("glue", "session/1"), StoppedBy.ACTIONS),
    Call("glue:GetConnections", arn("glue", "connection/db"), StoppedBy.ACTIONS),
    Call("athena:StartSession", arn("athena", "workgroup/spark"), StoppedBy.ACTIONS),
    Call("ec2:DescribeInstanceAttribute", "*", StoppedBy.ACTIONS),
    Call("bedrock:InvokeAgent", arn("bedrock", "agent-alias/a/b"), StoppedBy.ACTIONS),
    Call("kinesis:PutResourcePolicy", arn("kinesis", "stream/a"), StoppedBy.ACTIONS),
]

_WHAT_IS_NOT_OPEN = [
    Call(
        "secretsmanager:GetSecretValue",
        arn("secretsmanager", "secret:payroll-a1b2c3"),
        _BOUNDARY,
    ),
    Call("ssm:GetParametersByPath", arn("ssm", "parameter/payroll"), _BOUNDARY),
    Call("ssm:GetParameter", arn("ssm", "parameter/jobsters/token"), _BOUNDARY),
    Call("lambda:InvokeFunction", arn("lambda", "function:payments"), _BOUNDARY),
    Call("lambda:InvokeFunctionUrl", arn("lambda", "function:payments"), _BOUNDARY),
    Call("states:StartExecution", arn("states", "stateMachine:payments"), _BOUNDARY),
    Call("sqs:ReceiveMessage", arn("sqs", "orders"), _BOUNDARY),
    Call("sqs:SendMessage", arn("sqs", "orders"), _BOUNDARY),
    Call("sns:Publish", arn("sns", "orders"), _BOUNDARY),
    Call("sns:Publish", "*", _BOUNDARY),  # a text message to a telephone
    Call(
        "sqs:TagQueue",
        arn("sqs", "orders"),
        _BOUNDARY,
        OPEN | {"aws:TagKeys": ["open-to-jobs"]},
    ),
    Call(
        "secretsmanager:TagResource",
        arn("secretsmanager", "secret:payroll-a1b2c3"),
        _BOUNDARY,
        {"aws:TagKeys": ["team", "Open-To-Jobs"]},
    ),
]

_THE_PROVISIONER = [
    Call("dynamodb:PutItem", _table("JobsTable"), _BOUNDARY),
    Call("dynamodb:Query", _table("StacksTable/index/by_status"), _BOUNDARY),
    Call("dynamodb:UpdateItem", _table("TriggersTable"), _BOUNDARY),
    Call("dynamodb:PutItem", _table("PaceTable"), _BOUNDARY),
    Call("dynamodb:PutItem", _table("TriggersTable-sessions"), _BOUNDARY),
    Call("dynamodb:GetRecords", _table("JobsTable/stream/now"), _BOUNDARY),
    Call("dynamodb:PartiQLUpdate", _table("TriggersTable"), _BOUNDARY),
    Call("sqs:SendMessage", arn("sqs", "ReconcileQueue"), _BOUNDARY, OPEN),
    Call("sqs:ReceiveMessage", arn("sqs", "DeadLetterQueue"), _BOUNDARY, OPEN),
    Call("sqs:SendMessage", arn("sqs", "MissedTicksQueue"), _BOUNDARY, OPEN),
    Call("sqs:ReceiveMessage", arn("sqs", "UnroutedQueue"), _BOUNDARY, OPEN),
    Call("sqs:SendMessage", arn("sqs", "jobs_slack"), _BOUNDARY, OPEN),
    Call("sns:Publish", arn("sns", "NotificationTopic"), _BOUNDARY, OPEN),
    Call("sns:Unsubscribe", arn("sns", "NotificationTopic:1"), _BOUNDARY, OPEN),
    Call("sns:Publish", arn("sns", "SubmissionTopic"), _BOUNDARY, OPEN),
    Call(
        "secretsmanager:GetSecretValue",
        arn("secretsmanager", "secret:slack-a1b2c3"),
        _BOUNDARY,
        OPEN,
    ),
    Call("lambda:InvokeFunction", arn("lambda", "function:jobs_provisioner_sweep"), _BOUNDARY),
    Call(
        "lambda:InvokeFunction",
        arn("lambda", "function:jobs_provisioner_job_stream"),
        _BOUNDARY,
        OPEN,
    ),
    Call("logs:GetLogEvents", arn("logs", "log-group:/aws/lambda/jobs_sweep:*"), _BOUNDARY),
    Call("cloudformation:UpdateStack", arn("cloudformation", "stack/jobs/1"), _BOUNDARY),
    Call("s3:PutObject", "arn:aws:s3:::ArtifactsBucket/templates/jobs-neighbour.json", _BOUNDARY),
    Call("s3:GetObject", "arn:aws:s3:::ArtifactsBucket/runs/neighbour/1/input.json", _BOUNDARY),
    Call("s3:GetObject", "arn:aws:s3:::ArtifactsBucket/aws/lambda/1", _BOUNDARY),
    Call("s3:ListBucket", "arn:aws:s3:::ArtifactsBucket", _BOUNDARY),
    Call("s3:PutBucketPolicy", "arn:aws:s3:::ArtifactsBucket", _BOUNDARY),
    Call("s3:PutObject", "arn:aws:s3:::ArtifactsBucket/machines/victim/1.json", StoppedBy.LIMITS),
    Call("ecr:PutImage", arn("ecr", "repository/jobs/neighbour"), StoppedBy.LIMITS),
    Call("ecr:BatchDeleteImage", arn("ecr", "repository/jobs/neighbour"), StoppedBy.LIMITS),
    Call("ecr:SetRepositoryPolicy", arn("ecr", "repository/jobs/report"), StoppedBy.LIMITS),
    Call("codebuild:StartBuild", arn("codebuild", "project/jobs_build_arm64"), StoppedBy.LIMITS),
    Call("codebuild:StopBuild", arn("codebuild", "project/jobs_build_arm64"), StoppedBy.LIMITS),
    Call("codebuild:UpdateProject", arn("codebuild", "project/jobs_build_arm64"), StoppedBy.LIMITS),
    Call("sns:SetTopicAttributes", arn("sns", "SubmissionTopic"), StoppedBy.LIMITS),
    Call("dynamodb:PutItem", _table("AuditTable"), StoppedBy.LIMITS),
    Call("dynamodb:DeleteItem", _table("AuditTable"), StoppedBy.LIMITS),
    Call("dynamodb:Query", _table("AuditTable/index/entries_by_time"), StoppedBy.LIMITS),
    Call("kms:ScheduleKeyDeletion", arn("kms", "key/NotificationKey"), StoppedBy.LIMITS),
    Call("kms:Decrypt", arn("kms", "key/NotificationKey"), StoppedBy.LIMITS),
    Call("batch:UpdateJobQueue", arn("batch", "job-queue/jobs_high"), StoppedBy.LIMITS),
    Call("batch:SubmitJob", arn("batch", "job-queue/jobs_high"), StoppedBy.LIMITS),
    Call("batch:SubmitJob", arn("batch", "job-definition/jobs-neighbour:1"), StoppedBy.LIMITS),
    Call("batch:RegisterJobDefinition", arn("batch", "job-definition/jobs-x"), StoppedBy.LIMITS),
    Call("batch:TerminateJob", arn("batch", "job/1"), StoppedBy.LIMITS, OF_A_RUN),
    Call("batch:UntagResource", arn("batch", "job/1"), StoppedBy.LIMITS, OF_A_RUN),
    Call("ecs:ExecuteCommand", arn("ecs", "task/AWSBatch-1/1"), StoppedBy.LIMITS),
    Call("ecs:StopTask", arn("ecs", "task/AWSBatch-1/1"), StoppedBy.LIMITS),
    Call("events:DisableRule", arn("events", "rule/jobs-Stack-1"), StoppedBy.LIMITS),
    Call(
        "events:RemoveTargets",
        arn("events", "rule/StepFunctionsGetEventsForECSTaskRule"),
        StoppedBy.LIMITS,
    ),
    Call(
        "scheduler:DeleteScheduleGroup", arn("scheduler", "schedule-group/jobs"), StoppedBy.LIMITS
    ),
    Call(
        "scheduler:UpdateSchedule",
        arn("scheduler", "schedule/default/jobs-Sweep-1"),
        StoppedBy.LIMITS,
    ),
    Call(
        "cloudwatch:DeleteAlarms",
        arn("cloudwatch", "alarm:jobs-Provisioner-DeadLetters"),
        StoppedBy.LIMITS,
    ),
    Call(
        "cloudformation:DeleteStack",
        arn("cloudformation", "stack/jobs-SecurityStack-1/1"),
        StoppedBy.LIMITS,
    ),
    Call(
        "cloudwatch:PutMetricData", "*", StoppedBy.LIMITS, {"cloudwatch:namespace": "Provisioner"}
    ),
]

_NEIGHBOURS = [
    Call("states:StartExecution", arn("states", "stateMachine:jobs-neighbour"), _BOUNDARY, OPEN),
    Call("states:StopExecution", arn("states", "execution:jobs-neighbour:1"), _BOUNDARY),
    Call("states:DescribeExecution", arn("states", "execution:jobs-neighbour:1"), _BOUNDARY),
    Call("states:DescribeMapRun", arn("states", "mapRun:jobs-neighbour/Map:1"), _BOUNDARY),
    Call("lambda:InvokeFunction", arn("lambda", "function:jobs-neighbour"), _BOUNDARY, OPEN),
    Call("lambda:UpdateFunctionCode", arn("lambda", "function:jobs-neighbour"), _BOUNDARY),
    Call("lambda:DeleteEventSourceMapping", arn("lambda", "event-source-mapping:1"), _BOUNDARY),
    Call("cloudformation:DeleteStack", arn("cloudformation", "stack/jobs-neighbour/1"), _BOUNDARY),
    Call("sqs:SendMessage", arn("sqs", "jobs-neighbour"), _BOUNDARY, OPEN),
    Call("sqs:ReceiveMessage", arn("sqs", "jobs-neighbour_dead"), _BOUNDARY, OPEN),
    Call("scheduler:DeleteSchedule", arn("scheduler", "schedule/jobs/jobs-neighbour-0"), _BOUNDARY),
    Call("ecs:DeleteCluster", arn("ecs", "cluster/Cluster"), _BOUNDARY),
    Call("ecs:DescribeTasks", arn("ecs", "task/Cluster/1"), _BOUNDARY),
    Call("ecs:ExecuteCommand", arn("ecs", "task/Cluster/1"), _BOUNDARY),
    Call("ecs:ListTasks", arn("ecs", "container-instance/Cluster/1"), _BOUNDARY),
    Call("ecs:DescribeTaskDefinition", "*", _BOUNDARY),  # the values of its environment
    Call("ecs:DeregisterTaskDefinition", "*", _BOUNDARY),
    Call("logs:DeleteLogGroup", arn("logs", "log-group:/jobs/neighbour:*"), _BOUNDARY),
    Call("logs:PutRetentionPolicy", arn("logs", "log-group:/jobs/neighbour:*"), _BOUNDARY),
    Call("logs:DeleteLogStream", arn("logs", "log-group:/jobs/report:log-stream:1"), _BOUNDARY),
    Call("logs:FilterLogEvents", arn("logs", "log-group:/jobs/neighbour:*"), _BOUNDARY),
    Call("logs:PutSubscriptionFilter", arn("logs", "log-group:/jobs/neighbour:*"), _BOUNDARY),
    Call(
        "logs:PutLogEvents", arn("logs", "log-group:/jobs/neighbour:log-stream:1"), StoppedBy.ROLE
    ),
    Call("logs:CreateLogStream", arn("logs", "log-group:/jobs/reporter:*"), StoppedBy.ROLE),
    Call("s3:PutObject", "arn:aws:s3:::BundleBucket/neighbour.zip", _BOUNDARY),
    Call("s3:DeleteObjectVersion", "arn:aws:s3:::BundleBucket/neighbour.zip", _BOUNDARY),
    Call("s3:PutBucketPolicy", "arn:aws:s3:::BundleBucket", _BOUNDARY),
    Call("s3:PutObject", "arn:aws:s3:::their-bundles/neighbour.zip", StoppedBy.LIMITS),
    Call("s3:PutObjectTagging", "arn:aws:s3:::their-bundles/neighbour.zip", StoppedBy.LIMITS),
    Call("s3:PutLifecycleConfiguration", "arn:aws:s3:::their-bundles", StoppedBy.LIMITS),
    Call(
        "s3:DeleteObject", "arn:aws:s3:::ArtifactsBucket/results/neighbour/1.json", StoppedBy.LIMITS
    ),
    *(
        Call(action, f"arn:aws:s3:::ArtifactsBucket/{key}", StoppedBy.BUCKET)
        for key in ("results/neighbour/1.json", "results/reporter/1.json", "results/report", "mine")
        for action in ("s3:GetObject", "s3:PutObject")
    ),
    *(  # what a machine of theirs has to run, with its payload; its own job's prefix would not help
        Call("s3:GetObject", f"arn:aws:s3:::ArtifactsBucket/machines/{key}", StoppedBy.ROLE, tags)
        for key, tags in {
            "neighbour/1.json": {"s3:ExistingObjectTag/job": "neighbour"},
            "report/1.json": {"s3:ExistingObjectTag/job": "reporter"},
            "neighbour/2.json": {},
        }.items()
    ),
]

_THE_ACCOUNT = [
    Call("s3:PutObject", f"arn:aws:s3:::cdk-hnb659fds-assets-{ACCOUNT}-{REGION}/a.zip", _BOUNDARY),
    Call("s3:PutObject", "arn:aws:s3:::aws-sam-cli-managed-default-1/jobs/a.template", _BOUNDARY),
    Call("s3:PutObject", f"arn:aws:s3:::cf-templates-1-{REGION}/a.yaml", _BOUNDARY),
    Call("s3:PutBucketPolicy", "arn:aws:s3:::data", StoppedBy.ACTIONS),
    Call("logs:DeleteLogGroup", arn("logs", "log-group:/aws/rds/main:*"), StoppedBy.ACTIONS),
    Call("logs:PutSubscriptionFilter", arn("logs", "log-group:/app:*"), StoppedBy.ACTIONS),
    *(
        Call(f"ec2:{action}", "*", _BOUNDARY, FUNCTION)
        for action in (
            "CreateNetworkInterface",
            "DeleteNetworkInterface",
            "AttachNetworkInterface",
            "ModifyNetworkInterfaceAttribute",
            "AssignPrivateIpAddresses",
            "UnassignPrivateIpAddresses",
        )
    ),
    Call("ec2:DeleteNetworkInterface", arn("ec2", "network-interface/eni-1"), StoppedBy.ROLE),
    Call("s3:GetObject", "arn:aws:s3:::data/a", _BOUNDARY, {"aws:RequestedRegion": "us-east-1"}),
    Call(
        "s3:GetObject", "arn:aws:s3:::theirs/a", _BOUNDARY, {"aws:ResourceAccount": "210987654321"}
    ),
    Call(
        "bedrock:InvokeModel",
        "arn:aws:bedrock:us-east-1::foundation-model/a",
        _BOUNDARY,
        {"aws:RequestedRegion": "us-east-1"},
    ),
    Call(
        "bedrock:InvokeModel",
        "arn:aws:bedrock:us-east-1::foundation-model/a",
        _BOUNDARY,
        {
            "aws:RequestedRegion": "us-east-1",
            "bedrock:InferenceProfileArn": _ELSEWHERE,
        },
    ),
]

CALLS = [*_BEYOND_THE_BOUNDARY, *_WHAT_IS_NOT_OPEN, *_THE_PROVISIONER, *_NEIGHBOURS, *_THE_ACCOUNT]

USEFUL = [  # what a job may be given: the other half of every rule above
    Call("s3:GetObject", "arn:aws:s3:::data/in.csv", _BOUNDARY),
    Call("s3:PutObject", "arn:aws:s3:::data/out.json", _BOUNDARY),
    Call("s3:GetObject", "arn:aws:s3:::BundleBucket/report.zip", _BOUNDARY),
    Call("s3:GetObject", "arn:aws:s3:::their-bundles/report.zip", _BOUNDARY),
    Call("s3:ListBucket", "arn:aws:s3:::their-bundles", _BOUNDARY),
    Call("s3:PutObject", "arn:aws:s3:::ArtifactsBucket/results/report/1.json", _BOUNDARY),
    Call("s3:PutObject", "arn:aws:s3:::ArtifactsBucket/results/report/key/7.json", _BOUNDARY),
    Call("s3:GetObject", "arn:aws:s3:::ArtifactsBucket/examples/data/orders.csv", _BOUNDARY),
    Call(
        "s3:GetObject",
        "arn:aws:s3:::ArtifactsBucket/machines/report/1.json",
        _BOUNDARY,
        {"s3:ExistingObjectTag/job": "report"},
    ),
    Call("dynamodb:PutItem", _table("orders"), _BOUNDARY),
    Call("sqs:SendMessage", arn("sqs", "orders"), _BOUNDARY, OPEN),
    Call("sns:Publish", arn("sns", "orders"), _BOUNDARY, OPEN),
    Call("lambda:InvokeFunction", arn("lambda", "function:payments"), _BOUNDARY, OPEN),
    Call("states:StartExecution", arn("states", "stateMachine:a"), _BOUNDARY, OPEN),
    Call("sqs:SendMessage", arn("sqs", "named-orders"), _BOUNDARY),
    Call(
        "secretsmanager:GetSecretValue",
        arn("secretsmanager", "secret:jobs/database-a1b2c3"),
        _BOUNDARY,
    ),
    Call(
        "secretsmanager:GetSecretValue",
        arn("secretsmanager", "secret:database-a1b2c3"),
        _BOUNDARY,
        OPEN,
    ),
    Call("ssm:GetParameter", arn("ssm", "parameter/jobs/token"), _BOUNDARY),
    Call(
        "ssm:GetParameter",
        f"arn:aws:ssm:{REGION}::parameter/aws/service/a",
        _BOUNDARY,
        {"aws:ResourceAccount": "000000000000"},
    ),
    Call(
        "logs:PutLogEvents", arn("logs", "log-group:/jobs/report:log-stream:1"), _BOUNDARY, FUNCTION
    ),
    Call("ec2:CreateNetworkInterface", "*", _BOUNDARY),  # Lambda's own call
    Call(
        "ec2:CreateNetworkInterface",
        "arn:aws:ec2:eu-west-1:210987654321:subnet/a",
        _BOUNDARY,
        {"aws:ResourceAccount": "210987654321"},
    ),
    Call("sts:GetCallerIdentity", "*", _BOUNDARY, {"aws:RequestedRegion": "us-east-1"}),
    Call("cloudwatch:PutMetricData", "*", _BOUNDARY, {"cloudwatch:namespace": "Reports"}),
    *(
        Call(
            "bedrock:InvokeModel",
            f"arn:aws:bedrock:{region}::foundation-model/a",
            _BOUNDARY,
            {
                "aws:RequestedRegion": region or "unspecified",
                "bedrock:InferenceProfileArn": arn("bedrock", "inference-profile/eu.a"),
            },
        )
        for region in (REGION, "eu-central-1", "")
    ),
]
