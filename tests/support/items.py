"""Items of an engine's tables for a quarter of what boto3 takes: tests that wait do little else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import boto3
import urllib3
from boto3.dynamodb.types import TypeDeserializer
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from urllib3.exceptions import HTTPError

_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": "DynamoDB_20120810.GetItem",
}
_AT_ONCE = 16
_DESERIALIZER = TypeDeserializer()


class Items:
    """What the credentials of a session may read at an address."""

    def __init__(self, session: boto3.Session, url: str) -> None:
        self._url = f"{url}/"
        self._signer = SigV4Auth(session.get_credentials(), "dynamodb", session.region_name)
        self._pool = urllib3.connection_from_url(url, maxsize=_AT_ONCE, retries=False)

    def get(self, table: str, key: Mapping[str, str]) -> dict[str, Any] | None:
        """Return an item, empty if it is not there; None where boto3 has to say what is wrong."""
        names = {name: {"S": text} for name, text in key.items()}
        body = json.dumps({"TableName": table, "Key": names, "ConsistentRead": True})
        request = AWSRequest("POST", self._url, _HEADERS, body)
        self._signer.add_auth(request)
        headers = dict(request.headers.items())
        try:
            answer = self._pool.request("POST", "/", body=body, headers=headers)
        except HTTPError:
            return None
        if answer.status != HTTPStatus.OK:
            return None
        item = json.loads(answer.data).get("Item", {})
        return {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}
