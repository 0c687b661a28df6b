"""The fault proxy put between the deployed functions and the engine's CloudFormation."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.proxy import RESOURCES, FaultProxy, Plan, with_template
from tests.support.resources import FUNCTION_CODE, with_reporting_resource

if TYPE_CHECKING:
    from tests.support.engine import EngineUnderTest

_VARIABLE = "AWS_ENDPOINT_URL_CLOUDFORMATION"
_FUNCTION = "reporter"


class Faults:
    """Plans by job name."""

    def __init__(self, proxy: FaultProxy, function_arn: str) -> None:
        self._proxy = proxy
        self._function_arn = function_arn

    def plan(self, job_name: str) -> Plan:
        return self._proxy.plans[f"jobs-{job_name}"]

    def plan_with_reporter(self, job_name: str) -> Plan:
        """Have the job's stack hold a custom resource that does as its plan's provider says."""
        url = f"{self._proxy.url}{RESOURCES}jobs-{job_name}"
        change = with_reporting_resource(self._function_arn, url)
        return self.plan(job_name).add(with_template(change), "CreateStack", "UpdateStack")

    def calls(self, job_name: str, operation: str) -> int:
        return self._proxy.calls[f"jobs-{job_name}", operation]


@contextmanager
def faults_before(engine: EngineUnderTest) -> Iterator[Faults]:
    """Let the provisioner reach CloudFormation only through a fault proxy."""
    function_arn = _deploy(engine)
    with FaultProxy(engine.url).running() as proxy:
        for function in engine.reconciling_functions():
            engine.set_variable(function, _VARIABLE, proxy.url)
        try:
            yield Faults(proxy, function_arn)
        finally:
            for function in engine.reconciling_functions():
                engine.set_variable(function, _VARIABLE, None)


def _deploy(engine: EngineUnderTest) -> str:
    functions = engine.client("lambda")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("reporter.py", FUNCTION_CODE)
    if _FUNCTION in engine.function_names():
        return functions.get_function_configuration(FunctionName=_FUNCTION)["FunctionArn"]
    made = functions.create_function(
        FunctionName=_FUNCTION,
        Runtime="python3.13",
        Handler="reporter.handler",
        Role="arn:aws:iam::000000000000:role/reporter",
        Timeout=900,
        Code={"ZipFile": archive.getvalue()},
    )
    return made["FunctionArn"]
