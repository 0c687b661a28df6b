"""The web console: pages made on the server, a thin face over `provisioner.service`."""
