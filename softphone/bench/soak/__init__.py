"""Endurance tests: many calls with injected faults, counting what was tried and what recovered."""
