"""Bugs that a migration may have, each planted in what its functions are handed."""

from __future__ import annotations

from provisioner.aws.index_backfill import IndexBackfill
from provisioner.aws.run_list import RunList
from provisioner.runs.keys import INDEX
from tests.simulation.migration.bug import Bug
from tests.simulation.migration.table import Table


class AtOnce(RunList):
    """Begins while functions of the version before are at work."""

    def backfill(self, limit, now):
        progress = IndexBackfill(self._clients, self._name, INDEX)
        if not progress.is_done() and progress.after("job_name", "trigger_id") is None:
            first = {"job_name": "", "trigger_id": ""}
            progress.note(first, now)
        return super().backfill(limit, now)


class OnePage(RunList):
    """Takes one page for the whole table."""

    def _scanned(self, after, limit):
        rows, _ = super()._scanned(after, limit)
        return rows, None


class NotedBefore(RunList):
    """Notes a page before its rows are written."""

    def _scanned(self, after, limit):
        rows, end = super()._scanned(after, limit)
        if end is not None:
            IndexBackfill(self._clients, self._name, INDEX).note(end, self._now)
        return rows, end

    def backfill(self, limit, now):
        self._now = now
        return super().backfill(limit, now)


class WithoutOldShards(Table):
    """What looks for unlisted runs overlooks those in a shard that no list asks for."""

    def do_scan(self, **request):
        answer = super().do_scan(**request)
        return answer | {"Items": [item for item in answer["Items"] if "run_shard" not in item]}


BUGS = {
    "the_migration_begins_at_once": Bug(run_list=AtOnce),
    "the_migration_ends_after_a_page": Bug(run_list=OnePage),
    "a_page_that_was_cut_off_is_forgotten": Bug(run_list=NotedBefore),
    "a_run_in_an_old_shard_is_not_listed": Bug(table=WithoutOldShards),
    "a_run_of_an_old_workflow_is_not_listed": Bug(hears=False),
}
