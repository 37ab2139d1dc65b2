"""Typed text as tokens: their pace, the encoder that speaks them instead of the microphone, the voice, what the far end decodes."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.decoder import Decoder
from codec.describe.typed import LEAD_TICKS, MAX_WAITING_S, TypedSpeech
from codec.encoder import Encoder
from codec.speech_files import neutral_voice, payloads, to_pcm, voice_from_code, voice_of, voice_to_code
from codec.text.speaker import TextSpeaker
from codec.units.errors import TextError
from codec.units.phones import PHONES, SILENCE, UNVOICED, VOWELS
from codec.units.token import Token
from codec.voice.embedding import Voice
from codec.wire.packet import parse
from codec.wire.settings import EncoderSettings
from codec.wire.token import TICK_MS, WireToken
from softphone import paths, sound_file
from softphone.cli.codec import commands
from tests.scripted_speech import HELLO, models_for, script

torch.set_num_threads(1)
QUIET = np.zeros(320, np.int16)


@pytest.fixture(scope="module")
def speaker() -> TextSpeaker:
    return TextSpeaker.load()


def phones(tokens: object) -> list[str]:
    return [PHONES[token.phone] for token in tokens if token.phone != SILENCE]  # type: ignore[attr-defined]


def sent(all_payloads: list[bytes], models: object) -> list[WireToken]:
    return [token for data in all_payloads for token in parse(data, models.entropy).groups[-1]]  # type: ignore[attr-defined]


def test_tokens_are_speech(speaker: TextSpeaker) -> None:
    spoken = speaker.speak("Could you tell me when the next train leaves? I am at the station.")
    assert 2.5 < spoken.seconds < 7
    vowels = [token for token in spoken.tokens if token.phone in VOWELS]
    pitch = np.array([np.mean(token.semitones) for token in vowels if token.semitones])
    assert pitch.std() > 0.7, "no melody"
    assert len({token.frames for token in vowels}) > 4, "all vowels are alike long"
    assert all((token.semitones is None) == (token.phone in UNVOICED) for token in spoken.tokens)
    assert all(2 <= token.frames <= 64 and token.frames % 2 == 0 for token in spoken.tokens)
    assert [token.frames >= 35 for token in spoken.tokens if token.phone == SILENCE] == [True], "one pause, between the sentences"
    assert speaker.speak("Could you tell me when the next train leaves? I am at the station.") == spoken


def test_the_end_is_longer_than_the_middle_and_lower_than_the_beginning(speaker: TextSpeaker) -> None:
    tokens = speaker.speak("The bread on the table is our bread.").tokens
    vowels = [token for token in tokens if token.phone in VOWELS]
    bread = [token for token in vowels if token.phone == PHONES.index("EH")]
    assert len(bread) == 2
    assert bread[1].frames >= bread[0].frames
    assert np.mean(bread[1].semitones) < np.mean(bread[0].semitones)


def test_a_question_for_yes_or_no_rises(speaker: TextSpeaker) -> None:
    def last_vowel(text: str) -> float:
        return next(token.semitones[1] for token in speaker.speak(text).tokens[::-1] if token.phone in VOWELS and token.semitones)

    assert last_vowel("Yes. Is it late?") > last_vowel("Yes. It is late.") + 2
    assert last_vowel("Who said it was late?") < last_vowel("Was it late?")


def test_a_long_text_keeps_its_pauses_and_words(speaker: TextSpeaker) -> None:
    sentence = "The quick brown fox jumps over the lazy dog, again and again."
    once, often = speaker.speak(sentence), speaker.speak(" ".join([sentence] * 25))
    assert phones(often.tokens) == phones(once.tokens) * 25
    pauses = [token.frames for token in often.tokens if token.phone == SILENCE]
    assert len(pauses) == 49
    assert all(pause < 30 for pause in pauses[::2]) and all(pause >= 34 for pause in pauses[1::2])


def test_texts_are_spoken_at_the_pace_of_speech() -> None:
    typed = TypedSpeech()
    text = [WireToken(1, 10), WireToken(SILENCE, 30), WireToken(2, 5)]
    typed.add(text)
    typed.add([WireToken(3, 4)])
    started: dict[int, int] = {}
    ends = []
    for now in range(100, 200):
        for start, token in typed.due(now):
            if token is None:
                ends.append(start)
            else:
                started[token.phone] = start
                assert now >= start - LEAD_TICKS
        if not typed.active:
            break
    assert started == {1: 100, 2: 140, 3: 165}
    assert ends == [110, 145, 169], "long pauses, between the texts too, end the talkspurt"
    assert now == 169 and typed.seconds == 0, "the microphone waits until the last token has been heard"


def test_too_much_is_refused() -> None:
    typed = TypedSpeech()
    typed.add([WireToken(1, 32)] * int(MAX_WAITING_S * 1000 / TICK_MS / 32))
    with pytest.raises(TextError, match="seconds of typed speech still wait"):
        typed.add([WireToken(1, 32)] * 2)


def test_typed_text_takes_the_place_of_the_microphone_and_gives_it_back(speaker: TextSpeaker) -> None:
    said = [("SIL", 400), *HELLO, ("SIL", 6000), *HELLO, ("SIL", 800)]
    live = script(said)
    models = models_for(live.phones)
    encoder = Encoder(models)
    typed = speaker.speak("Hello there.").tokens
    got: list[bytes] = []
    for at in range(0, len(live.pcm), 320):
        if at == 320 * 150:
            encoder.say(typed)
            assert 0.3 < encoder.typed_seconds < 2
        got += encoder.encode(live.pcm[at : at + 320])
    got += encoder.flush()
    heard = phones(sent(got, models))
    words = [label for label, _ in HELLO]
    assert heard == [*words, *phones(typed), *words]


@pytest.mark.parametrize("settings", [EncoderSettings(detail=2), EncoderSettings(detail=6), EncoderSettings(detail=6, wait=True)])
def test_typed_text_has_no_details(speaker: TextSpeaker, settings: EncoderSettings) -> None:
    """The microphone hears something else."""
    live = script([*HELLO, ("SIL", 700)])
    models = models_for(live.phones)
    encoder = Encoder(models, settings)
    got = [payload for at in range(0, len(live.pcm), 320) for payload in encoder.encode(live.pcm[at : at + 320])]
    assert any(token.details for token in sent(got, models))
    encoder.say(speaker.speak("Hello there.").tokens)
    typed = [payload for _ in range(150) for payload in encoder.encode(QUIET)]
    assert phones(sent(typed, models)) and not any(token.details for token in sent(typed, models))


def test_typed_text_does_not_tell_how_loud_the_speaker_is(speaker: TextSpeaker) -> None:
    """Codes are relative to that: what is said afterwards has those it would have had."""
    live = script([("SIL", 400), *HELLO, ("SIL", 6000), *HELLO, ("SIL", 800)])
    models = models_for(live.phones)

    def last_word(typed: bool) -> list[WireToken]:
        encoder = Encoder(models, EncoderSettings(detail=6, voice=False, redundancy=0))
        got: list[bytes] = []
        for at in range(0, len(live.pcm), 320):
            if typed and at == 320 * 150:
                encoder.say(speaker.speak("Hello there.").tokens)
            got += encoder.encode(live.pcm[at : at + 320])
        return [token for token in sent(got + encoder.flush(), models) if token.phone != SILENCE][-len(HELLO) :]

    assert last_word(typed=True) == last_word(typed=False)


def test_live_speech_meanwhile_is_not_sent(speaker: TextSpeaker) -> None:
    live = script([*HELLO, ("SIL", 700)])
    models = models_for(live.phones)
    encoder = Encoder(models)
    encoder.say(speaker.speak("I type this instead of speaking, and it takes longer.").tokens)
    got = [payload for at in range(0, len(live.pcm), 320) for payload in encoder.encode(live.pcm[at : at + 320])]
    for _ in range(250):
        got += encoder.encode(QUIET)
    assert phones(sent(got, models)) == phones(speaker.speak("I type this instead of speaking, and it takes longer.").tokens)


def test_a_known_voice_is_described_and_its_height_is_spoken(speaker: TextSpeaker) -> None:
    models = models_for([])
    voice = Voice(np.eye(256, dtype=np.float32)[3], 220.0)
    heights = {}
    for name, known in (("known", voice), ("nobody", None)):
        encoder, decoder = Encoder(models), Decoder(models)
        encoder.say(speaker.speak("Good morning to all of you.").tokens, known)
        got = [payload for _ in range(200) for payload in encoder.encode(QUIET)]
        for payload in got:
            decoder.receive(payload)
        assert decoder.statistics.voice_known == (known is not None)
        heights[name] = np.mean([token.pitch for token in sent(got, models) if token.pitch is not None])
    assert heights["known"] - heights["nobody"] == pytest.approx(12 * np.log2(220 / 150), abs=1)


def test_what_a_call_would_send_is_what_was_typed(speaker: TextSpeaker) -> None:
    models = models_for([])
    spoken = speaker.speak("It costs $5, or 4 pounds.")
    made = payloads(spoken, models, 120.0)
    assert phones(sent([data for _, data in made], models)) == phones(spoken.tokens)
    times = [time for time, _ in made]
    assert times == sorted(times) and times[-1] <= 1000 * spoken.seconds
    assert all(later - earlier >= 100 for earlier, later in itertools.pairwise(times[:-1])), "paced, not all at once"


def test_sound_in_the_voice_of_a_recording(speaker: TextSpeaker) -> None:
    models = models_for([])
    recording = sound_file.read(paths.demo_recording()[0])[: 16000 * 4]
    voice = voice_of(recording, models)
    again = voice_from_code(voice_to_code(voice, models), models)
    assert float(again.embedding @ voice.embedding) > 0.9
    spoken = speaker.speak("This is what I wanted to tell you, and it is not short.")
    sound = {name: to_pcm(spoken, models, one) for name, one in (("own", voice), ("nobody", neutral_voice(models)))}
    assert abs(len(sound["own"]) / 16000 - spoken.seconds) < 0.5
    likeness = {name: float(voice_of(pcm, models).embedding @ voice.embedding) for name, pcm in sound.items()}
    assert likeness["own"] > max(0.6, likeness["nobody"] + 0.05)


def test_no_voice_in_silence_and_no_voice_in_nonsense() -> None:
    models = models_for([])
    with pytest.raises(TextError, match="0.0 s of speech"):
        voice_of(np.zeros(32000, np.int16), models)
    for code in ("", "xyz", "ab", "00" * 400):
        with pytest.raises(TextError, match="hex digits"):
            voice_from_code(code, models)


def test_the_command_writes_a_file_and_tells_its_doubts(tmp_path: Path) -> None:
    lines = commands.say("Hello kamailio.", tmp_path / "out.wav", models=models_for([]))
    assert "bytes of payload" in lines[0] and "kamailio" in lines[-1]
    assert len(sound_file.read(tmp_path / "out.wav")) > 8000


def test_a_pause_is_a_token_like_any_other(speaker: TextSpeaker) -> None:
    pauses = [token for token in speaker.speak("One, two; three. Four").tokens if token.phone == SILENCE]
    assert [isinstance(token, Token) for token in pauses] == [True] * 3
    assert 12 <= pauses[0].frames <= 28 and 20 <= pauses[1].frames <= 40 and 35 <= pauses[2].frames <= 64
