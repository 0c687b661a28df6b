"""A job's stack follows its row: what is there, what to do next, and what is recorded. No I/O."""
