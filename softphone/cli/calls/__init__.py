"""Commands that make and take calls."""
