import gzip
import hashlib
import io
import json
import platform
import sys
import tarfile
from importlib.util import MAGIC_NUMBER

import pytest

from provisioner.local import image
from provisioner.local.errors import LocalError

ON_LINUX = platform.system() == "Linux"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    (folder / "job.py").write_text("print('done')\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def built(example, cache):
    if not ON_LINUX:
        with pytest.raises(LocalError, match="Linux"):
            image.build(example, cache)
        return None
    return image.build(example, cache)


def names(layer):
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer.blob))) as tar:
        return {member.name for member in tar}


def test_an_image_holds_python_its_libraries_boto3_and_the_example(built):
    if built is None:
        return
    python, example = built.layers

    assert "job/job.py" in names(example)
    held = names(python)
    assert {"usr/local/bin/python", "opt/python/boto3/__init__.py"} <= held
    assert any("libc.so" in name or "ld-musl" in name for name in held)
    assert any(name.endswith("/json/__init__.py") for name in held)
    assert any(name.startswith("opt/python/botocore/data/s3/") for name in held)
    assert not any(name.startswith("opt/python/botocore/data/ec2/") for name in held)


def test_what_python_imports_is_compiled_already(built):
    if built is None:
        return
    python, _ = built.layers

    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(python.blob))) as tar:
        members = {member.name: member for member in tar}
        for module in ("opt/python/boto3/session.py", "opt/python/botocore/client.py"):
            folder, _, name = module.rpartition("/")
            suffix = f".{sys.implementation.cache_tag}.pyc"
            compiled = tar.extractfile(f"{folder}/__pycache__/{name.removesuffix('.py')}{suffix}")
            head = compiled.read(16)
            assert head[:4] == MAGIC_NUMBER
            stamp = tuple(int.from_bytes(head[at : at + 4], "little") for at in (4, 8, 12))
            assert stamp == (0, members[module].mtime, members[module].size)


def test_manifest_and_config_name_each_part_by_its_digest(built):
    if built is None:
        return
    manifest, config = json.loads(built.manifest), json.loads(built.config)
    assert len(config["history"]) == len(built.layers)

    for described, layer in zip(manifest["layers"], built.layers, strict=True):
        assert described["digest"] == "sha256:" + hashlib.sha256(layer.blob).hexdigest()
        assert described["size"] == len(layer.blob)
    contents = [gzip.decompress(layer.blob) for layer in built.layers]
    assert config["rootfs"]["diff_ids"] == [
        "sha256:" + hashlib.sha256(content).hexdigest() for content in contents
    ]
    assert manifest["config"]["digest"] == image.sha256(built.config)
    assert config["config"]["Cmd"] == ["python", "/job/job.py"]


def test_the_same_example_is_the_same_image_and_python_is_not_packed_again(built, example, cache):
    if built is None:
        return
    (kept,) = cache.iterdir()
    before = kept.stat().st_mtime_ns

    again = image.build(example, cache)

    assert again.manifest == built.manifest
    assert kept.stat().st_mtime_ns == before
