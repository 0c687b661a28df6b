"""Messages that start runs: the function, the slots and the queues, over moto."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from traceback import format_exception

import boto3
import pytest

from provisioner.aws.concurrency_table import ConcurrencyTable
from provisioner.aws.message_queues import MessageQueues
from provisioner.aws.stacks_table import StacksTable
from provisioner.aws.submissions_table import SubmissionsTable
from provisioner.entrypoints import job_queue, run_stream, sweep
from provisioner.errors import ConflictError, NotFoundError, PermanentError, TemporaryError
from provisioner.runs.concurrency import MessageRuns
from provisioner.runs.messages import MAX_INPUT_BYTES, request
from provisioner.runs.model import EndedExecution, RunStatus
from provisioner.stacks.model import JobStatus, StackRecord
from tests.functional.conftest import ACCOUNT, REGION
from tests.support.clients import CLIENTS
from tests.support.functions import deliver, forget, hand_in, runtime

pytestmark = pytest.mark.usefixtures("bootstrap")

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs-report"
OUTPUTS = {"QueueUrl": "q", "QueueBatchSize": "1", "QueueMaxConcurrency": "2"}


class StepFunctions:
    """Starts a name once; an execution runs until the test ends it."""

    def __init__(self):
        self.inputs: dict[str, dict] = {}
        self.over: set[str] = set()
        self.starts: list[str] = []
        self.error: Exception | None = None

    def start(self, _job_name, execution_name, execution_input):
        self.starts.append(execution_name)
        if self.error:
            raise self.error
        given = json.loads(execution_input)
        if execution_name in self.over or self.inputs.get(execution_name, given) != given:
            raise ConflictError("ExecutionAlreadyExists")
        self.inputs[execution_name] = given
        return execution_name

    def stop(self, *_, **__):
        raise AssertionError

    def arn(self, _job_name, execution_name):
        return execution_name

    def has_started(self, _job_name, name):
        return name in self.inputs

    def ended(self, job_name, name):
        if name in self.inputs and name not in self.over:
            return None
        return EndedExecution(job_name, name, name, RunStatus.SUCCEEDED, NOW, NOW)


class Queues(MessageQueues):
    """The queues of jobs; `in_the_meantime` happens before a message is parked."""

    def in_the_meantime(self):
        pass

    def park(self, job_name, message):
        self.in_the_meantime()
        super().park(job_name, message)


class Here:
    """A job `report` with room for two runs, and what becomes of its messages."""

    def __init__(self):
        self.sqs = boto3.client("sqs")
        for name in ("jobs-report", "jobs-report_waiting"):
            self.sqs.create_queue(QueueName=name)
        self.steps = StepFunctions()
        self.now = NOW
        self.queues = Queues(CLIENTS, "jobs")
        self.slots = ConcurrencyTable(CLIENTS, "jobs-Triggers")
        self.submissions = SubmissionsTable(CLIENTS, "jobs-Triggers", lambda: self.now)
        self.runs = MessageRuns(
            self.slots,
            self.queues,
            self.steps,
            StacksTable(CLIENTS, "jobs-Stacks"),
            self.submissions,
            lambda: self.now,
        )

    def deploy(self, **outputs):
        table = StacksTable(CLIENTS, "jobs-Stacks")
        before = table.get_many(["report"]).get("report", StackRecord("report"))
        table.save(
            StackRecord(
                "report",
                status=JobStatus.READY,
                outputs=OUTPUTS | outputs,
                version=before.version,
            )
        )

    def get(self, *bodies, ids=None, **attributes):
        """Let Lambda hand these messages over; return the identifiers of those that failed."""
        names = ids or [f"m{body}" for body in bodies]
        return self.hand_over(
            [
                record(name, body if isinstance(body, str) else json.dumps({"n": body}), attributes)
                for name, body in zip(names, bodies, strict=True)
            ]
        )

    def hand_over(self, records):
        answer = deliver(job_queue, {"Records": records})
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def end(self, name):
        """End a run, and let its row's record come over the stream."""
        self.steps.over.add(name)
        image = {"status": {"S": "FAILED"}}
        keys = {
            "job_name": {"S": "report"},
            "trigger_id": {"S": f"2026-11-21T10:00:00.000Z#{name}"},
        }
        event = {"Records": [{"dynamodb": {"Keys": keys, "NewImage": image}}]}
        assert deliver(run_stream, event) == {"batchItemFailures": []}

    def queued(self, name="jobs-report", *, delayed=False):
        """Return the ids of what a queue holds."""
        url = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        if delayed:
            names = ["ApproximateNumberOfMessagesDelayed"]
            found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
            return int(found["Attributes"][names[0]])
        found = self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            VisibilityTimeout=0,
        ).get("Messages", [])
        return sorted(m["MessageAttributes"]["message_id"]["StringValue"] for m in found)

    def waiting(self):
        return self.queued("jobs-report_waiting")

    def pump(self):
        """Hand over what is in the queue, as the mapping does."""
        url = self.sqs.get_queue_url(QueueName="jobs-report")["QueueUrl"]
        found = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", [])
        for message in found:
            identity = message["MessageAttributes"]["message_id"]["StringValue"]
            handed = record(message["MessageId"], message["Body"], {"message_id": identity})
            assert self.hand_over([handed]) == []
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def record(message_id, body, attributes=None, receives=1):
    return {
        "messageId": message_id,
        "receiptHandle": "none",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(receives)},
        "messageAttributes": {
            name: {"stringValue": value, "dataType": "String"}
            for name, value in (attributes or {}).items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
    }


