"""What every Sessions table does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from provisioner.sessions import Session, key_of

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class SessionsContract:
    """A subclass has the fixture `sessions`."""

    @pytest.fixture
    def session(self, sessions):
        _, session = Session.new("u-1", "ada@example.com", ("admins", "readers"), NOW)
        sessions.put(session)
        return session

    def test_a_session_is_found_by_its_hash_alone(self, sessions):
        session_id, session = Session.new("u-1", "ada@example.com", ("admins",), NOW)
        sessions.put(session)

        assert sessions.get(key_of(session_id)) == session
        assert sessions.get(session_id) is None

    def test_its_last_use_is_noted(self, sessions, session):
        used = session.used(NOW + timedelta(minutes=30))
        sessions.touch(used)

        assert sessions.get(session.key) == used

    def test_a_revoked_one_is_gone_and_stays_gone(self, sessions, session):
        sessions.revoke(session.key)
        sessions.touch(session.used(NOW + timedelta(minutes=30)))
        sessions.revoke(session.key)

        assert sessions.get(session.key) is None
