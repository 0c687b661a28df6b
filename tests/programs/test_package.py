"""What the functions ship is what they import, for the Python that they run on."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import troposphere

from tests.support.bootstrap import ROOT, load

SHIPPED_OF = {"provisioner", "templates", "troposphere", "aws_lambda_powertools"}
LOADED = """
import importlib, json, pkgutil, sys
import provisioner.entrypoints
for module in pkgutil.iter_modules(provisioner.entrypoints.__path__):
    importlib.import_module("provisioner.entrypoints." + module.name)
import templates, provisioner.jobs
print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Assemble a package from the libraries that these tests run with."""
    dependencies = tmp_path_factory.mktemp("dependencies")
    installed = Path(troposphere.__file__).parents[1]
    for name in ("troposphere", "aws_lambda_powertools"):
        shutil.copytree(installed / name, dependencies / name)
    package = tmp_path_factory.mktemp("package")
    script = ROOT / "bootstrap/functions/assemble.py"
    subprocess.run([sys.executable, script, dependencies, package], check=True, cwd=ROOT)
    return package


def test_everything_that_a_handler_imports_is_shipped(package):
    found = subprocess.run(
        [sys.executable, "-c", LOADED],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"AWS_DEFAULT_REGION": "eu-west-1", "POWERTOOLS_DEV": "0"},
    )
    loaded = {name for name in json.loads(found.stdout) if name.partition(".")[0] in SHIPPED_OF}
    assert len(loaded) > 30
    shipped = {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__")
        for path in package.rglob("*.py")
    }
    assert loaded <= shipped


def test_what_no_handler_imports_is_not_shipped(package):
    shipped = {str(path.relative_to(package)) for path in package.rglob("*.py")}
    assert "provisioner/entrypoints/job_stream.py" in shipped
    assert "troposphere/awslambda.py" in shipped
    assert "troposphere/redshift.py" not in shipped
    assert not [
        path for path in shipped if path.startswith(("provisioner/cli", "provisioner/local"))
    ]


def test_it_is_built_for_the_default_runtime_and_architecture():
    source = load(ROOT / "template.yaml")
    makefile = (ROOT / "bootstrap/functions/Makefile").read_text()
    built = dict(re.findall(r"^(PYTHON_\w+) +\?= (.+)$", makefile, re.MULTILINE))
    assert f"python{built['PYTHON_VERSION']}" == source["Parameters"]["FunctionRuntime"]["Default"]
    architecture = built["PYTHON_PLATFORM"].partition("-")[0]
    assert {"aarch64": "arm64", "x86_64": "x86_64"}[architecture] == (
        source["Parameters"]["FunctionArchitecture"]["Default"]
    )
