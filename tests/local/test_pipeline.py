"""New code, new run: a push redeploys the jobs that use what was pushed, on the embedded engine."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.engine

REPOSITORY = "jobs/word-count"
"""Of an example, whose image `up` pushes."""


def tagged(engine, tag):
    """Return the example's image by a tag that only one test uses, once there is such an image."""
    push(engine, tag, "first")
    return engine.container_row("any")["image"].rpartition(":")[0] + f":{tag}"


def push(engine, tag, text):
    """Push another image: the example's, with another annotation."""
    registry = engine.client("ecr")
    example = [{"imageTag": "1"}]
    [image] = registry.batch_get_image(repositoryName=REPOSITORY, imageIds=example)["images"]
    manifest = json.loads(image["imageManifest"]) | {"annotations": {"of": f"{tag} {text}"}}
    answer = registry.put_image(
        repositoryName=REPOSITORY, imageTag=tag, imageManifest=json.dumps(manifest)
    )
    return answer["image"]["imageId"]["imageDigest"]


def put_bundle(engine, key, program):
    """Put a bundle of one program; return its address and version."""
    uri = engine.bundle(key, {"main.py": program})
    head = engine.client("s3").head_object(Bucket=engine.bundle_bucket, Key=key)
    return uri, head["VersionId"]


def deployed(engine, name):
    """Return the digest of the image that a READY job runs."""
    record = engine.record(name)
    is_ready = record.get("status") == "READY" and record["in_sync"]
    return record["deployments"][0]["artifact"].partition("@")[2] if is_ready else None


def test_an_image_push_redeploys_exactly_two_of_three_jobs(engine):
    used, other = engine.unique("used"), engine.unique("other")
    images = {name: tagged(engine, name) for name in (used, other)}
    jobs = {engine.unique("pushed"): used, engine.unique("pushed"): used}
    untouched = engine.unique("untouched")
    for name, tag in (jobs | {untouched: other}).items():
        engine.put(engine.container_row(name, image=images[tag]))
    before = {name: engine.wait_for(name, "READY") for name in (*jobs, untouched)}

    digest = push(engine, used, "second")

    for name in jobs:
        engine.wait(lambda name=name: deployed(engine, name) == digest, f"the new image of {name}")
        [new, old] = engine.record(name)["deployments"]
        assert (new["cause"], old["artifact"]) == (
            "push",
            before[name]["deployments"][0]["artifact"],
        )
    assert engine.record(untouched) == before[untouched]


def test_a_bundle_that_is_put_is_redeployed_and_a_version_of_it_is_not(engine):
    key = engine.unique("bundle")
    source = "def handler(event, context):\n    return {}\n"
    uri, first = put_bundle(engine, key, source.format(1))
    name, fixed = engine.unique("newest"), engine.unique("fixed")
    for job, bundle in ((name, uri), (fixed, f"{uri}?versionId={first}")):
        row = engine.lambda_row(job, bundle=bundle, handler="main.handler")
        engine.put(row)
        engine.wait_for(job, "READY")
    before = engine.record(fixed)

    _, version = put_bundle(engine, key, source.format(2))

    engine.wait(lambda: engine.pinned_version(name) == version, f"the new bundle of {name}")
    engine.wait_for(name, "READY")
    run = engine.wait_for_run(name, engine.start(name, {}), "SUCCEEDED")
    assert run["output"] == "2"
    assert engine.record(fixed) == before
