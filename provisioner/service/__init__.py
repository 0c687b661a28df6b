"""What a person may ask for, as functions that return data.

The command line, the HTTP API and the console stand on these: they parse, print and decide how
long to wait; everything that is a rule is here. Each function takes a `Service` (`context`), which
has the bootstrap, the caller and the clock. No function waits: what takes time is a function to
call again, or a generator whose caller decides when to continue. Errors are those of
`provisioner.errors`, with a sentence for people.

====================  ==========================================================================
`caller`, `rights`    who asks, and what each role may do; `redaction`: what each role sees
`apply`, `rows`       check rows, compare them with the table, write them
`edits`, `problems`   one row with its ETag: read, checked, planned, written, patched, removed
`following`           when a job's stack is what its row asks for
`jobs`                list and describe jobs; delete, retry, confirm deletions
`start_run`, `runs`   start a run; list runs, follow one, stop one
`schedule`            what a schedule did and will do; resume it
`backfill`            runs for scheduled times that have passed
`dead_letters`        list, redrive and discard dead-letter messages
`logs`, `bundles`     what a job logs; upload code
`overview`            what failed, runs, waits and is late, and failures by their reason
====================  ==========================================================================
"""
