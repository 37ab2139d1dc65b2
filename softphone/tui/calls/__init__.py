"""The phone's own screen: its calls, and all that is done to them."""
