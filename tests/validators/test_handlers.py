"""CloudFormation's handlers may do all they need, for every resource that a job's stack can hold.

A type that is not listed here fails until its permissions are: they come first.
"""

from __future__ import annotations

import json
from functools import cache

import pytest

import templates
from provisioner.settings import Settings
from tests.support import generated_rows
from tests.support.bootstrap import ROOT, bootstrap_of, load, policies_of
from tests.support.iam import listed
from tests.unit.bootstrap.test_policies import BOUNDARY, HERE, LIMITS, WITHOUT_RESOURCE

HANDLERS = json.loads((ROOT / "tests/aws/handlers.json").read_text())["handlers"]
OF_STACKS = ("create", "read", "update", "delete", "tagging")
JOB_ROLE = "arn:aws:iam::123456789012:role/jobs/jobs-nightly-Role-1A2B3C4D5E6F7"
IAM = {
    "AWS::IAM::InstanceProfile": "arn:aws:iam::123456789012:instance-profile/jobs/jobs-nightly-1A",
    "AWS::IAM::Role": JOB_ROLE,
}
MAPPED = {
    "lambda:FunctionArn": f"arn:aws:lambda:{HERE}:function:jobs_job_queue",
    "aws:RequestTag/provisioner": "jobs",
    "aws:ResourceTag/provisioner": "jobs",
}
"""What a call says of a resource, or a resource of itself."""

NAMED = {
    "AWS::Batch::JobDefinition": "batch:job-definition/{JobDefinitionName}:1",
    "AWS::CloudWatch::Alarm": "cloudwatch:alarm:{AlarmName}",
    "AWS::EC2::LaunchTemplate": "ec2:launch-template/lt-1",
    "AWS::EC2::SecurityGroup": "ec2:security-group/sg-1",
    "AWS::ECR::Repository": "ecr:repository/{RepositoryName}",
    "AWS::ECS::TaskDefinition": "ecs:task-definition/{Family}:1",
    "AWS::Lambda::EventSourceMapping": "lambda:event-source-mapping:1",
    "AWS::Lambda::Function": "lambda:function:{FunctionName}",
    "AWS::Logs::LogGroup": "logs:log-group:{LogGroupName}",
    "AWS::SNS::Subscription": "sns:SubmissionTopic:1",
    "AWS::SQS::Queue": "sqs:{QueueName}",
    "AWS::SQS::QueuePolicy": "sqs:jobs-nightly",
    "AWS::Scheduler::Schedule": "scheduler:schedule/{GroupName}/{Name}",
    "AWS::StepFunctions::StateMachine": "states:stateMachine:{StateMachineName}",
}
"""The service and the resource of the ARN that CloudFormation's calls are about."""

ROLES = {
    "AWS::Batch::JobDefinition": (
        "batch",
        ("ContainerProperties.JobRoleArn", "ContainerProperties.ExecutionRoleArn"),
    ),
    "AWS::ECS::TaskDefinition": ("ecs-tasks", ("TaskRoleArn", "ExecutionRoleArn")),
    "AWS::IAM::InstanceProfile": ("ec2", ("Roles",)),
    "AWS::Lambda::Function": ("lambda", ("Role",)),
    "AWS::Scheduler::Schedule": ("scheduler", ("Target.RoleArn",)),
    "AWS::StepFunctions::StateMachine": ("states", ("RoleArn",)),
}
"""Which roles a resource hands to which service."""

