"""For every test: moto keeps one boto3 session; else each mock reads all services' models again."""

from __future__ import annotations

from moto.core.config import default_user_config

default_user_config["core"]["reset_boto3_session"] = False
