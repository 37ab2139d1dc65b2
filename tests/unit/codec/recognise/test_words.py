"""The word recogniser itself: what is said is recognised, guesses only save time, damaged files are named."""

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from codec.models import Models
from codec.recognise.moonshine.network import Cache, MoonshineDecoder, Vocabulary, load_encoder, model_folder
from codec.recognise.second_pass import WordService
from codec.recognise.words import CHECKED, MoonshineWords, Word, rest_of_guess
from codec.units.errors import ModelError
from softphone import paths, sound_file


@pytest.fixture(scope="module")
def service() -> WordService:
    return WordService.load()


@pytest.fixture(scope="module")
def demo() -> tuple[np.ndarray, str]:
    """Seven seconds of the bundled recording, and all of its words."""
    recording, text = paths.demo_recording()
    return sound_file.read(recording)[: 7 * 16000], plain(text if isinstance(text, str) else text.read_text())


def plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def test_what_is_said_is_recognised(service: WordService, demo: tuple[np.ndarray, str]) -> None:
    pcm, text = demo
    words = service.recogniser.stream().hear(pcm, 0, ()).words
    heard = [word.plain for word in words][:-1]
    assert len(heard) > 10
    right = sum(word in text.split() for word in heard)
    assert right >= 0.9 * len(heard)
    sure = [word.log_probability for word in words]
    assert all(-25 < each <= 0 for each in sure) and np.median(sure) > -0.3
    noise = np.random.default_rng(1).normal(0, 300, len(pcm)).astype(np.int16)
    in_noise = service.recogniser.stream().hear((pcm // 8 + noise).astype(np.int16), 0, ()).words
    assert np.mean([word.log_probability for word in in_noise]) < np.mean(sure)
    assert b"".join(word.text.encode() for word in words)


def test_a_guess_changes_nothing(service: WordService, demo: tuple[np.ndarray, str]) -> None:
    pcm, _ = demo
    alone = service.recogniser.stream().hear(pcm, 0, ())
    guessed = service.recogniser.stream().hear(pcm, 0, alone.words)
    # Pieces that are checked at once round otherwise than one by one: a comma may hang on that, and is not sent.
    assert [word.plain for word in guessed.words] == [word.plain for word in alone.words]
    wrong = [*alone.words[:3], Word(alone.words[0].text, alone.words[0].pieces), *alone.words[3:]]
    assert [word.plain for word in service.recogniser.stream().hear(pcm, 0, wrong).words] == [word.plain for word in alone.words]


def test_what_follows_a_wrong_word_of_a_guess_is_not_spelled_again(
    service: WordService, demo: tuple[np.ndarray, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pcm, _ = demo
    right = service.recogniser.stream().hear(pcm, 0, ()).words
    pieces = sum(len(word.pieces) for word in right)
    assert pieces > 15
    calls: list[int] = []
    decode = MoonshineDecoder.forward

    def count(decoder: MoonshineDecoder, pieces: Tensor, *more: Any) -> tuple[Tensor, Cache]:
        calls.append(pieces.shape[1])
        return decode(decoder, pieces, *more)

    monkeypatch.setattr(MoonshineDecoder, "forward", count)
    left_out, put_in, other = [*right[:4], *right[5:]], [*right[:4], right[0], *right[4:]], [*right[:4], right[0], *right[5:]]
    for guess in (left_out, put_in, other):
        calls.clear()
        heard = service.recogniser.stream().hear(pcm, 0, guess).words
        assert [word.plain for word in heard] == [word.plain for word in right]
        assert len(calls) < pieces / 2, "pieces that were guessed right are checked together"


def test_what_is_left_of_a_guess() -> None:
    assert rest_of_guess([1, 2, 3, 4], 3) == ([4], True)
    assert rest_of_guess([1, 2, 3, 4], 9) == ([1, 2, 3, 4], False)
    assert rest_of_guess([], 9) == ([], False)
    assert rest_of_guess([*range(CHECKED), 99], 99)[1] is False, "what was guessed far from here is something else"


def test_a_window_that_grows_or_moves_is_understood_as_one_that_is_heard_at_once(
    service: WordService, demo: tuple[np.ndarray, str]
) -> None:
    """Sound that was encoded before is not encoded again, which may change a word in doubt but no more."""
    pcm, _ = demo
    growing = service.recogniser.stream()
    for start, first, last in ((0, 1, 22), (2 * 16000, 14, 22)):
        for end in range(first, last):
            grown = growing.hear(pcm[start : end * 4800], start, ())
        once = service.recogniser.stream().hear(pcm[start : end * 4800], 0, ())
        assert len(once.words) > 7
        same = sum(one.plain == other.plain for one, other in zip(grown.words, once.words, strict=False))
        assert same >= 0.8 * len(once.words)


@pytest.mark.parametrize("more", [0, 1, 64, 126, 127, 320])
def test_a_window_that_grew_by_next_to_nothing_is_heard_again(service: WordService, demo: tuple[np.ndarray, str], more: int) -> None:
    """As at the end of a recording, where the last look is at what the one before it heard."""
    pcm, _ = demo
    stream = service.recogniser.stream()
    before = stream.hear(pcm[:48000], 0, ()).words
    assert len(before) > 3
    again = stream.hear(pcm[: 48000 + more], 0, before).words
    assert [word.plain for word in again[:3]] == [word.plain for word in before[:3]]


def test_silence_has_no_words(service: WordService) -> None:
    assert service.recogniser.stream().hear(np.zeros(16000 * 2, np.int16), 0, ()).words == ()
    assert service.recogniser.stream().hear(np.zeros(100, np.int16), 0, ()).words == ()


def test_waiting_may_begin_and_end_at_any_time(service: WordService, demo: tuple[np.ndarray, str]) -> None:
    pcm, _ = demo
    models = Models.load()
    models.recogniser.words = service
    stream = models.recogniser.stream()
    out = []
    for step, at in enumerate(range(0, len(pcm), 320)):
        stream.wait = step // 70 % 2 == 1
        out += stream.push(pcm[at : at + 320])
    out += stream.flush()
    assert out[0].start == 0
    assert all(before.end == after.start for before, after in itertools.pairwise(out))
    assert stream.counters["words"] > 3


def test_files_that_are_missing_or_damaged_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        load_encoder(tmp_path)
    (tmp_path / "encoder_model.ort").write_bytes(b"\0" * 100)
    with pytest.raises(ModelError, match="no model of ONNX Runtime"):
        load_encoder(tmp_path)
    whole = (model_folder() / "encoder_model.ort").read_bytes()
    (tmp_path / "encoder_model.ort").write_bytes(whole[:4000])
    with pytest.raises(ModelError, match="damaged"):
        load_encoder(tmp_path)
    with pytest.raises(ModelError, match="cannot be read"):
        Vocabulary(tmp_path / "tokenizer.bin")


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.recognise.moonshine.network.PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match="install the package moonshine-cpp"):
        MoonshineWords.load()
