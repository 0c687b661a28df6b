"""What the roles behind the jobs would be asked for if a row's text became more than text.

CloudFormation makes a job's stack with the service role, Step Functions runs it with the workflow
role, ECS starts its containers with the execution role. Each has what the templates need of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.attacks.calls import ACCOUNT, REGION, arn

_CLOUDFORMATION, _WORKFLOW, _EXECUTION = "CloudFormationRole", "WorkflowRole", "ExecutionRole"
_JOB_ROLE = f"arn:aws:iam::{ACCOUNT}:role/jobs/jobs-report-Role-1"
_ADMIN = f"arn:aws:iam::{ACCOUNT}:role/Admin"
_BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/jobs_provisioner/JobBoundary"
_UNDER = {"iam:PermissionsBoundary": _BOUNDARY}
_EVERYTHING = {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}
_JOB_QUEUE = {"lambda:FunctionArn": arn("lambda", "function:jobs_job_queue")}


@dataclass(frozen=True)
class Ask:
    """What a role is asked for, and refuses."""

    role: str
    action: str
    resource: str
    context: Mapping[str, str | list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([self.role, self.action, self.resource, *map(str, self.context.values())])


_TEMPLATE, _MACHINE = arn("ec2", "launch-template/lt-1"), arn("ec2", "instance/i-1")
_OURS, _OF_OTHERS = {"aws:ResourceTag/provisioner": "jobs"}, {"aws:ResourceTag/provisioner": "x"}
_LAUNCHED = {
    "ec2:InstanceProfile": f"arn:aws:iam::{ACCOUNT}:instance-profile/jobs/jobs-report-1",
    "ec2:LaunchTemplate": _TEMPLATE,
    "ec2:MetadataHttpTokens": "required",
    "aws:RequestTag/provisioner": "jobs",
}
"""What the launch of a job's machine says of itself."""
_PROFILE_OF_OTHERS = {"ec2:InstanceProfile": f"arn:aws:iam::{ACCOUNT}:instance-profile/web"}


def _passing(role: str, passed: str, to: str) -> Ask:
    return Ask(role, "iam:PassRole", passed, {"iam:PassedToService": f"{to}.amazonaws.com"})


