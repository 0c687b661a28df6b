"""Versions of rows, in the Audit table: what each was, and the row itself, compressed."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from provisioner.audit.entries import VERSIONS
from provisioner.audit.versions import KEPT, Version, Written, in_order, moment, new_versions
from provisioner.aws.items import Item, to_dynamodb, to_plain, typed
from provisioner.aws.stacks_table import record_of
from provisioner.aws.tables import get_sets, pages, written
from provisioner.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from provisioner.aws.clients import Clients
    from provisioner.stacks.model import StackRecord

_LIST, _BODY = "list#", "body#"

_CHUNK_BYTES = 300_000
"""An item has 400 KB at most, and a row as well, which random text in it leaves incompressible."""


_PARTS = 2
"""As many as nearly every row has; more are read apart."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a job's row.

    Attributes
    ----------
    versions
        Newest first.
    rows
        Those that were asked for, by number, as far as they were found.
    row, record
        The row and the Stacks row as they are; None where there is none.
    """

    versions: Sequence[Version]
    rows: Mapping[int, Item]
    row: Item | None
    record: StackRecord | None


class RowVersions:
    """The last versions of each job's row, in a ring: a new one takes the place of the oldest."""

    def __init__(
        self, clients: Clients, audit_table: str, retention_days: int, clock: Callable[[], datetime]
    ) -> None:
        self._clients = clients
        self._name = audit_table
        self._retention = timedelta(days=retention_days)
        self._clock = clock

    def of(self, job_name: str) -> list[Version]:
        """Return the versions that are kept of a job's row, newest first."""
        return in_order(self._known(job_name))

    def read(
        self, job_name: str, jobs_table: str, stacks_table: str, number: int | None = None
    ) -> Kept:
        """Return what `of` does, and what there is of the job now, with one request.

        Parameters
        ----------
        number
            Of a version whose row is wanted, and that of the one numbered before it.

        Raises
        ------
        ThrottledError
            If DynamoDB is short of throughput.
        """
        wanted = [] if number is None else [number, number - 1]
        ring = [f"{_LIST}{slot:02}" for slot in range(KEPT)]
        bodies = [f"{_BODY}{each % KEPT:02}#{part}" for each in wanted for part in range(_PARTS)]
        subject = {"subject": f"{VERSIONS}{job_name}"}
        keys = {
            self._name: [{**subject, "entry_id": entry_id} for entry_id in (*ring, *bodies)],
            jobs_table: [{"job_name": job_name}],
            stacks_table: [{"job_name": job_name}],
        }
        found = get_sets(self._clients, keys)
        kept = sorted(found.get(self._name, ()), key=lambda item: str(item["entry_id"]))
        lines = (_version(item) for item in kept)
        rows = {each: _row_in(kept, each) for each in wanted}
        return Kept(
            in_order(each for each in lines if each),
            {each: row for each, row in rows.items() if row is not None},
            next(iter(found.get(jobs_table, ())), None),
            next(map(record_of, found.get(stacks_table, ())), None),
        )

    def row(self, job_name: str, version: Version) -> Item:
        """Return the row of a version.

        Raises
        ------
        NotFoundError
            If the version is no longer stored, or says that the row was deleted.
        """
        row = _row_in(self._items(job_name, f"{_BODY}{_slot(version)}#"), version.number)
        if row is None:
            message = f"the row of {job_name} in version {version.number} is not there"
            raise NotFoundError(message)
        return row

    def record(self, change: Written) -> None:
        """Keep what a record of the stream says, once, however often it comes.

        Raises
        ------
        ConflictError
            If another function records a version of the same row at the same time.
        """
        for version, row in new_versions(self._known(change.job_name), change):
            self._put(change.job_name, version, row)

    def _known(self, job_name: str) -> list[Version]:
        found = (_version(item) for item in self._items(job_name, _LIST))
        return [each for each in found if each]

    def _put(self, job_name: str, version: Version, row: Mapping[str, Any] | None) -> None:
        key = {"subject": f"{VERSIONS}{job_name}"}
        until = {"expires_at": int((self._clock() + self._retention).timestamp())}
        line = {**key, **until, "entry_id": f"{_LIST}{_slot(version)}", **_line(version)}
        chunks = list(_packed(row)) if row is not None else []
        bodies = [
            {
                **key,
                **until,
                "entry_id": f"{_BODY}{_slot(version)}#{index}",
                "number": version.number,
                "of": len(chunks),
                "row": chunk,
            }
            for index, chunk in enumerate(chunks)
        ]
        first: dict[str, Any] = {
            "TableName": self._name,
            "Item": to_dynamodb(line),
            "ConditionExpression": "attribute_not_exists(entry_id) OR #number < :number",
            "ExpressionAttributeNames": {"#number": "number"},
            "ExpressionAttributeValues": to_dynamodb({":number": version.number}),
        }
        others = [{"TableName": self._name, "Item": to_dynamodb(body)} for body in bodies]
        puts = [{"Put": request} for request in (first, *others)]
        if written(self._clients, "transact_write_items", TransactItems=puts) is None:
            message = f"another function has recorded version {version.number} of {job_name}"
            raise ConflictError(message)

    def _items(self, job_name: str, prefix: str) -> Iterator[Item]:
        values = {":subject": f"{VERSIONS}{job_name}", ":prefix": prefix}
        return pages(
            self._clients,
            "query",
            TableName=self._name,
            KeyConditionExpression="subject = :subject AND begins_with(entry_id, :prefix)",
            ExpressionAttributeValues=to_dynamodb(values),
            ConsistentRead=True,
        )


