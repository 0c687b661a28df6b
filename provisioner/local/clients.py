"""boto3 as the engine's root user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from provisioner.local.engine import Engine


def client(engine: Engine, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return a boto3 client of the engine's root user."""
    session: Any = _session(engine)
    return session.client(service, endpoint_url=engine.endpoint)


def table(engine: Engine, name: str) -> Any:  # noqa: ANN401
    """Return a DynamoDB table of the engine."""
    return _session(engine).resource("dynamodb", endpoint_url=engine.endpoint).Table(name)


def _session(engine: Engine) -> boto3.Session:
    environ = engine.environ()
    return boto3.Session(
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
        region_name=environ["AWS_REGION"],
    )