_RECONCILE = "ReconcileQueueRole"
REFUSED = [
    # What builds have left is removed, and nothing that people have put.
    Ask(_RECONCILE, "s3:DeleteObject", "arn:aws:s3:::BundleBucket/report.zip"),
    Ask(_RECONCILE, "s3:DeleteObject", "arn:aws:s3:::BundleBucket/other/builds/report/1.zip"),
    Ask(_RECONCILE, "s3:DeleteObjectVersion", "arn:aws:s3:::BundleBucket/builds/report/1.zip"),
    Ask(_RECONCILE, "s3:DeleteObject", "arn:aws:s3:::ArtifactsBucket/builds/report/1.zip"),
    Ask(_RECONCILE, "ecr:BatchDeleteImage", arn("ecr", "repository/payroll")),
    # A role without the boundary, or with more than its limits.
    Ask(_CLOUDFORMATION, "iam:CreateRole", _JOB_ROLE),
    Ask(_CLOUDFORMATION, "iam:CreateRole", _ADMIN, _UNDER),
    Ask(_CLOUDFORMATION, "iam:PutRolePolicy", _ADMIN, _UNDER),
    Ask(_CLOUDFORMATION, "iam:AttachRolePolicy", _JOB_ROLE, _UNDER | _EVERYTHING),
    Ask(_CLOUDFORMATION, "iam:DeleteRolePermissionsBoundary", _JOB_ROLE),
    Ask(_CLOUDFORMATION, "iam:CreatePolicyVersion", _BOUNDARY),
    Ask(_CLOUDFORMATION, "iam:SetDefaultPolicyVersion", _BOUNDARY),
    Ask(_CLOUDFORMATION, "iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/mine"),
    Ask(_CLOUDFORMATION, "iam:CreateInstanceProfile", "*"),
    Ask(
        _CLOUDFORMATION,
        "iam:AddRoleToInstanceProfile",
        f"arn:aws:iam::{ACCOUNT}:instance-profile/web",
    ),
    Ask(
        _CLOUDFORMATION, "lambda:GetLayerVersion", "arn:aws:lambda:eu-west-1:210987654321:layer:a:1"
    ),
    # Another's images, and who may pull them.
    Ask(_CLOUDFORMATION, "ecr:SetRepositoryPolicy", arn("ecr", "repository/payroll")),
    Ask(_CLOUDFORMATION, "ecr:PutImage", arn("ecr", "repository/jobs/report")),
    # Another's rights.
    _passing(_CLOUDFORMATION, _ADMIN, "lambda"),
    _passing(_CLOUDFORMATION, _ADMIN, "ec2"),
    _passing(_CLOUDFORMATION, f"arn:aws:iam::{ACCOUNT}:role/jobs_provisioner/WorkflowRole", "ec2"),
    _passing(_WORKFLOW, _ADMIN, "ec2"),
    _passing(
        _CLOUDFORMATION, f"arn:aws:iam::{ACCOUNT}:role/jobs_provisioner/WorkflowRole", "lambda"
    ),
    _passing(
        _CLOUDFORMATION, f"arn:aws:iam::{ACCOUNT}:role/jobs_provisioner/ExecutionRole", "lambda"
    ),
    _passing(
        _CLOUDFORMATION,
        f"arn:aws:iam::{ACCOUNT}:role/jobs_provisioner/CloudFormationRole",
        "states",
    ),
    _passing(_WORKFLOW, _ADMIN, "ecs-tasks"),
    _passing(_WORKFLOW, _JOB_ROLE, "lambda"),
    # What is not a job's, or the provisioner's own.
    Ask(
        _CLOUDFORMATION,
        "lambda:UpdateFunctionCode",
        arn("lambda", "function:jobs_provisioner_sweep"),
    ),
    Ask(_CLOUDFORMATION, "lambda:CreateFunction", arn("lambda", "function:payments")),
    Ask(_CLOUDFORMATION, "lambda:AddPermission", arn("lambda", "function:jobs-report")),
    Ask(_CLOUDFORMATION, "lambda:CreateFunctionUrlConfig", arn("lambda", "function:jobs-report")),
    Ask(
        _CLOUDFORMATION,
        "lambda:CreateEventSourceMapping",
        "*",
        {"lambda:FunctionArn": arn("lambda", "function:jobs_provisioner_sweep")},
    ),
    Ask(_CLOUDFORMATION, "states:UpdateStateMachine", arn("states", "stateMachine:payments")),
    Ask(_CLOUDFORMATION, "scheduler:UpdateSchedule", arn("scheduler", "schedule/default/jobs-1")),
    Ask(_CLOUDFORMATION, "sqs:SetQueueAttributes", arn("sqs", "ReconcileQueue")),
    Ask(_CLOUDFORMATION, "sqs:SetQueueAttributes", arn("sqs", "orders")),
    Ask(
        _CLOUDFORMATION,
        "sns:Subscribe",
        arn("sns", "SubmissionTopic"),
        {"sns:Protocol": "https", "sns:Endpoint": "https://example.com"},
    ),
    Ask(_CLOUDFORMATION, "sns:SetTopicAttributes", arn("sns", "SubmissionTopic")),
    Ask(_CLOUDFORMATION, "logs:DeleteLogGroup", arn("logs", "log-group:/aws/lambda/jobs_sweep")),
    Ask(_CLOUDFORMATION, "logs:PutResourcePolicy", "*"),
    Ask(_CLOUDFORMATION, "cloudwatch:DeleteAlarms", arn("cloudwatch", "alarm:billing")),
    Ask(_CLOUDFORMATION, "dynamodb:DeleteTable", arn("dynamodb", "table/JobsTable")),
    Ask(_CLOUDFORMATION, "s3:PutBucketPolicy", "arn:aws:s3:::BundleBucket"),
    Ask(_CLOUDFORMATION, "s3:GetObject", "arn:aws:s3:::payroll/a.zip"),
    Ask(_CLOUDFORMATION, "secretsmanager:GetSecretValue", arn("secretsmanager", "secret:jobs/a-1")),
    Ask(_CLOUDFORMATION, "ssm:GetParameters", arn("ssm", "parameter/jobs/a")),
    Ask(
        _CLOUDFORMATION,
        "ec2:AuthorizeSecurityGroupIngress",
        arn("ec2", "security-group/sg-1"),
        {"ec2:Vpc": arn("ec2", "vpc/vpc-of-others")},
    ),
    Ask(_CLOUDFORMATION, "ec2:RunInstances", "*"),
    Ask(_CLOUDFORMATION, "ec2:CreateLaunchTemplateVersion", _TEMPLATE, _OF_OTHERS),
    Ask(_CLOUDFORMATION, "ec2:DeleteLaunchTemplate", _TEMPLATE, _OF_OTHERS),
    Ask(_CLOUDFORMATION, "ec2:CreateTags", _TEMPLATE, _OF_OTHERS),
    Ask(_CLOUDFORMATION, "ec2:CreateLaunchTemplate", _TEMPLATE),
    Ask(_CLOUDFORMATION, "ecs:UpdateService", arn("ecs", "service/main/web")),
    Ask(_CLOUDFORMATION, "cloudformation:CreateStack", arn("cloudformation", "stack/mine/1")),
    # What a definition could name.
    Ask(_WORKFLOW, "lambda:InvokeFunction", arn("lambda", "function:payments"), _JOB_QUEUE),
    Ask(_WORKFLOW, "lambda:InvokeFunction", arn("lambda", "function:jobs_provisioner_sweep")),
    Ask(_WORKFLOW, "states:StartExecution", arn("states", "stateMachine:payments")),
    Ask(_WORKFLOW, "ecs:RunTask", arn("ecs", "task-definition/payments:1")),
    Ask(_WORKFLOW, "ecs:StopTask", arn("ecs", "task/main/1")),
    Ask(_WORKFLOW, "batch:SubmitJob", arn("batch", "job-queue/payments")),
    Ask(_WORKFLOW, "batch:SubmitJob", arn("batch", "job-definition/payments:1")),
    Ask(_WORKFLOW, "batch:TerminateJob", arn("batch", "job/1")),
    Ask(_CLOUDFORMATION, "batch:RegisterJobDefinition", arn("batch", "job-definition/payments")),
    Ask(_CLOUDFORMATION, "batch:UpdateJobQueue", arn("batch", "job-queue/jobs_high")),
    Ask(_WORKFLOW, "ec2:RunInstances", _TEMPLATE, _OF_OTHERS),
    Ask(_WORKFLOW, "ec2:RunInstances", _MACHINE, _LAUNCHED | _PROFILE_OF_OTHERS),
    Ask(
        _WORKFLOW, "ec2:RunInstances", _MACHINE, _LAUNCHED | {"ec2:MetadataHttpTokens": "optional"}
    ),
    Ask(_WORKFLOW, "ec2:RunInstances", _MACHINE, _LAUNCHED | {"aws:RequestTag/provisioner": "x"}),
    Ask(_WORKFLOW, "ec2:RunInstances", arn("ec2", "key-pair/mine"), _LAUNCHED),
    Ask(
        _WORKFLOW,
        "ec2:RunInstances",
        arn("ec2", "subnet/subnet-1"),
        {"ec2:Vpc": arn("ec2", "vpc/vpc-of-others")},
    ),
    Ask(_WORKFLOW, "ec2:RunInstances", f"arn:aws:ec2:{REGION}::image/ami-1"),
    Ask(_WORKFLOW, "ec2:CreateTags", _MACHINE, {"ec2:CreateAction": "StartInstances"}),
    Ask(_WORKFLOW, "ec2:TerminateInstances", _MACHINE),
    Ask(_WORKFLOW, "ec2:TerminateInstances", _MACHINE, _OF_OTHERS),
    Ask(_WORKFLOW, "ec2:StopInstances", _MACHINE, _OURS),
    Ask("RunEventsRole", "ec2:TerminateInstances", _MACHINE, _OF_OTHERS),
    Ask("SweepRole", "ec2:TerminateInstances", _MACHINE, _OF_OTHERS),
    Ask(_WORKFLOW, "dynamodb:PutItem", arn("dynamodb", "table/JobsTable")),
    Ask(_WORKFLOW, "dynamodb:DeleteItem", arn("dynamodb", "table/StacksTable")),
    Ask(_WORKFLOW, "s3:GetObject", "arn:aws:s3:::payroll/items.json"),
    Ask(_WORKFLOW, "s3:GetObject", "arn:aws:s3:::ArtifactsBucket/runs/neighbour/1/input.json"),
    Ask(_WORKFLOW, "s3:PutObject", "arn:aws:s3:::ArtifactsBucket/templates/jobs-neighbour.json"),
    Ask(_WORKFLOW, "s3:PutObject", "arn:aws:s3:::BundleBucket/neighbour.zip"),
    Ask(_WORKFLOW, "sqs:SendMessage", arn("sqs", "orders")),
    Ask(_WORKFLOW, "secretsmanager:GetSecretValue", arn("secretsmanager", "secret:jobs/a-1")),
    Ask(_WORKFLOW, "events:PutRule", arn("events", "rule/mine")),
    # What the function that upgrades all jobs could be made to do.
    Ask("SweepRole", "cloudformation:GetTemplate", arn("cloudformation", "stack/payments/1")),
    Ask("SweepRole", "cloudformation:UpdateStack", arn("cloudformation", "stack/jobs-report/1")),
    Ask("SweepRole", "cloudformation:DeleteStack", arn("cloudformation", "stack/jobs-report/1")),
    Ask("SweepRole", "dynamodb:PutItem", arn("dynamodb", "table/JobsTable")),
    Ask("SweepRole", "dynamodb:PutItem", arn("dynamodb", "table/StacksTable")),
    Ask(
        "SweepRole",
        "dynamodb:UpdateItem",
        arn("dynamodb", "table/StacksTable"),
        {"dynamodb:Attributes": ["job_name", "version", "spec_digest"]},
    ),
    *(
        Ask(
            "SweepRole",
            "dynamodb:PutItem",
            arn("dynamodb", "table/AuditTable"),
            {"dynamodb:LeadingKeys": [subject]},
        )
        for subject in ("report", "says##bootstrap", "version#report")
    ),
    # Where the API puts work: into queues of jobs, past none of their limits.
    Ask("ApiRole", "sqs:SendMessage", arn("sqs", "orders")),
    Ask("ApiRole", "sqs:SendMessage", arn("sqs", "jobs-report_waiting")),
    Ask("ApiRole", "sqs:SendMessage", arn("sqs", "jobs-report_dead")),
    Ask("ApiRole", "sqs:ReceiveMessage", arn("sqs", "jobs-report")),
    Ask("ApiRole", "sns:Publish", arn("sns", "SubmissionTopic")),
    # What a task definition could name.
    Ask(_EXECUTION, "secretsmanager:GetSecretValue", arn("secretsmanager", "secret:slack-a1b2c3")),
    Ask(
        _EXECUTION, "secretsmanager:GetSecretValue", arn("secretsmanager", "secret:payroll-a1b2c3")
    ),
    Ask(_EXECUTION, "ssm:GetParameters", arn("ssm", "parameter/payroll")),
    Ask(_EXECUTION, "logs:PutLogEvents", arn("logs", "log-group:/aws/lambda/jobs_sweep:*")),
    Ask(_EXECUTION, "logs:CreateLogGroup", arn("logs", "log-group:/jobs/other")),
    Ask(_EXECUTION, "s3:GetObject", "arn:aws:s3:::BundleBucket/report.zip"),
    Ask(_EXECUTION, "kms:Decrypt", arn("kms", "key/any")),
]
