"""One module a Lambda function, thin: take names out of the event, hand them on, answer.

Nothing here may be decided, and nothing may wait. `wiring` is what all of them work with.
"""

from provisioner.entrypoints.cold_start import collector_paused

with collector_paused():
    from provisioner.entrypoints import function  # noqa: F401  (most of what each of them imports)
