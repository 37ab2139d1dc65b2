"""Moonshine base-en: its networks, its weights, and its encoder over a window that moves."""
