import pytest

from provisioner.jobs.placeholders import filled

OUTPUTS = {"BundleBucketName": "bundles", "ArtifactsBucketName": "artifacts"}


@pytest.mark.parametrize(
    ("value", "result"),
    [
        pytest.param("s3://${BundleBucketName}/a.zip", "s3://bundles/a.zip", id="in a text"),
        pytest.param("${BundleBucketName}${ArtifactsBucketName}", "bundlesartifacts", id="two"),
        pytest.param([{"a": "${BundleBucketName}"}], [{"a": "bundles"}], id="deep inside"),
        pytest.param("$${HOME}", "${HOME}", id="escaped"),
        pytest.param("$${BundleBucketName}", "${BundleBucketName}", id="an output escaped"),
        pytest.param("$HOME costs $5", "$HOME costs $5", id="a plain dollar"),
        pytest.param({"${BundleBucketName}": 1}, {"${BundleBucketName}": 1}, id="never in a key"),
        pytest.param(5, 5, id="a number"),
        pytest.param(None, None, id="nothing"),
        pytest.param(True, True, id="a flag"),
    ],
)
def test_replaced(value, result):
    assert filled({"field": value}, OUTPUTS) == ({"field": result}, ())


@pytest.mark.parametrize(
    ("value", "field", "message"),
    [
        pytest.param("${BundelBucketName}", "f", 'did you mean "BundleBucketName"?', id="a typo"),
        pytest.param("${HOME}", "f", "write $${ for a plain ${", id="something else"),
        pytest.param("${HOME:-x}", "f", '"${HOME:-x}" is not an output', id="of a shell"),
        pytest.param("${BundleBucketName", "f", "is not an output", id="not closed"),
        pytest.param("${}", "f", '"${}" is not an output', id="no name"),
        pytest.param({"a": ["x", "${Y}"]}, "f.a[1]", '"${Y}"', id="deep inside"),
    ],
)
def test_unknown(value, field, message):
    _, (error,) = filled({"f": value}, OUTPUTS)

    assert error.field == field
    assert message in error.message


def test_what_is_filled_in_is_not_filled_again():
    assert filled({"f": "${A}"}, {"A": "${B}", "B": "b"}) == ({"f": "${B}"}, ())


def test_what_aliases_of_yaml_make_large_is_left_alone():
    large = ["${Bucket}"]
    for _ in range(60):
        large = [large, large]

    assert filled({"payload": large}, {"Bucket": "b"}) == ({"payload": large}, ())
