"""The bootstrap's templates as CloudFormation would see them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import yaml

from tests.support.iam import Statements

ROOT = Path(__file__).parents[2]
ACCOUNT = "123456789012"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::NoValue": None,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "jobs",
}
SLACK_SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:slack-a1b2c3"


def load(path: Path) -> dict[str, Any]:
    """Return a template with its short functions written out."""
    template: dict[str, Any] = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - is safe
    return template


class _Loader(yaml.CSafeLoader):
    """YAML as CloudFormation reads it: short functions, and dates that are texts."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _written_out(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    match node:
        case yaml.ScalarNode():
            value = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case _:
            value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _written_out)


@dataclass
class Stack:
    """A template with values for its parameters, whose text can be asked for."""

    template: Mapping[str, Any]
    values: dict[str, Any]
    nested: dict[str, Stack] = field(default_factory=dict)

    def resource(self, logical_id: str) -> Any:
        """Return a resource's properties, of a function those of Globals among them.

        A resource that is not in the template itself is looked for in the nested ones.
        """
        if logical_id not in self.template["Resources"]:
            return self.around(logical_id).resource(logical_id)
        resource = self.template["Resources"][logical_id]
        properties = resource["Properties"]
        if resource["Type"] == "AWS::Serverless::Function" and "Globals" in self.template:
            properties = merged(self.template["Globals"]["Function"], properties)
        return self.render(properties)

    def made(self) -> set[str]:
        """Return the resources whose condition, if they have one, is met."""
        return {
            name
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.render({"Condition": resource["Condition"]})
        }

    def around(self, logical_id: str) -> Stack:
        """Return the nested stack that has a resource."""
        return next(s for s in self.nested.values() if logical_id in s.template["Resources"])

    def render(self, node: Any) -> Any:
        """Return a node with every function in it worked out."""
        match node:
            case {"Condition": str(name)} if len(node) == 1:
                return self.render(self.template["Conditions"][name])
            case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::Sub": _}:
                return self.reference(node)
            case dict() if any(key.startswith("Fn::") for key in node):
                return self.function(node)
            case dict():
                return {key: self.render(value) for key, value in node.items()}
            case list():
                rendered = [self.render(item) for item in node]
                return [item for item in rendered if item is not None]
            case _:
                return node

    def reference(self, node: Mapping[str, Any]) -> Any:
        match node:
            case {"Ref": name}:
                return self.ref(name)
            case {"Fn::GetAtt": path}:
                return self.attribute(*(path.split(".", 1) if isinstance(path, str) else path))
            case {"Fn::Sub": [text, names]}:
                return self.substitute(text, self.render(names))
            case {"Fn::Sub": text}:
                return self.substitute(text, {})
            case _:
                raise AssertionError(node)

    def function(self, node: Mapping[str, Any]) -> Any:
        match node:
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self.render(parts))
            case {"Fn::Split": [separator, text]}:
                return self.render(text).split(separator)
            case {"Fn::Select": [index, parts]}:
                return self.render(parts)[index]
            case {"Fn::If": [condition, then, otherwise]}:
                wanted = self.render(self.template["Conditions"][condition])
                return self.render(then if wanted else otherwise)
            case {"Fn::Equals": [left, right]}:
                return str(self.render(left)) == str(self.render(right))  # as CloudFormation does
            case {"Fn::Not": [operand]}:
                return not self.render(operand)
            case {"Fn::And": operands} | {"Fn::Or": operands}:
                every = all if "Fn::And" in node else any
                return every(self.render(operand) for operand in operands)
            case {"Fn::GetAZs": _}:
                return [f"{PSEUDO['AWS::Region']}{letter}" for letter in "abc"]
            case {"Fn::Cidr": [block, count, bits]}:
                network = ipaddress.ip_network(self.render(block))
                return list(map(str, islice(network.subnets(new_prefix=32 - bits), count)))
            case _:
                raise AssertionError(node)

    def ref(self, name: str) -> Any:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.values:
            return self.values[name]
        if name in STREAM_MAPPINGS:
            return STREAM_MAPPINGS[name]
        kind = self.template["Resources"][name]["Type"]
        if kind == "AWS::Scheduler::ScheduleGroup":
            return self.resource(name)["Name"]
        return self.attribute(name, "Arn") if kind in REFERRED_TO_BY_ARN else name

    def attribute(self, logical_id: str, attribute: str) -> str:
        if attribute.startswith("Outputs."):
            nested = self.nested[logical_id]
            output = nested.template["Outputs"][attribute.removeprefix("Outputs.")]
            return str(nested.render(output["Value"]))
        if attribute in {"QueueName", "TopicName"}:
            return logical_id
        kind = self.template["Resources"][logical_id]["Type"]
        arn = ARNS.get(kind, f"{kind}/{logical_id}").replace("?", logical_id)
        return arn + {"StreamArn": "/stream/now"}.get(attribute, "")

    def substitute(self, text: str, names: Mapping[str, str]) -> str:
        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in names:
                return names[name]
            return str(self.attribute(*name.split(".", 1)) if "." in name else self.ref(name))

        return re.sub(r"\$\{([^}]+)\}", value, text)


