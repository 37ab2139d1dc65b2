"""A terminal softphone whose own codec sends phonemes and a description of the voice."""

__version__ = "0.1.0"
