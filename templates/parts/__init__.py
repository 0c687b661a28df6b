"""Resources that stacks of every job type have."""
