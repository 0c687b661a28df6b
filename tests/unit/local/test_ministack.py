"""Ports of the engine."""

from __future__ import annotations

import socket

from provisioner.local.ministack import HOST, answers, free_port, is_free


def test_a_port_on_which_something_listens_is_not_free():
    with socket.create_server((HOST, 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_free_port_is_free_and_nothing_answers_there():
    port = free_port()
    assert is_free(port)
    assert not answers(port)


def test_an_engine_that_never_ran_does_not_answer():
    assert not answers(None)
