"""A row in a DynamoDB table becomes a running serverless job.

The journey of one row, stage by stage:

1. **Row.** Somebody writes a row into the Jobs table. The table's stream carries the news to
   `entrypoints.job_stream`, which takes nothing from it but the job's name. Three more doors lead
   to the same place: `entrypoints.stack_events` (a stack came to rest),
   `entrypoints.reconcile_queue` (what had to wait), `entrypoints.sweep` (what no event came for).
2. **Look.** `reconcile.Reconciler` reads the row and our record of it (`aws.jobs_table`,
   `aws.stacks_table`).
3. **Understand.** `jobs.parse` turns the row into a job, or into everything that is wrong with it.
   `aws.artifacts.pin` finds the very bundle version or image digest that it names;
   `jobs.spec_digest` gives the whole a name.
4. **Stand in line.** CloudFormation takes a few calls a second. `admission` judges which quota the
   look will need, `pacing` gives the job its turn (`aws.pace`); the reconcile queue wakes it then.
5. **Observe.** `aws.cloudformation` tells what is there, and why the last operation failed.
6. **Decide.** `plan.decide`, a pure function: what is wanted, what we last did and what is there
   (`stack`) come in, one action goes out. `causes` knows which failures pass by themselves.
7. **Synthesize.** `templates.build` makes the stack's template: schedule, workflow, compute, role,
   logs, alarm.
8. **Act once.** One CloudFormation call starts the operation (`operations`). Nobody waits for it:
   its end is an event, and the journey begins again at 2 until there is nothing left to do.
9. **Record.** `record.after` says what the job's Stacks row tells from now on: status, ARNs, the
   reason of a failure.
10. **Run.** The job's own state machine (`templates.workflow`) admits a run, does the work and
    records it in the Triggers table (`runs`). What ends an execution from outside is brought to
    its end by `entrypoints.run_events` (`completion`); whose turn it is then, by
    `entrypoints.run_stream` (`run_control`, `dependencies`, `message_runs`). Messages start runs
    by `entrypoints.job_queue`, those to no job are kept by `entrypoints.unrouted`; what a schedule
    could not start, `entrypoints.missed_ticks` records.
11. **Tell.** What has happened to a run or a stack (`notices`) is published by `entrypoints.notify`
    if the row wants it told, and shown in Slack by `entrypoints.slack` (`slack_messages`, `slack`).

What touches AWS is in `aws`, behind `ports`; what can go wrong there is in `errors`. `cli` is for
people, `local` is the whole of it on one machine.
"""
