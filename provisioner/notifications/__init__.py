"""Notifications: what has happened to a run or a stack, as data, as text and as Slack messages."""
