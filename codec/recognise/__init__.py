"""Sound in, phones out: what was said."""
