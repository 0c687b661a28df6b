import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from provisioner.local.commands import app
from provisioner.local.home import STATE_VARIABLE, EngineState, Home, ProcessRecord, save


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
    return lambda *words: CliRunner().invoke(app, words)


def test_env_of_an_engine_that_never_ran_says_what_to_do(run):
    result = run("env")

    assert result.exit_code == 1
    assert "provisioner local up" in result.stderr
    assert result.stdout == ""


def test_env_prints_lines_for_a_shell(run, tmp_path):
    save(Home.of_checkout(tmp_path), EngineState(port=4713))

    result = run("env", "--stack", "my jobs")

    assert result.exit_code == 0
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4713\n" in result.stdout
    assert "export PROVISIONER_STACK='my jobs'\n" in result.stdout
    assert {line.split("=")[0] for line in result.stdout.splitlines()} == {
        f"export {name}"
        for name in (
            "AWS_ENDPOINT_URL",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_EC2_METADATA_DISABLED",
            "PROVISIONER_STACK",
        )
    }


def test_status_of_nothing_is_not_well(run):
    result = run("status")

    assert result.exit_code == 1
    assert "is not running" in result.stdout


def test_status_tells_a_crash_with_the_end_of_its_log(run, tmp_path):
    home = Home.of_checkout(tmp_path)
    gone = ProcessRecord(os.getpid(), "at another time")
    save(home, EngineState(port=4713).with_process("engine", gone))
    home.log("engine").write_text("fine so far\nthen the end\n", encoding="utf-8")

    result = run("status")

    assert result.exit_code == 1
    assert "has crashed" in result.stderr
    assert "then the end" in result.stderr


def test_down_of_nothing_is_harmless(run):
    result = run("down")

    assert result.exit_code == 0
    assert "nothing is running" in result.stdout


INTERRUPTED = """
import sys
from provisioner.local.commands import app

def interrupt(event, _):
    global asked
    if event == "subprocess.Popen" and not asked:  # the first thing that `up` starts
        asked = True
        raise KeyboardInterrupt

asked = False
sys.addaudithook(interrupt)
app(["up"])
"""


def test_ctrl_c_stops_what_up_has_started(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        env=os.environ | {STATE_VARIABLE: str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 130
    assert "interrupted; everything is stopped" in ended.stdout
    assert "Traceback" not in ended.stderr
