"""The weights of our codec, loaded once a process for all systems that need them."""

from functools import cache

from codec.models import Models, use_one_thread
from codec.recognise.recogniser import Recogniser
from codec.recognise.second_pass import WordService


@cache
def _models() -> Models:
    use_one_thread()
    return Models.load()


def own_models(words: bool = False) -> Models:
    """On one thread, so that a core's share is measured; words: the word recogniser too. Raises ModelError."""
    models = _models()
    if words and isinstance(models.recogniser, Recogniser) and models.recogniser.words is None:
        models.recogniser.use_words(WordService.load())
    return models
