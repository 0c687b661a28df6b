"""The metadata of the engine's machines, read as the EC2 User Guide says of IMDSv2."""

from __future__ import annotations

import socket
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from provisioner.local.shim.machine_metadata import Options, serve
from tests.support.waiting import wait_until

OF_TEMPLATES = Options.of({"HttpTokens": "required", "HttpPutResponseHopLimit": 1})
"""As templates/parts/launch_template.py has them."""

LIFETIME = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"
DATA = "/latest/meta-data/"


@contextmanager
def served(options=OF_TEMPLATES, hops=None):
    """Serve some metadata; `hops` gets the hop limit of each connection."""
    server = serve({"instance-id": lambda: "i-1", "none": lambda: None}, options, lambda *_: {})

    class Watched(server.RequestHandlerClass):
        def finish(self):
            if hops is not None:
                hops.append(self.connection.getsockopt(socket.IPPROTO_IP, socket.IP_TTL))
            super().finish()

    server.RequestHandlerClass = Watched
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def url():
    with served() as address:
        yield address


def asked(url, method="GET", **headers):
    """Return status and text of an answer."""
    address = urlsplit(url)
    with closing(HTTPConnection(address.netloc, timeout=10)) as connection:
        connection.request(method, address.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def token(url, seconds="60"):
    return asked(f"{url}/latest/api/token", "PUT", **{LIFETIME: seconds})[1]


def test_metadata_are_read_with_a_token(url):
    assert asked(f"{url}{DATA}instance-id", **{TOKEN: token(url)}) == (200, "i-1")


@pytest.mark.parametrize("path", ["unknown", "none"])
def test_what_is_not_there_is_not_found(url, path):
    assert asked(f"{url}{DATA}{path}", **{TOKEN: token(url)})[0] == 404


@pytest.mark.parametrize("headers", [{}, {TOKEN: ""}, {TOKEN: "made-up"}], ids=str)
def test_without_a_token_nothing_is_read(url, headers):
    assert asked(f"{url}{DATA}instance-id", **headers)[0] == 401


def test_a_token_serves_its_own_machine_only(url):
    with served() as other:
        assert asked(f"{other}{DATA}instance-id", **{TOKEN: token(url)})[0] == 401


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/latest/api/token", {}, 400),
        ("/latest/api/token", {LIFETIME: "0"}, 400),
        ("/latest/api/token", {LIFETIME: "21601"}, 400),
        ("/latest/api/token", {LIFETIME: "an hour"}, 400),
        ("/latest/api/token", {LIFETIME: "60", "X-Forwarded-For": "10.0.0.1"}, 403),
        ("/latest/meta-data/instance-id", {LIFETIME: "60"}, 404),
    ],
    ids=["no lifetime", "no time", "too long", "no number", "by a proxy", "elsewhere"],
)
def test_a_token_is_refused(url, path, headers, status):
    assert asked(f"{url}{path}", "PUT", **headers) == (status, "")


def test_a_template_that_requires_no_tokens_is_served_without():
    with served(Options.of({"HttpTokens": "optional"})) as url:
        assert asked(f"{url}{DATA}instance-id") == (200, "i-1")
        assert asked(f"{url}{DATA}instance-id", **{TOKEN: "made-up"})[0] == 401


def test_a_token_ends_with_its_lifetime(url):
    short = token(url, "1")
    assert asked(f"{url}{DATA}instance-id", **{TOKEN: short})[0] == 200
    wait_until(
        lambda: asked(f"{url}{DATA}instance-id", **{TOKEN: short})[0] == 401, "the token's end"
    )


@pytest.mark.parametrize("hops", [1, 3])
def test_a_token_goes_no_further_than_the_hop_limit(hops):
    """The kernel puts this on each packet of the connection; no second host is here to count."""
    seen = []
    options = {"HttpTokens": "required", "HttpPutResponseHopLimit": hops}
    with served(Options.of(options), seen) as url:
        assert asked(f"{url}/latest/api/token", "PUT", **{LIFETIME: "60"})[0] == 200
        wait_until(lambda: seen, "the end of the connection")
    assert seen == [hops]
