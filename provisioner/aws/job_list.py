"""The index of all jobs by name: pages of it, and the rows of earlier versions, which it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from provisioner.aws.items import to_dynamodb, to_plain
from provisioner.aws.stack_items import BY_NAME, JOB_LIST_FIELDS, LISTED, JobEntry, entry_of
from provisioner.aws.tables import get_keys, query_index
from provisioner.aws.updates import names
from provisioner.jobs.row_summary import ScheduleFilter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provisioner.aws.clients import Clients
    from provisioner.stacks.model import JobStatus


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are listed; None for all.

    Attributes
    ----------
    tag
        `team=data`, or `team` for any value.
    schedule
        PAUSED has also those that failures may have paused, which another item says.
    """

    status: JobStatus | None = None
    type: str | None = None
    owner: str | None = None
    tag: str | None = None
    schedule: ScheduleFilter | None = None

    def request(self) -> tuple[list[str], dict[str, object]]:
        """Return the conditions of the filter and the values in them."""
        found: dict[str, tuple[str, object]] = {}
        if self.status is not None:
            found[":status"] = "#status = :status", self.status
        if self.type is not None:
            found[":type"] = "#row.#type = :type", self.type
        if self.owner is not None:
            found[":owner"] = "#row.#owner = :owner", self.owner
        if self.tag is not None and "=" in self.tag:
            found[":tag"] = "#row.#tags.#tag = :tag", self.tag.partition("=")[2]
        conditions = [condition for condition, _ in found.values()]
        if self.tag is not None and "=" not in self.tag:
            conditions.append("attribute_exists(#row.#tags.#tag)")
        values = {name: value for name, (_, value) in found.items()}
        if self.schedule is ScheduleFilter.PAUSED:
            values |= {":yes": True, ":no": False}
        if self.schedule is not None:
            conditions.append(_SCHEDULES[self.schedule])
        return conditions, values


_SCHEDULES = {
    ScheduleFilter.SCHEDULED: "attribute_exists(#row.#schedule)",
    ScheduleFilter.PAUSED: (
        "attribute_exists(#row.#schedule) AND "
        "(#row.#paused = :yes OR #row.#schedule_enabled = :no OR #row.#pauses = :yes)"
    ),
    ScheduleFilter.NONE: "attribute_not_exists(#row.#schedule)",
}


class JobList:
    """Lists jobs in the order of their names."""

    def __init__(self, clients: Clients, stacks_table: str) -> None:
        self._clients = clients
        self._name = stacks_table

    def page(
        self, count: int, prefix: str, after: str, which: JobFilter
    ) -> tuple[list[JobEntry], str | None]:
        """Return the next jobs, at most `count`, with one query; and after which to continue.

        With a filter there may be fewer, or none, although more follow: the first query looks
        through a few jobs, which is enough for what many have; for a short page another one looks
        through a megabyte.

        Parameters
        ----------
        after
            A job's name, which has the prefix; "" to begin.

        Raises
        ------
        PermanentError
            If the bootstrap has no such index, or DynamoDB is still making it.
        """
        request = _request(count, prefix, after, which)
        items, end = self._query(request)
        if "FilterExpression" in request and count <= _SHORT and len(items) < count and end:
            more = {name: value for name, value in request.items() if name != "Limit"}
            others, end = self._query(more | {"ExclusiveStartKey": end})
            items += others
        entries = [entry_of(to_plain(raw)) for raw in items[:count]]
        if len(items) > count:
            return entries, entries[-1].job_name
        return entries, end["job_name"]["S"] if end else None

    def names(self, prefix: str, which: JobFilter) -> Iterator[str]:
        """Yield the names of jobs in order, with a query for each megabyte, some 2,000 jobs.

        Raises
        ------
        PermanentError
            If the bootstrap has no such index, or DynamoDB is still making it.
        """
        request = _request(_MANY, prefix, "", which) | {"ProjectionExpression": "job_name"}
        return (raw["job_name"]["S"] for items, _ in self._queries(request) for raw in items)

    def entries(self, prefix: str, which: JobFilter) -> Iterator[JobEntry]:
        """Yield jobs in order, as `names` does.

        Raises
        ------
        PermanentError
            If the bootstrap has no such index, or DynamoDB is still making it.
        """
        found = self._queries(_request(_MANY, prefix, "", which))
        return (entry_of(to_plain(raw)) for items, _ in found for raw in items)

    def first(self, prefix: str, which: JobFilter, queries: int) -> tuple[list[JobEntry], bool]:
        """Return jobs in order, as many as so many queries have, and whether these are all.

        Raises
        ------
        PermanentError
            If the bootstrap has no such index, or DynamoDB is still making it.
        """
        read = list(islice(self._queries(_request(_MANY, prefix, "", which)), queries))
        entries = [entry_of(to_plain(raw)) for items, _ in read for raw in items]
        return entries, read[-1][1] is None

    def named(self, job_names: Iterable[str]) -> list[JobEntry]:
        """Return the entries of jobs that lists show, by name, with one request for a hundred.

        Raises
        ------
        ThrottledError
            If DynamoDB is short of throughput.
        """
        keys = [{"job_name": name} for name in sorted(job_names)]
        items = get_keys(self._clients, self._name, keys, attributes=_ENTRY)
        listed = (item for item in items if item.get("listed") == LISTED)
        return sorted(map(entry_of, listed), key=lambda entry: entry.job_name)

    def _queries(
        self, request: dict[str, Any]
    ) -> Iterator[tuple[list[Any], dict[str, Any] | None]]:
        while True:
            items, end = self._query(request)
            yield items, end
            if not end:
                return
            request = request | {"ExclusiveStartKey": end}

    def _query(self, request: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any] | None]:
        found = query_index(
            self._clients, "Stacks", TableName=self._name, IndexName=BY_NAME, **request
        )
        return found["Items"], found.get("LastEvaluatedKey")


_ENTRY = ", ".join(f"#{name}" for name in ("job_name", "listed", *JOB_LIST_FIELDS))

_SHORT = 50
"""Jobs whose runs and pauses are one request: a page of more has no third one to spare."""

_MANY = 100_000
"""More than an answer of DynamoDB has."""

_LOOKED_THROUGH = 4
"""For each job of a page, by the first query of a filter."""


def _request(count: int, prefix: str, after: str, which: JobFilter) -> dict[str, Any]:
    conditions, values = which.request()
    begins = " AND begins_with(job_name, :prefix)" if prefix else ""
    key = f"listed = :listed{begins}"
    values |= {":listed": LISTED, **({":prefix": prefix} if prefix else {})}
    request: dict[str, Any] = {
        "KeyConditionExpression": key,
        "ExpressionAttributeValues": to_dynamodb(values),
    }
    if conditions:
        request["FilterExpression"] = " AND ".join(conditions)
        request |= names(*conditions)
        if "#tag" in request["ExpressionAttributeNames"]:
            request["ExpressionAttributeNames"]["#tag"] = str(which.tag).partition("=")[0]
        if count <= _SHORT:
            request["Limit"] = _LOOKED_THROUGH * count  # of what the filter leaves out, too
    else:
        request["Limit"] = count
    if after:
        request["ExclusiveStartKey"] = to_dynamodb({"listed": LISTED, "job_name": after})
    return request