@pytest.fixture
def here():
    made = Here()
    made.deploy()
    hand_in(message_runs=made.runs, message_queues=made.queues)
    return made


CONTENTS = {
    "object": ('{"a": 1}', {"a": 1}),
    "text": ("hello", {"message": "hello"}),
    "list": ("[1]", {"message": "[1]"}),
    "no JSON after all": ('{"a": NaN}', {"message": '{"a": NaN}'}),
    "deep": ("[" * 100_000, {"message": "[" * 100_000}),
    "what only we say": ('{"a": 1, "_run": {"source": "api", "by": "me"}}', {"a": 1}),
}


@pytest.mark.parametrize(("body", "given"), CONTENTS.values(), ids=CONTENTS)
def test_a_message_is_a_run_s_input(here, body, given):
    assert here.get(body, ids=["m1"]) == []

    assert here.steps.inputs == {"queue-m1": {**given, "_run": {"source": "queue"}}}


def test_a_message_that_comes_again_starts_nothing_and_takes_no_second_slot(here):
    here.get(1)
    here.get(1)
    assert here.slots.get("report").in_use == {"queue-m1"}

    here.end("queue-m1")
    assert here.get(1) == []

    assert list(here.steps.inputs) == ["queue-m1"]
    assert here.slots.get("report").in_use == frozenset()


def test_another_message_of_the_same_identity_leaves_the_run_its_slot(here):
    here.get("a", ids=["x"])
    assert here.get("b", ids=["x"]) == []

    assert here.steps.inputs["queue-x"]["message"] == "a"
    assert here.slots.get("report").in_use == {"queue-x"}


def test_a_producer_may_say_which_messages_are_the_same(here):
    here.get("a", ids=["x"], message_id="order-7")
    here.get("a", ids=["y"], message_id="order-7")
    here.get("b", ids=["z"], message_id="no name!")

    assert list(here.steps.inputs) == ["queue-order-7", "queue-z"]


def test_there_are_no_more_at_once_than_may_be_and_all_get_their_turn(here):
    for n in range(6):
        assert here.get(n) == []
    assert list(here.steps.inputs) == ["queue-m0", "queue-m1"]
    assert here.waiting() == ["m2", "m3", "m4", "m5"]

    for n in range(6):
        here.end(f"queue-m{n}")
        here.pump()
        assert len(here.steps.inputs.keys() - here.steps.over) <= 2

    assert sorted(here.steps.inputs) == [f"queue-m{n}" for n in range(6)]
    assert len(here.steps.starts) == 6
    assert here.slots.get("report").in_use == frozenset()
    assert here.slots.get("report").parked_at is None


def test_a_slot_that_is_released_while_a_message_is_parked_is_used(here):
    here.get(1, 2, ids=["m1", "m2"])
    here.queues.in_the_meantime = lambda: here.end("queue-m1")

    here.get(3)
    here.pump()

    assert "queue-m3" in here.steps.inputs
    assert here.waiting() == []


