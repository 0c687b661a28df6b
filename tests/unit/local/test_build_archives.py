import io
import tarfile

from provisioner.local.shim.builds.programs.docker import archive_of


def test_an_archive_of_a_folder_has_nothing_after_its_end(tmp_path):
    (tmp_path / "main.py").write_text("print(1)")

    archive = archive_of(tmp_path, "src")

    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames() == ["src", "src/main.py"]
        assert tar.extractfile("src/main.py").read() == b"print(1)"
    blocks = [archive[at : at + 512] for at in range(0, len(archive), 512)]
    assert [any(block) for block in blocks[-3:]] == [True, False, False]
