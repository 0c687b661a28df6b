"""What EC2 needs to know of a job's machines before any run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from troposphere import AWSObject, GetAtt, Ref
from troposphere.iam import InstanceProfile

from provisioner.jobs import stack_name

if TYPE_CHECKING:
    from troposphere import PropsDictType
    from troposphere.iam import Role

    from provisioner.jobs import Ec2Job
    from provisioner.settings import Platform

ROOT_DEVICE = "/dev/xvda"
"""Of every Amazon Linux AMI (EC2 User Guide, device names)."""


class LaunchTemplate(AWSObject):  # type: ignore[misc]  # troposphere is not typed
    """``AWS::EC2::LaunchTemplate``, without the import of ``troposphere.ec2``."""

    resource_type = "AWS::EC2::LaunchTemplate"
    props: ClassVar[PropsDictType] = {
        "LaunchTemplateData": (dict, True),
        "TagSpecifications": ([dict], True),
    }


def instance_profile(platform: Platform, code_role: Role) -> InstanceProfile:
    """Return the profile by which a machine gets the credentials of the job's own role."""
    return InstanceProfile("InstanceProfile", Path=f"/{platform.prefix}/", Roles=[Ref(code_role)])


def launch_template(job: Ec2Job, platform: Platform, profile: InstanceProfile) -> LaunchTemplate:
    """Return the launch template; each change of it is a version, which the workflow names.

    No key, metadata by IMDSv2 only and not through a bridge, an encrypted disk; and a machine that
    switches itself off is gone.
    """
    return LaunchTemplate(
        "LaunchTemplate",
        LaunchTemplateData={
            "ImageId": job.image_id,
            "InstanceType": job.instance_type[0],
            "IamInstanceProfile": {"Arn": GetAtt(profile, "Arn")},
            "InstanceInitiatedShutdownBehavior": "terminate",
            "MetadataOptions": {
                "HttpEndpoint": "enabled",
                "HttpTokens": "required",
                "HttpPutResponseHopLimit": 1,
            },
            "BlockDeviceMappings": [
                {
                    "DeviceName": ROOT_DEVICE,
                    "Ebs": {
                        "VolumeSize": job.disk_gb,
                        "VolumeType": "gp3",
                        "Encrypted": True,
                        "DeleteOnTermination": True,
                    },
                }
            ],
        },
        TagSpecifications=[
            {
                "ResourceType": "launch-template",
                "Tags": _tags({**job.tags, **machine_tags(job, platform)}),
            }
        ],
    )


def machine_tags(job: Ec2Job, platform: Platform) -> dict[str, str]:
    """Return what all that EC2 makes for a job is tagged with; permissions refer to it."""
    return {
        "Name": stack_name(platform.prefix, job.job_name),
        "provisioner": platform.prefix,
        "job": job.job_name,
    }


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
