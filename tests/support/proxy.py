"""A proxy before the engine's CloudFormation that makes chosen stacks fail on their way."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

MISSING_EXPORT = "no-such-export"


class RefusingProxy(ThreadingHTTPServer):
    """Adds a resource that cannot be made to the templates of the stacks in `refused`."""

    daemon_threads = True

    def __init__(self, engine_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.engine = urlsplit(engine_url).netloc
        self.refused: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def running(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: RefusingProxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        if fields.get("StackName") in self.server.refused and "TemplateBody" in fields:
            fields["TemplateBody"] = with_refused_resource(fields["TemplateBody"])
            body = urlencode(fields).encode()
        headers = {**self.headers, "Content-Length": str(len(body))}
        upstream = http.client.HTTPConnection(self.server.engine, timeout=30)
        upstream.request("POST", self.path, body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        upstream.close()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def with_refused_resource(template: str) -> str:
    """Return the template with a parameter whose value imports what nobody exports."""
    parsed = json.loads(template)
    parsed["Resources"]["Refused"] = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Type": "String", "Value": {"Fn::ImportValue": MISSING_EXPORT}},
    }
    return json.dumps(parsed)
