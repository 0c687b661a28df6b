"""What moto and botocore work out again with each call, although it never changes: once here.

That is a third of a call, and most of what it takes to begin and to end a mock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

import moto.core.models
import moto.core.responses
import moto.sqs.models
from botocore.regions import EndpointRulesetResolver
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from moto import backends
from moto.backend_index import backend_url_patterns
from moto.cloudformation.models import Event, Stack, cloudformation_backends
from moto.core.base_backend import AccountSpecificBackend, BaseBackend
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.config import default_user_config
from moto.core.exceptions import HTTPException
from moto.core.request import normalize_request
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models import dynamodb_backends
from moto.ecs.models import ecs_backends
from moto.s3.models import S3Backend, s3_backends
from moto.sqs.models import sqs_backends

from tests.support import moto_dynamodb

ACCOUNT = "123456789012"
REGION = "eu-west-1"
_work_out: Any = BaseBackend.urls.fget  # type: ignore[attr-defined]
_urls: dict[type[BaseBackend], Any] = {}


def _urls_of(backend: BaseBackend) -> Any:
    kind = type(backend)
    if kind not in _urls:
        _urls[kind] = _work_out(backend)
    return _urls[kind]


def _nothing(_backend: BaseBackend) -> None:
    """Leave a backend as it is: moto makes it as new, default networks and all, and drops it."""


_work_out_regions: Any = AccountSpecificBackend._generate_regions.__wrapped__


@cache
def _regions(service: str) -> list[str]:
    return list(_work_out_regions(None, service))


_process: Any = BotocoreStubber.process_request


@lru_cache(maxsize=1000)
def _handler(address: str) -> Any:
    """Return what answers requests to an address, as moto looks for it among all services."""
    for service, pattern in backend_url_patterns:
        if pattern.match(address):
            of_account: Any = backends.get_backend(service)[ACCOUNT]  # type: ignore[call-overload]
            backend = of_account["us-east-1" if "us-east-1" in of_account else "aws"]
            for url, handler in backend.urls.items():
                if re.match(url, address):
                    return handler
    return None


def _answered(self: BotocoreStubber, request: Any) -> Any:
    parts = urlsplit(request.url)
    handler = _handler(f"{parts.scheme}://{parts.netloc}{parts.path}")
    if not handler:
        return _process(self, request)
    asked = normalize_request(request)
    try:
        return handler(asked, asked.raw_url, asked.headers)
    except HTTPException as error:
        return error.code, error.get_headers(), error.get_body()


_from_yaml = Stack.parse_template


def _parsed(template: str) -> Any:
    """Read JSON as such: moto takes it for YAML, and a hundred times as long."""
    try:
        return json.loads(template)
    except ValueError:
        return _from_yaml(template)


_structure = BaseJSONSerializer._serialize_type_structure


def _as_it_is(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """Take a value of DynamoDB as it is: moto looks for its ten members by all their names."""
    if shape.name == "AttributeValue" and type(value) is dict and value.keys() <= _PLAIN:
        self._default_serialize(serialized, value, shape, key)
    else:
        _structure(self, serialized, value, shape, key)


_PLAIN = {"S", "N", "BOOL", "NULL", "SS", "NS"}


_sign: Any = RequestSigner.handler


def _as_if_signed(self: Any, operation_name: Any = None, request: Any = None, **more: Any) -> Any:
    """Name the one who signs, whom moto looks for; it checks no signature unless it checks IAM."""
    if self.signature_version != "v4" or not self._credentials or moto_dynamodb.iam_is_checked():
        return _sign(self, operation_name, request, **more)
    who = f"{self._credentials.access_key}/20261126/{self.region_name}/{self.signing_name}"
    signed = f"AWS4-HMAC-SHA256 Credential={who}/aws4_request, SignedHeaders=host, Signature=0"
    request.headers["Authorization"] = signed
    return None


_resolve: Any = EndpointRulesetResolver.construct_endpoint


def _endpoint(self: Any, operation_model: Any, call_args: Any, request_context: Any) -> Any:
    """Resolve a client's endpoint once, where it does not depend on what is asked."""
    if operation_model.service_model.service_name != "dynamodb":
        return _resolve(self, operation_model, call_args, request_context)
    kept = self._instance_cache
    if "endpoint" not in kept:
        kept["endpoint"] = _resolve(self, operation_model, call_args, request_context)
    return kept["endpoint"]


_describe: Any = UserAgentString.to_string


