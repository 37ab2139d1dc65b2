"""Accounts: entered, kept, and how they are registered."""
