"""The phone in the terminal: a Textual application that talks to the engine's control socket and to nothing else."""