def _user_agent(self: Any) -> str:
    """Describe a client once: its description is copied for another before that is asked for."""
    config, text = vars(self).get("_text", (None, None))
    if text is None or config is not self._client_config:
        text = _describe(self)
        self._text = self._client_config, text
    return str(text)


def keep() -> None:
    """Keep it from now on, and one boto3 session: a new one reads all services' models again."""
    default_user_config["core"]["reset_boto3_session"] = False
    moto.core.models.RESPONSES_METHODS.clear()  # for what asks by `requests`: nothing here does
    BaseBackend.urls = property(_urls_of)
    BaseBackend.reset = _nothing  # type: ignore[method-assign]
    BotocoreStubber.process_request = _answered  # type: ignore[method-assign]
    S3Backend._url_module = BaseBackend._url_module  # moto's own reads the module again
    Stack.parse_template = staticmethod(_parsed)
    BaseJSONSerializer._serialize_type_structure = _as_it_is
    RequestSigner.handler = _as_if_signed  # type: ignore[method-assign]
    EndpointRulesetResolver.construct_endpoint = _endpoint
    UserAgentString.to_string = _user_agent
    moto_dynamodb.keep()
    AccountSpecificBackend._generate_regions = lambda _, service: _regions(service)  # type: ignore[method-assign]
    names = moto.core.responses
    names.method_names_from_class = cache(names.method_names_from_class)
    words = cache(names.camelcase_to_underscores)
    names.camelcase_to_underscores = moto.sqs.models.camelcase_to_underscores = words


class Tables:
    """Makes tables as a client of DynamoDB does, but not by way of botocore."""

    @staticmethod
    def create_table(**request: Any) -> None:
        dynamodb_backends[ACCOUNT][REGION].create_table(
            request["TableName"],
            schema=request["KeySchema"],
            attr=request["AttributeDefinitions"],
            global_indexes=request.get("GlobalSecondaryIndexes", []),
            billing_mode=request["BillingMode"],
            indexes=[],
            tags=[],
            throughput=None,
            streams=None,
            sse_specification=None,
            deletion_protection_enabled=False,
            warm_throughput=None,
        )


def put_item(table: str, item: dict[str, Any]) -> None:
    """Put an item, as DynamoDB has it, as a client does, but not by way of botocore."""
    dynamodb_backends[ACCOUNT][REGION].put_item(table, item)


def make_buckets(*names: str) -> None:
    """Make buckets as a client of S3 does, but not by way of botocore."""
    for name in names:
        s3_backends[ACCOUNT]["aws"].create_bucket(name, REGION)


def put_bundle(bucket: str) -> None:
    """Put the bundle of the tests' row into a bucket, whose versions are kept, likewise."""
    s3 = s3_backends[ACCOUNT]["aws"]
    s3.put_bucket_versioning(bucket, "Enabled")
    s3.put_object(bucket, "report.zip", b"PK")


def make_stack(name: str, template: dict[str, Any]) -> None:
    """Make a stack of CloudFormation likewise."""
    cloudformation_backends[ACCOUNT][REGION].create_stack(
        name=name, template=json.dumps(template), parameters={}
    )


@dataclass(frozen=True)
class StackEvent:
    """An event of a stack: of a resource in it, or of the stack itself."""

    at: datetime
    status: str
    resource: str | None = None
    type: str = "AWS::CloudFormation::Stack"
    reason: str | None = None
    token: str | None = None


def make_history(name: str, oldest_first: Iterable[StackEvent]) -> str:
    """Make a stack to which just this has happened; return its id."""
    make_stack(name, {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    stack = cloudformation_backends[ACCOUNT][REGION].get_stack(name)
    stack.events.clear()
    for each in oldest_first:
        made = Event(
            stack.stack_id,
            name,
            each.resource or name,
            f"{each.resource}-1" if each.resource else stack.stack_id,
            each.type,
            each.status,
            each.reason,
            None,
        )
        made.timestamp, made.client_request_token = each.at, each.token
        stack.events.append(made)
    return stack.stack_id


def make_cluster(name: str) -> None:
    """Make a cluster of ECS likewise."""
    ecs_backends[ACCOUNT][REGION].create_cluster(name)


def make_queues(*names: str) -> list[str]:
    """Make queues likewise; return their URLs."""
    for name in names:
        sqs_backends[ACCOUNT][REGION].create_queue(name)
    return [f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}" for name in names]
