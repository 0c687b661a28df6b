"""The alarms and the dashboard: on what, for whom, under what names."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from provisioner.aws.reconcile_queue import MAX_DELAY_SECONDS
from provisioner.entrypoints.metrics import Count
from provisioner.entrypoints.reconcile_queue import MAX_RECEIVES
from provisioner.jobs import job_name_of
from tests.support.bootstrap import STREAM_MAPPINGS
from tests.unit.bootstrap.test_templates import FUNCTIONS, name_of

FACES = {"api", "console"}
"""Whoever uses them sees their errors, and they are there only by a parameter."""

FUNCTION_NAMES = {name_of(module) for module in FUNCTIONS.values() if module not in FACES}


@pytest.fixture(scope="module")
def stack(bootstrap):
    return bootstrap.nested["ObservabilityStack"]


@pytest.fixture(scope="module")
def alarms(stack):
    return {
        name: stack.resource(name)
        for name, resource in stack.template["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Condition" not in resource
    }


@pytest.fixture(scope="module")
def widgets(stack):
    body = json.loads(stack.resource("Dashboard")["DashboardBody"])
    return {widget["properties"]["title"]: widget for widget in body["widgets"]}


def watched(alarm):
    [dimension] = alarm["Dimensions"]
    return alarm["Namespace"], alarm["MetricName"], dimension["Name"], dimension["Value"]


def test_what_is_watched(alarms):
    given_up = {
        ("AWS/Lambda", "OnFailureDestinationDeliveredEventCount", "EventSourceMappingUUID", mapping)
        for mapping in STREAM_MAPPINGS.values()
    }
    functions = {
        ("AWS/Lambda", metric, "FunctionName", name)
        for metric in ("Errors", "Throttles")
        for name in FUNCTION_NAMES
    }
    assert {watched(alarm) for alarm in alarms.values()} == functions | given_up | {
        ("Provisioner", "DeletionsWithheld", "prefix", "jobs"),
        ("Provisioner", "SchedulesMissed", "prefix", "jobs"),
        ("Provisioner", "UpgradesPaused", "prefix", "jobs"),
        ("Provisioner", "VersionsLost", "prefix", "jobs"),
        ("AWS/Lambda", "IteratorAge", "FunctionName", "jobs_provisioner_job_stream"),
        ("AWS/Lambda", "IteratorAge", "FunctionName", "jobs_provisioner_run_stream"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "ReconcileQueue"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "ReconcileQueue"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "DeadLetterQueue"),
        ("Provisioner", "JobsFailed", "prefix", "jobs"),
    }


def test_every_alarm_reports_its_beginning_and_its_end(alarms):
    topic = ["arn:aws:sns:eu-west-1:123456789012:NotificationTopic"]
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == topic
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmDescription"]


def test_what_slack_did_not_take_is_reported(stack):
    slack = replace(stack, values=stack.values | {"SlackDeadLetterQueueName": "jobs_slack_dead"})
    assert stack.template["Resources"]["SlackDeadLetters"]["Condition"] == "TellSlack"
    alarm = slack.resource("SlackDeadLetters")
    assert alarm["AlarmName"] == "jobs-Provisioner-SlackDeadLetters"
    assert watched(alarm) == (
        *("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        *("QueueName", "jobs_slack_dead"),
    )
    assert alarm["AlarmActions"] == ["arn:aws:sns:eu-west-1:123456789012:NotificationTopic"]


def test_names_are_the_topics_to_let_in_and_no_jobs(alarms):
    for logical_id, alarm in alarms.items():
        assert alarm["AlarmName"] == f"jobs-Provisioner-{logical_id}"
        assert job_name_of("jobs", alarm["AlarmName"]) is None


def test_the_queue_is_old_only_past_all_that_is_delayed_on_purpose(bootstrap, alarms):
    queue = bootstrap.resource("ReconcileQueue")
    handed_over = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
    assert alarms["QueueAge"]["Threshold"] == MAX_DELAY_SECONDS + handed_over


def test_the_code_knows_when_a_message_comes_for_the_last_time(bootstrap):
    queue = bootstrap.resource("ReconcileQueue")
    assert queue["RedrivePolicy"]["maxReceiveCount"] == MAX_RECEIVES


def test_an_empty_answer_of_the_dead_letter_queue_means_empty(bootstrap):
    assert bootstrap.resource("DeadLetterQueue")["ReceiveMessageWaitTimeSeconds"] > 0


@pytest.mark.parametrize("name", STREAM_MAPPINGS)
def test_the_mappings_measure_what_they_give_up(bootstrap, name):
    assert bootstrap.resource(name)["MetricsConfig"] == {"Metrics": ["EventCount"]}


def test_the_dashboard_shows_every_alarm(alarms, widgets):
    shown = {arn.rpartition(":")[2] for arn in widgets["Alarms"]["properties"]["alarms"]}
    assert shown == set(alarms)


def test_the_dashboard_shows_every_count(widgets):
    shown = {
        metric[1]
        for widget in widgets.values()
        for metric in widget["properties"].get("metrics", ())
        if metric[0] == "Provisioner"
    }
    assert shown == set(Count)


@pytest.mark.parametrize(
    "title",
    ["Duration of the functions, ms (p90)", "Errors of the functions",
     "Throttles of the functions"],
)  # fmt: skip
def test_the_dashboard_shows_every_function(widgets, title):
    metrics = widgets[title]["properties"]["metrics"]
    assert {metric[3] for metric in metrics} == FUNCTION_NAMES


def test_the_dashboard_is_whole(widgets):
    cells = [
        (x, y)
        for widget in widgets.values()
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(set(cells)) == len(cells) == 24 * (max(y for _, y in cells) + 1)
    for widget in widgets.values():
        if widget["type"] == "metric":
            assert widget["properties"]["region"] == "eu-west-1"
            assert widget["properties"]["metrics"]
