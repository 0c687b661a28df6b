"""What only an account proves, a test a step; docs/internals/verified.md says which proves what.

`make smoke` runs them (tools/smoke). A step's first line says what it shows, `uses` what it costs
(tools/smoke/cost.py), and `needs_aws` why it cannot run on the embedded engine.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.support.batch import jobs_of

pytestmark = pytest.mark.smoke


def python(program):
    return ["python3", "-c", program]


EXITS = python("import json, os; raise SystemExit(json.loads(os.environ['PAYLOAD'])['code'])")
SLEEPS = python("import time; time.sleep(600)")


PASSWORD, TOKEN = 'it\'s "hidden" $HOME', "t0ken"
READS_SECRETS = {
    "python3.14": (
        "main.py",
        """
import os
def handler(event, context):
    return [len(os.environ["PASSWORD"]), len(os.environ["TOKEN"])]
""",
    ),
    "nodejs24.x": (
        "main.js",
        """
exports.handler = async () => [process.env.PASSWORD.length, process.env.TOKEN.length];
""",
    ),
    "ruby3.4": (
        "main.rb",
        """
def handler(event:, context:)
  [ENV["PASSWORD"].length, ENV["TOKEN"].length]
end
""",
    ),
}


@contextmanager
def stored(account):
    """Store a secret and a parameter for jobs; yields what a row says of them."""
    name = f"{account.prefix}/{account.unique('db')}"
    secrets, parameters = account.client("secretsmanager"), account.client("ssm")
    text = json.dumps({"password": PASSWORD})
    secret = secrets.create_secret(Name=name, SecretString=text)["ARN"]
    try:
        parameters.put_parameter(Name=f"/{name}", Value=TOKEN, Type="SecureString")
        arn = parameters.get_parameter(Name=f"/{name}")["Parameter"]["ARN"]
        yield {"PASSWORD": f"{secret}:password::", "TOKEN": arn}
    finally:
        secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        parameters.delete_parameters(Names=[f"/{name}"])


def reads_its_secrets(account, secrets, runtime):
    """Have a function read its secrets; nothing that people see may hold them."""
    name, (file, text) = account.unique("secrets"), READS_SECRETS[runtime]
    bundle = account.bundle(f"{name}.zip", {file: text})
    row = account.lambda_row(name, runtime=runtime, handler="main.handler", bundle=bundle)
    stack = account.ready(row | {"secrets": secrets})["stack_name"]
    run = account.ended(name, account.start(name, {}))
    assert json.loads(run["output"]) == [len(PASSWORD), len(TOKEN)]
    configuration = account.client("lambda").get_function_configuration(FunctionName=stack)
    template = account.client("cloudformation").get_template(StackName=stack)
    shown = str([account.record(name), run, configuration, template])
    assert "hidden" not in shown
    assert TOKEN not in shown


def wait_for_package(account, name, kind):
    """Wait until a job's only function is of that kind."""

    def kinds():
        pages = account.client("lambda").get_paginator("list_functions").paginate()
        functions = [function for page in pages for function in page["Functions"]]
        stem = f"{account.prefix}-{name}"
        return [f["PackageType"] for f in functions if f["FunctionName"].startswith(stem)]

    account.wait(lambda: kinds() == [kind], kind, timeout_seconds=900)


def attempts(account, name, calls, **row):
    """Have a job's code make calls of boto3; return what became of each."""
    handler = {"handler": "code_under_test.attempts", "timeout_seconds": 300}
    account.ready(account.lambda_row(name, **handler, **row))
    run = account.ended(name, account.start(name, {"attempts": calls}))
    return json.loads(run["output"])


def parameter(account, name):
    found = {p["ParameterKey"]: p["ParameterValue"] for p in account.bootstrap()["Parameters"]}
    value = found.get(name, "")
    assert value, f"deploy the bootstrap with the parameter {name} for this step"
    return value


