"""The `provisioner` command: rows, runs and logs from a terminal.

Options, prompts, printing, progress and exit codes are here; what a command does is
`provisioner.service`. `main` is the program, `commands` finds the command, and each command is a
module of its name that is imported when it is called; the other modules are what they share.
"""
