"""Slack over HTTP: where a secret says that messages go, and what Slack's answers mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3

from provisioner.errors import PermanentError, TemporaryError, ThrottledError

if TYPE_CHECKING:
    from collections.abc import Mapping

API_URL = "https://slack.com/api"

_CONNECT_SECONDS = 3
_READ_SECONDS = 7

_DEFAULT_WAIT_SECONDS = 30
"""When Slack does not say for how long nothing may be sent."""

_MAX_WAIT_SECONDS = 900

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

# Of chat.postMessage and of incoming webhooks.
_STALE = frozenset(
    {
        *("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"),
        *("invalid_token", "no_service", "no_service_id"),
    }
)
_TEMPORARY = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "rollup_error"}
)
_THROTTLED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})


class RateLimitedError(ThrottledError):
    """Slack accepts nothing for a while."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"Slack accepts nothing for {wait_seconds} s")
        self.wait_seconds = wait_seconds


class StaleSecretError(PermanentError):
    """Slack no longer knows the token or the webhook: the secret may have been changed."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where messages go: an incoming webhook, or `chat.postMessage` with a bot's token."""

    url: str
    token: str | None = None
    channel: str | None = None


def destination(secret: str) -> Destination:
    """Return what a secret says: a webhook's URL, or a JSON object with a bot's token.

    Raises
    ------
    PermanentError
        If it says neither. The message does not repeat it.
    """
    text = secret.strip()
    if not text.startswith("{"):
        return Destination(_checked(text))
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    match document:
        case {"bot_token": str(token), "channel": str(channel)} if token and channel:
            base = document.get("api_url", API_URL)
            url = _checked(base.rstrip("/") if isinstance(base, str) else "")
            return Destination(f"{url}/chat.postMessage", token, channel)
        case _:
            message = 'the Slack secret is not {"bot_token": "xoxb-…", "channel": "#…"}'
            raise PermanentError(message)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        local = parts.hostname in _LOOPBACK
    except ValueError:
        parts, local = urlsplit(""), False
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and local)):
        return url
    message = "the Slack secret is not the https:// address of an incoming webhook"
    raise PermanentError(message)


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(retries=False)


def post(
    target: Destination,
    message: Mapping[str, Any],
    channel: str | None = None,
    *,
    read_seconds: float = _READ_SECONDS,
) -> None:
    """Send a message.

    Parameters
    ----------
    channel
        In place of the target's own; a webhook has only one.
    read_seconds
        How long Slack may take to answer.

    Raises
    ------
    RateLimitedError
        If Slack accepts nothing for a while.
    StaleSecretError
        If it does not know the token or the webhook.
    TemporaryError
        If it is not available now.
    PermanentError
        If it will never accept this message.
    """
    headers = {"Content-Type": "application/json; charset=utf-8"}
    body = dict(message)
    if target.token:
        headers["Authorization"] = f"Bearer {target.token}"
        body["channel"] = channel or target.channel
    try:
        answer = _pool().request(
            "POST",
            target.url,
            body=json.dumps(body).encode(),
            headers=headers,
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=read_seconds),
        )
    except urllib3.exceptions.HTTPError as error:  # its text may contain the URL, which is secret
        raise TemporaryError(f"Slack cannot be reached: {type(error).__name__}") from None
    _check(answer, by_webhook=target.token is None)


def _check(answer: urllib3.BaseHTTPResponse, *, by_webhook: bool) -> None:
    body = answer.data.decode(errors="replace")
    problem = _problem_of_webhook(answer.status, body) if by_webhook else _problem(body)
    if answer.status == 429 or problem in _THROTTLED:
        raise RateLimitedError(_wait_seconds(answer.headers.get("Retry-After", "")))
    if answer.status >= 500 or problem in _TEMPORARY:
        raise TemporaryError(f"Slack is not available: {answer.status} {problem}")
    if answer.status in {401, 403} or problem in _STALE:
        raise StaleSecretError(f"Slack refuses the secret: {answer.status} {problem}")
    if problem:
        raise PermanentError(f"Slack refuses the message: {answer.status} {problem}")


def _problem_of_webhook(status: int, body: str) -> str:
    return "" if 200 <= status < 300 else body[:200].strip() or "no reason given"


def _problem(body: str) -> str:
    """Return the `error` of a Web API's answer, "" when there is none."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    match answer:
        case {"ok": True}:
            return ""
        case {"error": str(problem)}:
            return problem
        case _:
            return "service_unavailable"  # not from the API, but from something before it


def _wait_seconds(retry_after: str) -> int:
    text = retry_after.strip()
    seconds = int(text) if text.isascii() and text.isdecimal() else _DEFAULT_WAIT_SECONDS
    return min(max(seconds, 1), _MAX_WAIT_SECONDS)
