"""The `provisioner` command: rows, runs and logs from a terminal.

It only writes rows, starts runs and reads tables, as any other client could: nothing here
provisions. `main` is the program, `commands` finds the command, each command is a module (`apply`,
`get`, `push`, `run`, `runs`, `logs`, `delete`) that is imported when it is called; the rest is what
they share.
"""
