"""The libraries that the function cannot do without, and nothing of its own: the lower bound.

botocore with one client, and what ours uses of Powertools, pydantic and troposphere, imported as
sparingly as ours does it. Only ever imported; see bench.cold_start.
"""

from __future__ import annotations

import gc

gc.disable()

from aws_lambda_powertools import Logger, Metrics  # noqa: E402
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, field_validator  # noqa: E402

from provisioner.aws.clients import Clients  # noqa: E402
from provisioner.deferred import deferred  # noqa: E402

with deferred("cfn_flip"):
    import troposphere
    from troposphere import (
        awslambda,
        cloudwatch,
        ecs,
        iam,
        logs,
        scheduler,
        sns,
        sqs,
        stepfunctions,
    )

__all__ = ["BaseModel", "ConfigDict", "Field", "PlainValidator", "field_validator", "troposphere"]
__all__ += ["awslambda", "cloudwatch", "ecs", "iam", "logs", "scheduler", "sns", "sqs"]
__all__ += ["stepfunctions"]

logger = Logger()
metrics = Metrics(namespace="provisioner")
dynamodb = Clients().dynamodb  # botocore's, without its search through all services
