import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from provisioner.cli.commands import COMMANDS, app, load

DEAD_LETTERS = ("list", "redrive", "discard")
UPGRADE = ("status", "resume", "abort")
HEAVY = ("boto3", "botocore", "pydantic", "rich", "yaml", "troposphere")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    result = CliRunner().invoke(app, [command, "--help"])

    assert result.exit_code == 0
    assert "Usage:" in result.output
    assert command in result.output


def test_help_lists_every_command_with_its_sentence():
    output = CliRunner().invoke(app, ["--help"]).output

    width = max(map(len, COMMANDS))
    for command, sentence in COMMANDS.items():
        assert f"{command:<{width}}  {sentence}" in output


@pytest.mark.parametrize("columns", [50, 80])
@pytest.mark.parametrize(
    "command",
    [
        (),
        *((name,) for name in COMMANDS),
        *(("dead-letters", name) for name in DEAD_LETTERS),
        *(("upgrade", name) for name in UPGRADE),
    ],
    ids=" ".join,
)
def test_help_fits_the_terminal(command, columns):
    result = CliRunner().invoke(app, [*command, "--help"], terminal_width=columns)

    assert [line for line in result.output.splitlines() if len(line) > columns] == []


def test_a_typo_is_answered():
    result = CliRunner().invoke(app, ["rnu"])

    assert result.exit_code == 2
    assert "Did you mean 'run'" in result.output


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from provisioner.cli.commands import app\n"
        "try:\n"
        "    app(['--help'])\n"
        "except SystemExit:\n"
        f"    print([name for name in {HEAVY} if name in sys.modules])\n"
    )

    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert output.splitlines()[-1] == "[]"


def test_a_command_whose_packages_are_missing_says_which():
    code = (
        "import sys\n"
        "sys.modules['yaml'] = None\n"
        "from provisioner.cli.commands import app\n"
        "app(['local', 'status'])\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert result.returncode == 1
    assert result.stderr == "Error: this needs yaml: pip install 'provisioner[local]'\n"


def test_the_version():
    result = CliRunner().invoke(app, ["--version"])

    assert result.exit_code == 0
    assert result.output.strip() == version("provisioner")


def test_a_module_of_ours_that_is_missing_is_not_a_question_of_what_is_installed():
    with pytest.raises(ModuleNotFoundError, match="sideways"):
        load("sideways")
