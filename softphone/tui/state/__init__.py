"""What the screens know: the state of the phone and of each call, and the connection to the engine."""
