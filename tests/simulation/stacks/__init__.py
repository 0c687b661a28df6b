"""AWS as the provisioner meets it, in memory and on a clock of its own.

The product's own entry points run in it, on fakes of the ports that behave like the services behind
them at their worst. Everything that happens comes from the test's steps and from one seed, so the
same steps always end in the same way.

`timeline` is the clock and what is to come; `calls` is where every call of a port passes, takes its
time and goes wrong; `tables`, `stream`, `queue`, `cloudformation` and `events` are the services;
`lambdas` runs the functions; `wiring` puts all of that in the place of `provisioner.aws`; `truth`
says what must never happen and what must have come of it all, `waves` the same of upgrades.
"""
