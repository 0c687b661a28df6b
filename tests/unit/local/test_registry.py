"""An image goes into the engine's registry once, and what the registry refuses is an error."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from provisioner.local import examples, registry
from provisioner.local.errors import LocalError


class Registry:
    """The connection to a registry that holds some blobs and answers uploads with a status."""

    def __init__(self, held=(), answer=201):
        self.held = held
        self.answer = answer
        self.uploaded = []

    def request(self, method, path, body, _headers):
        if method == "HEAD":
            self.status = 200 if path.rpartition("/")[2] in self.held else 404
        else:
            self.status = self.answer
            self.uploaded.append(body)

    def getresponse(self):
        return SimpleNamespace(status=self.status, read=lambda: b"")


def test_a_blob_that_is_there_is_not_sent_again():
    there = Registry(held=[registry.sha256(b"layer")])
    registry._push_blob(there, "jobs/words", b"layer")
    registry._push_blob(there, "jobs/words", b"other")
    assert there.uploaded == [b"other"]


def test_what_is_refused_is_said():
    with pytest.raises(LocalError, match="registry answered 500 to POST /v2/jobs/words/blobs"):
        registry._push_blob(Registry(answer=500), "jobs/words", b"layer")


def test_an_example_needs_an_image_with_a_tag():
    row = {"job_name": "words", "type": "ecs", "image": "busybox"}
    with pytest.raises(LocalError, match="example words names no image with a tag: busybox"):
        examples._push_image(SimpleNamespace(), examples.Example(row, folder=None))
