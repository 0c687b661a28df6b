"""ARNs of what the bootstrap made, as a job's template names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import Sub

if TYPE_CHECKING:
    from provisioner.settings import Platform


def in_account(arn: str, platform: Platform) -> Sub:
    """Return an ARN with partition and account left to CloudFormation: no template names them.

    Only ever for ARNs of ours: a row's text must never come under ``Fn::Sub``.
    """
    named = arn.replace(f":{platform.account_id}:", ":${AWS::AccountId}:")
    return Sub(named.replace(f"arn:{platform.partition}:", "arn:${AWS::Partition}:", 1))