class TestBatches:
    def test_are_one_run_of_many_messages(self, here):
        here.deploy(QueueBatchSize="3")

        here.get(1, 2, 3)
        here.get(1, 2, 3)

        (given,) = here.steps.inputs.values()
        assert given == {"messages": [{"n": 1}, {"n": 2}, {"n": 3}], "_run": {"source": "queue"}}

    def test_are_split_where_step_functions_would_not_take_them(self, here):
        here.deploy(QueueBatchSize="3")
        half = "x" * (MAX_INPUT_BYTES // 2 - 500)

        here.get(half + "1", half + "2", half + "3", ids=["a", "b", "c"])

        sizes = [len(given["messages"]) for given in here.steps.inputs.values()]
        assert sizes == [2, 1]

    def test_say_which_run_a_message_is_in_that_is_asked_for(self, here):
        here.deploy(QueueBatchSize="10")
        named = request("report", "order-7", {"n": 7})

        assert here.get(named, 2, ids=["m1", "m2"]) == []

        [(run, given)] = here.steps.inputs.items()
        assert given["messages"] == [{"n": 7}, {"n": 2}]
        assert here.submissions.get("report", "order-7").run == run
        assert here.submissions.get("report", "m2").run == run

    def test_start_no_second_run_for_a_message_that_comes_again_with_others(self, here):
        here.deploy(QueueBatchSize="10")
        here.get(1, 2)

        assert here.get(2, 3) == []

        inputs = [given["messages"] for given in here.steps.inputs.values()]
        assert inputs == [[{"n": 1}, {"n": 2}], [{"n": 3}]]
        assert here.slots.get("report").in_use == here.steps.inputs.keys()

    @pytest.mark.parametrize(("receives", "is_dead"), [(4, False), (5, True)])
    def test_note_why_a_message_that_is_asked_for_starts_none(self, here, receives, is_dead):
        url = here.sqs.get_queue_url(QueueName="jobs-report")["QueueUrl"]
        here.sqs.create_queue(QueueName="jobs-report_dead")
        policy = {"maxReceiveCount": 5, "deadLetterTargetArn": f"{ARN}_dead"}
        here.sqs.set_queue_attributes(
            QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)}
        )
        here.steps.error = PermanentError("there is no state machine")
        named = request("report", "order-7", {"n": 7})

        here.hand_over([record("m1", named, receives=receives), record("m2", "2", None, receives)])

        noted = here.submissions.get("report", "order-7")
        assert (noted is not None and noted.reason == "there is no state machine") == is_dead
        assert here.submissions.get("report", "m2") is None

    def test_do_not_send_again_what_is_parked_already(self, here):
        here.deploy(QueueBatchSize="10", QueueMaxConcurrency="1")
        here.get(0)
        left = [2]

        def once():
            left[0] -= 1
            if left[0] < 0:
                raise TemporaryError("throttled")

        here.queues.in_the_meantime = once

        assert here.get(1, 2, 3) == []

        assert here.waiting() == ["m1", "m2"]
        assert here.queued(delayed=True) == 1


class TestFailures:
    def test_what_is_too_large_stays_and_its_neighbours_run(self, here):
        here.deploy(QueueMaxConcurrency="5")
        poison = json.dumps({"text": "x" * MAX_INPUT_BYTES})

        assert here.get("a", poison, "b", ids=["a", "poison", "b"]) == ["poison"]

        assert sorted(here.steps.inputs) == ["queue-a", "queue-b"]
        assert here.slots.get("report").in_use == {"queue-a", "queue-b"}

    def test_a_job_without_a_state_machine_keeps_no_slot(self, here):
        here.steps.error = NotFoundError("StateMachineDoesNotExist")

        assert here.get(1) == ["m1"]

        assert here.slots.get("report").in_use == frozenset()

    def test_what_fails_for_the_moment_is_sent_again_with_its_identity(self, here, caplog):
        here.steps.error = TemporaryError("throttled")

        assert here.get(1) == []

        [line] = caplog.records
        assert (line.levelname, line.message_id, line.reason) == ("WARNING", "m1", "throttled")

        assert here.queued(delayed=True) == 1
        # It may have been started all the same: its place is its own until that is known.
        assert here.slots.get("report").in_use == {"queue-m1"}

    def test_a_stack_that_is_not_ready_yet_is_waited_for(self, here):
        boto3.client("dynamodb").delete_item(
            TableName="jobs-Stacks", Key={"job_name": {"S": "report"}}
        )

        assert here.get(1) == []

        assert here.queued(delayed=True) == 1
        assert here.steps.starts == []

    def test_what_can_be_sent_nowhere_stays(self, here, caplog):
        here.steps.error = TemporaryError("throttled")
        url = here.sqs.get_queue_url(QueueName="jobs-report")["QueueUrl"]
        here.sqs.delete_queue(QueueUrl=url)

        assert here.get(1) == ["m1"]

        unsent, unhidden = caplog.records
        assert unsent.message_id == unhidden.message_id == "m1"
        said = "".join(format_exception(unsent.exc_info[1]))
        assert "NonExistentQueue" in said
        assert "throttled" in said


def test_a_message_that_comes_twice_in_a_batch_is_in_its_run_once(here):
    here.deploy(QueueBatchSize="10")

    assert here.get(1, 2, 1) == []

    [given] = here.steps.inputs.values()
    assert given["messages"] == [{"n": 1}, {"n": 2}]


