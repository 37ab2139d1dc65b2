"""The base of every error that a user may see: one sentence that names the cause and the cure."""


class SoftphoneError(Exception):
    """Something the user can fix; its message is one sentence, safe to print (it holds no secret)."""
