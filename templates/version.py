"""Which templates these are: `make golden` writes it when a golden template changes.

A stack says which templates made it (its parameter ``TemplateVersion``). With another version its
job is outdated: it runs on as it is, until its row changes or somebody upgrades it.
"""

TEMPLATE_VERSION = "d5d85458cac1"
"""The first 12 hex digits of a hash of the golden templates (tests/golden)."""
