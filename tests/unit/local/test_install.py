from provisioner.local.install import engine_digest


def test_a_changed_shim_is_another_engine(tmp_path):
    module = tmp_path / "stacks.py"
    module.write_text("before", encoding="utf-8")
    before = engine_digest(tmp_path)

    assert engine_digest(tmp_path) == before
    module.write_text("after", encoding="utf-8")
    assert engine_digest(tmp_path) != before
