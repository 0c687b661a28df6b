"""The examples' own code, on their own data."""

from __future__ import annotations

import importlib.util
import json
import runpy
import sqlite3

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


def object_of(s3, uri):
    return s3.get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()


def text_of(s3, uri):
    return object_of(s3, uri).decode()


def read(s3, uri):
    return json.loads(object_of(s3, uri))


def module_of(example):
    spec = importlib.util.spec_from_file_location("app", FOLDER / example / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def app():
    return module_of("csv-summary")


def run_container(monkeypatch, example, text):
    monkeypatch.setenv("PAYLOAD", text)
    runpy.run_path(str(FOLDER / example / "job.py"), run_name="__main__")


def count_words(monkeypatch, text):
    run_container(monkeypatch, "word-count", text)


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
        ("body", "message"), [(b"", "empty"), (b"a,b\n1,2,3\n", "line 2 has more values")]
    )
    def test_says_what_is_wrong_with_a_file(self, s3, app, body, message):
        s3.put_object(Bucket=BUCKET, Key="examples/data/bad.csv", Body=body)
        source = f"s3://{BUCKET}/examples/data/bad.csv"

        with pytest.raises(ValueError, match=message):
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
        ("text", "message"),
        [
            ("{}", "the payload has no destination and no source"),
            ('{"source": "x", "destination": "s3://b/k"}', "'x' is not an address"),
            (json.dumps({"source": f"s3://{BUCKET}/no", "destination": "s3://b/k"}), "NoSuchKey"),
            ("{", "word-count: Expecting property name"),
        ],
    )
    @pytest.mark.usefixtures("s3")
    def test_fails_with_a_plain_message(self, monkeypatch, text, message):
        with pytest.raises(SystemExit) as ended:
            count_words(monkeypatch, text)

        assert message in str(ended.value.code)


class TestNightlyReport:
    """A function that optimises a database, and the container that depends on it."""

    def test_reports_on_the_database_that_was_optimised(self, s3, monkeypatch):
        given = payload("nightly-report")
        optimise = module_of("index-orders").handler
        first = optimise(payload("index-orders"), None)

        again = optimise(payload("index-orders"), None)
        run_container(monkeypatch, "nightly-report", json.dumps(given))

        assert again == first
        assert first["orders"] == 10
        assert given["database"] == first["database"]
        lines = text_of(s3, given["destination"]).splitlines()
        assert lines[0] == "# 844.90 EUR"
        assert lines[4:6] == [
            "| north | toaster | 5 | 197.50 |",
            "| west | toaster, large | 4 | 196.00 |",
        ]
        assert len(lines) == 4 + 10

    def test_reads_the_index_alone(self, s3):
        given = payload("index-orders")
        module_of("index-orders").handler(given, None)
        asked = runpy.run_path(str(FOLDER / "nightly-report" / "job.py"))["SALES"]
        database = sqlite3.connect(":memory:")
        database.deserialize(object_of(s3, given["database"]))

        plan = database.execute(f"EXPLAIN QUERY PLAN {asked}").fetchall()

        assert "COVERING INDEX sales" in plan[0][-1]

    def test_one_bad_order_leaves_the_database_as_it_was(self, s3):
        given, optimise = payload("index-orders"), module_of("index-orders").handler
        optimise(given, None)
        before = object_of(s3, given["database"])
        columns = b"order_id,region,product,quantity,unit_price\n"
        bad = columns + b"2001,north,kettle,1,2\nx,north,kettle,1,2\n"
        s3.put_object(Bucket=BUCKET, Key="examples/data/bad.csv", Body=bad)

        with pytest.raises(sqlite3.Error, match="datatype mismatch"):
            optimise({**given, "orders": f"s3://{BUCKET}/examples/data/bad.csv"}, None)

        assert object_of(s3, given["database"]) == before

    @pytest.mark.usefixtures("s3")
    def test_says_that_there_is_no_database_yet(self, monkeypatch):
        with pytest.raises(SystemExit) as ended:
            run_container(monkeypatch, "nightly-report", json.dumps(payload("nightly-report")))

        assert "nightly-report: " in str(ended.value.code)
        assert "NoSuchKey" in str(ended.value.code)
