import importlib.util
import os
import py_compile
from pathlib import Path

import pytest

from provisioner.local.bytecode import bytecode_of, is_valid


@pytest.fixture
def source(tmp_path):
    found = tmp_path / "job.py"
    found.write_text("VALUE = 7\n", encoding="utf-8")
    return found


def test_bytecode_that_python_has_is_taken(source, tmp_path):
    own = Path(py_compile.compile(str(source)))

    [found] = bytecode_of({"/job/job.py": source}, tmp_path / "compiled").values()

    assert found == own


@pytest.mark.parametrize("is_stale", [True, False], ids=["stale", "missing"])
def test_what_is_not_compiled_is_compiled_elsewhere(source, tmp_path, is_stale):
    if is_stale:
        py_compile.compile(str(source))
        os.utime(source, (1, 1))

    [(place, found)] = bytecode_of({"/job/job.py": source}, tmp_path / "compiled").items()

    assert place == importlib.util.cache_from_source("/job/job.py")
    assert found.is_relative_to(tmp_path / "compiled")
    assert is_valid(found, source)


def test_what_does_not_compile_has_no_bytecode(source, tmp_path):
    source.write_text("print 'Python 2'\n", encoding="utf-8")
    text = tmp_path / "readme.txt"
    text.touch()

    assert bytecode_of({"/a.py": source, "/b.txt": text}, tmp_path / "compiled") == {}
