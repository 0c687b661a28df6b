"""The bootstrap stack, as people's tools find what it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from provisioner.aws.clients import error_code, error_message, translated
from provisioner.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provisioner.aws.clients import Clients


def outputs(clients: Clients, stack_name: str) -> Mapping[str, str]:
    """Return the outputs of the bootstrap stack, by their keys in template.yaml.

    Raises
    ------
    NotFoundError
        If this account and Region have no such stack.
    """
    with translated():
        try:
            response = clients.cloudformation.describe_stacks(StackName=stack_name)
        except ClientError as error:
            if error_code(error) == "ValidationError" and "does not exist" in error_message(error):
                message = f"there is no stack {stack_name} in {region(clients)}"
                raise NotFoundError(message) from error
            raise
    stack = response["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}


def region(clients: Clients) -> str:
    """Return the Region of the clients."""
    with translated():
        return str(clients.cloudformation.meta.region_name)
