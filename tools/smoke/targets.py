"""Where the steps run: in the account that the environment's credentials reach, or on an engine."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from provisioner.local.containers import how_to_enable
from provisioner.local.deploy import deploy
from provisioner.local.engine import Engine
from provisioner.local.errors import LocalError
from provisioner.local.home import Home
from tools.smoke.state import SmokeError

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[[str], None]

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / ".provisioner" / "smoke"
PARAMETERS = {
    "AllowedSubmissions": "part*",
    "AllowedSecurityGroups": "*",
    "Builds": "all",
    "Console": "sign-in",
    "DeletionBudgetJobs": "2000",  # the teardown removes all rows at once
    "LogRetentionDays": "1",
}
"""What the steps need of the bootstrap, besides its defaults."""


class Target(Protocol):
    """An account and Region in which `make smoke` may deploy."""

    name: str
    account: str
    region: str
    costs: bool
    is_engine: bool

    def client(self, service: str) -> Any: ...

    def deploy(self, prefix: str, say: Say) -> None:
        """Deploy the bootstrap as stack and prefix; raises SmokeError if that fails."""

    def close(self) -> None:
        """End what was started for this target alone."""


class _Session:
    def __init__(self) -> None:
        self._session: Any = boto3.Session()
        self.region: str = self._session.region_name or ""
        if not self.region:
            message = "no Region: set AWS_REGION"
            raise SmokeError(message)
        try:
            self.account: str = self.client("sts").get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            message = f"no account: {error}"
            raise SmokeError(message) from error

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))


class Account(_Session):
    """What the environment's credentials reach."""

    name = "aws"
    costs = True
    is_engine = False

    def deploy(self, prefix: str, say: Say) -> None:
        say(f"deploying the bootstrap as stack {prefix} with the SAM CLI")
        wanted = {"Prefix": prefix, **PARAMETERS}
        pairs = " ".join(shlex.quote(f"{name}={value}") for name, value in wanted.items())
        options = (
            f"--stack-name {prefix} --s3-prefix {prefix} --region {self.region} "
            f"--no-confirm-changeset --parameter-overrides {pairs}"
        )
        done = subprocess.run(
            ["make", "deploy", f"SAM_DEPLOY_OPTIONS={options}"], cwd=CHECKOUT, check=False
        )
        if done.returncode:
            message = (
                "`make deploy` failed. If it was the first deployment, "
                "docs/operating/operations.md says how to remove the empty tables that it leaves"
            )
            raise SmokeError(message)

    def close(self) -> None:
        """Nothing was started."""


class EmbeddedEngine(_Session):
    """An engine of this checkout with a state folder of its own."""

    name = "engine"
    costs = False
    is_engine = True

    def __init__(self, say: Say) -> None:
        self._engine = Engine(Home.of_checkout(FOLDER / "engine"))
        self._engine.start(auth=True, say=say)
        if not self._engine.state.container_host:
            say(how_to_enable())
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        os.environ.update(self._engine.environ())
        super().__init__()

    def deploy(self, prefix: str, say: Say) -> None:
        try:
            deploy(self._engine, prefix, parameters={"Prefix": prefix, **PARAMETERS}, say=say)
        except LocalError as error:
            raise SmokeError(str(error)) from error

    def close(self) -> None:
        self._engine.stop()


def architecture() -> str:
    """Return this machine's, as rows name it."""
    return "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
