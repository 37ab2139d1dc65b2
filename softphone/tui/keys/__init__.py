"""Keys: what each does, the line that shows them, and their order."""