class TestTheSweep:
    def test_has_nothing_to_do_where_no_message_is_parked(self, here):
        here.get(1)
        here.now += timedelta(minutes=10)

        assert here.runs.recover("report") == 0
        assert here.slots.get("report").in_use == {"queue-m1"}

    def test_uses_slots_of_runs_whose_end_was_missed(self, here):
        for n in range(4):
            here.get(n)
        here.steps.over |= {"queue-m0", "queue-m1"}
        here.now += timedelta(minutes=10)

        assert here.runs.jobs_with_parked_messages(here.now - timedelta(minutes=2)) == ["report"]
        assert here.runs.recover("report") == 2

        here.pump()
        assert sorted(here.steps.inputs) == [f"queue-m{n}" for n in range(4)]

    def test_leaves_runs_alone_that_continue(self, here):
        for n in range(3):
            here.get(n)
        here.now += timedelta(minutes=10)

        assert here.runs.recover("report") == 0

        assert here.slots.get("report").in_use == {"queue-m0", "queue-m1"}
        assert here.waiting() == ["m2"]

    @pytest.mark.parametrize(("seconds", "is_kept"), [(0, True), (119, True), (121, False)])
    def test_leaves_a_slot_to_a_run_that_may_be_about_to_start(self, here, seconds, is_kept):
        """Step Functions does not know its execution yet, as it does not know one that is gone."""
        assert here.slots.acquire("report", "queue-starting", 2, NOW)
        here.get(1)
        here.get(2)
        here.steps.over.add("queue-m1")
        here.now = NOW + timedelta(seconds=seconds)

        here.runs.recover("report")

        in_use = here.slots.get("report").in_use
        assert in_use == ({"queue-starting", "queue-m1"} if is_kept else frozenset())
        assert here.waiting() == (["m2"] if is_kept else [])

    def test_comes_back_for_a_message_that_somebody_else_has_in_hand(self, here):
        for n in range(3):
            here.get(n)
        url = here.sqs.get_queue_url(QueueName="jobs-report_waiting")["QueueUrl"]
        [held] = here.sqs.receive_message(QueueUrl=url, VisibilityTimeout=60)["Messages"]
        here.end("queue-m0")
        assert here.queued() == []
        assert here.runs.jobs_with_parked_messages(NOW + timedelta(minutes=1)) == ["report"]

        handle = held["ReceiptHandle"]
        here.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        here.runs.recover("report")

        assert here.queued() == ["m2"]

    def test_forgets_a_queue_that_is_gone(self, here):
        for n in range(3):
            here.get(n)
        boto3.client("dynamodb").delete_item(
            TableName="jobs-Stacks", Key={"job_name": {"S": "report"}}
        )

        assert here.runs.recover("report") == 0

        assert here.runs.jobs_with_parked_messages(NOW + timedelta(days=1)) == []

    def test_comes_by(self, here):
        here.now = datetime.now(UTC) - timedelta(minutes=10)
        for n in range(3):
            here.get(n)
        here.steps.over |= {"queue-m0", "queue-m1"}
        here.now = datetime.now(UTC)

        deliver(sweep, {})

        assert here.slots.get("report").in_use == frozenset()
        assert here.queued() == ["m2"]


DAMAGED = {
    "taken is a text": {"taken": {"S": "queue-m1 and some more"}},
    "taken is a list": {"taken": {"L": [{"S": "a"}, {"S": "b"}]}},
    "taken is a number": {"taken": {"N": "7"}},
    "times are numbers": {"taken_at": {"N": "7"}, "aside_at": {"N": "7"}, "status": {"S": "?"}},
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_damaged_slots_keep_no_message_waiting_forever(here, damage):
    item = {"job_name": {"S": "report"}, "trigger_id": {"S": "#queue"}} | damage
    boto3.client("dynamodb").put_item(TableName="jobs-Triggers", Item=item)

    for n in range(3):
        assert here.get(n) == []
    here.pump()
    ended = next(iter(here.steps.inputs))
    assert here.slots.get("report").in_use == here.steps.inputs.keys()
    here.end(ended)
    here.pump()

    assert sorted(here.steps.inputs) == ["queue-m0", "queue-m1", "queue-m2"]
    assert here.slots.get("report").in_use == here.steps.inputs.keys() - {ended}


def test_runs_that_no_message_started_hold_no_slot(here):
    here.get(1)
    here.end("run-1")

    assert here.slots.get("report").in_use == {"queue-m1"}


def test_the_function_is_wired_to_the_real_things():
    forget()
    runs = runtime().message_runs

    assert runs.executions.arn("report", "queue-1").endswith(":execution:jobs-report:queue-1")


@pytest.mark.usefixtures("bootstrap")
def test_a_queue_of_somebody_else_starts_nothing():
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:theirs"
    record = {"eventSourceARN": arn, "messageId": "m1", "body": "{}"}

    with pytest.raises(PermanentError, match="theirs is not a job's queue"):
        deliver(job_queue, {"Records": [record]})
