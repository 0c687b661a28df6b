"""A part that failed says what it wrote last."""

from __future__ import annotations

from provisioner.local.errors import with_log_tail


def test_the_end_of_the_log_is_in_the_error(tmp_path):
    log = tmp_path / "engine.log"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(40)) + b"\xff\n")

    text = str(with_log_tail("it crashed", log))

    assert text.splitlines()[0] == "it crashed"
    assert "line 24" not in text
    assert text.splitlines()[2:] == [*(f"  line {n}" for n in range(26, 40)), "  \ufffd"]


def test_what_wrote_nothing_has_only_its_message(tmp_path):
    assert str(with_log_tail("it crashed", tmp_path / "none.log")) == "it crashed"
    (tmp_path / "empty.log").touch()
    assert str(with_log_tail("it crashed", tmp_path / "empty.log")) == "it crashed"
