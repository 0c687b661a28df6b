"""A server that plays Slack: an incoming webhook, and the Web API."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OK = (200, "ok", {})
API_OK = (200, json.dumps({"ok": True}), {})

Answer = tuple[int, str, Mapping[str, str]]


def too_many(seconds: int) -> Answer:
    return 429, "rate_limited", {"Retry-After": str(seconds)}


def refused(error: str) -> Answer:
    """Return what the Web API says to a message that it does not take."""
    return 200, json.dumps({"ok": False, "error": error}), {}


class Slack:
    """Answers as planned, and then always with success; remembers what it was sent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.planned: list[Answer] = []
        self.planned_about: dict[str, list[Answer]] = {}
        """By a job's name."""
        self.hanging = threading.Event()
        self.hanging.set()
        self.requests: list[tuple[str, Mapping[str, str], dict[str, Any]]] = []

    @property
    def webhook(self) -> str:
        return f"{self.url}/services/T0/B0/secret"

    @property
    def bot(self) -> str:
        return json.dumps({"bot_token": "xoxb-1", "channel": "#all", "api_url": f"{self.url}/api"})

    @property
    def headers_shown(self) -> list[str]:
        """Return the headlines of all messages that were sent, taken or not."""
        return [body["blocks"][0]["text"]["text"] for _, _, body in self.requests]

    def about(self, job_name: str) -> list[dict[str, Any]]:
        """Return the messages about a job, taken or not."""
        return [body for _, _, body in self.requests if _is_about(job_name, body)]

    def answer(self, path: str, body: Mapping[str, Any]) -> Answer:
        self.hanging.wait()
        about = (each for job, each in self.planned_about.items() if _is_about(job, body))
        for planned in (*about, self.planned):
            if planned:
                return planned.pop(0)
        return API_OK if path.startswith("/api/") else OK


def _is_about(job_name: str, body: Mapping[str, Any]) -> bool:
    return f" {job_name} " in body["text"]


@contextmanager
def slack_server(port: int = 0):
    """Yield a Slack on the loopback interface, at any port that is free if none is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            slack.requests.append((self.path, dict(self.headers), body))
            status, text, headers = slack.answer(self.path, body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    slack = Slack(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield slack
    finally:
        slack.hanging.set()
        server.shutdown()
        server.server_close()
        thread.join()