KMS = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
ONLY_WITH = {
    "AWS::ECR::Repository": {
        "EncryptionConfiguration": ("kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant")
    },
    "AWS::IAM::Role": {},
    "AWS::Lambda::EventSourceMapping": {"KmsKeyArn": KMS},
    "AWS::Lambda::Function": {
        "CapacityProviderConfig": ("lambda:PassCapacityProvider",),
        "CodeSigningConfigArn": (
            "lambda:DeleteFunctionCodeSigningConfig",
            "lambda:GetCodeSigningConfig",
            "lambda:PutFunctionCodeSigningConfig",
        ),
        "FileSystemConfigs": (
            "elasticfilesystem:DescribeMountTargets",
            "s3files:ListMountTargets",
        ),
        "FunctionScalingConfig": ("lambda:PutFunctionScalingConfig",),
        "KmsKeyArn": KMS,
        "Layers": ("lambda:GetLayerVersion",),
        "PublishToLatestPublished": ("lambda:PublishVersion",),
    },
    "AWS::Logs::LogGroup": {
        "BearerTokenAuthenticationEnabled": ("logs:PutBearerTokenAuthentication",),
        "DataProtectionPolicy": ("logs:PutDataProtectionPolicy",),
        "DeletionProtectionEnabled": ("logs:PutLogGroupDeletionProtection",),
        "FieldIndexPolicies": ("logs:DeleteIndexPolicy", "logs:PutIndexPolicy"),
        "KmsKeyId": ("logs:AssociateKmsKey", "logs:DisassociateKmsKey"),
        "LogGroupClass": (  # DELIVERY
            "firehose:TagDeliveryStream",
            "logs:CreateLogDelivery",
            "s3:REST.PUT.OBJECT",
        ),
        "ResourcePolicyDocument": ("logs:DeleteResourcePolicy", "logs:PutResourcePolicy"),
    },
    "AWS::SNS::Subscription": {"SubscriptionRoleArn": ("iam:GetRole", "iam:PassRole")},
    "AWS::StepFunctions::StateMachine": {
        "DefinitionS3Location": ("s3:GetObject", "s3:GetObjectVersion"),
        "EncryptionConfiguration": KMS,
    },
}
"""Permissions that a handler needs for one property only, which no job's stack has."""

NEVER = {("AWS::IAM::Role", "iam:DeleteRolePermissionsBoundary")}
"""Refused on purpose: a role of a job keeps its boundary."""


@cache
def bootstrap():
    return bootstrap_of(load(ROOT / "template.yaml"), BundleBucketArns="arn:aws:s3:::bundles")


@cache
def policies():
    return policies_of(bootstrap())


@cache
def emitted():
    """The resources of all generated rows, one for each set of properties that a type has."""
    variables = bootstrap().resource("JobStreamFunction")["Environment"]["Variables"]
    environ = {key: str(value) for key, value in variables.items()} | {"AWS_REGION": "eu-west-1"}
    platform = Settings.from_environ(environ).platform
    found = {}
    for job, text in zip(generated_rows.jobs(), generated_rows.templates_of_jobs(), strict=True):
        if {*map(kind_of, json.loads(text)["Resources"].values())} <= found.keys():
            continue  # a template that another test has anyhow costs less than one of its own
        for resource in templates.build(job, platform).to_dict()["Resources"].values():
            found[kind_of(resource)] = resource.get("Properties", {})
    return [(kind, properties) for (kind, _), properties in found.items()]


def kind_of(resource):
    """Return the type of a resource, and which properties it has."""
    return resource["Type"], frozenset(resource.get("Properties", {}))


TYPES = sorted({*IAM, *NAMED})


def requests(kind, properties, permission):
    """Yield the calls behind a permission: resource and condition keys."""
    service, action = permission.split(":", 1)
    if permission in {"iam:PassRole", "iam:GetRole"} and kind != "AWS::IAM::Role":
        to, paths = ROLES[kind]
        for path in paths:
            yield role_at(properties, path), {"iam:PassedToService": f"{to}.amazonaws.com"}
    elif permission in WITHOUT_RESOURCE:
        yield "*", MAPPED
    elif service == "s3" or action == "GetLayerVersion":
        yield from ((resource, {}) for resource in code_of(service, properties))
    elif kind in IAM:
        yield IAM[kind], {"iam:PermissionsBoundary": BOUNDARY, "iam:PolicyARN": LIMITS}
    elif action == "Subscribe":
        endpoint = f"arn:aws:sqs:{HERE}:jobs-nightly"
        yield (
            f"arn:aws:sns:{HERE}:SubmissionTopic",
            {"sns:Protocol": properties["Protocol"], "sns:Endpoint": endpoint},
        )
    else:
        named, resource = NAMED[kind].format(**properties).split(":", 1)
        vpc = f"arn:aws:ec2:{HERE}:vpc/" + bootstrap().nested["SecurityStack"].values["VpcId"]
        if action == "CreateSecurityGroup":
            yield vpc, {}
            yield f"arn:aws:ec2:{HERE}:{resource}", {}
        else:
            yield f"arn:aws:{named}:{HERE}:{resource}", MAPPED | {"ec2:Vpc": vpc}


def code_of(service, properties):
    """Return the objects, or the layers, that a function is made of."""
    if service != "s3":
        return properties["Layers"]
    bucket = properties["Code"].get("S3Bucket")
    return [f"arn:aws:s3:::{bucket}/app.zip"] if bucket else []


