from __future__ import annotations

import json
from itertools import pairwise

import jsonata
import pytest
from hypothesis import given, settings

import templates
from provisioner.jobs import job_name_of, spec_digest
from tests.golden import update
from tests.support.platforms import PLATFORM
from tests.unit.templates.rows import JOBS, canonical, job_of

LAMBDA = {
    "type": "lambda",
    "runtime": "python3.14",
    "handler": "app.handler",
    "bundle": "s3://bundles/app.zip?versionId=v1",
}
CONTAINER = {"type": "ecs", "image": "example.com/app:1"}
BATCH = {"type": "batch", "image": "example.com/app:1"}
MACHINE = CONTAINER | {"type": "ec2", "instance_type": "m7g.large"}


def built(job):
    return json.loads(templates.to_json(templates.build(job, PLATFORM)))


def resource(template, kind):
    [found] = [r for r in template["Resources"].values() if r["Type"] == kind]
    return found["Properties"]


SMALL_BYTES = 80_000
"""Above 51,200 a template goes through S3; a queue, a fan-out, rules and overrides together do, and
the boot program of a machine."""


@given(job=JOBS)
@settings(max_examples=60, deadline=None)
def test_any_job_renders_the_same_twice_small_and_with_its_own_texts(job):
    text = templates.to_json(templates.build(job, PLATFORM))

    assert text == templates.to_json(templates.build(job.model_copy(deep=True), PLATFORM))
    assert len(text.encode()) < SMALL_BYTES
    assert payload_in(json.loads(text)) == canonical(job.payload)


def payload_in(template):
    """Return what the workflow's literal of the row's payload evaluates to."""
    expression = update.workflow(template)["States"]["Prepare"]["Assign"]["run"]
    start = expression.index("$parse(")
    quote = expression[start + len("$parse(")]
    literal = expression[start : expression.index(f"{quote})", start) + 2]
    assert not {"${", "{{", "{%", "%}"} & {a + b for a, b in pairwise(literal)}
    parser = jsonata.Jsonata.jsonata(literal)
    parser.register_lambda("parse", json.loads)
    return parser.evaluate(None)


def test_the_order_of_a_row_s_maps_does_not_matter():
    one = job_of(CONTAINER | {"environment": {"A": "1", "B": "2"}})
    other = job_of(CONTAINER | {"environment": {"B": "2", "A": "1"}})

    assert built(one) == built(other)


def test_every_text_of_the_row_is_left_as_it_is():
    text = '{"Fn::Sub":"${AWS::AccountId}"}'
    template = built(job_of(LAMBDA | {"environment": {"TEXT": text}}))

    assert resource(template, "AWS::Lambda::Function")["Environment"] == {
        "Variables": {"TEXT": text}
    }


def test_a_new_digest_or_version_of_the_templates_alone_is_an_update():
    [group] = [
        r for r in built(job_of(LAMBDA))["Resources"].values() if r["Type"] == "AWS::Logs::LogGroup"
    ]

    assert group["Metadata"] == {
        "SpecDigest": {"Ref": "SpecDigest"},
        "TemplateVersion": {"Ref": "TemplateVersion"},
        "DeletionPolicy": {"Ref": "DeletionPolicy"},
    }


@pytest.mark.parametrize(
    "row", [LAMBDA, CONTAINER, BATCH, MACHINE], ids=["lambda", "ecs", "batch", "ec2"]
)
def test_the_whole_of_a_job_s_stack(row):
    template = built(job_of(row | {"schedule": "rate(1 hour)"}))

    assert set(template["Parameters"]) == {"SpecDigest", "TemplateVersion", "DeletionPolicy"}
    common = {"StateMachineArn", "RoleArn", "LogGroup", "ScheduleArn", "AlarmArn"}
    own = {
        "lambda": {"BundleVersion", "LambdaArn"},
        "ec2": {"LaunchTemplateId", "Image", "SecurityGroupId"},
        "ecs": {"TaskDefinitionArn", "EcsClusterArn", "Image", "SecurityGroupId"},
        "batch": {"BatchJobDefinitionArn", "BatchJobQueueArn", "Image"},
    }[row["type"]]
    assert set(template["Outputs"]) == common | own
    assert [r["Type"] for r in template["Resources"].values()].count("AWS::IAM::Role") == 1


