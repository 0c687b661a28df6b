"""For every test: moto keeps one boto3 session, or each mock would read all services' models again."""

from __future__ import annotations

from moto.core.config import default_user_config

default_user_config["core"]["reset_boto3_session"] = False
