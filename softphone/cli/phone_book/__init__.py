"""Commands about what is remembered: contacts, calls, voices."""
