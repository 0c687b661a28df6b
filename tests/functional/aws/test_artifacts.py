"""Bundles and images, looked up and pinned, over moto."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber

from provisioner.aws.artifacts import Artifacts
from provisioner.jobs import InvalidRow, LambdaJob, parse, spec_digest
from provisioner.jobs.unbuilt import Unbuilt, archive_key, build_digest, image_tag
from tests.support.clients import CLIENTS
from tests.support.platforms import PLATFORM

pytestmark = pytest.mark.usefixtures("bootstrap")

ALLOWED = replace(PLATFORM.allowed, prefix="jobs", bundle_bucket="bundles")
REGISTRY = "123456789012.dkr.ecr.{}.amazonaws.com"
CONFIGURATION = "sha256:" + "0" * 63
OCI = "application/vnd.oci.image.{}.v1+json"
ATTESTATION = {"os": "unknown", "architecture": "unknown"}


def manifest(configuration):
    """Return a manifest whose configuration's digest is made up."""
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"digest": CONFIGURATION + configuration, "size": 2, "mediaType": "x"},
        "layers": [],
    }


def index(*platforms):
    manifests = [{"digest": "sha256:" + "1" * 64, "size": 2, **platform} for platform in platforms]
    return {"schemaVersion": 2, "mediaType": OCI.format("index"), "manifests": manifests}


def on(system, machine):
    return {"platform": {"os": system, "architecture": machine}}


MANIFEST = manifest("0")
SERVED = {
    "0": json.dumps({"os": "linux", "architecture": "arm64", "rootfs": {}}),
    "1": json.dumps({"os": "linux", "architecture": "amd64"}),
    "2": json.dumps({"rootfs": {}}),
    "3": "no JSON",
    "4": json.dumps(["a list"]),
    "5": None,  # a server that answers 403
    "6": "denied",  # an address that ECR does not give
}


