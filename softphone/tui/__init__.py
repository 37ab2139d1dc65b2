"""The phone in the terminal: a Textual application that talks to the engine's control socket and to nothing else."""

import os

# What changed is drawn at the next tick of a clock that Textual sets to 60 a second, and a screen comes in two or three such steps: ticks
# are most of the time from a key to its screen. The clock rests when nothing changed, and bytes are saved elsewhere (`terminal.display`).
os.environ.setdefault("TEXTUAL_FPS", "250")
