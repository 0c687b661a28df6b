"""AWS Batch on Fargate: jobs wait in queues, run in containers, and are retried.

The engine's Batch is a stub: a job has succeeded as soon as it is submitted, its CloudFormation
knows no Batch, and Step Functions cannot submit jobs. Here an attempt is a task of the engine's own
ECS, as it is one of ECS on AWS.
"""

from provisioner.local.shim.batch import actions, permissions, resources, scheduler


def install() -> None:
    """Replace what the engine answers, and make its CloudFormation and its workflows know Batch."""
    resources.install()
    actions.install()
    scheduler.install()
    permissions.install()
