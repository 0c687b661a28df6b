import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote

import pytest

from provisioner.local import containers
from provisioner.local.home import Home


class Docker(socketserver.ThreadingUnixStreamServer):
    def __init__(self, path):
        self.containers = {"mine": "engine-1:4713", "theirs": "engine-2:4714"}
        super().__init__(str(path), Answer)
        self.images = []
        self.removed = set()

    def get_request(self):
        request, _ = super().get_request()
        return request, ("local", 0)


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/_ping":
            self.answer("OK", {"Api-Version": "1.48"})
        elif self.path == "/images/json":
            self.answer([{"RepoTags": tags} for tags in self.server.images])
        else:
            kept = [
                {"Id": name} for name, label in self.server.containers.items() if label in self.path
            ]
            self.answer(kept)

    def do_DELETE(self):
        kind, name = self.path.partition("?")[0].split("/")[1:]
        if kind == "images":
            self.server.removed.add(unquote(name))
        else:
            del self.server.containers[name]
        self.answer(None)

    def answer(self, document, headers=None):
        body = json.dumps(document).encode()
        self.send_response(200)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def docker(tmp_path):
    with Docker(tmp_path / "docker.sock") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_docker_that_answers_at_docker_host_is_used(docker, tmp_path):
    host = f"unix://{docker.server_address}"

    found = containers.find(Home.of_checkout(tmp_path), 4713, {"DOCKER_HOST": host})

    assert found == containers.ContainerEngine(host, process=None)


def test_its_api_has_a_version(docker):
    assert containers.api_version(f"unix://{docker.server_address}") == "1.48"


def test_nothing_answers_where_nothing_listens(tmp_path):
    host = f"unix://{tmp_path / 'none.sock'}"

    assert not containers.answers(host)
    assert containers.api_version(host) is None


def test_only_the_containers_of_this_engine_are_removed(docker):
    docker.containers = {"mine": "engine-1%3A4713", "theirs": "engine-2%3A4714"}

    containers.remove_left(f"unix://{docker.server_address}", "engine-1:4713")

    assert set(docker.containers) == {"theirs"}


def test_only_the_images_of_this_engines_registry_are_removed(docker):
    docker.images = [
        ["127.0.0.1:4713/jobs/report:b-1", "localhost/kept:1"],
        ["127.0.0.1:47130/jobs/report:b-1"],
        None,
    ]

    containers.remove_images(f"unix://{docker.server_address}", "127.0.0.1:4713")

    assert docker.removed == {"127.0.0.1:4713/jobs/report:b-1"}
