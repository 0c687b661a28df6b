"""Has the code of jobs built: the one place that starts builds and asks for them."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.errors import ProvisionerError, TemporaryError
from provisioner.stacks.builds import (
    NO_ROOM,
    Ask,
    Start,
    is_overtaken,
    next_step,
    overtaken,
    refused,
    reported,
    started,
    token_of,
)

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from provisioner.jobs.unbuilt import Unbuilt
    from provisioner.stacks.model import BuildAttempt, StackRecord
    from provisioner.stacks.ports import Builds

_log = logging.getLogger(__name__)

_MOST_JITTER_SECONDS = 30


class Building:
    """Starts builds, each digest once, follows them, and stops those that are no longer needed."""

    def __init__(self, builds: Builds, chance: random.Random) -> None:
        self._builds = builds
        self._chance = chance

    def advance(
        self, record: StackRecord, wanted: Unbuilt, now: datetime
    ) -> tuple[StackRecord, timedelta | None]:
        """Return what is known of a build now, and after how long to ask again if that is new.

        A build of another digest is stopped first, which makes room for this one.

        Raises
        ------
        PermanentError
            If CodeBuild may not be called, for example.
        """
        record = self.without_overtaken(record, wanted.digest, now)
        attempt = record.build
        match next_step(attempt, wanted.digest, now):
            case Start():
                attempt = self._start(record, wanted, now)
            case Ask(build_id) if attempt is not None:
                attempt = reported(attempt, self._builds.find(build_id), now)
            case _:
                pass
        if attempt is None or attempt == record.build:
            return record, None
        due = attempt.retry_at - now if attempt.retry_at else None
        return record.with_build(attempt), due

    def without_overtaken(
        self, record: StackRecord, digest: str | None, now: datetime
    ) -> StackRecord:
        """Stop a build that runs, unless it is of the digest that is wanted now.

        It is only a matter of cost: what cannot be stopped builds on, and nobody asks for it.
        """
        known = record.build
        if known is None or known.id is None or not is_overtaken(known, digest):
            return record
        try:
            self._builds.stop(known.id)
        except ProvisionerError as error:
            job_name = record.job_name
            _log.warning(
                "build %s of %s continues: %s",
                known.id,
                job_name,
                error,
                extra={"job_name": job_name},
            )
            return record
        return overtaken(record, now)

    def _start(self, record: StackRecord, wanted: Unbuilt, now: datetime) -> BuildAttempt:
        """Two reconciles of the same Stacks row start one build, by its token."""
        try:
            build_id = self._builds.start(wanted, token_of(record, wanted.digest))
        except TemporaryError as error:
            jitter = timedelta(seconds=self._chance.randint(0, _MOST_JITTER_SECONDS))
            return refused(wanted.digest, str(error), now + NO_ROOM + jitter)
        return started(wanted, build_id, now)