def written_in(record: Mapping[str, Any], job_name: str) -> Written | None:
    """Return what a record of the Jobs table's stream says; None for one without a change."""
    match record:
        case {"dynamodb": {"SequenceNumber": str(sequence)} as change} if sequence.isdecimal():
            before, after = (_image(change.get(name)) for name in ("OldImage", "NewImage"))
            if before is None and after is None:
                return None
            at = moment(change.get("ApproximateCreationDateTime"))
            return Written(job_name, sequence, at, before, after)
        case _:
            return None


def _image(image: object) -> Item | None:
    return to_plain(_with_bytes({"M": image})["M"]) if isinstance(image, dict) else None


def _with_bytes(value: Any) -> Any:  # noqa: ANN401  (an attribute's value, as JSON has it)
    """Return a value with its binary parts as bytes; an event has them in Base64."""
    match value:
        case {"B": str(text)}:
            return {"B": base64.b64decode(text)}
        case {"BS": list(texts)}:
            return {"BS": [base64.b64decode(text) for text in texts]}
        case {"M": dict(members)}:
            return {"M": {name: _with_bytes(member) for name, member in members.items()}}
        case {"L": list(items)}:
            return {"L": [_with_bytes(item) for item in items]}
        case _:
            return value


def _slot(version: Version) -> str:
    return f"{version.number % KEPT:02}"


def _packed(row: Mapping[str, Any]) -> Iterator[bytes]:
    text = json.dumps(
        {"M": {name: typed(value) for name, value in row.items()}},
        default=_as_text,
        separators=(",", ":"),
    )
    packed = zlib.compress(text.encode("utf-8", "surrogatepass"))
    for start in range(0, len(packed), _CHUNK_BYTES):
        yield packed[start : start + _CHUNK_BYTES]


def _as_text(value: object) -> str:
    return base64.b64encode(bytes(value)).decode()  # type: ignore[call-overload]  # bytes, or Binary


def _unpacked(packed: bytes) -> Item:
    text = zlib.decompress(packed).decode("utf-8", "surrogatepass")
    return to_plain(_with_bytes(json.loads(text))["M"])


def _row_in(items: Iterable[Item], number: int) -> Item | None:
    """Return the row of a version, if all its parts are among items, in order."""
    parts = [item for item in items if "row" in item and item.get("number") == number]
    if not parts or len(parts) < int(parts[0]["of"]):
        return None
    return _unpacked(b"".join(bytes(item["row"]) for item in parts))


def _line(version: Version) -> Item:
    return {
        "number": version.number,
        "sequence": version.sequence,
        "at": version.at,
        "digest_before": version.digests[0],
        "digest_after": version.digests[1],
        "changed": list(version.changed),
        "more_changed": version.more_changed,
        "deleted": version.deleted,
    }


def _version(item: Mapping[str, Any]) -> Version | None:
    try:
        return Version(
            number=int(item["number"]),
            sequence=str(int(item["sequence"])),
            at=item.get("at"),
            digests=(item["digest_before"], item["digest_after"]),
            changed=tuple(item["changed"]),
            more_changed=int(item["more_changed"]),
            deleted=bool(item["deleted"]),
        )
    except (KeyError, TypeError, ValueError):  # not one of ours
        return None
