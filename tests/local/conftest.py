"""Embedded engines for the suite, each brought up once by the command that people use.

`make test-engine` runs the suite in as many processes as tests/support/groups.py has groups:
what waits for one job leaves the engine to others.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioner.local.clients import client
from provisioner.local.engine import Engine
from provisioner.local.home import Home
from provisioner.local.ministack import free_port
from tests.support.engine import GIT_SETTINGS, EngineUnderTest
from tests.support.together import Together

RUN = uuid.uuid4().hex
"""Names this run of the suite in each of its processes, which are forked from one."""
CHECKOUT = Path(__file__).parent.parent.parent
ENGINES = CHECKOUT / ".provisioner"
SUITE = ENGINES / "suite"
OPEN = ENGINES / "suite-open"
ROUGH = ENGINES / "suite-rough"
CROWDED = ENGINES / "suite-crowded"
SLACK = f"http://127.0.0.1:{free_port()}"
"""Where one of the processes plays Slack (`test_notifications.py`), to which all messages go."""
OWN_GIT = ("GIT_CONFIG_GLOBAL", str(GIT_SETTINGS))
MANY_DELETIONS = ("--parameter", "DeletionBudgetJobs=2000")  # tests remove many rows at once


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Together())


def pytest_sessionfinish() -> None:
    """Take down what the processes of this session have brought up; other sessions have theirs."""
    ours = [state for state in (SUITE, OPEN, ROUGH, CROWDED) if RUN in _marked(state)]
    for state in ours:
        local(state, "down")
        _mark(state).unlink()
    assert [state for state in ours if (state / "tmp").exists()] == []  # of functions that they ran


def local(state: Path, *arguments: str, checkout: Path = CHECKOUT) -> str:
    """Run `provisioner local …` on a state folder of its own; return what it printed.

    Of another checkout its functions are deployed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "provisioner.local", *arguments],
        env={**os.environ, **dict([OWN_GIT]), "PROVISIONER_LOCAL_STATE": str(state)},
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def exports(state: Path) -> dict[str, str]:
    """Return the variables that `provisioner local env` exports."""
    lines = local(state, "env").splitlines()
    pairs = [line.removeprefix("export ").split("=", 1) for line in lines if "=" in line]
    return {name: value.strip("'\"") for name, value in pairs}


def _mark(state: Path) -> Path:
    """Return the file of an engine's exports, by the run of the suite that brought it up."""
    return state.with_suffix(".run")


def _marked(state: Path) -> dict[str, dict[str, str]]:
    """Return the exports of an engine by the run that brought it up, empty until it is up."""
    return json.loads(_mark(state).read_text()) if _mark(state).exists() else {}


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let no other engine come up meanwhile: one after the other they all are up sooner."""
    ENGINES.mkdir(exist_ok=True)
    with (ENGINES / "suite.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _brought_up(
    state: Path, *options: str, prepared: Callable[[Path], tuple[str, ...]] = lambda _: ("--fresh",)
) -> EngineUnderTest:
    """Return the engine of a folder; the first process of the suite that asks brings it up."""
    mark = _mark(state)
    with one_at_a_time():
        if not _marked(state).get(RUN):
            mark.write_text(json.dumps({RUN: {}}))
            local(state, "up", *options, *prepared(state))
            mark.write_text(json.dumps({RUN: exports(state)}))
        return EngineUnderTest(_marked(state)[RUN])


def _with_secret_of_slack(state: Path) -> tuple[str, ...]:
    """Start an engine with a secret in it, of which its bootstrap will have to know."""
    own = Engine(Home.of_checkout(state))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*OWN_GIT)
        own.start(auth=True, fresh=True)
    webhook = f"{SLACK}/services/T0/B0/secret"
    made = client(own, "secretsmanager").create_secret(Name="jobs/slack", SecretString=webhook)
    return *MANY_DELETIONS, "--parameter", f"SlackSecretArn={made['ARN']}"


@pytest.fixture(scope="session")
def engine():
    """An engine that enforces IAM, with the examples deployed, and with Slack."""
    return _brought_up(SUITE, "--auth", prepared=_with_secret_of_slack)


@pytest.fixture(scope="session")
def open_engine():
    """An engine that enforces nothing, for what is done to requests on their way, by night."""
    tokens = ("--parameter", "Api=jwt")
    return _brought_up(OPEN, "--no-examples", *MANY_DELETIONS, *tokens)


@pytest.fixture(scope="session")
def rough_engine():
    """An engine for what no other test may see, by night."""
    return _brought_up(ROUGH, "--no-examples", *MANY_DELETIONS)


@pytest.fixture(scope="session")
def crowded_engine():
    """An engine for hundreds of jobs at once, by night."""
    return _brought_up(CROWDED, *MANY_DELETIONS)


@pytest.fixture(scope="module")
def impatient_queue(request, rough_engine):
    """Let what a dead worker had taken come again soon, not in six minutes, and ever again.

    `TAKEN_SECONDS` of the module is how long a batch may take.
    """
    queue = rough_engine.outputs["ReconcileQueueUrl"]
    sqs = rough_engine.client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    before = {name: found[name] for name in ("VisibilityTimeout", "RedrivePolicy")}
    redrive = json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": 100}
    seconds = str(request.module.TAKEN_SECONDS)
    changed = {"VisibilityTimeout": seconds, "RedrivePolicy": json.dumps(redrive)}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=changed)
    # Others have left theirs.
    sqs.purge_queue(QueueUrl=rough_engine.outputs["DeadLetterQueueUrl"])
    yield
    sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)
