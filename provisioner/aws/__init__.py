"""The only place that talks to AWS: one module a table or service.

Nothing here decides anything. Vendor errors leave it as `provisioner.errors`.
"""
