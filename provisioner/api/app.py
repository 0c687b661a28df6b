"""From the event of a request to its answer, whatever happens on the way."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from provisioner.api import call as calls
from provisioner.api.call import JSON, MERGE_PATCH, PROBLEM, Answer, Call
from provisioner.api.callers import caller_of
from provisioner.api.cursors import Cursors
from provisioner.api.encoding import body_of
from provisioner.api.problems import Problem, ProblemType, problem_of
from provisioner.api.routes import ROUTES, Route
from provisioner.errors import DeniedError, ProvisionerError
from provisioner.service import refusals
from provisioner.service.problems import FieldProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from pydantic import ValidationError

    from provisioner.service.caller import Caller
    from provisioner.service.context import Service

logger = Logger(child=True)

MAX_ANSWER_BYTES = 6 * 1024 * 1024 - 64 * 1024
"""Lambda's limit of 6 MB for what a function returns, less room for the headers."""

_READS = ("Get", "BatchGet", "Query", "Scan", "Describe", "List", "Head", "Filter", "Receive")
_SECURITY = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True)
class App:
    """The API of one bootstrap.

    Attributes
    ----------
    service
        Makes the service for a caller.
    calls
        How often each operation of AWS was called so far.
    cursor_key
        Reads the key that cursors are signed with.
    scope_prefix
        What comes before the roles in the scopes of tokens.
    prefix
        The bootstrap's.
    """

    service: Callable[[Callable[[], Caller]], Service]
    calls: Mapping[str, int]
    cursor_key: Callable[[], str]
    scope_prefix: str
    prefix: str
    pause: Callable[[float], None] = time.sleep

    @cached_property
    def _resolver(self) -> APIGatewayHttpResolver:
        resolver = APIGatewayHttpResolver()
        for route in ROUTES:
            rule = route.path.replace("{", "<").replace("}", ">")
            resolver.route(rule, method=route.method)(self._handler(route))
        resolver.not_found(lambda _: self._answered(self._lost))
        return resolver

    def resolve(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Return the answer to a request, in API Gateway's form."""
        return self._resolver.resolve(dict(event), context)

    def _handler(self, route: Route) -> Callable[..., Response[str]]:
        def handle(**path: str) -> Response[str]:
            return self._answered(lambda: self._ask(route, path))

        return handle

    @property
    def _event(self) -> Mapping[str, Any]:
        raw: Mapping[str, Any] = self._resolver.current_event.raw_event
        return raw

    def _answered(self, ask: Callable[[], Answer]) -> Response[str]:
        """Return what a route answers, or the problem why it does not."""
        before, began = self._reads(), time.monotonic()
        try:
            answer = ask()
            text = _text_of(answer)
        except Problem as problem:
            return self._refused(problem)
        except DeniedError:
            return self._failed()
        except ProvisionerError as error:
            return self._refused(problem_of(error))
        except Exception:  # noqa: BLE001  (the last resort; it is logged)
            return self._failed()
        took = (time.monotonic() - began) * 1000
        timing = f'reads;desc="{self._reads() - before}", total;dur={took:.1f}'
        headers = {**_SECURITY, "Server-Timing": timing, **answer.headers}
        return Response(answer.status, JSON if text else None, text, dict(headers))

    def _ask(self, route: Route, path: Mapping[str, str]) -> Answer:
        event = self._event
        # The gateway has decoded the path since it chose the route whose rights it has checked.
        if event["routeKey"] != route.key or not route.pattern.fullmatch(event["rawPath"]):
            return self._lost()
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        caller = caller_of(
            event["requestContext"],
            route.action,
            scope_prefix=self.scope_prefix,
            prefix=self.prefix,
        )
        service = self.service(lambda: caller)
        refusals.require(service, route.action, f"{route.method} {event['rawPath']}")
        calls.require_acceptable(headers)
        key = calls.idempotency_key_of(headers) if route.has_key else None
        module, _, function = route.handler.partition(".")
        handle = getattr(import_module(f"provisioner.api.resources.{module}"), function)
        answer: Answer = handle(
            Call(
                route=route,
                service=service,
                caller=caller,
                path=path,
                query=_query(route, event.get("rawQueryString") or ""),
                body=_body(route, event, headers),
                headers=headers,
                idempotency_key=key,
                cursors=Cursors(self.cursor_key),
                pause=self.pause,
            )
        )
        return answer

    def _lost(self) -> Answer:
        """Say that a path is that of nothing, or that it has other methods."""
        path = self._event["rawPath"]
        allowed = sorted({each.method for each in ROUTES if each.pattern.fullmatch(path)})
        method = self._event["requestContext"]["http"]["method"]
        if allowed and method not in allowed:
            allow = ", ".join(allowed)
            detail = f"{method} is not allowed here; use {allow}."
            raise Problem(ProblemType.METHOD_NOT_ALLOWED, detail, headers={"Allow": allow})
        raise Problem(ProblemType.NOT_FOUND, "There is nothing at this path.")

    def _refused(self, problem: Problem) -> Response[str]:
        request_id = str(self._event["requestContext"].get("requestId", ""))
        headers = {**_SECURITY, **problem.headers}
        text = body_of(problem.document(request_id))
        return Response(problem.type.status, PROBLEM, text, dict(headers))

    def _failed(self) -> Response[str]:
        logger.exception("the API failed")
        detail = "The log of the API has the reason, under the request's id."
        return self._refused(Problem(ProblemType.INTERNAL, detail))

    def _reads(self) -> int:
        return sum(
            count
            for operation, count in self.calls.items()
            if operation.partition(".")[2].startswith(_READS)
        )


def _text_of(answer: Answer) -> str:
    text = answer.text or ("" if answer.value is None else body_of(answer.value))
    # A character takes up to twelve bytes as an escape of JSON, which the text is put into.
    if len(text) * 12 > MAX_ANSWER_BYTES and len(json.dumps(text)) > MAX_ANSWER_BYTES:
        raise Problem(
            ProblemType.INVALID_PARAMETER, "The answer has more than 6 MB: send a lower limit."
        )
    return text


def _query(route: Route, raw: str) -> Any:  # noqa: ANN401  (each route has its own model)
    from provisioner.api import queries

    try:
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as error:
        raise Problem(ProblemType.INVALID_PARAMETER, "The query string is not valid.") from error
    given = dict(pairs)
    if len(given) < len(pairs):
        raise Problem(ProblemType.INVALID_PARAMETER, "Give each query parameter once.")
    return _validated(getattr(queries, route.query), given, ProblemType.INVALID_PARAMETER, "/query")


def _body(route: Route, event: Mapping[str, Any], headers: Mapping[str, str]) -> Any:  # noqa: ANN401
    if route.body is None:
        return None
    from provisioner.api import bodies

    media_types = (MERGE_PATCH, JSON) if route.method == "PATCH" else (JSON,)
    value = calls.body_of(event, headers, media_types)
    if not isinstance(value, dict):
        wrong = FieldProblem("", "must be an object")
        raise Problem(ProblemType.INVALID_BODY, "See errors.", [wrong])
    model = getattr(bodies, route.body)
    if model.model_config.get("extra") == "allow":
        return value
    return _validated(model, value, ProblemType.INVALID_BODY, "")


def _validated(model: Any, value: Mapping[str, Any], kind: ProblemType, root: str) -> Any:  # noqa: ANN401
    from pydantic import ValidationError

    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = list(_problems(error, root, list(model.model_fields)))
        raise Problem(kind, "See errors.", problems) from error


def _problems(error: ValidationError, root: str, known: list[str]) -> list[FieldProblem]:
    from provisioner.jobs.errors import FieldError, did_you_mean
    from provisioner.plain_text import printable
    from provisioner.service.problems import pointer
    from provisioner.service.problems import problem_of as problem

    found = []
    for each in error.errors(include_url=False, include_input=False, include_context=False)[:50]:
        name = printable(each["loc"][0]) if each["loc"] else ""
        message = each["msg"].removeprefix("Value error, ")
        if each["type"] == "extra_forbidden":
            message = f"is not known here{did_you_mean(name, known)}"
        said = problem(FieldError("", message), None)
        place = root + pointer(printable(part) for part in each["loc"])
        found.append(FieldProblem(place, said.detail, said.did_you_mean))
    return found
