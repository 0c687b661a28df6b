"""A build as `sam deploy` takes it: one archive for all functions, templates as JSON."""

from __future__ import annotations

import json
from zipfile import ZipFile

import pytest

from provisioner.local.package import pack

ROOT = """
Resources:
  Runs:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: Runs/template.yaml}
  Sweep:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: Sweep, Role: !GetAtt Role.Arn}
"""
NESTED = """
Resources:
  Stream:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ../Stream}
"""


@pytest.fixture
def build(tmp_path):
    for function in ("Sweep", "Stream"):
        (tmp_path / function).mkdir()
        (tmp_path / function / "code.py").write_text("x = 1\n")
    (tmp_path / "Runs").mkdir()
    (tmp_path / "template.yaml").write_text(ROOT)
    (tmp_path / "Runs" / "template.yaml").write_text(NESTED)
    pack(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("folder", "function"), [(".", "Sweep"), ("Runs", "Stream")], ids=["root", "nested"]
)
def test_every_function_names_the_one_archive(build, folder, function):
    template = json.loads((build / folder / "template.yaml").read_text())

    code = build / folder / template["Resources"][function]["Properties"]["CodeUri"]

    assert code.resolve() == (build / "functions.zip").resolve()
    assert ZipFile(code).read("code.py") == b"x = 1\n"


def test_everything_else_stays(build):
    resources = json.loads((build / "template.yaml").read_text())["Resources"]

    assert resources["Sweep"]["Properties"]["Role"] == {"Fn::GetAtt": ["Role", "Arn"]}
    assert resources["Runs"]["Properties"]["TemplateURL"] == "Runs/template.yaml"
