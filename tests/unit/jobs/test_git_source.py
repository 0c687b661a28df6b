from __future__ import annotations

import pytest

from provisioner.jobs import parse, tracked_artifacts
from provisioner.jobs.unbuilt import build_digest, unbuilt

CONNECTION = (
    "arn:aws:codeconnections:eu-west-1:123456789012:connection/0f9d3c1a-7a4e-4a53-9f0f-3c6d1c1d2e3f"
)
FORMER = CONNECTION.replace("codeconnections", "codestar-connections")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SOURCE = {"connection": CONNECTION, "repository": "github.com/acme/report", "commit": COMMIT}


def job(**parts):
    return parse({"job_name": "report", "type": "ecs", "build": {"source": SOURCE | parts}})


def digest(**parts):
    made = job(**parts)
    return build_digest(made, made.build.source.commit)


@pytest.mark.parametrize(
    ("repository", "kind", "location"),
    [
        ("github.com/acme/report", "GITHUB", "https://github.com/acme/report.git"),
        ("https://github.com/acme/report.git", "GITHUB", "https://github.com/acme/report.git"),
        ("gitlab.com/acme/data/report", "GITLAB", "https://gitlab.com/acme/data/report.git"),
        ("bitbucket.org/acme/re_port.v2", "BITBUCKET", "https://bitbucket.org/acme/re_port.v2.git"),
    ],
)
def test_what_codebuild_gets_of_a_repository(repository, kind, location):
    source = job(repository=repository).build.source

    assert (source.type, source.location, source.version_id) == (kind, location, COMMIT)


def test_a_commit_decides_what_is_built_and_the_connection_does_not():
    assert digest(connection=FORMER) == digest()
    assert digest(repository="https://github.com/acme/report.git") == digest()
    assert digest(repository="github.com/acme/other") != digest()
    assert digest(commit="f" * 40) != digest()


def test_the_build_gets_the_commit_that_it_must_find():
    made = job()
    wanted = unbuilt(made, "jobs", made.build.source, digest())

    assert wanted.variables["BUILD_COMMIT"] == COMMIT


def test_no_push_is_listened_for():
    assert tracked_artifacts(job()) == ()