def test_new_code_is_a_new_template():
    old = job_of(LAMBDA)
    new = job_of(LAMBDA | {"bundle": "s3://bundles/app.zip?versionId=v2"})

    assert spec_digest(old) != spec_digest(new)
    assert resource(built(new), "AWS::Lambda::Function")["Code"]["S3ObjectVersion"] == "v2"


TOPIC = {
    "Fn::Sub": "arn:${AWS::Partition}:sns:eu-west-1:${AWS::AccountId}:jobs-submissions",
}


class TestTheRole:
    def test_stands_under_the_boundary_in_the_prefix_s_path(self):
        role = resource(built(job_of(LAMBDA)), "AWS::IAM::Role")

        assert "RoleName" not in role  # role names are the account's, whatever the Region
        assert role["Path"] == "/jobs/"
        assert role["PermissionsBoundary"] == {
            "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/jobs-bootstrap/boundary"
        }

        assert role["ManagedPolicyArns"] == [
            {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/jobs-bootstrap/limits"}
        ]

    def policies(self, row):
        role = resource(built(job_of(row)), "AWS::IAM::Role")
        return {p["PolicyName"]: p["PolicyDocument"]["Statement"] for p in role["Policies"]}

    def test_may_write_to_its_own_log_group_and_no_more(self):
        policies = self.policies(LAMBDA)
        group = {
            "Fn::Sub": "arn:${AWS::Partition}:logs:eu-west-1:${AWS::AccountId}"
            ":log-group:/jobs/nightly:*"
        }
        writes = ["logs:CreateLogStream", "logs:PutLogEvents"]

        assert policies == {
            "logs": [{"Effect": "Allow", "Action": writes, "Resource": group}],
            "limits": [
                {"Effect": "Deny", "Action": writes, "NotResource": group},
                {
                    "Effect": "Deny",
                    "Action": "s3:GetObject",
                    "Resource": {"Fn::Sub": "arn:${AWS::Partition}:s3:::jobs-artifacts/machines/*"},
                    "Condition": {"StringNotEquals": {"s3:ExistingObjectTag/job": "nightly"}},
                },
                {"Effect": "Deny", "Action": "sns:*", "Resource": TOPIC},
            ],
        }

    @pytest.mark.parametrize("row", [LAMBDA, CONTAINER], ids=["lambda", "ecs"])
    def test_submits_only_if_the_row_says_so_in_its_own_words(self, row):
        """Not by a statement of IAM, in which nobody sees what it leads to."""
        statement = {"Action": "sns:Publish", "Resource": "*"}
        refused = self.policies(row | {"permissions": [statement]})["limits"]
        granted = self.policies(row | {"permissions": ["submit: part"]})["limits"]
        assert {"Effect": "Deny", "Action": "sns:*", "Resource": TOPIC} in refused
        assert not any(s.get("Resource") == TOPIC for s in granted)

    def test_of_a_container_is_allowed_just_what_the_row_grants(self):
        statement = {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}
        granted = {
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": ["arn:aws:s3:::data/*"],
        }
        for more, allowed in (({}, []), ({"permissions": [statement]}, [granted])):
            policies = self.policies(CONTAINER | more)
            statements = [s for each in policies.values() for s in each]
            assert [s for s in statements if s["Effect"] == "Allow"] == allowed

    def test_lets_lambda_into_a_vpc(self):
        network = {"network": {"security_groups": ["sg-0123456789abcdef0"]}}
        [allowed] = self.policies(LAMBDA | network)["network"]
        assert "ec2:CreateNetworkInterface" in allowed["Action"]


class TestTheMachine:
    def launched(self, **changes):
        template = built(job_of(MACHINE | changes))
        return resource(template, "AWS::EC2::LaunchTemplate")["LaunchTemplateData"]

    def test_is_gone_when_it_is_off_and_nobody_else_gets_in(self):
        launched = self.launched(disk_gb=100)
        assert launched["InstanceInitiatedShutdownBehavior"] == "terminate"
        assert launched["MetadataOptions"]["HttpTokens"] == "required"
        assert launched["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert "KeyName" not in launched
        [disk] = launched["BlockDeviceMappings"]
        assert disk["Ebs"] == {
            "VolumeSize": 100,
            "VolumeType": "gp3",
            "Encrypted": True,
            "DeleteOnTermination": True,
        }

    @pytest.mark.parametrize(
        ("row", "ami"),
        [
            ({}, "arm64/recommended"),
            ({"instance_type": "m7i.large", "architecture": "x86_64"}, "2023/recommended"),
            (
                {"instance_type": "g5.xlarge", "architecture": "x86_64", "gpus": True},
                "gpu/recommended",
            ),
            ({"ami": "ami-0123456789abcdef0"}, "ami-0123456789abcdef0"),
        ],
        ids=["arm64", "x86_64", "gpus", "its own"],
    )
    def test_boots_the_newest_ami_unless_the_row_names_one(self, row, ami):
        image = self.launched(**row)["ImageId"]
        assert ami in image
        assert image.startswith("resolve:ssm:/aws/service/") or image == ami

    def test_reads_no_more_than_its_job_s_own(self):
        secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jobs/db"
        secrets = {"A": f"{secret}-a1b2c3:key::", "B": secret}
        image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1"
        role = resource(
            built(job_of(MACHINE | {"secrets": secrets, "image": image})), "AWS::IAM::Role"
        )
        [own] = [p for p in role["Policies"] if p["PolicyName"] == "machine"]
        allowed = {
            json.dumps(statement["Action"]): statement["Resource"]
            for statement in own["PolicyDocument"]["Statement"]
        }
        assert [*allowed.values()] == [
            {"Fn::Sub": "arn:${AWS::Partition}:s3:::jobs-artifacts/machines/nightly/*"},
            "arn:aws:ecr:eu-west-1:123456789012:repository/team/app",
            [f"{secret}-??????", f"{secret}-a1b2c3"],
        ]


class TestAlarms:
    def kinds(self, **changes):
        template = built(job_of(LAMBDA | changes))
        alarms = [
            r for r in template["Resources"].values() if r["Type"] == "AWS::CloudWatch::Alarm"
        ]
        return [alarm["Properties"]["MetricName"] for alarm in alarms]

    def test_are_left_out_when_the_row_says_so(self):
        assert self.kinds(alarms=False, retries=1) == []

    def test_watch_the_machine_s_own_timeout_only_where_it_can_be_reached(self):
        assert self.kinds() == ["ExecutionsFailed"]
        assert sorted(self.kinds(retries=1)) == ["ExecutionsFailed", "ExecutionsTimedOut"]

    def test_watch_the_dead_letter_messages_of_a_job_with_a_queue(self):
        template = built(job_of(LAMBDA | {"queue": True}))
        alarm = template["Resources"]["DeadLettersAlarm"]["Properties"]
        assert alarm["AlarmName"] == "jobs-nightly.dead-letters"
        assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": "jobs-nightly_dead"}]
        assert alarm["AlarmActions"]


class TestASchedule:
    def test_starts_the_workflow_in_words_it_understands(self):
        row = LAMBDA | {"schedule": ["rate(1 hour)"], "jitter_minutes": 5, "timezone": "Asia/Tokyo"}
        schedule = resource(built(job_of(row)), "AWS::Scheduler::Schedule")

        assert schedule["Name"] == "jobs-nightly-0"
        assert schedule["GroupName"] == "jobs"
        assert schedule["ScheduleExpressionTimezone"] == "Asia/Tokyo"
        assert schedule["FlexibleTimeWindow"] == {
            "Mode": "FLEXIBLE",
            "MaximumWindowInMinutes": 5,
        }
        assert schedule["Target"]["Arn"] == {"Ref": "StateMachine"}
        assert json.loads(schedule["Target"]["Input"]) == {
            "_run": {
                "source": "schedule",
                "scheduled_for": "<aws.scheduler.scheduled-time>",
                "schedule": "jobs-nightly-0",
            }
        }


class TestAContainer:
    def test_lets_nobody_in(self):
        group = resource(built(job_of(CONTAINER)), "AWS::EC2::SecurityGroup")

        assert "SecurityGroupIngress" not in group
        assert [rule["CidrIp"] for rule in group["SecurityGroupEgress"]] == ["0.0.0.0/0"]

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("10.0.0.0/16", {"IpProtocol": "-1", "CidrIp": "10.0.0.0/16"}),
            ("::/0", {"IpProtocol": "-1", "CidrIpv6": "::/0"}),
            (
                "0.0.0.0/0:443",
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"},
            ),
            (
                "[2001:db8::/32]:53/udp",
                {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "CidrIpv6": "2001:db8::/32"},
            ),
            (
                "pl-0123456789abcdef0:8000-8100/tcp",
                {
                    "IpProtocol": "tcp",
                    "FromPort": 8000,
                    "ToPort": 8100,
                    "DestinationPrefixListId": "pl-0123456789abcdef0",
                },
            ),
            (
                "sg-0123456789abcdef0:5432",
                {
                    "IpProtocol": "tcp",
                    "FromPort": 5432,
                    "ToPort": 5432,
                    "DestinationSecurityGroupId": "sg-0123456789abcdef0",
                },
            ),
        ],
    )
    def test_connects_only_to_what_the_row_names(self, text, rule):
        row = CONTAINER | {"network": {"egress": [text]}}
        group = resource(built(job_of(row)), "AWS::EC2::SecurityGroup")

        assert group["SecurityGroupEgress"] == [rule]
        assert "SecurityGroupIngress" not in group

    def test_in_groups_of_the_row_s_choice_has_none_of_its_own(self):
        network = {"network": {"security_groups": ["sg-0123456789abcdef0"]}}
        template = built(job_of(CONTAINER | network))

        assert "SecurityGroupId" not in template["Outputs"]
        run = update.workflow(template)["States"]["Run"]["Arguments"]
        assert run["NetworkConfiguration"]["AwsvpcConfiguration"] == {
            "Subnets": list(PLATFORM.subnets),
            "SecurityGroups": ["sg-0123456789abcdef0"],
            "AssignPublicIp": "ENABLED",
        }


class TestAQueue:
    ROW = LAMBDA | {"queue": {"batch_size": 4, "max_concurrency": 7, "max_receives": 3}}

    def queues(self, row):
        return {
            r["Properties"]["QueueName"]: r["Properties"]
            for r in built(job_of(row))["Resources"].values()
            if r["Type"] == "AWS::SQS::Queue"
        }

    @pytest.mark.parametrize("row", [LAMBDA, CONTAINER], ids=["lambda", "ecs"])
    def test_belongs_to_any_type_and_is_published(self, row):
        template = built(job_of(row | {"queue": True}))

        assert template["Outputs"]["QueueUrl"] == {"Value": {"Ref": "Queue"}}
        assert template["Outputs"]["DeadLetterQueueUrl"] == {"Value": {"Ref": "DeadLetterQueue"}}
        assert template["Outputs"]["QueueBatchSize"] == {"Value": "1"}
        assert template["Outputs"]["QueueMaxConcurrency"] == {"Value": "10"}

    def test_has_names_that_are_not_another_job_s(self):
        names = self.queues(self.ROW)

        assert names.keys() == {"jobs-nightly", "jobs-nightly_waiting", "jobs-nightly_dead"}
        assert [job_name_of("jobs", name) for name in sorted(names)] == ["nightly", None, None]
        assert all(queue["SqsManagedSseEnabled"] for queue in names.values())

    def test_gives_up_after_as_many_receives_as_the_row_says_and_keeps_it_longer(self):
        queues = self.queues(self.ROW)

        assert queues["jobs-nightly"]["RedrivePolicy"] == {
            "deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]},
            "maxReceiveCount": 3,
        }
        assert "RedrivePolicy" not in queues["jobs-nightly_waiting"]
        kept = {name: queue["MessageRetentionPeriod"] for name, queue in queues.items()}
        assert kept["jobs-nightly"] < kept["jobs-nightly_dead"]

    def test_starts_one_function(self):
        mapping = resource(built(job_of(self.ROW)), "AWS::Lambda::EventSourceMapping")

        assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["Queue", "Arn"]}
        assert mapping["FunctionName"] == {
            "Fn::Sub": "arn:${AWS::Partition}:lambda:eu-west-1:${AWS::AccountId}"
            ":function:jobs_job_queue"
        }
        assert mapping["BatchSize"] == 4
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": 7}
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]

    def test_gets_what_names_its_job_and_from_nobody_else(self):
        template = built(job_of(self.ROW))
        subscription = resource(template, "AWS::SNS::Subscription")
        policy = template["Resources"]["QueuePolicy"]["Properties"]["PolicyDocument"]

        assert subscription["FilterPolicy"] == {"job_name": ["nightly"]}
        assert subscription["RawMessageDelivery"] is True
        denied, allowed = policy["Statement"]
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert allowed["Principal"] == {"Service": "sns.amazonaws.com"}
        assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": subscription["TopicArn"]}}

    def test_is_not_there_unless_asked_for(self):
        assert self.queues(LAMBDA) == {}
        assert not [name for name in built(job_of(LAMBDA))["Outputs"] if "Queue" in name]
