"""Screens, dialogs, fields and lists of which all others are made."""
