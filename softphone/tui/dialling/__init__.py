"""Whom to call or to write to: the dial field, its dialog, and people in the command palette."""
