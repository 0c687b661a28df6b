"""Environment variables and secrets, as Lambda and ECS take them."""

from __future__ import annotations

import json
import re

from provisioner.jobs.errors import InvalidValueError, invalid
from provisioner.jobs.values import text_map

MAX_LAMBDA_BYTES = 4096
"""Lambda quotas, environment variables: all names and values together, as JSON."""

MAX_CONTAINER_BYTES = 16_384
"""Ours, so that a task definition stays far below its 64 KB."""

MAX_SECRETS = 50
"""Ours, for the same reason."""

WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
SECRETS_VARIABLE = "PROVISIONER_SECRETS"
WRAPPER = "/opt/provisioner/secrets"
"""The program in the bootstrap's layer that reads a function's secrets."""

_OF_THE_WRAPPER = {WRAPPER_VARIABLE: WRAPPER, SECRETS_VARIABLE: ""}

LAMBDA_RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)
"""Lambda Developer Guide, defined runtime environment variables: the reserved ones."""

CONTAINER_RESERVED = frozenset(
    {
        "PAYLOAD",
        "JOB_NAME",
        "TRIGGER_ID",
        "FAN_OUT_INDEX",
        "FAN_OUT_COUNT",
        "AWS_EXECUTION_ENV",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "ECS_CONTAINER_METADATA_URI",
        "ECS_CONTAINER_METADATA_URI_V4",
        "ECS_AGENT_URI",
    }
)
"""What a run gives its container, and what Fargate gives every task."""

_LAMBDA_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
CONTAINER_NAME = r"[A-Za-z_][A-Za-z0-9_.-]{0,254}"
_CONTAINER_NAME = re.compile(CONTAINER_NAME)
_SECRET_ARN = re.compile(
    r"arn:aws[a-z-]*:(?:"
    r"secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+"
    r"(?::[A-Za-z0-9/_+=.@-]*:[A-Za-z0-9/_+=.@-]*:[A-Za-z0-9-]*)?"
    r"|ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9_./-]+)"
)


def lambda_environment(value: object) -> dict[str, str]:
    """Check the variables of a Lambda function."""
    return _within(text_map(value, _lambda_name_problem), MAX_LAMBDA_BYTES, "Lambda allows")


def container_environment(value: object) -> dict[str, str]:
    """Check the variables of a container."""
    return _within(text_map(value, _container_name_problem), MAX_CONTAINER_BYTES, "the most is")


def secret_arns(value: object) -> dict[str, str]:
    """Check variables whose values ECS reads from Secrets Manager or Parameter Store."""
    references = text_map(value, _container_name_problem, secret_arn)
    if len(references) > MAX_SECRETS:
        raise invalid(f"has {len(references)} entries; at most {MAX_SECRETS} are allowed")
    return references


def lambda_secrets(value: object) -> dict[str, str]:
    """Check variables whose values a function's wrapper reads as ECS does."""
    references = text_map(value, _lambda_name_problem, secret_arn)
    if len(references) > MAX_SECRETS:
        raise invalid(f"has {len(references)} entries; at most {MAX_SECRETS} are allowed")
    return references


def fits_with_secrets(references: dict[str, str], variables: dict[str, str]) -> None:
    """Check that the ARNs of a function's secrets fit into its environment, where they stand."""
    if WRAPPER_VARIABLE in variables:
        raise invalid(
            f"cannot be read beside a program of the row's own in environment.{WRAPPER_VARIABLE}: "
            "read them in that program, and leave secrets out"
        )
    size = len(secrets_as_text(references)) + _size({**variables, **_OF_THE_WRAPPER})
    if references and size > MAX_LAMBDA_BYTES:
        raise invalid(
            f"makes {size} bytes together with environment; Lambda allows {MAX_LAMBDA_BYTES}"
        )


def secrets_as_text(references: dict[str, str]) -> str:
    """Return the variable that tells the wrapper what to read."""
    return json.dumps(references, sort_keys=True, separators=(",", ":"))


def distinct_secrets(references: dict[str, str], variables: dict[str, str]) -> None:
    """Check that no variable is given both as text and as a secret: ECS refuses such a task."""
    both = [(f".{name}", "is in environment too") for name in references if name in variables]
    if both:
        raise InvalidValueError(*both)


def without_batchs_own(variables: dict[str, str]) -> None:
    """Check that no variable has a name that Batch keeps for itself (AWS Batch, SubmitJob)."""
    own = [name for name in variables if name.startswith("AWS_BATCH")]
    if own:
        raise InvalidValueError(*((f".{name}", "is set by Batch itself") for name in own))


def is_secret_arn(text: str) -> bool:
    """Tell whether a text is the ARN of a secret or parameter."""
    return _SECRET_ARN.fullmatch(text) is not None


def secret_arn(arn: str) -> str:
    """Check that a text is the ARN of a secret or parameter."""
    if not is_secret_arn(arn):
        # The value is not repeated: it may be the secret itself.
        raise invalid(
            "must be the ARN of a Secrets Manager secret or of a Parameter Store parameter, "
            "never the secret itself"
        )
    return arn


def _lambda_name_problem(name: str) -> str | None:
    if name in LAMBDA_RESERVED:
        return "is set by Lambda itself"
    if name == "Ref":
        return "cannot be the name of a variable: it is a function of CloudFormation"
    if not _LAMBDA_NAME.fullmatch(name):
        return (
            "cannot be the name of a variable: Lambda takes two or more letters, digits and "
            "underscores, a letter first"
        )
    return None


def _container_name_problem(name: str) -> str | None:
    if name in CONTAINER_RESERVED:
        return "is set for every container"
    if not _CONTAINER_NAME.fullmatch(name):
        return (
            "cannot be the name of a variable: use letters, digits, underscores, dots and "
            "hyphens, a letter or an underscore first"
        )
    return None


def _size(variables: dict[str, str]) -> int:
    return len(json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode())


def _within(variables: dict[str, str], limit: int, who: str) -> dict[str, str]:
    size = _size(variables)
    if size > limit:
        raise invalid(f"has {size} bytes of names and values; {who} {limit}")
    return variables
