"""The part of Step Functions that the workflow of a job uses, as its documentation describes it.

In process and on a clock of its own: retries and waits take no time. The JSONata is evaluated for
real, DynamoDB and S3 are whatever boto3 reaches (moto), Lambda and ECS are the test's functions.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import jsonata
from botocore.exceptions import ClientError

MAX_BYTES = 256 * 1024
"""Step Functions quotas: a state's input or output, the variables of one Assign."""


class TimedOutError(Exception):
    """The state machine's own TimeoutSeconds is over, which nothing catches."""


class TaskError(Exception):
    """An error as Retry and Catch see it."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


@dataclass
class Execution:
    name: str
    states: list[str] = field(default_factory=list)
    status: str = "RUNNING"
    output: Any = None
    error: str | None = None
    cause: str | None = None


@dataclass
class StepFunctions:
    """One state machine."""

    definition: Mapping[str, Any]
    work: Callable[[Mapping[str, Any]], Any]
    """What `Run` calls: gets the state's Arguments, returns the service's result."""
    now: datetime = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    ec2: Callable[[str, Mapping[str, Any]], Any] = lambda action, arguments: {}  # noqa: ARG005
    """What EC2 answers to the other calls of a workflow."""
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    """Called when a state is entered, for what happens elsewhere at that moment."""

    def run(self, name: str, given: Any) -> Execution:
        execution = Execution(name)
        context = {
            "Execution": {
                "Id": f"arn:aws:states:eu-west-1:123456789012:execution:jobs-x:{name}",
                "Input": given,
                "Name": name,
                "StartTime": self._stamp(),
            }
        }
        try:
            execution.output = self._walk(self.definition, execution, context, given)
            execution.status = "SUCCEEDED"
        except TaskError as error:
            execution.status = "FAILED"
            execution.error, execution.cause = error.error, error.cause
        except TimedOutError:
            execution.status = "TIMED_OUT"
        return execution

    def _walk(
        self,
        machine: Mapping[str, Any],
        execution: Execution,
        context: dict[str, Any],
        given: Any,
    ) -> Any:
        variables: dict[str, Any] = {}
        following: str | None = machine["StartAt"]
        end = self.now + timedelta(seconds=machine.get("TimeoutSeconds", 99_999_999))
        while following:
            if self.now > end:
                raise TimedOutError
            state = machine["States"][following]
            execution.states.append(following)
            self.before.get(following, lambda: None)()
            context["State"] = {"Name": following, "EnteredTime": self._stamp(), "RetryCount": 0}
            scope = Scope(variables, {"input": given, "context": context})
            step = getattr(self, f"_{state['Type'].lower()}")
            given, following = step(state, scope)
            check_size(given)
        return given

    def _pass(self, state: Mapping[str, Any], scope: Scope) -> tuple[Any, str | None]:
        return self._leave(state, scope, scope.states["input"])

    def _succeed(self, state: Mapping[str, Any], scope: Scope) -> tuple[Any, None]:
        return scope.evaluate(state.get("Output"), "Output", scope.states["input"]), None

    def _fail(self, state: Mapping[str, Any], scope: Scope) -> tuple[Any, None]:
        error, cause = (scope.evaluate(state[name], name) for name in ("Error", "Cause"))
        assert len(error) <= 256
        assert len(cause) <= 32_768
        raise TaskError(error, cause)

    def _wait(self, state: Mapping[str, Any], scope: Scope) -> tuple[Any, str | None]:
        self.now += timedelta(seconds=scope.evaluate(state["Seconds"], "Seconds"))
        return self._leave(state, scope, scope.states["input"])

    def _choice(self, state: Mapping[str, Any], scope: Scope) -> tuple[Any, str]:
        given = scope.states["input"]
        for rule in state["Choices"]:
            met = scope.evaluate(rule["Condition"], "Condition")
            assert isinstance(met, bool), rule
            if met:
                scope.assign(rule)
                return given, rule["Next"]
        scope.assign(state)
        return given, state["Default"]

    def _task(self, state: Mapping[str, Any], scope: Scope) -> tuple[Any, str | None]:
        retries: dict[int, int] = {}
        while True:
            scope.states["context"]["State"]["RetryCount"] = sum(retries.values())
            if state["Resource"].endswith(".waitForTaskToken"):
                scope.states["context"]["Task"] = {"Token": "task-token"}
            try:
                arguments = scope.evaluate(state["Arguments"], "Arguments")
                seconds = scope.evaluate(state.get("TimeoutSeconds"), "TimeoutSeconds", 99_999_999)
                assert isinstance(seconds, int)
                assert 0 < seconds < 100_000_000
                if "HeartbeatSeconds" in state:
                    assert (
                        0 < scope.evaluate(state["HeartbeatSeconds"], "HeartbeatSeconds") < seconds
                    )
                result = self._in_time(seconds, state["Resource"], arguments)
                check_size(result)
                return self._leave(state, scope.with_result(result), result)
            except TaskError as error:
                if error.error == "States.DataLimitExceeded":
                    raise
                if not self._tries_again(state, error, retries):
                    return self._caught(state, scope, error)

    def _in_time(self, seconds: int, resource: str, arguments: Mapping[str, Any]) -> Any:
        """Work takes as long as it moves the clock on, but no longer than it may."""
        end = self.now + timedelta(seconds=seconds)
        self.now += timedelta(milliseconds=50)
        try:
            return self._call(resource, arguments)
        finally:
            if self.now > end:
                self.now = end
                raise TaskError("States.Timeout")

    def _tries_again(
        self, state: Mapping[str, Any], error: TaskError, retries: dict[int, int]
    ) -> bool:
        """The first retrier that matches decides."""
        for index, retrier in enumerate(state.get("Retry", [])):
            if matches(retrier, error):
                count = retries.get(index, 0)
                if count >= retrier.get("MaxAttempts", 3):
                    return False
                seconds = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** count
                self.now += timedelta(seconds=min(seconds, retrier.get("MaxDelaySeconds", seconds)))
                retries[index] = count + 1
                return True
        return False

    def _caught(self, state: Mapping[str, Any], scope: Scope, error: TaskError) -> tuple[Any, str]:
        output = {"Error": error.error, "Cause": error.cause}
        if not error.cause:
            del output["Cause"]
        for catcher in state.get("Catch", []):
            if matches(catcher, error):
                caught = Scope(scope.variables, {**scope.states, "errorOutput": output})
                kept = caught.evaluate(catcher.get("Output"), "Output", output)
                caught.assign(catcher)
                return kept, catcher["Next"]
        raise error

    def _map(self, state: Mapping[str, Any], scope: Scope) -> tuple[Any, str | None]:
        """A Distributed Map: each child sees nothing but its input; one that fails tells of it."""
        outside = Scope({}, scope.states)
        try:
            if "ItemReader" in state:
                items = read_items(state["ItemReader"])
            else:
                items = outside.evaluate(state["Items"], "Items")
            results = [self._child(state, outside, *item) for item in enumerate(items)]
            failed = sum(isinstance(result, dict) for result in results)
            if failed * 100 > state["ToleratedFailurePercentage"] * len(items):
                raise TaskError("States.ExceedToleratedFailureThreshold", "too many")
            check_size(results)
            left = self._leave(state, outside.with_result(results), results)
            scope.variables.update(outside.variables)
            return left
        except TaskError as error:
            return self._caught(state, scope, error)

    def _child(self, state: Mapping[str, Any], scope: Scope, index: int, item: Any) -> Any:
        context = {**scope.states["context"], "Map": {"Item": {"Index": index, "Value": item}}}
        selecting = Scope({}, {**scope.states, "context": context})
        given = selecting.evaluate(state["ItemSelector"], "ItemSelector")
        child = Execution(f"child-{index}")
        context["Execution"] = {**context["Execution"], "Name": child.name, "Input": given}
        del context["Map"]
        try:
            return self._walk(state["ItemProcessor"], child, context, given)
        except TaskError as error:
            return {"Status": "FAILED", "Input": json.dumps(given), "Error": error.error}

    def _leave(
        self, state: Mapping[str, Any], scope: Scope, default: Any
    ) -> tuple[Any, str | None]:
        output = scope.evaluate(state.get("Output"), "Output", default)
        scope.assign(state)
        return output, state.get("Next")

    def _call(self, resource: str, arguments: Mapping[str, Any]) -> Any:
        match resource.rpartition(":::")[2].split(":"):
            case ["aws-sdk", "dynamodb", "transactWriteItems"]:
                sdk_call("DynamoDb", "dynamodb", "transact_write_items", arguments)
                return {}
            case ["aws-sdk", "s3", "putObject"]:
                body = {**arguments, "Body": json.dumps(arguments["Body"]).encode()}
                sdk_call("S3", "s3", "put_object", body)
                return {}
            case ["aws-sdk", "s3", "getObject"]:
                found = sdk_call("S3", "s3", "get_object", arguments)
                text = found["Body"].read().decode()
                return {"Body": text, "ContentRange": found["ContentRange"]}
            case ["aws-sdk", "ec2", "runInstances.waitForTaskToken"]:
                return self.work(arguments)
            case ["aws-sdk", "ec2", action]:
                return self.ec2(action, arguments)
            case ["lambda", "invoke"]:
                return {"StatusCode": 200, "Payload": self.work(arguments)}
            case ["ecs", "runTask.sync"] | ["batch", "submitJob.sync"]:
                return self.work(arguments)
        raise AssertionError(resource)

    def _stamp(self) -> str:
        return self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Scope:
    """What an expression sees."""

    variables: dict[str, Any]
    states: dict[str, Any]

    def with_result(self, result: Any) -> Scope:
        return Scope(self.variables, {**self.states, "result": result})

    def assign(self, part: Mapping[str, Any]) -> None:
        values = self.evaluate(part.get("Assign", {}), "Assign")
        check_size(values)
        self.variables.update(values)

    def evaluate(self, value: Any, where: str, default: Any = None) -> Any:
        match value:
            case None:
                return default
            case str() if value.startswith("{%") and value.endswith("%}"):
                return self._expression(value[2:-2].strip(), where)
            case dict():
                return {key: self.evaluate(part, f"{where}/{key}") for key, part in value.items()}
            case list():
                return [self.evaluate(part, where) for part in value]
            case _:
                return value

    def _expression(self, text: str, where: str) -> Any:
        null = jsonata.utils.Utils.NULL_VALUE
        bindings = {name: null if v is None else v for name, v in self.variables.items()}
        bindings["states"] = self.states
        failed = f"The JSONata expression '{text}' specified for the field '{where}' "
        try:
            value = compiled(text).evaluate(None, dict(bindings))
            defined = value is not None or compiled(f"$exists({text})").evaluate(None, bindings)
        except (ValueError, TypeError, jsonata.JException) as error:
            code = getattr(error, "error", "")
            message = f"{failed}threw an error during evaluation. {code}: {error}"
            raise TaskError("States.QueryEvaluationError", message) from error
        if not defined:
            raise TaskError("States.QueryEvaluationError", f"{failed}returned nothing")
        result = json.loads(json.dumps(value))
        if (recorded := _recorded.get()) is not None:
            given = json.loads(json.dumps({**self.variables, "states": self.states}))
            recorded.append((text, given, result))
        return result


_recorded: ContextVar[list[tuple[str, Any, Any]] | None] = ContextVar("recorded", default=None)


@contextmanager
def recording() -> Iterator[list[tuple[str, Any, Any]]]:
    """Keep what is evaluated meanwhile: each expression, what it sees, and its value."""
    found: list[tuple[str, Any, Any]] = []
    token = _recorded.set(found)
    try:
        yield found
    finally:
        _recorded.reset(token)


@functools.cache
def compiled(text: str) -> jsonata.Jsonata:
    expression = jsonata.Jsonata.jsonata(text)
    expression.register_lambda("parse", json.loads)
    expression.register_lambda("random", lambda: 0.5)
    expression.register_lambda("uuid", lambda: "6f1c1f0e-0000-4000-8000-000000000000")
    expression.register_lambda("hash", digest)
    return expression


def digest(text: str, algorithm: str) -> str:
    return hashlib.new(algorithm.replace("-", "").lower(), text.encode()).hexdigest()


def sdk_call(prefix: str, service: str, operation: str, arguments: Mapping[str, Any]) -> Any:
    """Call AWS as the SDK integrations do: an error has the SDK's own name and text."""
    try:
        return getattr(boto3.client(service, region_name="eu-west-1"), operation)(**arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        cause = f"{error.response['Error']['Message']} (Service: {prefix}, Status Code: 400)"
        name = code if code.endswith("Exception") else f"{code}Exception"
        raise TaskError(f"{prefix}.{name}", cause) from error


def read_items(reader: Mapping[str, Any]) -> list[Any]:
    """What the items of a Map are when they are in S3."""
    s3 = boto3.client("s3", region_name="eu-west-1")
    arguments = reader["Arguments"]
    most = reader["ReaderConfig"]["MaxItems"]
    if reader["Resource"].endswith(":s3:listObjectsV2"):
        found = s3.list_objects_v2(**arguments).get("Contents", [])
        return [{"Key": one["Key"], "Size": one["Size"]} for one in found][:most]
    assert reader["Resource"].endswith(":s3:getObject")
    try:
        text = s3.get_object(**arguments)["Body"].read().decode()
    except ClientError as error:
        raise TaskError("States.ItemReaderFailed", str(error)) from error
    match reader["ReaderConfig"]:
        case {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}:
            return list(csv.DictReader(text.splitlines()))[:most]
        case {"InputType": "JSON"}:
            items = json.loads(text)
            assert isinstance(items, list)
            return items[:most]
    raise AssertionError(reader)


def matches(rule: Mapping[str, Any], error: TaskError) -> bool:
    wildcards = {"States.ALL"}
    if error.error != "States.Timeout":
        wildcards.add("States.TaskFailed")
    return bool({error.error, *wildcards} & set(rule["ErrorEquals"]))


def check_size(value: Any) -> None:
    if len(json.dumps(value).encode()) > MAX_BYTES:
        raise TaskError("States.DataLimitExceeded", "more than 256 KiB")


def expressions(value: Any) -> Iterator[str]:
    """Yield every expression in a definition."""
    match value:
        case str() if value.startswith("{%"):
            assert value.endswith("%}"), value
            yield value[2:-2].strip()
        case dict():
            for part in value.values():
                yield from expressions(part)
        case list():
            for part in value:
                yield from expressions(part)