def merged(globals_: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a function's properties as SAM merges them: maps by key, else its own win."""
    both = {
        key: merged(globals_[key], own[key])
        for key in globals_.keys() & own.keys()
        if isinstance(globals_[key], dict)
    }
    return {**globals_, **own, **both}


STREAM_MAPPINGS = {
    "JobStreamFunctionJobs": "5d1f7c3e-0000-4000-8000-000000000000",
    "RunStreamFunctionRuns": "5d1f7c3e-0000-4000-8000-000000000001",
    "NotifyFunctionRuns": "5d1f7c3e-0000-4000-8000-000000000002",
    "NotifyFunctionStacks": "5d1f7c3e-0000-4000-8000-000000000003",
}
REFERRED_TO_BY_ARN = {
    "AWS::IAM::ManagedPolicy",
    "AWS::SNS::Topic",
    "AWS::Serverless::LayerVersion",
}
ARNS = {
    "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:?",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/?",
    "AWS::ECS::Cluster": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/?",
    "AWS::IAM::ManagedPolicy": f"arn:aws:iam::{ACCOUNT}:policy/jobs_provisioner/?",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/jobs_provisioner/?",
    "AWS::Serverless::LayerVersion": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:jobs_secrets:1",
    "AWS::Logs::LogGroup": f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:?:*",
    "AWS::S3::Bucket": "arn:aws:s3:::?",
    "AWS::SNS::Topic": f"arn:aws:sns:eu-west-1:{ACCOUNT}:?",
    "AWS::KMS::Key": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/?",
    "AWS::SQS::Queue": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:?",
}


FUNCTION_STACKS = (
    "ProvisioningStack",
    "RunsStack",
    "NotificationsStack",
    "ApiStack",
    "ConsoleStack",
)
NESTED = (
    *("NetworkStack", "ComputeStack", "SecurityStack", "UserPoolStack", *FUNCTION_STACKS),
    "ObservabilityStack",
)
"""Each after those whose outputs it is given."""


def bootstrap_of(source: Mapping[str, Any], **parameters: str) -> Stack:
    """Return the stacks as they come up with the defaults, Slack, and some parameters besides."""
    defaults = {name: parameter["Default"] for name, parameter in source["Parameters"].items()}
    values = defaults | {"SlackSecretArn": SLACK_SECRET} | parameters
    main = Stack(source, _split(source, values))
    for name in NESTED:
        resource = source["Resources"][name]["Properties"]
        template = load(ROOT / resource["TemplateURL"])
        values = main.render(resource.get("Parameters", {}))
        main.nested[name] = Stack(template, _split(template, values))
    return main


def _split(template: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    lists = {
        name
        for name, declared in template["Parameters"].items()
        if declared["Type"] == "CommaDelimitedList"
    }
    return {
        name: [item.strip() for item in value.split(",")] if name in lists else value
        for name, value in values.items()
    }


def policies_of(bootstrap: Stack) -> dict[str, Statements]:
    """Return the statements of every role and managed policy of the bootstrap, by logical id."""
    managed: dict[str, list[Mapping[str, Any]]] = {}
    roles: dict[str, Mapping[str, Any]] = {}
    for stack in (bootstrap, *bootstrap.nested.values()):
        for name, resource in stack.template["Resources"].items():
            match resource["Type"]:
                case "AWS::IAM::ManagedPolicy":
                    managed[name] = stack.resource(name)["PolicyDocument"]["Statement"]
                case "AWS::IAM::Role":
                    roles[name] = stack.resource(name)
    found = {name: Statements(tuple(statements)) for name, statements in managed.items()}
    for name, role in roles.items():
        statements = [
            statement
            for policy in role["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        for arn in role.get("ManagedPolicyArns", []):
            statements += managed[arn.rpartition("/")[2]]
        found[name] = Statements(tuple(statements))
    return found
