"""The recipes of the buildspec, run by the runtimes' own tools as far as this machine has them.

On AWS a recipe runs in the runtime's build image; here in this machine's shell, with the folders
of that container in other places. `make test-recipes` says which tools are missing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.buildspec import PHASES, Machine

pytestmark = pytest.mark.recipes

DONE = [(phase, 0) for phase in PHASES]
DOCKER = """#!{python} -I
import os, re, subprocess, sys
options = dict(zip(sys.argv, sys.argv[1:]))
volumes = [each.rpartition(":") for each in sys.argv if re.fullmatch(".*:/(src|out)", each)]
places = {{there: here for here, _, there in volumes}} | {{"/tmp": {tmp!r}}}
recipe = re.sub(r"/(out|tmp)\\b", lambda found: places[found[0]], sys.argv[-1])
platform = options["--env"].partition("=")[2]
environment = os.environ | {{"PLATFORM": platform, "PATH": {path!r}, "HOME": {tmp!r}}}
command = ["bash", "-euo", "pipefail", "-c", recipe]
sys.exit(subprocess.run(command, cwd=places["/src"], env=environment).returncode)
"""


def has(*tools: str) -> bool:
    return all(shutil.which(tool) or Path(tool).exists() for tool in tools)


@pytest.fixture
def machine(tmp_path):
    found = Machine(tmp_path)
    path, tmp = os.environ["PATH"], tmp_path / "tmp"
    tmp.mkdir()
    (found.programs / "zip").unlink()  # this machine's own
    docker = found.programs / "docker"
    docker.write_text(DOCKER.format(python=sys.executable, tmp=str(tmp), path=path))
    return found


def built(machine, runtime, handler="main.handler", architecture="x86_64", **files):
    """Return the folder that a build's archive unpacks to."""
    for name, text in files.items():
        path = machine.source / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)  # as in an archive that Python's zipfile makes
    row = {
        "type": "lambda",
        "runtime": runtime,
        "handler": handler,
        "architecture": architecture,
        "build": {"source": "s3://sources/report.zip"},
    }
    assert machine.build(row) == DONE
    (put,) = machine.calls("aws")
    target = machine.source.parent / "task"
    archive = put[put.index("--body") + 1]
    with zipfile.ZipFile(archive) as made:
        assert made.testzip() is None
        assert all(member.external_attr >> 16 & 0o004 for member in made.infolist())
    run("unzip", "-q", archive, "-d", target)
    return target


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


if has("pip"):

    def test_python_has_its_packages_beside_the_source(machine):
        task = built(
            machine,
            "python3.14",
            main_DOT_py="import six\ndef handler(*_): return six.__version__",
            requirements_DOT_txt="six==1.17.0\n",
        )

        said = run(
            sys.executable, "-I", "-c",
            f"import sys; sys.path.insert(0, {str(task)!r}); import main; print(main.handler())",
        )  # fmt: skip
        assert said == "1.17.0"


if has("node", "npm"):
    NODE = {
        "index_DOT_js": "exports.handler = () => require('helper') + require('./dist');",
        "package_DOT_json": json.dumps(
            {
                "name": "report",
                "scripts": {"build": "mkdir dist && tool > dist/index.js"},
                "dependencies": {"helper": "file:helper"},
                "devDependencies": {"tool": "file:tool"},
            }
        ),
        "helper__package_DOT_json": '{"name": "helper", "version": "1.0.0"}',
        "helper__index_DOT_js": "module.exports = 'hel';",
        "tool__package_DOT_json": '{"name": "tool", "version": "1.0.0", "bin": {"tool": "t.js"}}',
        "tool__t_DOT_js": "#!/usr/bin/env node\nconsole.log('module.exports = \"lo\"')",
    }

    @pytest.mark.parametrize("locked", [True, False], ids=["npm ci", "npm install"])
    def test_node_has_its_modules_beside_the_handler_and_no_development_ones(machine, locked):
        if locked:
            for name in ("package.json", "helper/package.json", "tool/package.json"):
                path = machine.source / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(NODE[name.replace("/", "__").replace(".", "_DOT_")])
            run("npm", "install", "--package-lock-only", "--offline", cwd=machine.source)

        task = built(machine, "nodejs24.x", "index.handler", **NODE)

        assert [each.name for each in (task / "node_modules").iterdir() if each.name[0] != "."] == [
            "helper"
        ]
        said = run("node", "-e", "console.log(require('./index').handler())", cwd=task)
        assert said == "hello"


