"""Has the code of jobs built: the one place that starts builds and asks for them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from provisioner.errors import TemporaryError
from provisioner.stacks.builds import NO_ROOM, Ask, Start, next_step, refused, reported, started

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from provisioner.jobs.unbuilt import Unbuilt
    from provisioner.stacks.model import BuildAttempt, StackRecord
    from provisioner.stacks.ports import Builds

_MOST_JITTER_SECONDS = 30


class Building:
    """Starts builds, each digest once, and follows them."""

    def __init__(self, builds: Builds, chance: random.Random) -> None:
        self._builds = builds
        self._chance = chance

    def advance(
        self, record: StackRecord, wanted: Unbuilt, now: datetime
    ) -> tuple[BuildAttempt | None, timedelta | None]:
        """Return what is known of a build now, and after how long to ask again if that is new.

        Raises
        ------
        PermanentError
            If CodeBuild may not be called, for example.
        """
        attempt = record.build
        match next_step(attempt, wanted.digest, now):
            case Start():
                attempt = self._start(record, wanted, now)
            case Ask(build_id) if attempt is not None:
                attempt = reported(attempt, self._builds.find(build_id), now)
            case _:
                pass
        if attempt is None or attempt.retry_at is None or attempt == record.build:
            return attempt, None
        return attempt, attempt.retry_at - now

    def _start(self, record: StackRecord, wanted: Unbuilt, now: datetime) -> BuildAttempt:
        """Two reconciles of the same Stacks row start one build, by its token."""
        try:
            build_id = self._builds.start(wanted, f"{wanted.digest[:40]}-{record.version}")
        except TemporaryError as error:
            jitter = timedelta(seconds=self._chance.randint(0, _MOST_JITTER_SECONDS))
            return refused(wanted.digest, str(error), now + NO_ROOM + jitter)
        return started(wanted, build_id, now)
