"""A row in a DynamoDB table becomes a running serverless job. Two ways lead through the packages.

The way of a row:

1. A person writes a row into the Jobs table; an entry point (`entrypoints`) gets its job's name.
2. `jobs` turns the row into a job, or into everything that is wrong with it.
3. `stacks` compares it with our record and with the stack, and decides on one action.
4. `templates` makes the template; one call of `aws` starts the operation, `stacks` records it.
5. The operation's end is an event: the way begins again at 1 until there is nothing left to do.

The way of a run:

1. The job's own state machine (`templates.workflow`) admits the run, works, and records the end.
2. `runs` decides what follows outside it: which waiting run and which dependants start.
3. `notifications` detects what has happened, and words it for the topic and for Slack.
4. What fails for good becomes a dead-letter message (`dead_letters`), which a person redrives.

What people ask for is `service`: `cli` prints it, `api` answers it over HTTP, `console` makes pages
of it. `audit` is what was done by whom, and what rows were before. `local` is all of it on one
machine.
"""
