"""The HTTP API as its callers use it: signed requests, enforced policies, a job from end to end."""

from __future__ import annotations

import pytest
from botocore.credentials import Credentials

from provisioner.service.caller import Role
from tests.support.http import Caller
from tests.support.roles import mistaken
from tests.support.waiting import wait_until

pytestmark = pytest.mark.engine
CODE = "def handler(event, context):\n    print('hello', event['n'])\n    return event\n"


@pytest.fixture(scope="module")
def url(engine):
    return engine.outputs["ApiUrl"]


@pytest.fixture(scope="module")
def anybody(engine, url):
    """Return a caller whom nothing limits."""
    own = engine.environment
    keys = own["AWS_ACCESS_KEY_ID"], own["AWS_SECRET_ACCESS_KEY"]
    return Caller(url, Credentials(*keys), region=own["AWS_REGION"])


@pytest.fixture(scope="module")
def having(engine, url):
    """Return a function that makes a caller with the policy of a role."""
    iam = engine.client("iam")
    account = engine.client("sts").get_caller_identity()["Account"]

    def made(role):
        user = engine.unique(f"api-{role}")
        iam.create_user(UserName=user)
        policy = f"arn:aws:iam::{account}:policy/jobs_provisioner/jobs_api_{role}"
        iam.attach_user_policy(UserName=user, PolicyArn=policy)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        return Caller(url, credentials, region=engine.environment["AWS_REGION"])

    return made


@pytest.fixture(scope="module")
def job(engine, anybody):
    """Return the name of a job that was made over HTTP and is READY."""
    name = engine.unique("api")
    row = engine.lambda_row(name, handler="app.handler") | {
        "bundle": engine.bundle(f"{name}.zip", {"app.py": CODE}),
        "environment": {"TOKEN": "hunter2"},
    }
    created = anybody("PUT", f"/v1/rows/{name}", row, if_none_match="*")
    assert created.status == 201, created
    ready = lambda: anybody("GET", f"/v1/jobs/{name}").json["status"] == "READY"  # noqa: E731
    wait_until(ready, f"{name} is READY")
    return name


def held(method, path, reply):
    # Here, for it takes a second, and each process of the suite imports all modules.
    from tests.support import described  # noqa: PLC0415

    described.hold(method, path.partition("?")[0], reply)
    return reply


def test_a_job_runs(anybody, job):
    runs = f"/v1/jobs/{job}/runs"
    started = anybody("POST", runs, {"payload": {"n": 1}}, idempotency_key="one")
    again = anybody("POST", runs, {"payload": {"n": 1}}, idempotency_key="one")
    place = started.headers["location"]

    ended = held("GET", place, anybody("GET", f"{place}?wait=20"))

    assert (started.status, again.headers["idempotency-replayed"]) == (202, "true")
    assert (ended.json["status"], ended.json["result"]["value"]["n"]) == ("SUCCEEDED", 1)
    log = wait_until(lambda: anybody("GET", f"{place}/log").json["events"], "lines of its log")
    assert any("hello 1" in each["message"] for each in log)
    for path in ("/v1/jobs", runs, "/v1/runs", f"/v1/jobs/{job}/stack/operations", "/v1/health"):
        assert held("GET", path, anybody("GET", path)).status == 200, path
    assert "reads" in ended.headers["server-timing"]


def test_work_is_submitted_and_followed(anybody, job):
    taken = anybody("POST", "/v1/submissions", {"job_name": job, "payload": {"n": 3}})

    followed = anybody("GET", f"{taken.headers['location']}?wait=20")

    assert taken.status == 202
    assert (followed.json["status"], followed.json["result"]["value"]["n"]) == ("SUCCEEDED", 3)
    audit = held("GET", f"/v1/jobs/{job}/audit", anybody("GET", f"/v1/jobs/{job}/audit"))
    entry = next(e for e in audit.json["entries"] if e["run"] == followed.json["run"])
    assert (entry["action"], entry["proven"], entry["outcome"]) == ("start_run", True, "done")
    assert anybody("GET", "/v1/audit?limit=1").json["next"]


def test_a_cursor_leads_on(anybody, job):
    anybody("POST", f"/v1/jobs/{job}/runs", {"payload": {"n": 2}})
    wait_until(lambda: len(anybody("GET", f"/v1/jobs/{job}/runs").json["runs"]) > 1, "two runs")

    first = anybody("GET", f"/v1/jobs/{job}/runs?limit=1").json
    second = anybody("GET", f"/v1/jobs/{job}/runs?limit=1&cursor={first['next']}").json

    assert first["runs"][0]["run"] != second["runs"][0]["run"]
    assert anybody("GET", f"/v1/runs?cursor={first['next']}").slug == "invalid-cursor"


def test_policies_let_each_role_have_its_own(having, url, job):
    read, operate, write = having("read"), having("operate"), having("write")
    run = f"/v1/jobs/{job}/runs"

    assert read("GET", f"/v1/jobs/{job}").json["row"]["environment"] == {"TOKEN": None}
    assert operate("POST", f"{run}?dry_run=true", {"payload": {"n": 1}}).status == 202
    assert write("GET", f"/v1/rows/{job}").json["environment"] == {"TOKEN": "hunter2"}
    for caller, method, path in (
        (Caller(url), "GET", "/v1/jobs"),
        (read, "POST", run),
        (read, "GET", f"/v1/rows/{job}"),
        (operate, "GET", f"/v1/rows/{job}"),
        (operate, "DELETE", f"/v1/rows/{job}"),
        (write, "POST", "/v1/dead-letters/discard"),
    ):
        assert caller(method, path, {} if method == "POST" else None).status == 403, path


def test_each_role_has_its_routes_and_no_other(having, url):
    callers: dict[Role | None, Caller] = {role: having(role.value) for role in Role}

    assert mistaken({None: Caller(url), **callers}) == []


def test_what_is_not_there_is_a_problem_too(anybody):
    assert anybody("GET", "/v1/nowhere").slug == "not-found"
    refused = anybody("PATCH", "/v1/jobs", {})
    assert (refused.slug, refused.headers["allow"]) == ("method-not-allowed", "GET")


def test_a_row_goes_only_as_it_was_seen(anybody, job):
    row = f"/v1/rows/{job}"
    seen = anybody("GET", row).headers["etag"]
    assert anybody("PATCH", row, {"description": "d"}, if_match=seen).status == 200
    assert anybody("DELETE", row, if_match=seen).slug == "stale"

    now = anybody("GET", row).headers["etag"]

    assert anybody("DELETE", row, if_match=now).status == 202
    assert anybody("GET", row).status == 404

    place = f"/v1/jobs/{job}/versions"
    listed = lambda: anybody("GET", place).json.get("versions", ())  # noqa: E731
    newest = wait_until(lambda: len(found := listed()) == 3 and found, "three versions")
    assert [(each["version"], each["proven"]) for each in newest] == [
        (3, True),
        (2, True),
        (1, True),
    ]
    assert held("GET", f"{place}/2", anybody("GET", f"{place}/2")).json["changed"] == [
        "description"
    ]
    assert anybody("POST", f"{place}/1/restore", if_none_match="*").status == 201
    assert anybody("GET", row).headers["etag"] == seen
    assert anybody("DELETE", row, if_match=seen).status == 202
