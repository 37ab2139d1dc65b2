"""What passes in a call once it is up: sound, negotiated codec, statistics, keys, typed speech."""
