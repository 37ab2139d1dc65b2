"""Commands for a phone that runs: start it, ask it, steer it."""
