"""What people write who have another tool's word, or one of ours that is yet to come."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = {
    "ami": ("ami_id", "image_id", "machine_image"),
    "architecture": ("arch", "cpu_architecture", "platform"),
    "bundle": ("archive", "code", "code_uri", "s3_uri", "zip"),
    "command": ("args", "arguments", "cmd", "script"),
    "cpu": ("cpus", "cores", "vcpu", "vcpus"),
    "depends_on": ("after", "dependencies", "dependency", "needs", "upstream"),
    "disk_gb": ("disk_size_gb", "volume_gb", "volume_size"),
    "entry_point": ("entrypoint",),
    "environment": ("env", "env_vars", "environment_variables", "variables", "vars"),
    "ephemeral_storage_mb": ("disk", "disk_size", "ephemeral_storage", "storage", "tmp_size"),
    "failure_rules": ("exit_codes", "retry_on", "retry_policy", "retry_strategy"),
    "fan_out": ("array", "for_each", "map", "matrix"),
    "gpus": ("gpu",),
    "handler": ("entry", "function", "main"),
    "image": ("container", "container_image", "docker_image", "image_uri"),
    "heartbeat_seconds": ("heartbeat", "heartbeat_interval"),
    "instance_type": ("instance_types", "machine", "machine_type"),
    "job_name": ("id", "job", "name"),
    "layers": ("layer", "layer_arns"),
    "memory_mb": ("mem", "memory_limit", "memory_size", "ram"),
    "notify": ("alert", "alerts", "notification", "notifications", "on_failure"),
    "overlap": ("concurrency", "concurrency_policy", "concurrent"),
    "payload": ("event", "input", "parameters", "params"),
    "payload_schema": ("input_schema", "schema"),
    "paused": ("observe_only", "pause"),
    "permissions": ("iam", "iam_policy", "policies", "policy", "role_policy", "statements"),
    "pin": ("freeze", "pinned", "pinned_version"),
    "queue": ("events", "messages", "sqs", "trigger"),
    "reserved_concurrency": ("reserved_concurrent_executions",),
    "retries": ("attempts", "max_attempts", "max_retries", "retry", "retry_count"),
    "retry_backoff": ("backoff", "backoff_rate"),
    "retry_interval_seconds": ("retry_delay", "retry_interval"),
    "schedule": ("cron", "interval", "rate", "schedule_expression", "schedules"),
    "schedule_enabled": ("active", "disabled", "enabled", "schedule_state", "suspend"),
    "schedule_end": ("end", "end_date", "end_time"),
    "schedule_start": ("start", "start_date", "start_time"),
    "secrets": ("secret", "secret_arns"),
    "slack_channel": ("channel", "slack"),
    "spot": ("use_spot",),
    "tags": ("labels",),
    "timeout_seconds": ("deadline", "max_duration", "max_runtime", "time_limit", "timeout"),
    "timezone": ("time_zone", "tz"),
    "type": ("kind",),
    "working_directory": ("cwd", "workdir", "working_dir"),
}
MEANT: Mapping[str, str] = MappingProxyType(
    {word: attribute for attribute, words in _WORDS.items() for word in words}
)
"""The attribute that a word stands for."""

WITHIN: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("subnet_ids", "subnets"), "network.subnets"),
        **dict.fromkeys(("security_group_ids", "security_groups"), "network.security_groups"),
        **dict.fromkeys(("assign_public_ip", "public_ip"), "network.assign_public_ip"),
        **dict.fromkeys(("egress", "egress_rules", "outbound"), "network.egress"),
        **dict.fromkeys(("batch_size", "max_receives"), "queue.{}"),
        **dict.fromkeys(("canary", "rollback_on_failure"), "deploy.canary"),
        "tolerated_failure_percent": "fan_out.tolerated_failure_percent",
        "max_concurrency": 'fan_out.max_concurrency" or "queue.max_concurrency',
        "items": "fan_out.items",
        "vpc": "network",
    }
)
"""The map, or the key of one, that a word stands for."""
