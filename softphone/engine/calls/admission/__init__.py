"""How many calls there may be, and calls that hold a place although the other side is gone."""
