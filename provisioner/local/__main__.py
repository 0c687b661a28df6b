"""`python -m provisioner.local`, the same as `provisioner local`."""

from provisioner.local.commands import app

app(prog_name="provisioner local")
