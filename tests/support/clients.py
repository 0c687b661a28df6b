"""The clients that all tests of a process share: making them takes longer than most tests."""

from __future__ import annotations

from provisioner.aws.clients import Clients

CLIENTS = Clients()
