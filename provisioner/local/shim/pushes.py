"""ECR publishes pushes: "ECR Image Action" on the default bus.

On AWS the event comes whenever a manifest is put, by `docker push` or by PutImage, with the tag if
it has one. The engine's registry keeps what is pushed and says nothing.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from provisioner.local.shim.patching import private, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_ECR = "ministack.services.ecr"
_CREATED, _OK = 201, 200


def install() -> None:
    """Publish every push from now on."""
    wrap(_ECR, "_v2_put_manifest", _after_docker_push)
    wrap(_ECR, "_put_image", _after_put_image)


def image_action(repository: str, digest: str, tag: str) -> dict[str, Any]:
    """Return the documented event as a PutEvents entry; an untagged push has an empty tag."""
    detail = {
        "result": "SUCCESS",
        "repository-name": repository,
        "image-digest": digest,
        "action-type": "PUSH",
        "image-tag": tag,
    }
    return {
        "Source": "aws.ecr",
        "DetailType": "ECR Image Action",
        "Resources": [],
        "Detail": json.dumps(detail),
    }


def _after_docker_push(put: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(put)
    def putting(name: str, reference: str, *more: Any) -> Any:  # noqa: ANN401
        answer = put(name, reference, *more)
        status, headers, _ = answer
        if status == _CREATED:
            tag = "" if reference.startswith("sha256:") else reference
            _publish(image_action(name, headers["Docker-Content-Digest"], tag))
        return answer

    return putting


def _after_put_image(put: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(put)
    def putting(request: dict[str, Any]) -> Any:  # noqa: ANN401
        answer = put(request)
        status, _, body = answer
        if status == _OK:
            digest = json.loads(body)["image"]["imageId"]["imageDigest"]
            _publish(image_action(request["repositoryName"], digest, request.get("imageTag", "")))
        return answer

    return putting


def _publish(entry: dict[str, Any]) -> None:
    put_events = private("ministack.services.eventbridge", "_put_events")
    put_events({"Entries": [entry]}, allow_aws_source=True)
