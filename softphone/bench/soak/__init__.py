"""Endurance: many calls, and what goes wrong around them, with counts of what was tried and what recovered."""
