"""Contacts, recent calls and messages."""
