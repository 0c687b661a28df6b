"""What a row may not say, and how it is told."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from boto3.dynamodb.types import Binary

from provisioner.jobs import InvalidRow, parse

STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
IMAGE = {
    **dict.fromkeys(("runtime", "handler", "bundle"), ...),
    "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/jobs/report:1",
}
GIT = {
    "connection": "arn:aws:codeconnections:eu-west-1:123456789012:connection/"
    "0f9d3c1a-7a4e-4a53-9f0f-3c6d1c1d2e3f",
    "repository": "github.com/acme/report",
    "commit": "0123456789abcdef0123456789abcdef01234567",
}
BUILD = {"source": "s3://sources/report.zip"}
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:tools"
ARN = "arn:aws:ssm:eu-west-1:123456789012:parameter/db"

REFUSED = {
    # the key and the type
    "no name": ("lambda", {"job_name": ...}, "job_name", "is required"),
    "empty name": ("lambda", {"job_name": ""}, "job_name", "is empty"),
    "name in capitals": ("lambda", {"job_name": "Nightly"}, "job_name", 'lower case: "nightly"'),
    "name too long": ("lambda", {"job_name": "a" * 41}, "job_name", "41 characters; at most 40"),
    "name with a digit first": ("lambda", {"job_name": "9to5"}, "job_name", "start with a letter"),
    "name with a newline": ("lambda", {"job_name": "a\n"}, "job_name", "may hold only a-z"),
    "name with NUL": ("lambda", {"job_name": "a\x00"}, "job_name", "control character"),
    "name as number": ("lambda", {"job_name": Decimal(5)}, "job_name", "must be text"),
    "no type": ("lambda", {"type": ...}, "type", '"lambda", "ecs", "batch" or "ec2"'),
    "unknown type": ("lambda", {"type": "lamda"}, "type", 'did you mean "lambda"?'),
    "type in capitals": ("lambda", {"type": "ECS"}, "type", 'did you mean "ecs"?'),
    "type as a list": ("lambda", {"type": ["lambda"]}, "type", "not a list"),
    # the canary
    "deploy as text": ("ecs", {"deploy": "canary"}, "deploy", "must be a map with canary"),
    "deploy otherwise": ("ecs", {"deploy": {"canry": True}}, "deploy.canry", 'mean "canary"?'),
    "canary as a number": (
        "ecs",
        {"deploy": {"canary": 3}},
        "deploy.canary",
        "must be true, false or a map with runs, rollback_on_failure",
    ),
    "canary of no runs": ("ecs", {"deploy": {"canary": {"runs": 0}}}, "deploy.canary.runs", "1 to"),
    "canary outside deploy": ("ecs", {"canary": True}, "canary", 'mean "deploy.canary"?'),
    # the pin
    "pin as text": ("lambda", {"pin": "v1"}, "pin", "must be a map with version, note, since"),
    "pin of nothing": ("lambda", {"pin": {}}, "pin.version", "is required"),
    "pin with a typing error": (
        "lambda",
        {"pin": {"version": "v1", "notes": "x"}},
        "pin.notes",
        'did you mean "note"?',
    ),
    "pin as a number": ("lambda", {"pin": {"version": 5}}, "pin.version", "not the number 5"),
    "pin of an object without versions": (
        "lambda",
        {"pin": {"version": "null"}},
        "pin.version",
        "object that has no versions",
    ),
    "pin that is a path": ("lambda", {"pin": {"version": "a/b"}}, "pin.version", 'not "a/b"'),
    "pin since whenever": (
        "lambda",
        {"pin": {"version": "v1", "since": "monday"}},
        "pin.since",
        "must be a date and time",
    ),
    "digest for a bundle": (
        "lambda",
        {"pin": {"version": f"sha256:{'0' * 64}"}},
        "pin.version",
        "is an image's digest; a bundle is pinned to a version",
    ),
    "version for an image": (
        "ecs",
        {"pin": {"version": "v1"}},
        "pin.version",
        "must be an image's digest",
    ),
    "version for a function's image": (
        "lambda",
        IMAGE | {"pin": {"version": "1"}},
        "pin.version",
        "must be an image's digest",
    ),
    "pin of a build by its tag": (
        "ecs",
        {"image": ..., "build": {"source": "s3://sources/app.zip"}, "pin": {"version": "b-1"}},
        "pin.version",
        "must be the digest of a build",
    ),
    "pin beside a version of a bundle": (
        "lambda",
        {"bundle": "s3://bundles/app.zip?versionId=v1", "pin": {"version": "v1"}},
        "pin",
        'take "?versionId=" out of bundle',
    ),
    "pin beside a digest of an image": (
        "ecs",
        {"image": f"busybox@sha256:{'0' * 64}", "pin": {"version": f"sha256:{'1' * 64}"}},
        "pin",
        "take the digest out of image",
    ),
    # attributes
    "unknown attribute": ("lambda", {"memroy": 5}, "memroy", 'did you mean "memory"?'),
    "attribute in capitals": ("lambda", {"Schedule": "x"}, "Schedule", 'did you mean "schedule"?'),
    "attribute like nothing": ("lambda", {"zzz": 5}, "zzz", "is not an attribute of a job"),
    "unprintable attribute": ("lambda", {"a\x00\ud800": 1}, r"a\x00\ud800", "not an attribute"),
    "unknown attribute with NULL": ("lambda", {"memroy": None}, "memroy", "not an attribute"),
    "another tool's word": ("lambda", {"timeout": 5}, "timeout", 'mean "timeout_seconds"?'),
    "a short word": ("ecs", {"env": {}}, "env", 'mean "environment"?'),
    "a word in capitals": ("ecs", {"Enabled": True}, "Enabled", 'mean "schedule_enabled"?'),
    "a word for what this type has not": ("ecs", {"layer": []}, "layer", "not an attribute"),
    "a part of network": ("ecs", {"security_groups": []}, "security_groups", '"network.security'),
    "a part of queue": ("ecs", {"batch_size": 5}, "batch_size", 'mean "queue.batch_size"?'),
    "dependencies by their usual name": (
        "ecs",
        {"dependencies": ["a"]},
        "dependencies",
        'mean "depends_on"?',
    ),
    "a build of nothing": ("ecs", {"image": ..., "build": {}}, "build.source", "is required"),
    "a build and an image": ("ecs", {"build": BUILD}, "image", "leave it out, or leave out build"),
    "a build and a bundle": ("lambda", {"build": BUILD}, "bundle", "leave it out"),
    "a build and an image of a function": (
        "lambda",
        IMAGE | {"build": BUILD},
        "image",
        "leave it out",
    ),
    "a part of a build in another word": (
        "ecs",
        {"image": ..., "build": BUILD | {"contxt": "a"}},
        "build.contxt",
        'mean "context"?',
    ),
    "a repository outside of its source": (
        "ecs",
        {"image": ..., "build": {"repository": "github.com/acme/report"}},
        "build.repository",
        "is part of source",
    ),
    "a repository without a commit": (
        "ecs",
        {"image": ..., "build": {"source": GIT | {"commit": None}}},
        "build.source.commit",
        "is required",
    ),
    "a branch": (
        "ecs",
        {"image": ..., "build": {"source": GIT | {"branch": "main"}}},
        "build.source.branch",
        "name the commit",
    ),
    "a folder of a repository": (
        "ecs",
        {"image": ..., "build": {"source": GIT | {"directory": "app"}}},
        "build.source.directory",
        "context is the folder",
    ),
    "a short commit": (
        "ecs",
        {"image": ..., "build": {"source": GIT | {"commit": "abc1234"}}},
        "build.source.commit",
        "40 hexadecimal digits",
    ),
    "a repository without its host": (
        "ecs",
        {"image": ..., "build": {"source": GIT | {"repository": "acme/report"}}},
        "build.source.repository",
        'like "github.com/acme/report"',
    ),
    "a build that is told a secret": (
        "ecs",
        {"image": ..., "build": BUILD | {"secrets": {}}},
        "build.secrets",
        "an image keeps",
    ),
    "a context outside of the source": (
        "ecs",
        {"image": ..., "build": BUILD | {"context": "a/../../b"}},
        "build.context",
        'without ".."',
    ),
    "a context anywhere": (
        "ecs",
        {"image": ..., "build": BUILD | {"context": "/etc"}},
        "build.context",
        "relative to the root",
    ),
    "a Dockerfile that is an option": (
        "ecs",
        {"image": ..., "build": BUILD | {"dockerfile": "--help"}},
        "build.dockerfile",
        "must be a path",
    ),
    "a Dockerfile that is a command": (
        "ecs",
        {"image": ..., "build": BUILD | {"dockerfile": "$(id)"}},
        "build.dockerfile",
        "must be a path",
    ),
    "a context that is a list": (
        "ecs",
        {"image": ..., "build": BUILD | {"context": ["services"]}},
        "build.context",
        'must be a path in the source, like "services/report", not a list',
    ),
    "a context that is too long": (
        "ecs",
        {"image": ..., "build": BUILD | {"context": "a/" * 100 + "a"}},
        "build.context",
        "has 201 characters; at most 200 are allowed",
    ),
    "too many arguments": (
        "ecs",
        {"image": ..., "build": BUILD | {"args": {f"A{n}": "" for n in range(21)}}},
        "build.args",
        "has 21 entries; at most 20 are allowed",
    ),
    "arguments that are too long": (
        "ecs",
        {"image": ..., "build": BUILD | {"args": {"A": "x" * 1000, "B": "y" * 995}}},
        "build.args",
        "has more than 2000 characters",
    ),
    "a target that is an option": (
        "ecs",
        {"image": ..., "build": BUILD | {"target": "--push"}},
        "build.target",
        "name of a stage",
    ),
    "an argument of two lines": (
        "ecs",
        {"image": ..., "build": BUILD | {"args": {"A": "1\n2"}}},
        "build.args.A",
        "a single line",
    ),
    "an argument without a name": (
        "ecs",
        {"image": ..., "build": BUILD | {"args": {"--x": "1"}}},
        "build.args.--x",
        "ASCII letters",
    ),
    "a build of an archive with a Dockerfile": (
        "lambda",
        {"bundle": ..., "build": BUILD | {"dockerfile": "Dockerfile"}},
        "runtime",
        "build.dockerfile is only for an image",
    ),
    "a build of an image with a handler": (
        "lambda",
        {"bundle": ..., "runtime": ..., "build": BUILD},
        "handler",
        "add runtime, or leave it out",
    ),
    "a build of an archive with a command": (
        "lambda",
        {"bundle": ..., "build": BUILD, "command": "main.handler"},
        "runtime",
        "command is only for an image",
    ),
    "graphics cards of a task": ("ecs", {"gpus": True}, "gpus", 'is for "ec2" jobs'),
    "graphics cards in another word": ("ec2", {"gpu": 1}, "gpu", 'mean "gpus"?'),
    "no machine": ("ec2", {"instance_type": ...}, "instance_type", 'like "m7g.large"'),
    "machines of nobody": ("ec2", {"instance_type": []}, "instance_type", "is empty"),
    "a machine of no kind": (
        "ec2",
        {"instance_type": "large"},
        "instance_type",
        'like "m7g.large"',
    ),
    "a machine for macOS": ("ec2", {"instance_type": "mac2.metal"}, "instance_type", "macOS"),
    "a machine twice": ("ec2", {"instance_type": ["c7g.large"] * 2}, "instance_type", "twice"),
    "many machines": (
        "ec2",
        {"instance_type": [f"m{number}g.large" for number in range(7)]},
        "instance_type",
        "at most 6",
    ),
    "one bad machine of two": (
        "ec2",
        {"instance_type": ["c7g.large", "{}"]},
        "instance_type[1]",
        'like "m7g.large"',
    ),
    "a machine with another processor": (
        "ec2",
        {"instance_type": ["m7g.large", "m7i.large"]},
        "instance_type",
        'm7i.large: that is "x86_64"',
    ),
    "an image that is no AMI": ("ec2", {"ami": "busybox"}, "ami", "must be an AMI like"),
    "a parameter of the account": ("ec2", {"ami": "/jobs/ami"}, "ami", "public parameter"),
    "GPUs without an AMI": (
        "ec2",
        {"gpus": True, "instance_type": "g5g.xlarge"},
        "gpus",
        "needs an ami in the row",
    ),
    "a small disk": ("ec2", {"disk_gb": 8}, "disk_gb", "from 30 to 16384 (GB)"),
    "half a Spot": ("ec2", {"spot": True}, "spot", '"never", "prefer" or "only"'),
    "a hectic heartbeat": ("ec2", {"heartbeat_seconds": 1}, "heartbeat_seconds", "from 30 to 600"),
    "secrets that do not fit into the role": (
        "ec2",
        {"secrets": {f"A{n}": f"{ARN}{n}{'x' * 200}" for n in range(45)}},
        "secrets",
        "in the job's role",
    ),
    "no time to boot": ("ec2", {"timeout_seconds": 30}, "timeout_seconds", "from 91"),
    "a silence as long as the attempt": (
        "ec2",
        {"attempt_timeout_seconds": 180, "heartbeat_seconds": 60},
        "heartbeat_seconds",
        "a third of attempt_timeout_seconds, which is 180",
    ),
    "the size of a machine": ("ec2", {"cpu": 256}, "cpu", 'is for "ecs" or "batch"'),
    "override of a machine": ("ec2", {"allow_overrides": ["size"]}, "allow_overrides[0]", "or"),
    "spot of a function": (
        "lambda",
        {"spot": "prefer"},
        "spot",
        'is for "ecs", "batch" or "ec2" jobs',
    ),
    "spot as a flag": ("ecs", {"spot": True}, "spot", 'must be "never", "prefer" or "only"'),
    "only spot on batch": ("batch", {"spot": "only"}, "spot", 'must be "never" or "prefer"'),
    "spot as another word": ("ecs", {"spot": "prefered"}, "spot", 'did you mean "prefer"?'),
    "unknown event": ("lambda", {"notify": ["faild"]}, "notify[0]", 'did you mean "failed"?'),
    "lone unknown event": ("lambda", {"notify": "all"}, "notify", 'must be "started"'),
    "events as a map": ("lambda", {"notify": {"failed": True}}, "notify", "not a map"),
    "slow, but no percentage": ("lambda", {"notify": "slow"}, "notify", "needs slow_percent"),
    "slow too soon": ("lambda", {"slow_percent": 9}, "slow_percent", "from 10 to 10000"),
    "waiting not at all": ("ecs", {"queued_alert_minutes": 0}, "queued_alert_minutes", "from 1"),
    "channel without sign": ("ecs", {"slack_channel": "ops"}, "slack_channel", '"#name" in lower'),
    "channel in capitals": ("ecs", {"slack_channel": "#Ops"}, "slack_channel", "lower case"),
    "channel with a space": ("ecs", {"slack_channel": "#o ps"}, "slack_channel", "lower case"),
    "channel as a number": ("ecs", {"slack_channel": 5}, "slack_channel", "must be a Slack"),
    "cpu of a function": ("lambda", {"cpu": 256}, "cpu", 'is for "ecs" or "batch" jobs; this one'),
    "result of a function": (
        "lambda",
        {"result": True},
        "result",
        'is for "ecs", "batch" or "ec2"',
    ),
    "priority of a container": ("ecs", {"priority": "high"}, "priority", 'is for "batch" jobs'),
    # batch
    "unknown priority": ("batch", {"priority": "urgent"}, "priority", '"high", "normal" or "low"'),
    "share with a space": ("batch", {"share": "data team"}, "share", "letters and digits"),
    "share like a prefix": ("batch", {"share": "data*"}, "share", "letters and digits"),
    "array of one": ("batch", {"array_size": 1}, "array_size", "from 2 to 10000"),
    "array and items": ("batch", {"array_size": 2, "fan_out": {}}, "array_size", "with fan_out"),
    "array and result": ("batch", {"array_size": 2, "result": True}, "array_size", "RESULT_URI"),
    "array and rules": (
        "batch",
        {"array_size": 2, "failure_rules": [{"exit_codes": [1], "action": "fail"}]},
        "array_size",
        "with failure_rules",
    ),
    "array, retried often": ("batch", {"array_size": 2, "retries": 10}, "array_size", "at most 9"),
    "attempt too short for Batch": ("batch", {"timeout_seconds": 59}, "timeout_seconds", "from 60"),
    "attempt too long for Batch": (
        "batch",
        {"timeout_seconds": 9_999_999, "attempt_timeout_seconds": 1_209_601},
        "attempt_timeout_seconds",
        "from 60 to 1209600",
    ),
    "waiting too short": (
        "batch",
        {"queued_timeout_seconds": 599},
        "queued_timeout_seconds",
        "600",
    ),
    "waiting longer than the run": (
        "batch",
        {"timeout_seconds": 700, "queued_timeout_seconds": 701},
        "queued_timeout_seconds",
        "must not exceed timeout_seconds",
    ),
    "subnets on Batch": (
        "batch",
        {"network": {"subnets": ["subnet-0123456789abcdef0"]}},
        "network.subnets",
        "which all jobs share",
    ),
    "security groups on Batch": (
        "batch",
        {"network": {"security_groups": ["sg-0123456789abcdef0"]}},
        "network.security_groups",
        "which all jobs share",
    ),
    "outbound rules on Batch": (
        "batch",
        {"network": {"egress": ["10.0.0.0/16:5432"]}},
        "network.egress",
        "which all jobs share",
    ),
    "a variable of Batch": (
        "batch",
        {"environment": {"AWS_BATCH_JOB_ID": "1"}},
        "environment.AWS_BATCH_JOB_ID",
        "is set by Batch itself",
    ),
    "a job definition that is too large": (
        "batch",
        {"command": ["x" * 8_000], "environment": {"A": "x" * 15_000}},
        "command",
        "Batch takes 20000",
    ),
    "handler of a container": ("ecs", {"handler": "a.b"}, "handler", 'is for "lambda" jobs'),
    "language of a container": ("ecs", {"language": "x"}, "language", 'is for "lambda" jobs'),
    "both names": ("lambda", {"memory": 128, "memory_mb": 128}, "memory", 'name for "memory_mb"'),
    "alias is named as written": ("lambda", {"memory": 5}, "memory", "from 128 to 10240"),
    # on demand
    "overrides of a function": (
        "lambda",
        {"allow_overrides": []},
        "allow_overrides",
        '"ecs", "batch" or "ec2"',
    ),
    "unknown override": ("ecs", {"allow_overrides": ["cpu"]}, "allow_overrides[0]", '"size"'),
    "no retention": ("ecs", {"run_retention_days": 0}, "run_retention_days", "from 1 to 3650"),
    "long history": ("ecs", {"history_limit": 10_001}, "history_limit", "from 1 to 10000"),
    "no catch-up": ("ecs", {"catch_up_minutes": 0}, "catch_up_minutes", "from 1 to 1440"),
    "half a failure": ("ecs", {"pause_on_failures": 0.5}, "pause_on_failures", "from 1 to 100"),
    "schema as a list": ("ecs", {"payload_schema": []}, "payload_schema", "must be a JSON object"),
    "schema that is no JSON": ("ecs", {"payload_schema": "{"}, "payload_schema", "not valid JSON"),
    "schema of a list": (
        "ecs",
        {"payload_schema": {"type": "array"}},
        "payload_schema.type",
        'must be "object" at the top',
    ),
    "schema of an older draft": (
        "ecs",
        {"payload_schema": {"type": "object", "$schema": "http://json-schema.org/draft-07/schema"}},
        "payload_schema.$schema",
        "2020-12",
    ),
    "large schema": (
        "ecs",
        {"payload_schema": {"type": "object", "description": "x" * 8192}},
        "payload_schema",
        "the most is 8192",
    ),
    "set in a schema": (
        "ecs",
        {"payload_schema": {"type": "object", "required": {"a"}}},
        "payload_schema.required",
        "is a set",
    ),
    "default payload of another type": (
        "lambda",
        {
            "payload_schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
            "payload": {"n": "x"},
        },
        "payload.n",
        'must be a whole number, not "x"',
    ),
    "default payload with an unknown key": (
        "lambda",
        {
            "payload_schema": {
                "type": "object",
                "properties": {"day": True},
                "additionalProperties": False,
            },
            "payload": {"dya": 1},
        },
        "payload.dya",
        'did you mean "day"?',
    ),
    "rules as a map": ("ecs", {"failure_rules": {}}, "failure_rules", "list of rules, not a map"),
    "too many errors in all rules": (
        "ecs",
        {
            "failure_rules": [
                {"errors": [f"E{n}" for n in range(101)], "action": "fail"},
                {"errors": [f"F{n}" for n in range(100)], "action": "retry"},
            ]
        },
        "failure_rules",
        "names 201 errors; at most 200",
    ),
    "too many rules": (
        "ecs",
        {"failure_rules": [{"exit_codes": [1], "action": "fail"}] * 21},
        "failure_rules",
        "at most 20",
    ),
    **{
        name: (kind, {"failure_rules": [rule]}, f"failure_rules[0]{path}", words)
        for name, (kind, rule, path, words) in {
            "rule without action": ("ecs", {"exit_codes": [1]}, ".action", "is required"),
            "rule without cause": ("ecs", {"action": "fail"}, "", "either exit_codes or errors"),
            "rule with both causes": (
                "ecs",
                {"action": "fail", "exit_codes": [1], "errors": ["A"]},
                "",
                "either exit_codes or errors",
            ),
            "exit code of a function": (
                "lambda",
                {"action": "fail", "exit_codes": [1]},
                ".exit_codes",
                "is for containers",
            ),
            "rule of a function without errors": (
                "lambda",
                {"action": "fail"},
                "",
                "must have errors",
            ),
            "exit code out of range": (
                "ecs",
                {"action": "fail", "exit_codes": [1, 256]},
                ".exit_codes[1]",
                "from 0 to 255",
            ),
            "lone exit code": (
                "ecs",
                {"action": "fail", "exit_codes": 1},
                ".exit_codes",
                "must be a list of numbers",
            ),
            "no errors": ("ecs", {"action": "fail", "errors": []}, ".errors", "is empty"),
            "star within": (
                "ecs",
                {"action": "fail", "errors": ["a*b"]},
                ".errors[0]",
                "with * at the end",
            ),
            "long error": (
                "ecs",
                {"action": "fail", "errors": ["a" * 101]},
                ".errors[0]",
                "up to 100",
            ),
            "unknown action": (
                "ecs",
                {"action": "stop", "exit_codes": [1]},
                ".action",
                '"retry", "fail" or "ignore"',
            ),
            "unknown part of a rule": (
                "ecs",
                {"action": "fail", "exit_code": [1]},
                ".exit_code",
                'did you mean "exit_codes"?',
            ),
        }.items()
    },
    # kinds
    "string set": ("lambda", {"schedule": {"rate(1 day)"}}, "schedule", "is a set; use a list"),
    "number set": ("lambda", {"memory_mb": {Decimal(1)}}, "memory_mb", "is a set"),
    "bytes": ("lambda", {"handler": b"main.handler"}, "handler", "is binary; use text"),
    "boto3's Binary": ("lambda", {"owner": Binary(b"x")}, "owner", "is binary; use text"),
    "set in a map": ("lambda", {"payload": {"a": [{"b": {"x"}}]}}, "payload.a[0].b", "is a set"),
    "binary in a list": ("ecs", {"command": ["a", b"b"]}, "command[1]", "is binary"),
    "a date from a file": (
        "lambda",
        {"schedule_start": datetime(2030, 1, 1, tzinfo=UTC)},
        "schedule_start",
        "is a datetime; use text",
    ),
    "too deep": (
        "lambda",
        {"payload": {"a": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}},
        "payload.a" + "[0]" * 19,
        "more than 20 levels",
    ),
    "number too large": ("lambda", {"payload": {"a": Decimal("1E+126")}}, "payload.a", "number"),
    "NaN": ("lambda", {"payload": {"a": Decimal("NaN")}}, "payload.a", "is not a number"),
    "infinite float": ("lambda", {"payload": {"a": float("inf")}}, "payload.a", "not a number"),
    # what must never reach a template
    "reference in a variable": (
        "lambda",
        {"environment": {"PASSWORD": "{{resolve:ssm:/db}}"}},
        "environment.PASSWORD",
        '"{{resolve:"',
    ),
    "spaced reference": ("lambda", {"owner": "{{ resolve:ssm:x}}"}, "owner", '"{{resolve:"'),
    "reference in the payload": (
        "lambda",
        {"payload": {"a": [{"b": "x{{resolve:ssm:/db}}"}]}},
        "payload.a[0].b",
        '"{{resolve:"',
    ),
    "reference in a payload's key": (
        "lambda",
        {"payload": {"{{resolve:x}}": 1}},
        "payload.{{resolve:x}}",
        '"{{resolve:"',
    ),
    "reference spelled in JSON": (
        "lambda",
        {"payload": '{"a": "\\u007b\\u007bresolve:ssm:/db}}"}'},
        "payload.a",
        '"{{resolve:"',
    ),
    "reference put together by quotes": (
        "ecs",
        {"command": "echo {{'resolve:ssm:/db'}}"},
        "command",
        '"{{resolve:"',
    ),
    "reference in a tag": ("lambda", {"tags": {"a": "{{resolve:x}}"}}, "tags.a", '"{{resolve:"'),
    "reference in a statement": (
        "lambda",
        {"permissions": [STATEMENT | {"Resource": ["arn:aws:s3:::{{resolve:x}}"]}]},
        "permissions[0].Resource[0]",
        '"{{resolve:"',
    ),
    "reference in the description": (
        "lambda",
        {"description": "{{resolve:x}}"},
        "description",
        '"{{resolve:"',
    ),
    "expression": ("lambda", {"payload": {"a": "{% $x %}"}}, "payload.a", '"{%" or "%}"'),
    "end of an expression": ("ecs", {"command": ["%}"]}, "command[0]", '"{%" or "%}"'),
    "expression in the name of a variable": (
        "lambda",
        {"environment": {"A{%": "x"}},
        "environment.A{%",
        "may not hold",
    ),
    "reference behind an expression": (
        "lambda",
        {"environment": {"AA": "{% {{resolve:ssm:/db}} %}"}},
        "environment.AA",
        '"{{resolve:"',
    ),
    "payload of an item": (
        "lambda",
        {"fan_out": {}, "payload": {"item": 1}},
        "payload.item",
        "each item",
    ),
    "place of an item": (
        "ecs",
        {"fan_out": {"source": {"prefix": "s3://bundles/"}}, "payload": {"_fan_out": 1}},
        "payload._fan_out",
        "each item",
    ),
    "list called as the place": (
        "ecs",
        {"fan_out": {"items": "_fan_out"}},
        "fan_out.items",
        "must be a key of the payload",
    ),
    "whole bucket as a list": (
        "ecs",
        {"fan_out": {"source": {"json": "s3://bundles/"}}},
        "fan_out.source.json",
        "names no object",
    ),
    "resource with a tab": (
        "lambda",
        {"permissions": [STATEMENT | {"Resource": "arn:aws:s3:::a/b\tc"}]},
        "permissions[0].Resource",
        "IAM",
    ),
    "control character": ("ecs", {"environment": {"AA": "\x1b"}}, "environment.AA", "control"),
    "half a character": ("ecs", {"environment": {"AA": "\ud800"}}, "environment.AA", "Unicode"),
    # text
    "long description": ("lambda", {"description": "x" * 257}, "description", "at most 256"),
    "two lines": ("lambda", {"description": "a\nb"}, "description", "a single line"),
    "owner as a number": ("lambda", {"owner": 5}, "owner", "must be text, not the number 5"),
    # numbers
    "no number": ("lambda", {"memory_mb": "lots"}, "memory_mb", 'not "lots"'),
    "empty number": ("lambda", {"memory_mb": ""}, "memory_mb", 'not ""'),
    "number with a unit": ("lambda", {"memory_mb": "512MB"}, "memory_mb", 'not "512MB"'),
    "number as boolean": ("lambda", {"memory_mb": True}, "memory_mb", "not true"),
    "fraction": ("lambda", {"memory_mb": "128.5"}, "memory_mb", "a whole number"),
    "digits of another script": ("lambda", {"memory_mb": "٥١٢"}, "memory_mb", "a whole number"),
    "too little memory": ("lambda", {"memory_mb": 127}, "memory_mb", "from 128 to 10240 (MB)"),
    "too much memory": ("lambda", {"memory_mb": 10241}, "memory_mb", "from 128 to 10240 (MB)"),
    "small disk": ("lambda", {"ephemeral_storage_mb": 511}, "ephemeral_storage_mb", "from 512"),
    "retries": ("lambda", {"retries": 11}, "retries", "from 0 to 10"),
    "negative retries": ("lambda", {"retries": "-1"}, "retries", "not -1"),
    "interval": ("lambda", {"retry_interval_seconds": 0}, "retry_interval_seconds", "from 1"),
    "backoff": ("lambda", {"retry_backoff": "0.5"}, "retry_backoff", "from 1 to 10"),
    "backoff as text": ("lambda", {"retry_backoff": "twice"}, "retry_backoff", 'not "twice"'),
    "jitter": ("lambda", {"jitter_minutes": 1441}, "jitter_minutes", "from 0 to 1440"),
    "retention": ("lambda", {"log_retention_days": 31}, "log_retention_days", "nearest: 30"),
    "no flag": ("lambda", {"alarms": "yes"}, "alarms", 'must be true or false, not "yes"'),
    # many items
    "fan_out as a list": ("lambda", {"fan_out": ["a"]}, "fan_out", "must be a map with items"),
    "fan_out of something": (
        "lambda",
        {"fan_out": {"max_concurency": 5}},
        "fan_out.max_concurency",
        'did you mean "max_concurrency"?',
    ),
    "items under no key": ("lambda", {"fan_out": {"items": "a b"}}, "fan_out.items", 'not "a b"'),
    "items under ours": ("lambda", {"fan_out": {"items": "_run"}}, "fan_out.items", 'not "_run"'),
    "items themselves": ("lambda", {"fan_out": {"items": ["a"]}}, "fan_out.items", "not a list"),
    "items from two places": (
        "ecs",
        {"fan_out": {"items": "a", "source": {"json": "s3://bundles/a.json"}}},
        "fan_out.source",
        "give one of them",
    ),
    "no source": ("ecs", {"fan_out": {"source": {}}}, "fan_out.source", "exactly one of json, csv"),
    "two sources": (
        "ecs",
        {"fan_out": {"source": {"json": "s3://bundles/a", "csv": "s3://bundles/b"}}},
        "fan_out.source",
        "exactly one of json, csv, prefix",
    ),
    "another source": (
        "ecs",
        {"fan_out": {"source": {"jsn": "s3://bundles/a"}}},
        "fan_out.source.jsn",
        'did you mean "json"?',
    ),
    "source out of S3": (
        "ecs",
        {"fan_out": {"source": {"csv": "https://example.com/a.csv"}}},
        "fan_out.source.csv",
        'must be like "s3://bucket/folder/items.csv"',
    ),
    "source with a variable": (
        "ecs",
        {"fan_out": {"source": {"json": "s3://bundles/${x}"}}},
        "fan_out.source.json",
        'must not hold "${"',
    ),
    "version of a prefix": (
        "ecs",
        {"fan_out": {"source": {"prefix": "s3://bundles/a/?versionId=1"}}},
        "fan_out.source.prefix",
        "versionId",
    ),
    "no concurrency": (
        "ecs",
        {"fan_out": {"max_concurrency": 0}},
        "fan_out.max_concurrency",
        "from 1 to 10000",
    ),
    "more than all may fail": (
        "ecs",
        {"fan_out": {"tolerated_failure_percent": 101}},
        "fan_out.tolerated_failure_percent",
        "from 0 to 100",
    ),
    "index as a variable": (
        "ecs",
        {"environment": {"FAN_OUT_INDEX": "1"}},
        "environment.FAN_OUT_INDEX",
        "is set for every container",
    ),
    # choices
    "architecture": ("lambda", {"architecture": "arm"}, "architecture", 'mean "arm64"?'),
    "overlap": ("lambda", {"overlap": "queue"}, "overlap", '"cancel_other" or "allow"'),
    "a job that needs itself": (
        "ecs",
        {"depends_on": ["a", "crunch"]},
        "depends_on",
        "names the job itself",
    ),
    "needs what is no name": ("ecs", {"depends_on": ["A b"]}, "depends_on[0]", "may hold only a-z"),
    "needs too many": (
        "ecs",
        {"depends_on": [f"j{n}" for n in range(21)]},
        "depends_on",
        "names 21 jobs; at most 20",
    ),
    "deletion policy": ("lambda", {"deletion_policy": "keep"}, "deletion_policy", '"retain"'),
    "deployment mode": ("lambda", {"deployment_mode": "EXPRESS"}, "deployment_mode", '"express"'),
    # time
    "run longer than a year": ("ecs", {"timeout_seconds": 31_536_001}, "timeout_seconds", "from 1"),
    "attempt beyond Lambda's": (
        "lambda",
        {"attempt_timeout_seconds": 901},
        "attempt_timeout_seconds",
        "from 1 to 900",
    ),
    "attempt beyond the run": (
        "ecs",
        {"timeout_seconds": 60, "attempt_timeout_seconds": 61},
        "attempt_timeout_seconds",
        "must not exceed timeout_seconds, which is 60",
    ),
    "wrong cron": ("lambda", {"schedule": "cron(0 6 * * *)"}, "schedule", '5; add a year: "*"'),
    "second of a list": (
        "lambda",
        {"schedule": ["rate(1 day)", "rate(0 days)"]},
        "schedule[1]",
        "from 1",
    ),
    "schedule as a number": ("lambda", {"schedule": 5}, "schedule", "must be a list of texts"),
    "empty schedule": ("lambda", {"schedule": ""}, "schedule", "must be like"),
    "schedule twice": (
        "lambda",
        {"schedule": ["rate(1 day)", "rate( 1  days )"]},
        "schedule",
        'has "rate(1 day)" more than once',
    ),
    "eleven schedules": (
        "lambda",
        {"schedule": [f"rate({n} days)" for n in range(2, 13)]},
        "schedule",
        "11 expressions; at most 10",
    ),
    "unknown zone": ("lambda", {"timezone": "Europe/Berln"}, "timezone", '"Europe/Berlin"?'),
    "zone in capitals": ("lambda", {"timezone": "utc"}, "timezone", 'did you mean "UTC"?'),
    "part of a zone": ("lambda", {"timezone": "Europe"}, "timezone", "is not an IANA time zone"),
    "zone of this machine": (
        "lambda",
        {"timezone": "localtime"},
        "timezone",
        "is not an IANA time zone",
    ),
    "zone as a path": ("lambda", {"timezone": "../UTC"}, "timezone", "is not an IANA time zone"),
    "zone as a number": ("lambda", {"timezone": 2}, "timezone", "must be a time zone"),
    "end before start": (
        "lambda",
        {"schedule_start": "2030-01-02", "schedule_end": "2030-01-02"},
        "schedule_end",
        "must be after schedule_start, which is 2030-01-02T00:00:00Z",
    ),
    "at() in the hour that clocks skip": (
        "lambda",
        {"schedule": "at(2027-03-28T02:30:00)", "timezone": "Europe/Berlin"},
        "schedule",
        '"at(2027-03-28T02:30:00)" never comes in Europe/Berlin',
    ),
    "cron in the hour that clocks skip": (
        "lambda",
        {"schedule": "cron(30 2 ? 3 SUNL *)", "timezone": "Europe/Berlin"},
        "schedule",
        "never comes in Europe/Berlin",
    ),
    "29 February of a year without one": (
        "lambda",
        {"schedule": ["rate(1 day)", "cron(0 0 29 2 ? 2027)"]},
        "schedule[1]",
        "never comes in UTC",
    ),
    "L-30 in February": ("lambda", {"schedule": "cron(0 0 L-30 2 ? *)"}, "schedule", "never comes"),
    "31W in February": ("lambda", {"schedule": "cron(0 0 31W 2 ? *)"}, "schedule", "never comes"),
    "no date": ("lambda", {"schedule_start": "tomorrow"}, "schedule_start", "a date and time like"),
    "impossible date": (
        "lambda",
        {"schedule_end": "2030-02-30"},
        "schedule_end",
        "a date and time",
    ),
    "date as a number": ("lambda", {"schedule_end": 5}, "schedule_end", "not the number 5"),
    "date before time": (
        "lambda",
        {"schedule_end": "0001-01-01T00:00+14:00"},
        "schedule_end",
        "like",
    ),
    "date of the last century": ("lambda", {"schedule_end": "1969-12-31"}, "schedule_end", "1970"),
    # payload
    "payload as a list": ("lambda", {"payload": [1]}, "payload", "must be a JSON object"),
    "payload as JSON list": ("lambda", {"payload": "[1]"}, "payload", "must be a JSON object"),
    "payload as bad JSON": ("lambda", {"payload": "{a: 1}"}, "payload", "is not valid JSON"),
    "payload too deep to read": ("lambda", {"payload": "[" * 60_000}, "payload", "not valid JSON"),
    "payload with NaN": ("lambda", {"payload": '{"a": NaN}'}, "payload.a", "is not a number"),
    "payload with a number that a workflow would change": (
        "lambda",
        {"payload": {"a": [2**53 + 1]}},
        "payload.a[0]",
        "write it as text",
    ),
    "payload with more digits than a workflow keeps": (
        "ecs",
        {"payload": {"a": Decimal("0.1000000000000000055")}},
        "payload.a",
        "write it as text",
    ),
    "payload with a number of a billion digits": (
        "lambda",
        {"payload": '{"a": 1e-999999999}'},
        "payload.a",
        "is not a number that a row can hold",
    ),
    "payload with a huge number": ("lambda", {"payload": '{"a": 1e999}'}, "payload.a", "number"),
    "payload with _run": (
        "lambda",
        {"payload": {"_run": {}}},
        "payload._run",
        "by the provisioner",
    ),
    "large payload": ("lambda", {"payload": {"a": "x" * 16384}}, "payload", "the most is 16384"),
    "large container payload": ("ecs", {"payload": {"a": '"' * 1800}}, "payload", "is 7168"),
    # environment, secrets, tags
    "environment as a list": ("lambda", {"environment": ["A=1"]}, "environment", "must be a map"),
    "variable as a list": ("lambda", {"environment": {"AA": []}}, "environment.AA", "not a list"),
    "an intrinsic function as a variable": (
        "lambda",
        {"environment": {"Ref": "AWS::AccountId"}},
        "environment.Ref",
        "function of CloudFormation",
    ),
    "a condition as text": (
        "lambda",
        {"permissions": [STATEMENT | {"Condition": "aws:a"}]},
        "permissions[0].Condition",
        "must be a map of operators, not text",
    ),
    "an intrinsic function as an operator": (
        "lambda",
        {"permissions": [STATEMENT | {"Condition": {"Ref": {"aws:a": "b"}}}]},
        "permissions[0].Condition",
        "not a condition operator",
    ),
    "an intrinsic function as a condition key": (
        "lambda",
        {"permissions": [STATEMENT | {"Condition": {"StringEquals": {"Fn::Sub": "b"}}}]},
        "permissions[0].Condition.StringEquals",
        "not a condition key",
    ),
    "reserved variable": (
        "lambda",
        {"environment": {"AWS_REGION": "x"}},
        "environment.AWS_REGION",
        "by Lambda",
    ),
    "bad variable": (
        "lambda",
        {"environment": {"A-B": "x"}},
        "environment.A-B",
        "name of a variable",
    ),
    "short variable": ("lambda", {"environment": {"A": "x"}}, "environment.A", "two or more"),
    "empty variable": ("lambda", {"environment": {"": "x"}}, "environment.", "name of a variable"),
    "over 4 KB": ("lambda", {"environment": {"KEY": "x" * 4087}}, "environment", "allows 4096"),
    "over 4 KB in bytes": ("lambda", {"environment": {"KEY": "ü" * 2047}}, "environment", "4096"),
    "container variable": (
        "ecs",
        {"environment": {"PAYLOAD": "x"}},
        "environment.PAYLOAD",
        "is set",
    ),
    "bad container variable": ("ecs", {"environment": {"9": "x"}}, "environment.9", "name of a"),
    "large environment": ("ecs", {"environment": {"KEY": "x" * 16384}}, "environment", "is 16384"),
    "secret in plain": ("ecs", {"secrets": {"DB": "hunter2"}}, "secrets.DB", "must be the ARN"),
    "secret twice": (
        "ecs",
        {"secrets": {"DB": ARN}, "environment": {"DB": "x"}},
        "secrets.DB",
        "is in environment too",
    ),
    "many secrets": (
        "ecs",
        {"secrets": {f"S{n}": ARN for n in range(51)}},
        "secrets",
        "at most 50",
    ),
    "AWS's tag": ("lambda", {"tags": {"AWS:x": "1"}}, "tags.AWS:x", '"aws:"'),
    "AWS's value": ("lambda", {"tags": {"x": "aws:1"}}, "tags.x", '"aws:"'),
    "our tag": ("lambda", {"tags": {"Job": "1"}}, "tags.Job", "set by the provisioner"),
    "other tag of ours": ("lambda", {"tags": {"provisioner": "1"}}, "tags.provisioner", "is set"),
    "opening tag": (
        "lambda",
        {"tags": {"Open-To-Jobs": "jobs"}},
        "tags.Open-To-Jobs",
        "for the platform team",
    ),
    "tag with signs": ("lambda", {"tags": {"a": "<b>"}}, "tags.a", "may hold only letters"),
    "key with signs": ("lambda", {"tags": {"a&b": "x"}}, "tags.a&b", "may hold only letters"),
    "empty key": ("lambda", {"tags": {"": "x"}}, "tags.", "1 to 128 characters"),
    "long value": ("lambda", {"tags": {"a": "x" * 257}}, "tags.a", "at most 256"),
    "tag twice": ("lambda", {"tags": {"Team": "a", "team": "b"}}, "tags.team", "appears twice"),
    "large tags": (
        "lambda",
        {"tags": {f"t{n}": "é" * 200 for n in range(40)}},
        "tags",
        "the most is 8192",
    ),
    "many tags": ("lambda", {"tags": {f"t{n}": "" for n in range(46)}}, "tags", "at most 45"),
    # permissions
    "permissions as text": (
        "lambda",
        {"permissions": "s3:*"},
        "permissions[0]",
        "an IAM statement, or words like",
    ),
    "statement as text": (
        "lambda",
        {"permissions": ["s3:*"]},
        "permissions[0]",
        "an IAM statement, or words like",
    ),
    "every action": (
        "lambda",
        {"permissions": [STATEMENT | {"Action": "*"}]},
        "permissions[0].Action",
        "is every action",
    ),
    "every service": (
        "lambda",
        {"permissions": [STATEMENT | {"Action": ["s3:Get*", "*:*"]}]},
        "permissions[0].Action[1]",
        "is every action",
    ),
    "no action": (
        "lambda",
        {"permissions": [STATEMENT | {"Action": "GetObject"}]},
        "permissions[0].Action",
        "must be a service and an action",
    ),
    "no actions": (
        "lambda",
        {"permissions": [STATEMENT | {"Action": []}]},
        "permissions[0].Action",
        "is empty",
    ),
    "NotAction": (
        "lambda",
        {"permissions": [STATEMENT | {"NotAction": "s3:*"}]},
        "permissions[0].NotAction",
        "is not allowed; list the actions",
    ),
    "NotResource": (
        "lambda",
        {"permissions": [STATEMENT | {"NotResource": "x"}]},
        "permissions[0].NotResource",
        "is not allowed; list the resources",
    ),
    "Principal": (
        "lambda",
        {"permissions": [STATEMENT | {"Principal": "*"}]},
        "permissions[0].Principal",
        "is not allowed",
    ),
    "small letters": (
        "lambda",
        {"permissions": [STATEMENT | {"action": "s3:*"}]},
        "permissions[0].action",
        'did you mean "Action"?',
    ),
    "no resource": (
        "lambda",
        {"permissions": [{"Action": "s3:GetObject"}]},
        "permissions[0].Resource",
        "is required",
    ),
    "resource by name": (
        "lambda",
        {"permissions": [STATEMENT | {"Resource": "my-bucket"}]},
        "permissions[0].Resource",
        'must be "*" or an ARN',
    ),
    "resource with a parameter": (
        "lambda",
        {"permissions": [STATEMENT | {"Resource": "arn:aws:s3:::a-${AWS::AccountId}"}]},
        "permissions[0].Resource",
        "holds a CloudFormation parameter",
    ),
    "effect": (
        "lambda",
        {"permissions": [STATEMENT | {"Effect": "allow"}]},
        "permissions[0].Effect",
        '"Allow" or "Deny"',
    ),
    "Sid": (
        "lambda",
        {"permissions": [STATEMENT | {"Sid": "my-sid"}]},
        "permissions[0].Sid",
        "only letters and digits",
    ),
    "Sid twice": (
        "lambda",
        {"permissions": [STATEMENT | {"Sid": "A"}, STATEMENT | {"Sid": "A"}]},
        "permissions",
        'the Sid "A" more than once',
    ),
    "condition": (
        "lambda",
        {"permissions": [STATEMENT | {"Condition": {"StringEquals": "x"}}]},
        "permissions[0].Condition.StringEquals",
        "must be a map of condition keys",
    ),
    "operator": (
        "lambda",
        {"permissions": [STATEMENT | {"Condition": {"==": {"a": "b"}}}]},
        "permissions[0].Condition",
        "not a condition operator",
    ),
    "a set's word in the plural": (
        "lambda",
        {"permissions": [STATEMENT | {"Condition": {"ForAnyValues:StringLike": {"a:b": "c"}}}]},
        "permissions[0].Condition",
        'did you mean "ForAnyValue:StringLike"?',
    ),
    "an operator that begins like one": (
        "lambda",
        {"permissions": [STATEMENT | {"Condition": {"StringFoo": {"a:b": "c"}}}]},
        "permissions[0].Condition",
        "not a condition operator",
    ),
    "Null, if it exists": (
        "lambda",
        {"permissions": [STATEMENT | {"Condition": {"NullIfExists": {"a:b": "true"}}}]},
        "permissions[0].Condition",
        "not a condition operator",
    ),
    "a line's end in a resource": (
        "lambda",
        {"permissions": [STATEMENT | {"Resource": "arn:aws:s3:::a\n"}]},
        "permissions[0].Resource",
        "a character that IAM does not take",
    ),
    "a terminal's command in a resource": (
        "lambda",
        {"permissions": [STATEMENT | {"Resource": "arn:aws:s3:::a\x9b2J"}]},
        "permissions[0].Resource",
        "a character that IAM does not take",
    ),
    "a resource beyond Latin-1": (
        "lambda",
        {"permissions": [STATEMENT | {"Resource": "arn:aws:s3:::\u0141/*"}]},
        "permissions[0].Resource",
        "a character that IAM does not take",
    ),
    "large permissions": (
        "lambda",
        {"permissions": [STATEMENT | {"Resource": [f"arn:aws:s3:::{'x' * 95}"] * 99}]},
        "permissions",
        "at most 8960",
    ),
    "a command of emoji": (
        "ecs",
        {"command": ["\N{GRINNING FACE}" * 8_192]},
        "command",
        "bytes together with the other texts of the container",
    ),
    # queue
    "queue as text": (
        "ecs",
        {"queue": "high"},
        "queue",
        'true, false or a map with batch_size, max_concurrency, max_receives, not "high"',
    ),
    "batch": ("lambda", {"queue": {"batch_size": 11}}, "queue.batch_size", "from 1 to 10"),
    "concurrency": (
        "lambda",
        {"queue": {"max_concurrency": 1}},
        "queue.max_concurrency",
        "from 2 to 1000",
    ),
    "receives": ("ecs", {"queue": {"max_receives": 0}}, "queue.max_receives", "from 1 to 100"),
    "part of a queue": ("ecs", {"queue": {"concurrency": 5}}, "queue.concurrency", "mean"),
    "queue that skips": (
        "lambda",
        {"queue": True, "overlap": "skip"},
        "overlap",
        'must be "allow" or left out',
    ),
    # network
    "network as text": ("ecs", {"network": "vpc"}, "network", "must be a map with subnets"),
    "subnet": ("ecs", {"network": {"subnets": ["vpc-1"]}}, "network.subnets[0]", "subnet-0123"),
    "subnet twice": (
        "ecs",
        {"network": {"subnets": ["subnet-01234567", "subnet-01234567"]}},
        "network.subnets",
        "twice",
    ),
    "many groups": (
        "ecs",
        {"network": {"security_groups": [f"sg-0123456{n}" for n in range(6)]}},
        "network.security_groups",
        "at most 5",
    ),
    **{
        f"egress {what}": ("ecs", {"network": {"egress": value}}, f"network.egress{where}", message)
        for what, value, where, message in (
            ("empty", [], "", "cannot pull its image"),
            ("of too many rules", [f"10.0.0.0/16:{n}" for n in range(51)], "", "at most 50"),
            ("twice", ["10.0.0.0/8", "10.0.0.0/8"], "", "one of its rules twice"),
            ("to a name", ["db.example.com:5432"], "[0]", "does not know names of hosts"),
            ("to nothing", [":443"], "[0]", "must be like"),
            ("to an address", ["10.0.0.5:443"], "[0]", 'write "10.0.0.5/32"'),
            ("to half a block", ["10.0.0.5/16:443"], "[0]", 'write "10.0.0.0/16"'),
            ("of a port that is not there", ["10.0.0.0/8:70000"], "[0]", "does not name ports"),
            ("of ports the wrong way", ["10.0.0.0/8:443-80"], "[0]", "does not name ports"),
            ("by a name of a port", ["10.0.0.0/8:https"], "[0]", "must be like"),
            ("by a protocol of nobody", ["10.0.0.0/8:1/icmp"], "[0]", "must be like"),
            ("without its port", ["[::/0]443"], "[0]", "must be like"),
            ("to a subnet", ["subnet-0123456789abcdef0:443"], "[0]", "must be like"),
            ("as a map", [{"cidr": "10.0.0.0/8"}], "[0]", "must be text"),
        )
    },
    "egress of groups of the row's choice": (
        "ecs",
        {"network": {"egress": ["10.0.0.0/8"], "security_groups": ["sg-01234567"]}},
        "network.egress",
        "unless the row names security_groups",
    ),
    "egress of a function": (
        "lambda",
        {"network": {"egress": ["10.0.0.0/8"]}},
        "network.egress",
        "is for containers",
    ),
    "egress by itself": ("ecs", {"egress": ["10.0.0.0/8"]}, "egress", '"network.egress"'),
    "unknown part": ("ecs", {"network": {"subnet": "x"}}, "network.subnet", 'mean "subnets"?'),
    "public function": (
        "lambda",
        {"network": {"assign_public_ip": True, "security_groups": ["sg-01234567"]}},
        "network.assign_public_ip",
        "must be false",
    ),
    "function without group": (
        "lambda",
        {"network": {"subnets": ["subnet-01234567"]}},
        "network.security_groups",
        "is required",
    ),
    # code
    "no bundle": ("lambda", {"bundle": ...}, "bundle", 'like "s3://bucket/folder/code.zip"'),
    "no runtime": ("lambda", {"runtime": ...}, "runtime", 'a Lambda runtime like "python3.14"'),
    "no handler": ("lambda", {"handler": ...}, "handler", 'like "main.handler"'),
    "no image": ("ecs", {"image": ...}, "image", "a container image like"),
    "bundle as an address": ("lambda", {"bundle": "https://x/y"}, "bundle", "must be like"),
    "bundle as a map": ("lambda", {"bundle": {}}, "bundle", "not a map"),
    "bundle without key": ("lambda", {"bundle": "s3://bucket/"}, "bundle", "names no object"),
    "bundle without slash": ("lambda", {"bundle": "s3://bucket"}, "bundle", "must be like"),
    "bucket in capitals": ("lambda", {"bundle": "s3://Bucket/x"}, "bundle", "name of a bucket"),
    "bucket as an address": ("lambda", {"bundle": "s3://10.0.0.1/x"}, "bundle", "name of a bucket"),
    "bucket with two dots": ("lambda", {"bundle": "s3://a..b/x"}, "bundle", "name of a bucket"),
    "short bucket": ("lambda", {"bundle": "s3://ab/x"}, "bundle", "name of a bucket"),
    "long key": ("lambda", {"bundle": f"s3://abc/{'ü' * 513}"}, "bundle", "1 to 1024 bytes"),
    "other query": ("lambda", {"bundle": "s3://abc/x?version=1"}, "bundle", '"?versionId="'),
    "empty version": ("lambda", {"bundle": "s3://abc/x?versionId="}, "bundle", '"?versionId="'),
    "misspelled runtime": ("lambda", {"runtime": "pyton3.13"}, "runtime", '"python3.13"?'),
    "old runtime": (
        "lambda",
        {"runtime": "python2.7"},
        "runtime",
        "is not a runtime that Lambda offers",
    ),
    "deprecated runtime": (
        "lambda",
        {"runtime": "nodejs20.x"},
        "runtime",
        'is deprecated since 2026-04-30; use "nodejs24.x"',
    ),
    "java handler without method": (
        "lambda",
        {"runtime": "java25", "handler": "example.Main::"},
        "handler",
        'like "com.example.Report::run"',
    ),
    "java handler like python's": (
        "lambda",
        {"runtime": "java25", "handler": "example/main.run"},
        "handler",
        "must name a class",
    ),
    "half a dotnet handler": (
        "lambda",
        {"runtime": "dotnet10", "handler": "Report::Run"},
        "handler",
        '"Assembly::Namespace.Class::Method"',
    ),
    "image of another registry": (
        "lambda",
        {**IMAGE, "image": "public.ecr.aws/lambda/python:3.14"},
        "image",
        "must be an image in ECR, like",
    ),
    "image that is none": ("lambda", {**IMAGE, "image": "a b"}, "image", "must be an image"),
    "image and layers": (
        "lambda",
        {**IMAGE, "layers": [f"{LAYER}:1"]},
        "layers",
        "leave it out in a row with an image",
    ),
    "secrets of an image": (
        "lambda",
        {**IMAGE, "secrets": {"DB": ARN}},
        "secrets",
        'in an image, read them in the code: write "secret: ARN" in permissions',
    ),
    "secrets of a java function": (
        "lambda",
        {"runtime": "java25", "handler": "a.B::c", "secrets": {"DB": ARN}},
        "secrets",
        "in java25, read them in the code",
    ),
    "secrets of a custom runtime": (
        "lambda",
        {"runtime": "provided.al2023", "secrets": {"DB": ARN}},
        "secrets",
        "in provided.al2023, read them in the code",
    ),
    "secrets and five layers": (
        "lambda",
        {"secrets": {"DB": ARN}, "layers": [f"{LAYER}{n}:1" for n in range(5)]},
        "secrets",
        "names 5 of 5 already",
    ),
    "secret that is text as well": (
        "lambda",
        {"secrets": {"DB": ARN}, "environment": {"DB": "x"}},
        "secrets.DB",
        "is in environment too",
    ),
    "secrets and a wrapper": (
        "lambda",
        {"secrets": {"DB": ARN}, "environment": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/mine"}},
        "secrets",
        "read them in that program",
    ),
    "secret itself": ("lambda", {"secrets": {"DB": "hunter2"}}, "secrets.DB", "never the secret"),
    "secret of a name that Lambda has": (
        "lambda",
        {"secrets": {"AWS_REGION": ARN}},
        "secrets.AWS_REGION",
        "is set by Lambda itself",
    ),
    "long secrets of a function": (
        "lambda",
        {"secrets": {f"S{n:02}": f"{ARN}/{'x' * 60}" for n in range(40)}},
        "secrets",
        "bytes together with environment; Lambda allows 4096",
    ),
    "many secrets of few bytes": (
        "lambda",
        {"secrets": {f"S{n:02}": ARN for n in range(51)}},
        "secrets",
        "at most 50",
    ),
    "secrets and large permissions": (
        "lambda",
        {
            "secrets": {f"S{n:02}": f"{ARN}/{n}" for n in range(30)},
            "permissions": [
                {"Action": "s3:GetObject", "Resource": [f"arn:aws:s3:::{'b' * 60}/{'k' * 8000}"]}
            ],
        },
        "secrets",
        "in the job's role, together with the row's permissions",
    ),
    "image and runtime": (
        "lambda",
        {**IMAGE, "runtime": "python3.14"},
        "runtime",
        "only for code in a zip archive",
    ),
    "image and bundle": (
        "lambda",
        {**IMAGE, "bundle": "s3://bucket/code.zip"},
        "bundle",
        "only for code in a zip archive",
    ),
    "command without image": ("lambda", {"command": "run"}, "command", "is only for an image"),
    "entry point without image": (
        "lambda",
        {"entry_point": ["run"]},
        "entry_point",
        "is only for an image",
    ),
    "relative folder": (
        "lambda",
        {**IMAGE, "working_directory": "app"},
        "working_directory",
        "must be an absolute path",
    ),
    "long folder": (
        "lambda",
        {**IMAGE, "working_directory": f"/{'a' * 1000}"},
        "working_directory",
        "at most 1000",
    ),
    "entry point of a task": (
        "ecs",
        {"entry_point": ["run"]},
        "entry_point",
        'is for "lambda" jobs',
    ),
    "six layers": ("lambda", {"layers": [f"{LAYER}:{n}" for n in range(6)]}, "layers", "most 5"),
    "layer without version": ("lambda", {"layers": [LAYER]}, "layers[0]", "number is missing"),
    "layer by name": ("lambda", {"layers": ["tools"]}, "layers[0]", 'not "tools"'),
    "two versions of a layer": (
        "lambda",
        {"layers": [f"{LAYER}:1", f"{LAYER}:2"]},
        "layers",
        "one layer twice",
    ),
    "layers of a container": ("ecs", {"layers": [f"{LAYER}:1"]}, "layers", 'for "lambda" jobs'),
    "no reserved concurrency": (
        "lambda",
        {"reserved_concurrency": 0},
        "reserved_concurrency",
        "set schedule_enabled to false",
    ),
    "negative concurrency": (
        "lambda",
        {"reserved_concurrency": -1},
        "reserved_concurrency",
        "must be a whole number",
    ),
    "go": ("lambda", {"runtime": "go1.x"}, "runtime", 'use "provided.al2023"'),
    "no such language": ("lambda", {"runtime": "cobol"}, "runtime", "use one of python3.11"),
    "runtime as a number": ("lambda", {"runtime": 3.14}, "runtime", "the number 3.14"),
    "handler with a space": ("lambda", {"handler": "a b"}, "handler", "text without spaces"),
    "long handler": ("lambda", {"handler": f"a.{'b' * 127}"}, "handler", "at most 128"),
    "bare handler": ("lambda", {"handler": "handler"}, "handler", 'like "main.handler"'),
    "image in capitals": ("ecs", {"image": "Busybox"}, "image", "is in lower case"),
    "image with a space": ("ecs", {"image": "busybox :1"}, "image", "must be an image like"),
    "image as a list": ("ecs", {"image": ["x"]}, "image", "not a list"),
    "long image": ("ecs", {"image": "x" * 256}, "image", "at most 255"),
    "short digest": ("ecs", {"image": "busybox@sha256:00"}, "image", "must be an image like"),
    "unbalanced quotes": ("ecs", {"command": "echo 'x"}, "command", "no closing quotation"),
    "empty command": ("ecs", {"command": []}, "command", "is empty; leave it out"),
    "blank command": ("ecs", {"command": "  "}, "command", "is empty; leave it out"),
    "command as a map": ("ecs", {"command": {}}, "command", "must be a list of texts"),
    "long command": ("ecs", {"command": ["x" * 8193]}, "command", "more than 8192"),
    # sizes of Fargate
    "cpu": ("ecs", {"cpu": 300}, "cpu", "256, 512, 1024, 2048, 4096, 8192, 16384, 32768 CPU units"),
    "three vCPUs": ("ecs", {"cpu": "3 vCPU"}, "cpu", 'not "3 vCPU"'),
    "cpu of nothing": ("ecs", {"cpu": "vCPU"}, "cpu", "must be one of"),
    "no pair": ("ecs", {"cpu": 1024, "memory_mb": 512}, "memory_mb", "cpu may be 256"),
    "memory for a larger cpu": (
        "ecs",
        {"memory_mb": 4096},
        "memory_mb",
        "cpu may be 512, 1024, 2048",
    ),
    "no memory of Fargate": ("ecs", {"memory_mb": 700}, "memory_mb", "the nearest is 512"),
    "usual disk": ("ecs", {"ephemeral_storage_mb": 20480}, "ephemeral_storage_mb", "left out"),
    "part of a GiB": (
        "ecs",
        {"ephemeral_storage_mb": 30000},
        "ephemeral_storage_mb",
        "29696 or 30720",
    ),
    "large disk": (
        "ecs",
        {"ephemeral_storage_mb": 204801},
        "ephemeral_storage_mb",
        "21504 to 204800",
    ),
}


@pytest.mark.parametrize(("kind", "changes", "field", "fragment"), REFUSED.values(), ids=REFUSED)
def test_refused(refused, kind, changes, field, fragment):
    errors = refused(kind, changes)

    messages = [error.message for error in errors if error.field == field]
    assert any(fragment in message for message in messages), errors


@pytest.mark.parametrize(("kind", "changes", "field", "fragment"), REFUSED.values(), ids=REFUSED)
def test_one_fault_is_reported_once_and_blames_nothing_else(
    refused, kind, changes, field, fragment
):
    errors = refused(kind, changes)

    assert len(set(errors)) == len(errors)
    assert {error.field.split(".")[0].split("[")[0] for error in errors} == {
        field.split(".")[0].split("[")[0]
    }, fragment


def test_every_error_at_once():
    rejected = parse(
        {
            "job_name": "Crunch",
            "type": "ecs",
            "image": {"a", "b"},
            "cpu": "1 vCPU",
            "memory_mb": "512",
            "schedule": ["rate(1 day)", "cron(0 6 * *)"],
            "timezone": "Mars/Olympus",
            "environment": {"A B": "x", "PAYLOAD": "x", "OK": "{{resolve:ssm:x}}"},
            "payload": {"a": {1, 2}, "b": [b"x"]},
            "permissions": [{"Action": "*", "Resource": "x", "NotAction": "y"}],
            "tags": {"aws:x": "1", "job": "x"},
            "retries": "three",
            "memry": 1,
            "handler": "main.handler",
            "notify": ["failed", "slow", "fast"],
        }
    )

    assert isinstance(rejected, InvalidRow)
    assert rejected.job_name == "Crunch"
    assert [error.field for error in rejected.errors] == [
        "image",
        "environment.OK",
        "payload.a",
        "payload.b[0]",
        "memry",
        "handler",
        "job_name",
        "tags.aws:x",
        "tags.job",
        "timezone",
        "schedule[1]",
        "retries",
        "permissions[0].NotAction",
        "permissions[0].Action",
        "permissions[0].Resource",
        "notify[2]",
        "environment.A B",
        "environment.PAYLOAD",
        "memory_mb",
    ]


def test_the_texts_of_a_container_have_to_fit_together(refused):
    variables = {f"A{number}": "" for number in range(1_500)}
    secrets = {f"S{number}": f"{ARN}/{'x' * 400}" for number in range(48)}

    (error,) = refused("ecs", {"command": ["x"], "environment": variables, "secrets": secrets})

    assert error.field == "secrets"
    assert "ECS takes 60000" in error.message


def test_a_row_of_unknown_type_is_still_checked_in_what_all_types_share():
    rejected = parse({"job_name": "x", "type": "spark", "retries": 99, "handler": 5, "zzz": 1})

    assert isinstance(rejected, InvalidRow)
    assert [error.field for error in rejected.errors] == ["zzz", "type", "retries"]


@pytest.mark.parametrize("value", [None, 5, [], {"a": 1}, b"x"], ids=repr)
def test_a_name_that_is_not_text_is_still_rejected_by_name(value):
    rejected = parse({"job_name": value, "type": "lambda"})

    assert isinstance(rejected, InvalidRow)
    assert rejected.job_name == ""


def test_messages_do_not_repeat_long_or_secret_values(refused):
    (error,) = refused("ecs", {"secrets": {"DB": "hunter2"}})
    assert "hunter2" not in error.message

    (error,) = refused("lambda", {"bundle": "x" * 1000})
    assert len(error.message) < 200


def test_messages_are_for_people(refused):
    for kind, changes, _, _ in REFUSED.values():
        for error in refused(kind, changes):
            assert error.message
            assert not any(
                word in error.message
                for word in ("pydantic", "Input", "validation", "NoneType", "dict", "object at")
            ), error