@pytest.fixture(scope="module")
def layers():
    """Yield the address of a server that has the configurations of images."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            text = SERVED[self.path[-1]]
            self.send_response(403 if text is None else 200)
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def downloads(bootstrap, layers):
    """Let ECR, whose imitation cannot, say where layers are."""
    del bootstrap  # it comes first: the clients are made in it

    def answer(params, **_):
        digest = json.loads(params["body"])["layerDigest"]
        if SERVED[digest[-1]] == "denied":
            error = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
            return SimpleNamespace(status_code=400), error
        return SimpleNamespace(status_code=200), {"downloadUrl": f"{layers}/{digest}"}

    for region in ("eu-west-1", "us-west-2"):
        events = CLIENTS.in_region(region).ecr.meta.events
        events.register("before-call.ecr.GetDownloadUrlForLayer", answer)


def pin(job):
    return Artifacts(CLIENTS, ALLOWED).pin(job)


def container(image, **more):
    return parse({"job_name": "words", "type": "ecs", "image": image, **more})


def pushed(region="eu-west-1", document=MANIFEST):
    ecr = boto3.client("ecr", region_name=region)
    ecr.create_repository(repositoryName="jobs/words")
    put = ecr.put_image(
        repositoryName="jobs/words", imageTag="1", imageManifest=json.dumps(document)
    )
    return put["image"]["imageId"]["imageDigest"]


def pushed_again(document):
    put = boto3.client("ecr").put_image(
        repositoryName="jobs/words", imageTag="1", imageManifest=json.dumps(document)
    )
    return put["image"]["imageId"]["imageDigest"]


@pytest.mark.parametrize("region", ["eu-west-1", "us-west-2"], ids=["own-region", "other-region"])
def test_a_tag_becomes_a_digest(region):
    digest = pushed(region)
    registry = REGISTRY.format(region)

    pinned = pin(container(f"{registry}/jobs/words:1"))

    assert pinned.image == f"{registry}/jobs/words@{digest}"
    assert pinned.image_name == f"{registry}/jobs/words:1"
    assert pin(pinned) == pinned


def test_another_tag_of_the_same_image_is_not_another_job():
    pushed()
    ecr = boto3.client("ecr")
    ecr.put_image(
        repositoryName="jobs/words", imageTag="latest", imageManifest=json.dumps(MANIFEST)
    )
    image = f"{REGISTRY.format('eu-west-1')}/jobs/words"

    by_tag, by_default = (
        pin(container(f"{image}:1")),
        pin(container(image)),
    )

    assert spec_digest(by_tag) == spec_digest(by_default)
    assert by_default.image_name == f"{image}:latest"


@pytest.mark.parametrize("image", ["jobs/none:1", "jobs/words:2"], ids=["repository", "tag"])
def test_a_missing_image_is_said(image):
    pushed("eu-west-1")

    found = pin(container(f"{REGISTRY.format('eu-west-1')}/{image}"))

    assert isinstance(found, InvalidRow)
    assert found.errors[0].field == "image"
    assert "does not exist" in found.errors[0].message


def test_an_image_that_may_not_be_read_is_said():
    with Stubber(CLIENTS.in_region("eu-west-1").ecr) as ecr:
        ecr.add_client_error("batch_get_image", "AccessDeniedException", "no")
        found = pin(container(f"{REGISTRY.format('eu-west-1')}/jobs/words:1"))

    assert isinstance(found, InvalidRow)
    assert "/jobs/words:1 cannot be read: AccessDeniedException" in found.errors[0].message


def test_the_platform_of_an_image_is_read_once():
    pushed()
    artifacts = Artifacts(CLIENTS, ALLOWED)
    image = f"{REGISTRY.format('eu-west-1')}/jobs/words:1"
    asked = []
    events = CLIENTS.in_region("eu-west-1").ecr.meta.events
    event = "provide-client-params.ecr.GetDownloadUrlForLayer"

    def count(params, **_):
        asked.append(params["layerDigest"])

    events.register(event, count)
    try:
        found = [artifacts.pin(container(image, architecture="x86_64")) for _ in range(2)]
    finally:
        events.unregister(event, count)

    assert all(isinstance(each, InvalidRow) for each in found)
    assert asked == [CONFIGURATION + "0"]


def test_an_image_of_another_registry_is_taken_as_written():
    job = container("public.ecr.aws/docker/library/busybox:1")

    assert pin(job) is job


WITHOUT_CONFIGURATION = {"schemaVersion": 2, "mediaType": OCI.format("manifest")}
ARM, INTEL = on("linux", "arm64"), on("linux", "amd64")
BUILT_FOR = {
    "index-of-one": (index(INTEL), ["arm64"]),
    "index-of-both": (index(INTEL, ARM), []),
    "index-with-an-attestation": (index(INTEL, {"platform": ATTESTATION}), ["arm64"]),
    "index-that-does-not-say": (index(INTEL, {}), []),
    "index-of-windows": (index(on("windows", "amd64")), ["arm64", "x86_64"]),
    "manifest-without-configuration": (WITHOUT_CONFIGURATION, []),
    "configuration-for-arm": (manifest("0"), ["x86_64"]),
    "configuration-for-intel": (manifest("1"), ["arm64"]),
    "configuration-that-does-not-say": (manifest("2"), []),
    "configuration-that-is-none": (manifest("3"), []),
    "configuration-of-another-kind": (manifest("4"), []),
    "configuration-that-is-not-given": (manifest("5"), []),
    "configuration-that-is-not-ours-to-read": (manifest("6"), []),
}


@pytest.mark.parametrize(("document", "refused"), BUILT_FOR.values(), ids=BUILT_FOR)
@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_an_image_for_another_machine_is_said(document, refused, architecture):
    pushed(document=document)
    image = f"{REGISTRY.format('eu-west-1')}/jobs/words:1"

    found = pin(container(image, architecture=architecture))

    assert isinstance(found, InvalidRow) is (architecture in refused)
    if isinstance(found, InvalidRow):
        [error] = found.errors
        assert error.field == "architecture"
        assert {"arm64": "linux/arm64", "x86_64": "linux/amd64"}[architecture] in error.message
        assert image in error.message


def function(image, **more):
    return parse({"job_name": "words", "type": "lambda", "image": image, **more})


class TestImagesOfFunctions:
    def test_an_image_is_pinned_to_its_digest(self):
        digest = pushed()
        image = f"{REGISTRY.format('eu-west-1')}/jobs/words"

        job = pin(function(f"{image}:1"))

        assert job.image == f"{image}@{digest}"
        assert job.name_of(job.image) == f"{image}:1"

    @pytest.mark.parametrize(("architecture", "digit"), [("arm64", "1"), ("x86_64", "2")])
    def test_of_an_index_it_is_the_image_for_the_job_s_architecture(self, architecture, digit):
        arm = on("linux", "arm64") | {"digest": f"sha256:{'1' * 64}"}
        intel = on("linux", "amd64") | {"digest": f"sha256:{'2' * 64}"}
        attestation = {"platform": ATTESTATION, "digest": f"sha256:{'3' * 64}"}
        pushed(document=index(arm, intel, attestation))
        image = f"{REGISTRY.format('eu-west-1')}/jobs/words"

        job = pin(function(f"{image}:1", architecture=architecture))

        assert job.image == f"{image}@sha256:{digit * 64}"

    def test_an_index_that_does_not_say_is_refused(self):
        pushed(document=index({}))

        found = pin(function(f"{REGISTRY.format('eu-west-1')}/jobs/words:1"))

        [error] = found.errors
        assert error.field == "image"
        assert "names no image for linux/arm64" in error.message

    def test_a_missing_one_is_said(self):
        found = pin(function(f"{REGISTRY.format('eu-west-1')}/jobs/absent:1"))

        assert [error.field for error in found.errors] == ["image"]


def bundle(uri):
    return parse(
        {
            "job_name": "report",
            "type": "lambda",
            "runtime": "python3.13",
            "handler": "app.handler",
            "bundle": uri,
        }
    )


def test_a_bundle_is_pinned_to_its_newest_version_or_the_named_one():
    s3 = boto3.client("s3")
    first = s3.head_object(Bucket="bundles", Key="report.zip")["VersionId"]
    second = s3.put_object(Bucket="bundles", Key="report.zip", Body=b"PK2")["VersionId"]

    assert pin(bundle("s3://bundles/report.zip")).bundle.version_id == second
    named = f"s3://bundles/report.zip?versionId={first}"
    assert pin(bundle(named)).bundle.version_id == first


@pytest.mark.parametrize("uri", ["s3://bundles/none.zip", "s3://no-such-bucket/report.zip"])
def test_a_missing_bundle_is_said(uri):
    found = pin(bundle(uri))

    assert isinstance(found, InvalidRow)
    assert "does not exist" in found.errors[0].message


def test_a_bundle_that_may_not_be_read_is_said():
    with Stubber(CLIENTS.s3) as s3:
        s3.add_client_error("head_object", "403", "Forbidden", http_status_code=403)
        found = pin(bundle("s3://bundles/report.zip"))

    assert isinstance(found, InvalidRow)
    assert "s3://bundles/report.zip cannot be read: " in found.errors[0].message


def test_a_bundle_in_a_bucket_without_versions_is_taken_as_written():
    s3 = boto3.client("s3")
    s3.put_object(Bucket="artifacts", Key="report.zip", Body=b"PK")
    job = bundle("s3://artifacts/report.zip")

    assert pin(job) is job


def pinned(job, version):
    return parse(
        {"job_name": "report", "type": "lambda", "runtime": "python3.13", "handler": "app.handler"}
        | {"bundle": job.bundle.uri, "pin": {"version": version}}
        if isinstance(job, LambdaJob)
        else {"job_name": "words", "type": "ecs", "image": job.image, "pin": {"version": version}}
    )


@pytest.fixture
def versions():
    """Return the ids of two versions of a bundle, the older one first."""
    s3 = boto3.client("s3")
    put = (s3.put_object(Bucket="bundles", Key="report.zip", Body=body) for body in (b"1", b"2"))
    return [each["VersionId"] for each in put]


@pytest.mark.parametrize("which", [0, 1], ids=["older", "newest"])
def test_a_pinned_bundle_is_of_that_version_and_knows_the_newest(versions, which):
    job = pin(pinned(bundle("s3://bundles/report.zip"), versions[which]))

    assert (job.bundle.version_id, job.newest) == (versions[which], versions[1])
    assert spec_digest(job) == spec_digest(
        pin(bundle(f"s3://bundles/report.zip?versionId={versions[which]}"))
    )


def test_a_pinned_bundle_stays_though_its_newest_version_is_gone(versions):
    boto3.client("s3").delete_object(Bucket="bundles", Key="report.zip")

    job = pin(pinned(bundle("s3://bundles/report.zip"), versions[0]))

    assert (job.bundle.version_id, job.newest) == (versions[0], None)


def test_a_pinned_version_that_is_gone_is_said(versions):
    boto3.client("s3").delete_object(Bucket="bundles", Key="report.zip", VersionId=versions[0])

    (error,) = pin(pinned(bundle("s3://bundles/report.zip"), versions[0])).errors

    assert error.field == "pin.version"
    assert f"report.zip?versionId={versions[0]} " in error.message
    assert "take pin out of the row to run the newest" in error.message


def test_a_pinned_image_is_of_that_digest_and_knows_the_newest():
    older, newest = pushed(), pushed_again(manifest("2"))
    job = pin(pinned(container(f"{REGISTRY.format('eu-west-1')}/jobs/words:1"), older))

    assert (job.image.partition("@")[2], job.newest) == (older, newest)
    assert job.image_name.endswith("/jobs/words:1")


def test_a_pinned_image_that_is_gone_is_said():
    pushed()
    image = f"{REGISTRY.format('eu-west-1')}/jobs/words"

    (error,) = pin(pinned(container(image), f"sha256:{'9' * 64}")).errors

    assert error.field == "pin.version"
    assert f"{image}@sha256:{'9' * 64} does not exist" in error.message


@pytest.mark.parametrize(
    ("image", "repository", "tag"),
    [
        ("ghcr.io/acme/words:1", "ghcr.io/acme/words", "1"),
        ("localhost:5000/words", "localhost:5000/words", "latest"),
    ],
)
def test_an_image_of_another_registry_is_pinned_as_it_is(image, repository, tag):
    digest = f"sha256:{'9' * 64}"

    job = pin(pinned(container(image), digest))

    assert (job.image, job.image_name) == (f"{repository}@{digest}", f"{repository}:{tag}")
    assert job.newest is None


BUILD = {"source": "s3://bundles/report.zip"}
ARCHIVE = {"type": "lambda", "runtime": "python3.14", "handler": "main.handler"}


def built(**more):
    return parse({"job_name": "words", "build": BUILD, **more})


def source_version():
    return boto3.client("s3").head_object(Bucket="bundles", Key="report.zip")["VersionId"]


@pytest.mark.parametrize("row", [{"type": "ecs"}, ARCHIVE], ids=["image", "archive"])
def test_what_is_not_built_says_what_to_build(row):
    found = pin(built(**row))

    assert isinstance(found, Unbuilt)
    assert found.source.version_id == source_version()
    assert found.digest == build_digest(built(**row), source_version())
    assert found.variables["BUILD_JOB"] == "words"


def test_each_version_of_a_source_is_another_build():
    before = pin(built(type="ecs")).digest

    boto3.client("s3").put_object(Bucket="bundles", Key="report.zip", Body=b"PK2")

    assert pin(built(type="ecs")).digest != before


def test_the_image_that_was_built_is_pinned():
    job = built(type="ecs")
    digest = build_digest(job, source_version())
    ecr = boto3.client("ecr")
    ecr.create_repository(repositoryName="jobs/words")
    put = ecr.put_image(
        repositoryName="jobs/words", imageTag=image_tag(digest), imageManifest=json.dumps(MANIFEST)
    )

    found = pin(job)

    image = f"{ALLOWED.registry}/jobs/words"
    assert found.image == f"{image}@{put['image']['imageId']['imageDigest']}"
    assert (found.built_as, found.image_name) == (digest, f"{image}:{image_tag(digest)}")


def test_the_archive_that_was_built_is_pinned():
    job = built(**ARCHIVE)
    digest = build_digest(job, source_version())
    key = archive_key("words", digest)
    bucket = ALLOWED.bundle_bucket
    version = boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"PK")["VersionId"]

    found = pin(job)

    assert (found.bundle.key, found.bundle.version_id) == (key, version)
    assert found.built_as == digest
    assert pin(built(**ARCHIVE, pin={"version": digest})).bundle == found.bundle


def test_a_source_that_is_missing_is_said():
    found = pin(built(type="ecs", build={"source": "s3://bundles/none.zip"}))

    (error,) = found.errors
    assert (error.field, error.message) == ("build.source", "s3://bundles/none.zip does not exist")


def test_a_pinned_build_knows_what_its_newest_source_would_be():
    first = build_digest(built(**ARCHIVE), source_version())
    key = archive_key("words", first)
    boto3.client("s3").put_object(Bucket="bundles", Key=key, Body=b"PK")
    pinned_to_it = built(**ARCHIVE, pin={"version": first})
    assert pin(pinned_to_it).newest == first

    boto3.client("s3").put_object(Bucket="bundles", Key="report.zip", Body=b"PK2")

    second = build_digest(built(**ARCHIVE), source_version())
    assert second != first
    assert pin(pinned_to_it).newest == second


def test_a_pinned_image_knows_the_tag_of_what_is_not_built_yet_and_then_its_digest():
    digest = pushed()
    job = built(type="ecs", pin={"version": digest})
    tag = image_tag(build_digest(job, source_version()))
    assert pin(job).newest == tag

    boto3.client("ecr").put_image(
        repositoryName="jobs/words", imageTag=tag, imageManifest=json.dumps(MANIFEST)
    )

    assert pin(job).newest == digest


def test_a_pinned_build_that_is_gone_is_said():
    found = pin(built(**ARCHIVE, pin={"version": "0" * 64}))

    assert [error.field for error in found.errors] == ["pin.version"]