def role_at(properties, path):
    for name in path.split("."):
        properties = properties[name]
    match properties:
        case {"Fn::GetAtt": ["Role", "Arn"]} | [{"Ref": "Role"}]:
            return JOB_ROLE
        case {"Fn::Sub": text}:
            return text.replace("${AWS::Partition}", "aws").replace(
                "${AWS::AccountId}", "123456789012"
            )
    raise AssertionError(properties)


def needed(kind, properties, handlers):
    """Return what the handlers need for a resource with these properties."""
    spared = {
        permission
        for name, permissions in ONLY_WITH.get(kind, {}).items()
        if name not in properties
        for permission in permissions
    }
    of_type = {lower(p) for handler in handlers for p in HANDLERS[kind].get(handler, ())}
    return sorted(p for p in of_type - spared if (kind, p) not in NEVER)


def lower(permission):
    """The registry writes some services in capitals, which IAM does not tell apart."""
    service, action = permission.split(":", 1)
    return f"{service.lower()}:{action}"


def lacking(role, kind, handlers):
    may = policies()[role].verdict
    return {
        (permission, resource)
        for emitted_kind, properties in emitted()
        if emitted_kind == kind
        for permission in needed(kind, properties, handlers)
        for resource, context in requests(kind, properties, permission)
        if not may(permission, resource, context)
    }


def test_every_type_of_a_job_s_stack_is_listed():
    assert {kind for kind, _ in emitted()} == set(TYPES)
    assert set(TYPES) <= set(HANDLERS)


@pytest.mark.parametrize("kind", TYPES)
def test_the_service_role_covers_the_handlers(kind):
    assert lacking("CloudFormationRole", kind, OF_STACKS) == set()


FOR_IMAGES = {
    "ecr:BatchGetImage": "repository/anything",
    "ecr:GetDownloadUrlForLayer": "repository/anything",
    "ecr:GetRepositoryPolicy": "repository/jobs/report",
    "ecr:SetRepositoryPolicy": "repository/jobs/report",
}
"""What Lambda asks of whoever creates a function of an image, and its handlers do not name (Lambda
Developer Guide, Create a Lambda function using a container image, Amazon ECR permissions)."""

NO_HANDLERS = {
    *(action for action in FOR_IMAGES if not action.endswith("RepositoryPolicy")),
    "cloudformation:BatchDescribeTypeConfigurations",  # drift detection
    "lambda:GetFunctionConfiguration",  # reads a part of what GetFunction reads
}


def test_the_service_role_may_do_no_more():
    asked_for = {
        permission.lower()
        for kind, properties in emitted()
        for permission in needed(kind, properties, OF_STACKS)
    }
    allowed = {
        action
        for statement in policies()["CloudFormationRole"]
        if statement["Effect"] == "Allow"
        for action in listed(statement, "Action")
    }
    assert {a for a in allowed if a.lower() not in asked_for} == NO_HANDLERS


@pytest.mark.parametrize("action", FOR_IMAGES)
def test_the_service_role_covers_functions_of_images(action):
    allow = policies()["CloudFormationRole"].allow

    assert allow(action, f"arn:aws:ecr:{HERE}:{FOR_IMAGES[action]}")
    assert not allow(action, f"arn:aws:ecr:us-east-1:123456789012:{FOR_IMAGES[action]}")


@pytest.mark.parametrize("role", ["CloudFormationRole", "ReconcileQueueRole"])
@pytest.mark.parametrize("kind", TYPES)
def test_drift_is_read_whoever_s_credentials_are_used(kind, role):
    """AWS does not say whether the caller's or the stack's role reads; public reports differ."""
    assert lacking(role, kind, ["read"]) == set()


@pytest.mark.parametrize("role", ["CloudFormationRole", "ReconcileQueueRole"])
def test_drift_detection_asks_how_types_are_configured(role):
    assert policies()[role].allow("cloudformation:BatchDescribeTypeConfigurations", "*")


def test_a_permission_that_is_missing_would_be_seen():
    assert lacking("WorkflowRole", "AWS::Lambda::Function", ["read"])
    assert ("iam:PassRole", JOB_ROLE) in lacking(
        "ReconcileQueueRole", "AWS::ECS::TaskDefinition", ["create"]
    )


@pytest.mark.parametrize("kind", sorted(ONLY_WITH))
def test_what_is_spared_is_in_the_schemas(kind):
    known = {p for handler in HANDLERS[kind].values() for p in handler}
    for permissions in ONLY_WITH[kind].values():
        assert set(permissions) & known
