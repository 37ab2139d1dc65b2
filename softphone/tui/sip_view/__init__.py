"""The SIP messages of a call and its session description."""
