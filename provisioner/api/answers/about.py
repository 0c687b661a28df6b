"""The API itself."""

from typing import Any, Literal

from pydantic import RootModel

from provisioner.api.answers.model import Model


class Health(Model):
    """The tables answer."""

    status: Literal["ok"]


class OpenApi(RootModel[dict[str, Any]]):
    """What describes the API."""