@pytest.mark.uses(minutes=0, function_seconds=0, runs=0)
def test_deploys_into_a_new_account(bootstrap):
    """The bootstrap deploys by the SAM CLI."""
    assert bootstrap.bootstrap()["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def test_put_run_change_and_delete(account):
    """A function of an archive runs, changes and goes."""
    name = account.unique("smoke")
    account.ready(account.lambda_row(name))
    assert account.ended(name, account.start(name, {"n": 1}))["output"] == '{"n":1}'
    account.put(account.lambda_row(name, memory_mb=256))
    account.wait(lambda: account.function_memory_mb(name) == 256, "the change", timeout_seconds=600)


@pytest.mark.uses(minutes=10, function_seconds=10, runs=2)
def test_a_function_of_an_image(account):
    """A function's row changes from an archive to an image."""
    name = account.unique("image")
    for row in (account.lambda_row(name), account.image_function_row(name)):
        account.ready(row)
        wait_for_package(account, name, "Image" if "image" in row else "Zip")
        assert account.ended(name, account.start(name, {"n": 1}))["output"] == '{"n":1}'


@pytest.mark.uses(minutes=10, function_seconds=20, runs=2)
def test_secrets_of_a_function(account):
    """A function in Python and one in Node.js have their secrets, and nothing shows them."""
    with stored(account) as secrets:
        for runtime in ("python3.14", "nodejs24.x"):
            reads_its_secrets(account, secrets, runtime)


@pytest.mark.needs_aws("Ruby")
def test_secrets_of_a_function_in_ruby(account):
    """A function in Ruby has its secrets, and nothing shows them."""
    with stored(account) as secrets:
        reads_its_secrets(account, secrets, "ruby3.4")


def test_a_large_text(account):
    """A large payload reaches a function, and the large text that it returns is the same."""
    name, text = account.unique("large"), 'a "text"\n' * 12_000
    account.ready(account.lambda_row(name, handler="code_under_test.text"))
    run = account.ended(name, account.start(name, {"text": text}))
    assert json.loads(account.read(run["input"])) == {"text": text}
    assert json.loads(account.read(run["output"])) == text


@pytest.mark.uses(container_minutes=4, runs=2)
def test_a_container(account):
    """A container runs, and its exit code decides."""
    name = account.unique("container")
    account.ready(account.container_row(name, command=EXITS, retries=0))
    assert account.ended(name, account.start(name, {"code": 0}))["exit_code"] == 0
    run = account.ended(name, account.start(name, {"code": 3}), "FAILED")
    assert (run["error"], run["exit_code"]) == ("ContainerFailed", 3)


@pytest.mark.uses(minutes=8, container_minutes=4, runs=2)
def test_a_batch_job(account):
    """A container runs in a queue of Batch, and its exit code decides."""
    name = account.unique("batch")
    account.ready(account.container_row(name, type="batch", command=EXITS, retries=0))
    assert account.ended(name, account.start(name, {"code": 0}))["exit_code"] == 0
    run = account.ended(name, account.start(name, {"code": 3}), "FAILED")
    assert (run["error"], run["exit_code"]) == ("ContainerFailed", 3)


@pytest.mark.uses(minutes=10, machine_minutes=8, runs=2)
def test_a_machine(account):
    """A container runs on a machine of its own, which reports its exit code and ends."""
    name = account.unique("machine")
    account.ready(account.machine_row(name, command=EXITS, retries=0))
    assert account.ended(name, account.start(name, {"code": 0}))["exit_code"] == 0
    run = account.ended(name, account.start(name, {"code": 3}), "FAILED")
    assert (run["error"], run["exit_code"]) == ("ContainerFailed", 3)
    account.wait(lambda: not account.machines(name), "the machines' end", timeout_seconds=600)


@pytest.mark.uses(container_minutes=3)
def test_a_container_is_stopped(account):
    """A run that is stopped stops its container."""
    name = account.unique("stopped")
    account.ready(account.container_row(name, command=SLEEPS))
    run = account.start(name, {})
    [task] = account.wait(
        lambda: account.tasks(run, "RUNNING"), "a container that runs", timeout_seconds=600
    )
    account.provisioner("stop", name, run.rpartition(":")[2], "--reason", "smoke")
    account.ended(name, run, "STOPPED")
    account.wait(
        lambda: task in account.tasks(run, "STOPPED"), "the container's end", timeout_seconds=600
    )


@pytest.mark.uses(minutes=8, container_minutes=3)
def test_a_batch_job_is_stopped(account):
    """A run that is stopped terminates its job in Batch."""
    name = account.unique("ended")
    account.ready(account.container_row(name, type="batch", command=SLEEPS))
    run = account.start(name, {})

    def statuses():
        return [job["status"] for job in jobs_of(account, run)]

    account.wait(lambda: statuses() == ["RUNNING"], "a job that runs", timeout_seconds=900)
    account.provisioner("stop", name, run.rpartition(":")[2], "--reason", "smoke")
    account.ended(name, run, "STOPPED")
    account.wait(lambda: statuses() == ["FAILED"], "the job's end", timeout_seconds=600)


@pytest.mark.uses(minutes=8, machine_minutes=5)
def test_a_machine_is_stopped(account):
    """A run that is stopped terminates its machine."""
    name = account.unique("halted")
    account.ready(account.machine_row(name, command=SLEEPS))
    run = account.start(name, {})
    account.wait(lambda: account.machines(name), "a machine", timeout_seconds=600)
    account.provisioner("stop", name, run.rpartition(":")[2], "--reason", "smoke")
    account.ended(name, run, "STOPPED")
    account.wait(lambda: not account.machines(name), "the machine's end", timeout_seconds=600)


@pytest.mark.uses(minutes=10, function_seconds=15, runs=3)
def test_broken_and_repaired(account):
    """A bad row leaves the job as it was, bad code fails its runs, and both can be repaired."""
    name = account.unique("broken")
    good = account.lambda_row(name)
    account.ready(good | {"handler": "code_under_test.raising"})
    assert account.ended(name, account.start(name, {}), "FAILED")["error"] == "ValueError"
    account.put(good | {"memory_mb": 1})
    account.wait_for(name, "INVALID", timeout_seconds=300)
    assert account.ended(name, account.start(name, {}), "FAILED")["error"] == "ValueError"
    account.ready(good)
    assert account.ended(name, account.start(name, {"n": 1}))["output"] == '{"n":1}'


@pytest.mark.uses(minutes=5, function_seconds=5, runs=1)
def test_a_push_redeploys(account):
    """A bundle that is put redeploys its job: S3 tells EventBridge of the key as it is written."""
    name = account.unique("push")
    key = f"{name}/größe 1+1%20.zip"
    program = "def handler(event, context):\n    return {}\n"
    bundle = account.bundle(key, {"main.py": program.format(1)})
    account.ready(account.lambda_row(name, bundle=bundle, handler="main.handler"))
    before = account.record(name)["deployed_digest"]

    account.bundle(key, {"main.py": program.format(2)})

    def is_other():
        return account.record(name)["deployed_digest"] != before

    account.wait_for(name, "READY", until=is_other, timeout_seconds=600)
    assert account.ended(name, account.start(name, {}))["output"] == "2"


@pytest.mark.uses(minutes=25, container_minutes=2, build_minutes=15, runs=3)
def test_source_is_built(account):
    """Source becomes an image and an archive, in CodeBuild; the repository goes with its job."""
    image, archive = account.unique("image"), account.unique("archive")
    row = account.container_row(image, command=EXITS, retries=0, permissions=None)
    files = {"Dockerfile": f"FROM {row['image']}\nENV BUILT=1\n"}
    source = account.bundle(f"{image}/source.zip", files)
    account.put(row | {"image": None, "build": {"source": source}})
    program = "import six\ndef handler(event, context):\n    return {}\n"
    files = {"main.py": program.format(1), "requirements.txt": "six==1.17.0\n"}
    row = account.lambda_row(archive, bundle=None, handler="main.handler")
    source = account.bundle(f"{archive}/source.zip", files)
    account.put(row | {"build": {"source": source}})
    account.wait_for(image, "READY", timeout_seconds=1200)
    account.wait_for(archive, "READY", timeout_seconds=1200)
    assert account.ended(image, account.start(image, {"code": 0}))["exit_code"] == 0
    assert account.ended(archive, account.start(archive, {}))["output"] == "1"

    before = account.record(archive)["deployed_digest"]
    account.bundle(f"{archive}/source.zip", files | {"main.py": program.format(2)})

    def is_other():
        return account.record(archive)["deployed_digest"] != before

    account.wait_for(archive, "READY", until=is_other, timeout_seconds=1200)
    assert account.ended(archive, account.start(archive, {}))["output"] == "2"
    account.delete(image)
    account.wait_for(image, "DELETED", timeout_seconds=900)


@pytest.mark.uses(minutes=2, runs=0)
def test_apply_over_what_is_there(account, tmp_path):
    """`apply` changes a row under its condition."""
    name = account.unique("smoke")
    row = account.container_row(name, payload={"deep": [1, {"er": None}]}, paused=True)
    account.put(row)
    file = tmp_path / "row.json"
    file.write_text(json.dumps(row | {"description": "changed"}))

    assert f"updated    {name}" in account.provisioner("apply", str(file))


@pytest.mark.uses(minutes=8, runs=2, function_seconds=10)
def test_what_is_not_open_to_jobs(account):
    """A job reaches no secret and no role that is not open to it."""
    name, secrets = account.unique("closed"), account.client("secretsmanager")
    secret = secrets.create_secret(Name=account.unique("not-for-jobs"), SecretString="x")["ARN"]
    role = account.outputs["CloudFormationRoleArn"]
    grants = [
        {"Action": "secretsmanager:GetSecretValue", "Resource": secret},
        {"Action": "sts:AssumeRole", "Resource": role},
    ]
    calls = {
        "secret": ["secretsmanager", "get_secret_value", {"SecretId": secret}],
        "role": ["sts", "assume_role", {"RoleArn": role, "RoleSessionName": "smoke"}],
    }
    try:
        found = attempts(account, name, calls, permissions=grants)
        assert found == {"secret": "AccessDeniedException", "role": "AccessDenied"}
        tag = {"Key": "open-to-jobs", "Value": account.prefix}
        secrets.tag_resource(SecretId=secret, Tags=[tag])
        run = account.ended(name, account.start(name, {"attempts": calls}))
        assert json.loads(run["output"]) == {"secret": "done", "role": "AccessDenied"}
    finally:
        secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


@pytest.mark.uses(minutes=5, runs=1, function_seconds=5)
def test_results_of_its_own(account):
    """A job reaches results of its own and no other's, whatever its row grants."""
    name, bucket = account.unique("results"), account.outputs["ArtifactsBucketName"]
    grant = {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{bucket}/*"}
    calls = {
        owner: ["s3", "put_object", {"Bucket": bucket, "Key": f"results/{owner}/smoke", "Body": ""}]
        for owner in (name, "neighbour")
    }
    found = attempts(account, name, calls, permissions=[grant])
    assert found == {name: "done", "neighbour": "AccessDenied"}


@pytest.mark.needs_aws("a public parameter of Systems Manager")
def test_what_aws_owns(account):
    """A job reads a public parameter of Systems Manager."""
    public = "/aws/service/global-infrastructure/version"
    grant = {"Action": "ssm:GetParameter", "Resource": "*"}
    calls = {"parameter": ["ssm", "get_parameter", {"Name": public}]}
    found = attempts(account, account.unique("public"), calls, permissions=[grant])
    assert found == {"parameter": "done"}


@pytest.mark.uses(minutes=30)
def test_a_function_in_a_network(account):
    """Lambda makes the network interfaces of a function in a VPC."""
    name, subnets = account.unique("inside"), account.outputs["Subnets"].split(",")
    ec2 = account.client("ec2")
    vpc = ec2.describe_subnets(SubnetIds=subnets)["Subnets"][0]["VpcId"]
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    group = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
    account.ready(
        account.lambda_row(name, network={"subnets": subnets, "security_groups": [group]})
    )
    assert account.ended(name, account.start(name, {"n": 1}))["output"] == '{"n":1}'


@pytest.mark.uses(minutes=15, function_seconds=10, container_minutes=2, runs=3)
def test_in_express_mode(account):
    """Stacks in express mode run at once, change their mode, and go and come back."""
    name, task = account.unique("express"), account.unique("express")
    row = account.lambda_row(name, deployment_mode="express")
    for new in (row, account.container_row(task, command=python(""), deployment_mode="express")):
        assert account.ready(new)["deployment_mode"] == "EXPRESS"
        account.ended(new["job_name"], account.start(new["job_name"], {"n": 1}))
    changed = row | {"deployment_mode": "standard", "memory_mb": 256}
    assert account.ready(changed)["deployment_mode"] == "STANDARD"
    account.ready(row)
    account.delete(name)
    account.wait_for(name, "DELETED", timeout_seconds=900)
    account.put(row)
    account.wait_for(name, "READY", timeout_seconds=1800)
    assert account.ended(name, account.start(name, {"n": 1}))["output"] == '{"n":1}'


@pytest.mark.uses(minutes=5, runs=0)
def test_an_upgrade_in_waves(account):
    """A job whose stack another release has made gets the templates of this one."""
    name, others = account.unique("outdated"), "0" * 12
    stack_id = account.ready(account.lambda_row(name))["stack_id"]
    cloudformation = account.client("cloudformation")
    stack = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
    keys = {each["ParameterKey"] for each in stack["Parameters"]} - {"TemplateVersion"}
    cloudformation.update_stack(
        StackName=stack_id,
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "TemplateVersion", "ParameterValue": others},
            *({"ParameterKey": key, "UsePreviousValue": True} for key in keys),
        ],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    account.wait_for(name, "READY", template_version=others, timeout_seconds=900)

    account.provisioner("upgrade", "--yes", "--wave", "100%", "--soak", "0s")

    def over():
        account.sweep(upgrade=True)
        status = json.loads(account.provisioner("upgrade", "status", "--output", "json"))
        return status["status"] == "SUCCEEDED"

    account.wait(over, "the end of the upgrade", timeout_seconds=900)
    account.wait_for(name, "READY", template_version=account.outputs["TemplateVersion"])
    assert "finish_upgrade" in account.provisioner("audit")


@pytest.mark.uses(minutes=10, runs=0)
def test_drift_and_deletion(account):
    """Drift detection has its permissions, and a container job goes as a whole."""
    name = account.unique("drift")
    stack = account.ready(account.container_row(name))["stack_id"]
    account.send({"job_name": name, "detect_drift": True})

    def checked():
        found = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return found["DriftInformation"]["StackDriftStatus"] in {"IN_SYNC", "DRIFTED"}

    account.wait(checked, "drift detection", timeout_seconds=900)
    account.send({"job_name": name})

    def drifted():
        found = {c["type"]: c["status"] for c in account.record(name).get("conditions", [])}
        return found.get("Drifted")

    assert account.wait(drifted, "what it found", timeout_seconds=300) == "False"
    account.delete(name)
    assert not account.wait_for(name, "DELETED", timeout_seconds=900).get("retained_resources")


@pytest.mark.uses(container_minutes=2)
@pytest.mark.needs_aws("Step Functions that reads a result")
def test_a_result_that_was_not_left(account):
    """A result that was not left is not an error."""
    name = account.unique("silent")
    account.ready(account.container_row(name, command=python(""), result=True))
    run = account.ended(name, account.start(name, {}))
    assert "not read" not in run["output"]


@pytest.mark.uses(minutes=6, function_seconds=60)
def test_a_run_ends_in_its_time(account):
    """No attempt outlasts the time of the run."""
    name = account.unique("late")
    late = {"handler": "code_under_test.slow", "timeout_seconds": 20, "retries": 3}
    account.ready(account.lambda_row(name, **late))
    run = account.ended(name, account.start(name, {"seconds": 60}), "TIMED_OUT")
    assert run["error"] == "States.Timeout"
    assert int(run["duration_ms"]) < 25_000


@pytest.mark.uses(container_minutes=3)
@pytest.mark.needs_aws("a container with a memory limit")
def test_a_container_killed_for_its_memory(account):
    """ECS says that a container was killed for its memory."""
    name = account.unique("memory")
    account.ready(
        account.container_row(
            name,
            command=["tail", "/dev/zero"],
            failure_rules=[{"errors": ["OutOfMemory*"], "action": "ignore"}],
        )
    )
    assert "ignored" in json.loads(account.ended(name, account.start(name, {}))["output"])


@pytest.mark.uses(minutes=12, container_minutes=6)
def test_change_a_container_under_its_run(account):
    """A run goes on with the revision that it began with."""
    name = account.unique("revision")
    row = account.container_row(
        name, command=python("import time; time.sleep(60); raise SystemExit(1)"), retries=1
    )
    account.ready(row)
    started = account.start(name, {})
    account.wait(
        lambda: any(run["status"] == "RUNNING" for run in account.runs(name)),
        "the run",
        timeout_seconds=300,
    )
    digest = account.record(name)["deployed_digest"]
    account.put(row | {"command": python("")})
    account.wait(
        lambda: account.record(name)["deployed_digest"] != digest,
        "the change",
        timeout_seconds=900,
    )
    assert account.ended(name, started, "FAILED")["attempts"] == 2


def test_a_damaged_lock(account):
    """A lock with values of the wrong types is taken."""
    name = account.unique("damaged")
    account.ready(account.lambda_row(name))
    account.table("Triggers").put_item(
        Item={
            "job_name": name,
            "trigger_id": "#lock",
            "owner": "nobody",
            "lease_until": "soon",
            "waiting": "nobody",
        }
    )
    account.ended(name, account.start(name, {"n": 1}))


@pytest.mark.uses(minutes=10, runs=2)
def test_a_producer_submits(account):
    """A job submits to the jobs that it may, and publishes nothing else."""
    allowed = parameter(account, "AllowedSubmissions").split(",")[0].rstrip("*")
    target, name = account.unique(allowed or "part"), account.unique("producer")
    topic = account.outputs["SubmissionTopicArn"]
    named = {"job_name": {"DataType": "String", "StringValue": target}}
    publish = {"TopicArn": topic, "Message": '{"n": 7}', "MessageAttributes": named}
    account.ready(account.lambda_row(target, queue=True))
    found = attempts(
        account,
        name,
        {
            "submission": ["sns", "publish", publish],
            "notification": [
                *("sns", "publish"),
                {"TopicArn": account.outputs["NotificationTopicArn"], "Message": "x"},
            ],
        },
        permissions=[f"submit: {target}", {"Action": "sns:Publish", "Resource": "*"}],
    )
    assert found == {"submission": "done", "notification": "AuthorizationError"}
    account.wait(
        lambda: [run["status"] for run in account.runs(target)] == ["SUCCEEDED"],
        "the message's run",
        timeout_seconds=300,
    )


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@pytest.mark.needs_aws("the pages of a user pool of Cognito")
@pytest.mark.uses(minutes=1, function_seconds=5, runs=0)
def test_the_console_leads_to_its_user_pool(account):
    """Who is not signed in is sent to the pool's own page, which takes the console's client."""
    stay = urllib.request.build_opener(Stay)
    with pytest.raises(urllib.error.HTTPError) as sent:
        stay.open(f"{account.outputs['ConsoleUrl']}sign-in", timeout=30)
    with sent.value as answer:
        assert answer.code == 303
        address = answer.headers["Location"]
    assert ".amazoncognito.com/oauth2/authorize?" in address
    with stay.open(address, timeout=30) as page:  # as after a redirect, which it is
        assert page.status == 200
        assert urllib.parse.urlsplit(page.url).path == "/login"


@pytest.mark.uses(minutes=12, container_minutes=2)
def test_a_run_on_spot(account):
    """The sweep gives the cluster its capacity providers, and a container runs on Spot."""
    name, wanted = account.unique("spot"), {"FARGATE", "FARGATE_SPOT"}
    cluster = account.outputs["EcsClusterArn"]

    def providers():
        [found] = account.client("ecs").describe_clusters(clusters=[cluster])["clusters"]
        return set(found["capacityProviders"])

    account.wait(lambda: wanted <= providers(), "the capacity providers", timeout_seconds=600)
    account.ready(account.container_row(name, command=python(""), spot="prefer"))
    run = account.ended(name, account.start(name, {}))
    assert run["exit_code"] == 0
    assert run["capacity_type"] in {"spot", "on_demand"}
    times = [run[f"{part}_ms"] for part in ("queued", "pull", "start", "run")]
    assert all(0 <= time < 3_600_000 for time in times), times


@pytest.mark.uses(minutes=8, container_minutes=2)
def test_a_batch_job_on_spot(account):
    """A container waits in a queue of Batch for Spot, and runs there or on demand."""
    name = account.unique("batch-spot")
    account.ready(account.container_row(name, type="batch", command=python(""), spot="prefer"))
    execution = account.start(name, {})
    run = account.ended(name, execution)
    assert run["exit_code"] == 0
    assert run["capacity_type"] in {"spot", "on_demand"}
    queues = [job["jobQueue"].rpartition("/")[2] for job in jobs_of(account, execution)]
    assert f"{account.prefix}_normal_spot" in queues


@pytest.mark.uses(minutes=20, runs=6)
@pytest.mark.needs_aws("a Scheduler that fills in the scheduled time")
def test_schedule_keeps_its_rhythm(account):
    """A rate() keeps its rhythm over an update of its StartDate."""
    name = account.unique("rhythm")
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
    row = account.lambda_row(
        name, schedule="rate(2 minutes)", schedule_start=start.isoformat(timespec="seconds")
    )

    def times():
        runs = account.runs(name)
        return sorted({r["scheduled_for"] for r in runs if r.get("scheduled_for")})

    account.ready(row)
    account.wait(lambda: len(times()) >= 2, "two ticks", timeout_seconds=900)
    account.put(row | {"catch_up_minutes": 5})
    before = len(times())
    account.wait(lambda: len(times()) >= before + 2, "two more", timeout_seconds=900)
    moments = [datetime.fromisoformat(text) for text in times()]
    assert {(moment - start) % timedelta(minutes=2) for moment in moments} == {timedelta()}
    gaps = {later - earlier for earlier, later in pairwise(moments)}
    assert gaps == {timedelta(minutes=2)}
