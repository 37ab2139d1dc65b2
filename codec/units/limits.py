"""What can be chosen about sending: the bounds of the payload format. Each of them is stated here alone."""

MIN_INTERVAL_MS, MAX_INTERVAL_MS = 40, 640
"""Time between packets."""

MAX_REDUNDANCY = 11
"""Earlier groups of tokens that a packet may repeat."""

DETAIL_STAGES = 8
"""Codes of detail for 40 ms of speech."""
