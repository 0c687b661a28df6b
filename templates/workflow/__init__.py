"""The state machine of a job: admit, work, record, and what goes wrong on the way."""
