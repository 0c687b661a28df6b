"""`make smoke`: deploy a bootstrap under its own prefix, prove what only AWS proves, tear it down.

The steps are the tests of tests/smoke; docs/internals/verified.md says what each proves. What was
deployed and which steps passed is kept in a file per account, Region and prefix, so that the
command can be repeated at any time.
"""
