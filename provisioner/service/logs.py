"""What jobs and their runs log."""

from provisioner.service.job_logs import LogEvent, Tail, events, group_of
from provisioner.service.run_logs import LogPage, RunTail, of_run

__all__ = ["LogEvent", "LogPage", "RunTail", "Tail", "events", "group_of", "of_run"]
