"""What has happened to a run or a stack, as attributes, as text and in Slack."""
