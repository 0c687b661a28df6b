"""The examples' own code, on their own data."""

from __future__ import annotations

import importlib.util
import json
import runpy

import boto3
import pytest
import yaml
from moto import mock_aws

from provisioner.jobs.placeholders import filled
from tests.golden.update import EXAMPLES, OUTPUTS

FOLDER = EXAMPLES[0].parent
BUCKET = OUTPUTS["ArtifactsBucketName"]


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        for file in (FOLDER / "data").iterdir():
            client.upload_file(str(file), BUCKET, f"examples/data/{file.name}")
        yield client


def payload(name):
    row, _ = filled(yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8")), OUTPUTS)
    return row["payload"]


def read(s3, uri):
    key = uri.removeprefix(f"s3://{BUCKET}/")
    return json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


@pytest.fixture
def app():
    spec = importlib.util.spec_from_file_location("app", FOLDER / "csv-summary" / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def count_words(monkeypatch, text):
    monkeypatch.setenv("PAYLOAD", text)
    runpy.run_path(str(FOLDER / "word-count" / "job.py"), run_name="__main__")


class TestCsvSummary:
    def test_writes_what_it_returns(self, s3, app):
        given = payload("csv-summary")

        output = app.handler(given, None)

        summary = read(s3, given["destination"])
        assert output == {**given, **summary}
        assert summary["rows"] == 10
        assert summary["columns"]["region"] == {"filled": 10, "distinct": 4}
        assert summary["columns"]["quantity"] == {
            "filled": 10,
            "minimum": 1,
            "maximum": 5,
            "mean": 2.2,
            "sum": 22,
        }

    @pytest.mark.parametrize(
        ("body", "told"), [(b"", "empty"), (b"a,b\n1,2,3\n", "line 2 has more values")]
    )
    def test_says_what_is_wrong_with_a_file(self, s3, app, body, told):
        s3.put_object(Bucket=BUCKET, Key="examples/data/bad.csv", Body=body)
        source = f"s3://{BUCKET}/examples/data/bad.csv"

        with pytest.raises(ValueError, match=told):
            app.handler({"source": source, "destination": "s3://b/k"}, None)


class TestWordCount:
    def test_writes_its_result(self, s3, monkeypatch):
        given = payload("word-count")

        count_words(monkeypatch, json.dumps(given))

        result = read(s3, given["destination"])
        assert result["lines"] == 14
        assert result["words"] == 114
        assert list(result["most_frequent"].items())[:2] == [("and", 5), ("thou", 4)]
        assert len(result["most_frequent"]) == 5

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("{}", "the payload has no destination and no source"),
            ('{"source": "x", "destination": "s3://b/k"}', "'x' is no address"),
            (json.dumps({"source": f"s3://{BUCKET}/no", "destination": "s3://b/k"}), "NoSuchKey"),
            ("{", "word-count: Expecting property name"),
        ],
    )
    @pytest.mark.usefixtures("s3")
    def test_fails_with_a_plain_message(self, monkeypatch, text, told):
        with pytest.raises(SystemExit) as ended:
            count_words(monkeypatch, text)

        assert told in str(ended.value.code)
