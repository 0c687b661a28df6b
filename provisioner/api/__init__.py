"""The HTTP API: a thin face over `provisioner.service`, as the command line is.

`routes` is the table of everything that it answers: `app` dispatches by it, `openapi` describes it,
bootstrap/api.yaml has its routes, and tests hold all of them to it. Each resource is a module of
`resources`, imported when it is first asked for.
"""
