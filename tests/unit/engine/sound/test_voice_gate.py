"""Voice activation without a call: what passes, what does not, and that no word loses its beginning or its end."""

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import CHUNK_SAMPLES, SAMPLE_RATE
from softphone.engine.sound.voice_gate import AFTER_FRAMES, BEFORE_FRAMES, SpeechBuffer, SpeechDetector, level_db

Sound = NDArray[np.float64]
RANDOM = np.random.default_rng(20)


def noise(seconds: float, db: float) -> Sound:
    return RANDOM.standard_normal(round(seconds * SAMPLE_RATE)) * 32768 * 10 ** (db / 20)


def tone(seconds: float, db: float, hertz: float = 300) -> Sound:
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return np.sin(2 * np.pi * hertz * at) * np.sqrt(2) * 32768 * 10 ** (db / 20)


def through(*parts: Sound) -> tuple[NDArray[np.float64], list[bool]]:
    """(level of each frame that is sent, whether the gate was open) of the parts one after the other."""
    sound = np.concatenate(parts)
    background = noise(len(sound) / SAMPLE_RATE, -75)
    pcm = np.clip(sound + background[: len(sound)], -32768, 32767).astype(np.int16)
    buffer, sent, opened = SpeechBuffer(), [], []
    for place in range(0, len(pcm) - CHUNK_SAMPLES + 1, CHUNK_SAMPLES):
        buffer.put(pcm[place : place + CHUNK_SAMPLES].tobytes())
        sent.append(level_db(buffer.get()))
        opened.append(buffer.open)
    return np.array(sent), opened


def test_noise_stays_out_and_speech_gets_through_however_loud_the_noise() -> None:
    for floor in (-70, -55, -45):
        sent, _ = through(noise(6, floor), tone(1, floor + 20) + noise(1, floor), noise(3, floor))
        assert sent[100:300].max() < -85, f"noise at {floor} dB is sent"
        assert sum(sent > floor + 15) >= 50, "the whole second of it"
        assert sent[-50:].max() < -85, "and it ends"


def test_a_noise_that_begins_is_sent_until_it_is_known() -> None:
    _, opened = through(noise(4, -70), noise(9, -45))
    assert any(opened[200:300]) and not any(opened[-100:])


def test_the_first_sound_of_a_word_comes_along_though_it_is_soft() -> None:
    # A soft s of 120 ms, no louder than what keeps a gate open, then the vowel.
    soft, loud = tone(0.12, -58, 5000), tone(0.5, -30)
    sent, opened = through(np.zeros(3 * SAMPLE_RATE), soft, loud, np.zeros(2 * SAMPLE_RATE))
    first = opened.index(True)
    began = int(np.argmax(sent > -70))
    assert 150 < first < 162
    assert began - first < BEFORE_FRAMES
    assert sum((sent > -65) & (sent < -50)) == 6, "all of the soft sound is sent"
    assert sum(sent > -35) == 25, "and all of the vowel"


def test_the_end_of_a_word_and_a_pause_within_a_sentence_are_kept() -> None:
    speech = [tone(0.3, -25), tone(0.2, -50), np.zeros(round(0.4 * SAMPLE_RATE)), tone(0.3, -25)]
    sent, opened = through(np.zeros(2 * SAMPLE_RATE), *speech, np.zeros(2 * SAMPLE_RATE))
    runs = "".join("1" if state else "0" for state in opened).strip("0")
    assert "0" not in runs, "it was not closed between"
    assert sum(sent > -30) == 30 and sum((sent > -55) & (sent < -45)) == 10
    assert len(runs) > 60 + AFTER_FRAMES - 5 and not opened[-1]


def test_what_was_late_is_made_up_for_in_the_first_pause() -> None:
    pause = np.zeros(round(0.5 * SAMPLE_RATE))
    sent, _ = through(np.zeros(2 * SAMPLE_RATE), tone(0.3, -25), pause, tone(0.3, -25), np.zeros(SAMPLE_RATE))
    loud = np.flatnonzero(sent > -30)
    second = loud[loud > 130][0]
    # The second begins at 2.8 s, the first at 2.0 s.
    assert 102 <= loud[0] <= 100 + BEFORE_FRAMES + 1 and second <= 142


def test_clicks_of_keys_open_nothing() -> None:
    clicks = [np.concatenate([tone(0.02, -20, 2000), np.zeros(round(0.18 * SAMPLE_RATE))]) for _ in range(10)]
    _, opened = through(np.zeros(2 * SAMPLE_RATE), *clicks)
    assert not any(opened)


def test_a_long_sentence_without_a_pause_is_not_taken_for_noise() -> None:
    syllables = [np.concatenate([tone(0.2, -22), tone(0.06, -32)]) for _ in range(40)]
    _, opened = through(np.zeros(2 * SAMPLE_RATE), *syllables)
    assert all(opened[110:])


def test_what_was_heard_before_a_hold_is_not_sent_after_it() -> None:
    buffer = SpeechBuffer()
    loud = tone(1, -20).astype(np.int16).tobytes()
    for place in range(0, len(loud), 2 * CHUNK_SAMPLES):
        buffer.put(loud[place : place + 2 * CHUNK_SAMPLES])
    assert buffer.open
    buffer.forget()
    buffer.put(bytes(2 * CHUNK_SAMPLES))
    assert not buffer.open and not any(buffer.get())


def test_an_offset_of_the_microphone_is_no_sound() -> None:
    detector = SpeechDetector()
    offset = np.full(CHUNK_SAMPLES, 3000, np.int16).tobytes()
    assert not any(detector.hear(offset) for _ in range(100))
