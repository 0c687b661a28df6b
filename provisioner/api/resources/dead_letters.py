"""Dead-letter messages: what each is about, without its payload, which may hold a whole row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.api.call import Answer
from provisioner.api.encoding import jsonable
from provisioner.service import dead_letters

if TYPE_CHECKING:
    from provisioner.api.call import Call
    from provisioner.dead_letters.model import DeadLetterMessage


def list_dead_letters(call: Call) -> Answer:
    """Return the dead-letter messages."""
    found = dead_letters.list_messages(call.service, at_once=True)
    shown = found.messages[: call.query.limit]
    complete = found.complete and len(shown) == len(found.messages)
    return Answer(jsonable({"messages": [_line(each) for each in shown], "complete": complete}))


def redrive_dead_letters(call: Call) -> Answer:
    """Do again what messages ask for."""
    if call.query.dry_run:
        return _found(call, "redriven")
    done = list(dead_letters.redrive(call.service, call.body.ids))
    said = {
        "dry_run": False,
        "redriven": [{"id": each.message.id, "remains": each.remains} for each in done],
    }
    return Answer(said)


def discard_dead_letters(call: Call) -> Answer:
    """Remove messages."""
    if call.query.dry_run:
        return _found(call, "discarded")
    done = [each.id for each in dead_letters.discard(call.service, call.body.ids)]
    return Answer({"dry_run": False, "discarded": done})


def _found(call: Call, name: str) -> Answer:
    """Return the messages that are meant; nothing is done to them."""
    ids = [each.id for each in dead_letters.find(call.service, call.body.ids)]
    if name == "discarded":
        return Answer({"dry_run": True, name: ids})
    return Answer({"dry_run": True, name: [{"id": each, "remains": False} for each in ids]})


def _line(message: DeadLetterMessage) -> dict[str, object]:
    about = message.content
    return {
        "id": message.id,
        "at": message.at,
        "reason": message.reason,
        "error_type": message.error_type,
        "source": about.source,
        "jobs": about.job_names,
        "redrive": about.redrive,
    }
