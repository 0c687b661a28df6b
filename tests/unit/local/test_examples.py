import pytest

from provisioner.jobs import BatchJob, Ec2Job, EcsJob, LambdaJob, parse
from provisioner.local import examples
from provisioner.local.errors import LocalError
from provisioner.local.home import Home

OUTPUTS = {
    "BundleBucketName": "bundles",
    "ArtifactsBucketName": "artifacts",
    "ImageRegistry": "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
}


def test_the_examples_are_jobs_once_their_placeholders_are_filled():
    found = examples.load(Home.of_checkout().checkout, OUTPUTS)

    kinds = {example.job_name: type(parse(example.row)) for example in found}
    assert kinds == {
        "csv-summary": LambdaJob,
        "index-orders": LambdaJob,
        "nightly-report": BatchJob,
        "order-totals": LambdaJob,
        "orders-to-json": LambdaJob,
        "prime-count": Ec2Job,
        "word-count": EcsJob,
    }
    assert {e.job_name: e.is_container for e in found} == {
        "csv-summary": False,
        "index-orders": False,
        "nightly-report": True,
        "order-totals": False,
        "orders-to-json": True,
        "prime-count": True,
        "word-count": True,
    }


def test_a_container_example_is_left_out_and_named_where_it_cannot_be_packed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))  # no ldd
    known = examples.load(Home.of_checkout().checkout, OUTPUTS)
    said = []

    possible = examples.that_can_be_made(known, said.append)

    assert [example.job_name for example in possible] == [
        "csv-summary",
        "index-orders",
        "order-totals",
    ]
    assert [text.split(":")[0].split()[-1] for text in said] == [
        "nightly-report",
        "orders-to-json",
        "prime-count",
        "word-count",
    ]
    assert "ldd" in said[0]


def test_a_placeholder_that_means_nothing_is_said(tmp_path):
    folder = tmp_path / "bootstrap" / "examples"
    folder.mkdir(parents=True)
    (folder / "odd.yaml").write_text(
        "job_name: odd\npayload: {from: ['${BundelBucketName}']}\n", encoding="utf-8"
    )

    with pytest.raises(LocalError, match=r"odd\.yaml.*BundelBucketName"):
        examples.load(tmp_path, OUTPUTS)


def test_the_digest_tells_changed_examples(tmp_path):
    folder = tmp_path / "bootstrap" / "examples"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text("job_name: a\n", encoding="utf-8")
    before = examples.digest(tmp_path)

    (folder / "a.yaml").write_text("job_name: b\n", encoding="utf-8")

    assert examples.digest(tmp_path) != before
