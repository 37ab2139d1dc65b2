"""The command line: one file per command, each with `add` (its arguments) and `run` (what it does, giving the exit status).

Folders say what the commands are about.
"""