if has("bundle"):
    GEMSPEC = (
        "Gem::Specification.new do |s|\n  s.name = 'helper'\n  s.version = '1.0.0'\n"
        "  s.summary = 's'\n  s.authors = ['a']\n  s.files = ['lib/helper.rb']\nend\n"
    )

    def test_ruby_has_its_gems_where_lambda_looks_for_them(machine, tmp_path):
        (tmp_path / "gem/lib").mkdir(parents=True)
        (tmp_path / "gem/lib/helper.rb").write_text("HELPER = 'hello'")
        (tmp_path / "gem/helper.gemspec").write_text(GEMSPEC)
        run("gem", "build", "helper.gemspec", cwd=tmp_path / "gem")
        registry = tmp_path / "registry"
        (registry / "gems").mkdir(parents=True)
        shutil.move(tmp_path / "gem/helper-1.0.0.gem", registry / "gems")
        run("gem", "generate_index", "--directory", registry)

        task = built(
            machine,
            "ruby4.0",
            main_DOT_rb="require 'helper'\ndef handler(**) = HELPER",
            Gemfile=f"source 'file://{registry}'\ngem 'helper'\n",
        )

        [gems] = (task / "vendor/bundle/ruby").iterdir()
        assert (gems / "gems/helper-1.0.0/lib/helper.rb").exists()
        environment = {**os.environ, "GEM_PATH": str(gems)}
        said = run("ruby", "-I.", "-e", "require 'main'; puts handler", cwd=task, env=environment)
        assert said == "hello"


if has("go"):
    ELF_MACHINES = {"x86_64": 62, "arm64": 183}

    @pytest.mark.parametrize("architecture", ELF_MACHINES)
    def test_go_is_one_program_for_the_jobs_architecture(machine, architecture):
        task = built(
            machine,
            "provided.al2023",
            "bootstrap",
            architecture,
            go_DOT_mod="module example.com/report\n\ngo 1.19\n",
            main_DOT_go='package main\n\nfunc main() { println("hello") }\n',
        )

        assert [each.name for each in task.iterdir()] == ["bootstrap"]
        program = task / "bootstrap"
        assert program.stat().st_mode & 0o111 == 0o111
        header = program.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert int.from_bytes(header[18:20], "little") == ELF_MACHINES[architecture]


JAVA = {
    "src__main__java__com__example__Report_DOT_java": (
        "package com.example;\npublic class Report {\n"
        "  public String run() { return String.valueOf(new Helper().tell()); }\n"
        "  public static void main(String[] a) { System.out.println(new Report().run()); }\n}\n"
    ),
    "src__main__resources__report_DOT_txt": "x",
}


def said_by_java(task):
    return run("java", "-cp", f"{task}:{task}/lib/*", "com.example.Report")


DEBIANS_MAVEN = "/usr/share/maven-repo/commons-io/commons-io"
DEBIANS_SETTINGS = "/etc/maven/settings-debian.xml"
"""Of the package maven-debian-helper."""
if has("mvn", "java", DEBIANS_MAVEN, DEBIANS_SETTINGS):
    POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
      <modelVersion>4.0.0</modelVersion>
      <groupId>com.example</groupId><artifactId>report</artifactId><version>1</version>
      <properties>
        <maven.compiler.source>11</maven.compiler.source>
        <maven.compiler.target>11</maven.compiler.target>
        <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
      </properties>
      <dependencies><dependency>
        <groupId>commons-io</groupId><artifactId>commons-io</artifactId><version>debian</version>
      </dependency></dependencies>
    </project>"""

    def test_maven_leaves_classes_and_resources_and_libraries_in_lib(machine):
        helper = (
            "package com.example;\nclass Helper {\n  String tell() {\n"
            '    return org.apache.commons.io.FilenameUtils.getBaseName("a/hello.txt");\n  }\n}\n'
        )
        offline = f"--offline\n--settings={DEBIANS_SETTINGS}\n"

        task = built(
            machine,
            "java21",
            "com.example.Report::run",
            pom_DOT_xml=POM,
            _DOT_mvn__maven_DOT_config=offline,
            src__main__java__com__example__Helper_DOT_java=helper,
            **JAVA,
        )

        assert {each.name for each in task.iterdir()} == {"com", "lib", "report.txt"}
        assert said_by_java(task) == "hello"


if has("gradle", "javac", "jar"):
    GRADLE = "apply plugin: 'java'\ndependencies { implementation files('libs/helper.jar') }\n"

    def test_gradle_leaves_classes_and_resources_and_libraries_in_lib(machine, tmp_path):
        library = tmp_path / "library/com/example"
        library.mkdir(parents=True)
        code = (
            'package com.example;\npublic class Helper { public String tell() { return "hello"; } }'
        )
        (library / "Helper.java").write_text(code)
        run("javac", "--release", "11", "com/example/Helper.java", cwd=tmp_path / "library")
        (machine.source / "libs").mkdir()
        jar = machine.source / "libs/helper.jar"
        run("jar", "cf", jar, "com/example/Helper.class", cwd=tmp_path / "library")

        task = built(
            machine,
            "java21",
            "com.example.Report::run",
            build_DOT_gradle=GRADLE,
            **JAVA,
        )

        assert {each.name for each in task.iterdir()} == {"com", "lib", "report.txt"}
        assert said_by_java(task) == "hello"


if has("dotnet"):
    PROJECT = """<Project Sdk="Microsoft.NET.Sdk">
      <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
    </Project>"""

    def test_dotnet_is_what_it_publishes_with_its_runtime_configuration(machine):
        task = built(
            machine,
            "dotnet10",
            "Report::Report.Function::Run",
            Report_DOT_csproj=PROJECT,
            Function_DOT_cs='namespace Report; public class Function { string Run() => "hello"; }',
        )

        names = {each.name for each in task.iterdir()}
        assert {"Report.dll", "Report.runtimeconfig.json", "Report.deps.json"} <= names
