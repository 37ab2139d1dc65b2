"""The weights of our codec, loaded once a process for all systems that need them."""

from functools import cache

from codec.models import Models, use_one_thread


@cache
def own_models() -> Models:
    """On one thread, so that a core's share is measured. Raises ModelError."""
    use_one_thread()
    return Models.load()
