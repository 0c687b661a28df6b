"""A log as a file."""

from __future__ import annotations

from provisioner.aws.logs import LogEvent
from provisioner.console import log_lines


def file_of(*messages, name="one"):
    return log_lines.as_file([LogEvent(0, "s", each) for each in messages], name)


def test_a_file_keeps_its_end_when_an_answer_has_no_room_for_it():
    response = file_of(*(f"{n} {'é' * 250_000}" for n in range(20)))

    assert len(response.body) < 4_000_000
    lines = response.body.decode().splitlines()
    assert lines[-1].startswith("1970-01-01T00:00:00Z 19 ")
    assert all(line.startswith("1970-01-01T00:00:00Z ") for line in lines)


def test_the_name_of_a_file_ends_no_header():
    response = file_of("a", name='é"\r\nSet-Cookie: a=b;../x')

    assert response.headers["Content-Disposition"] == (
        'attachment; filename="____Set-Cookie__a_b_.._x.log"'
    )
    assert response.content_type.startswith("text/plain")
