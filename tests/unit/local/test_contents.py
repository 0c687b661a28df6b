import pytest

from provisioner.local.shim.contents import Contents, Digests


@pytest.fixture
def contents(tmp_path):
    return Contents(tmp_path / "contents")


def test_a_content_is_read_as_it_was_written(contents):
    digest = Digests().of(b"layer")
    contents.put(digest, b"layer")
    contents.put(digest, b"never the same digest, so never written")

    assert contents.get(digest) == b"layer"


@pytest.mark.parametrize("digest", ["0" * 64, "../state", 7, None], ids=str)
def test_what_names_no_content_is_none(contents, digest):
    assert contents.get(digest) is None


def test_what_nobody_has_read_is_removed(contents, tmp_path):
    kept, left = (Digests().of(each) for each in (b"kept", b"left"))
    contents.put(kept, b"kept")
    contents.put(left, b"left")
    contents.get(kept)

    contents.remove_unread()

    assert [file.name for file in (tmp_path / "contents").iterdir()] == [kept]
    contents.remove_unread()
    assert contents.get(left) is None


def test_a_digest_is_found_once_for_as_long_as_it_is_asked_for():
    digests, content = Digests(), b"x" * 10
    first = digests.of(content)
    digests.begin()
    assert digests.of(content) is first

    digests.begin()
    digests.begin()

    again = digests.of(content)
    assert again == first
    assert again is not first
