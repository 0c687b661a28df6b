"""Messages of a job's queue, and the runs that they become. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from provisioner import exact_numbers
from provisioner.errors import PermanentError
from provisioner.runs.model import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_INPUT_BYTES = 262_144
"""Step Functions, input of an execution, in UTF-8."""

RUN_PREFIX = "queue-"
"""Begins the name of every execution that messages started."""

WAITING_SUFFIX = "_waiting"
DEAD_SUFFIX = "_dead"
"""End the names of a job's other queues; a job's name cannot have an underscore."""

RETENTION_SECONDS = 14 * 24 * 3600
"""SQS, MessageRetentionPeriod: the longest."""

UNTRIED_SECONDS = 4 * 24 * 3600
"""Of a job's queue. A dead-letter message is as old as the message was: it is kept longer."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,70}")
_REQUEST = {"job_name", "submission_id", "payload"}
_MOST_DEPTH = 1_000_000
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its producer sent it. Its `id` stays the same each time it is sent on.

    Its body is a payload, or the same request as over HTTP (`request`).
    """

    id: str
    body: str

    @property
    def content(self) -> dict[str, object]:
        """What the job gets: a JSON object as it is, anything else as the member `message`.

        So an object with a number that its workflow would change loses no digit.
        """
        found = self._payload()
        if found is None or any(exact_numbers.changed(found)):
            return {"message": self.body}
        found.pop("_run", None)
        return found

    @property
    def is_followed(self) -> bool:
        """Whether its producer named it, to ask for it later."""
        return submission_of(self.body) is not None

    @property
    def depth(self) -> int:
        """How many runs of jobs have led to the run of this message, 0 for one from outside.

        A job that may send messages finds its own depth in its input, and passes it on.
        """
        match self._payload():
            case {"_run": {"depth": int(depth)}} if 0 <= depth < _MOST_DEPTH:
                return depth + 1
            case _:
                return 0

    def _payload(self) -> dict[str, object] | None:
        found = _object(self.body)
        payload = None if found is None else _request_payload(found)
        return found if payload is None else payload


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job's stack says of its queue, as far as starting runs needs it."""

    batch_size: int
    max_concurrency: int


@dataclass(frozen=True, slots=True)
class MessageBatch:
    """The messages of one run."""

    messages: tuple[Message, ...]
    whole: bool
    """The run gets its one message itself, rather than a list of messages."""

    @property
    def run(self) -> str:
        """The execution's name, the same for the same messages: Step Functions starts it once."""
        if self.whole:
            return RUN_PREFIX + self.messages[0].id
        ids = "\n".join(sorted(message.id for message in self.messages))
        return RUN_PREFIX + hashlib.sha256(ids.encode()).hexdigest()[:32]

    def input(self) -> str:
        """Return the execution's input.

        Raises
        ------
        PermanentError
            If it is larger than Step Functions accepts.
        """
        text = self._text()
        size = _size(text)
        if size > MAX_INPUT_BYTES:
            raise PermanentError(
                f"the input of a run has at most {MAX_INPUT_BYTES} bytes; with this message it "
                f"would have {size}"
            )
        return text

    @property
    def fits(self) -> bool:
        """Whether Step Functions accepts its input."""
        return _size(self._text()) <= MAX_INPUT_BYTES

    def _text(self) -> str:
        contents = [message.content for message in self.messages]
        given = contents[0] if self.whole else {"messages": contents}
        run: dict[str, object] = {"source": Source.QUEUE}
        if depth := max(message.depth for message in self.messages):
            run["depth"] = depth
        return json.dumps({**given, "_run": run}, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Slots:
    """The concurrency slots of a job's queue that are in use, and whether messages are parked.

    Attributes
    ----------
    in_use
        Names of executions that are running, or about to.
    acquired_at
        When the last of them acquired its slot; ISO 8601.
    parked_at
        When the last message was parked; ISO 8601. None when no message is parked.
    """

    in_use: frozenset[str] = frozenset()
    acquired_at: str = ""
    parked_at: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """That a message is a run's, made before the run is started.

    Attributes
    ----------
    at
        When it was made, ISO 8601; "" when that is not known.
    """

    run: str
    at: str


def request(job_name: str, submission: str, payload: Mapping[str, object]) -> str:
    """Return the body of a message with all that a submission says."""
    said = {"job_name": job_name, "submission_id": submission, "payload": payload}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def submission_of(body: str) -> str | None:
    """Return the name that the producer of a message gave it in its body, None without one."""
    found = _object(body)
    if found is None or _request_payload(found) is None:
        return None
    name = found.get("submission_id")
    return name if isinstance(name, str) and name else None


def received(body: str, given: str | None, own: str) -> Message:
    """Return a message that came from a queue.

    Parameters
    ----------
    given
        Its attribute `message_id`, if it has one.
    own
        The queue's own name of it.
    """
    named = submission_of(body)
    return Message(message_id(given, own if named is None else identity(named)), body)


def message_id(given: str | None, own: str) -> str:
    """Return a message's identity: the `given` one, if it can be in an execution's name."""
    return given if given and _ID.fullmatch(given) else own


def identity(name: str) -> str:
    """Return the identity of a message that its producer calls `name`: any text."""
    return message_id(name, hashlib.sha256(name.encode(errors="replace")).hexdigest()[:32])


def batches(messages: Iterable[Message], limits: Limits) -> Iterator[MessageBatch]:
    """Yield the runs that messages become, each within Step Functions' limit if it can be."""
    batch: tuple[Message, ...] = ()
    for message in messages:
        longer = (*batch, message)
        if batch and (
            len(longer) > limits.batch_size
            or not MessageBatch(longer, whole=limits.batch_size == 1).fits
        ):
            yield MessageBatch(batch, whole=limits.batch_size == 1)
            longer = (message,)
        batch = longer
    if batch:
        yield MessageBatch(batch, whole=limits.batch_size == 1)


def _request_payload(found: dict[str, object]) -> dict[str, object] | None:
    """Return the payload of a request as over HTTP; None if the body is a payload itself."""
    payload = found.get("payload")
    if found.keys() <= _REQUEST and isinstance(found.get("job_name"), str):
        return payload if isinstance(payload, dict) else None
    return None


def _object(body: str) -> dict[str, object] | None:
    try:
        found = json.loads(body, parse_float=exact_numbers.read, parse_constant=_refuse)
        if _SURROGATE.search(body):
            json.dumps(found, ensure_ascii=False).encode()  # a lone surrogate cannot be encoded
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _size(text: str) -> int:
    return len(text.encode(errors="replace"))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
