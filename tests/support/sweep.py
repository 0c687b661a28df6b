"""A bootstrap whose sweep answers what a test says, for the functions of moto need containers."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace

from provisioner.service.context import Service

CHANGES = {
    "outdated": 9,
    "compared": 4,
    "not_compared": 5,
    "differences": [
        {
            "verb": "replaced",
            "type": "AWS::SQS::Queue",
            "property": "QueueName",
            "jobs": 2,
            "example": "report",
        },
        {"verb": "added", "type": "AWS::Logs::LogGroup", "property": "", "jobs": 4, "example": "a"},
    ],
}


def answering(service: Service, answer: object) -> Service:
    """Return the service with a sweep that answers."""

    class Answering(Service):
        sweep_function = SimpleNamespace(call=lambda _: answer, call_later=lambda _: None)

    return Answering(*(getattr(service, each.name) for each in fields(Service)))
