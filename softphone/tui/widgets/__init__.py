"""One widget a file; widgets are given state and never ask the engine."""
