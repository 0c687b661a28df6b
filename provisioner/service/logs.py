"""What jobs and their runs log."""

from provisioner.service.job_logs import LogEvent, Tail, events, group_of, timezone_of
from provisioner.service.log_page import LogPage
from provisioner.service.run_logs import KnownRun, find, of_run, page_around, page_of
from provisioner.service.run_tail import RunTail

__all__ = [
    "KnownRun",
    "LogEvent",
    "LogPage",
    "RunTail",
    "Tail",
    "events",
    "find",
    "group_of",
    "of_run",
    "page_around",
    "page_of",
    "timezone_of",
]
