"""Programs inside the container of a build; each is started by path and imports nothing of ours."""
