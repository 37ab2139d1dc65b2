"""Typed text as sound and as payloads, and voices by recording or by code: for the command line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from codec.decoder import Decoder
from codec.describe.pitch import track
from codec.describe.prosody import DEFAULT_MEAN_F0, frame_levels, mean_f0
from codec.describe.typed import TypedSpeech
from codec.recognise.speech_gate import AUDIBLE_DB
from codec.text.speaker import SpokenText
from codec.units.errors import TextError
from codec.units.rates import FRAME_SAMPLES, SAMPLE_RATE
from codec.voice.embedding import Voice
from codec.wire.packet import VOICE_PIECE_BYTES, serialize
from codec.wire.packetiser import Packetiser
from codec.wire.settings import EncoderSettings
from codec.wire.token import TICK_MS, to_wire

if TYPE_CHECKING:
    from codec.models import Models

LEAST_SPEECH_S = 0.8

SPEECH_RANGE_DB = 35.0
"""Frames of a recording that are no more than this below its loudest frame count as speech."""

_STEP_SAMPLES = 320
_TAIL_STEPS = 75


def payloads(spoken: SpokenText, models: Models, mean_f0: float, settings: EncoderSettings | None = None) -> list[tuple[int, bytes]]:
    """What a call would send: (time in ms, payload). The voice is not described in them. mean_f0: Hz."""
    settings = settings or EncoderSettings()
    typed, packets = TypedSpeech(), Packetiser()
    typed.add([to_wire(token, mean_f0) for token in spoken.tokens])
    sent: list[tuple[int, bytes]] = []
    now = 0

    def send() -> None:
        sent.append((now * TICK_MS, serialize(packets.packet(now, settings, None), models.entropy)))

    while typed.active:
        for start, token in typed.due(now):
            if token is None:
                packets.end()
                if packets.waiting:
                    send()
                continue
            if packets.full:
                send()
            packets.add(start, token)
        if packets.due(now, settings):
            send()
        now += 1
    return sent


def to_pcm(spoken: SpokenText, models: Models, voice: Voice) -> NDArray[np.int16]:
    """The text as the remote party would hear it from a speaker whose voice it knows: (samples,) int16 at 16 kHz."""
    decoder = Decoder(models)
    decoder.set_voice(voice)
    waiting = payloads(spoken, models, voice.mean_f0, EncoderSettings(redundancy=0))[::-1]
    blocks = []
    steps = math.ceil(spoken.seconds * SAMPLE_RATE / _STEP_SAMPLES) + _TAIL_STEPS
    for step in range(steps):
        while waiting and waiting[-1][0] <= step * TICK_MS:
            decoder.receive(waiting.pop()[1])
        blocks.append(decoder.pull(_STEP_SAMPLES))
    pcm = np.concatenate(blocks)
    heard = np.flatnonzero(pcm)
    return pcm[heard[0] : heard[-1] + 1] if len(heard) else pcm[:0]


def voice_of(pcm: NDArray[np.int16], models: Models) -> Voice:
    """The voice in a recording of one speaker: (samples,) int16 at 16 kHz. Raises TextError where too little speech is in it."""
    levels = frame_levels(pcm)
    loud = levels > max(AUDIBLE_DB, float(levels.max(initial=-96.0)) - SPEECH_RANGE_DB)
    speech = pcm[: len(levels) * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)[loud].ravel()
    if len(speech) < LEAST_SPEECH_S * SAMPLE_RATE:
        raise TextError(
            f"The recording holds {len(speech) / SAMPLE_RATE:.1f} s of speech, and a voice is known from {LEAST_SPEECH_S:g} s on: "
            "record somebody who says a few sentences."
        )
    embedding = models.voice_encoder.embed_windows(speech.astype(np.float32) / np.float32(32768)).mean(axis=0)
    return Voice(np.asarray(embedding / np.linalg.norm(embedding), dtype=np.float32), mean_f0(track(pcm).f0))


def voice_from_code(code: str, models: Models) -> Voice:
    """A voice from its description in hex digits, as `voice_to_code` writes it; a shorter one is coarser. Raises TextError."""
    size = VOICE_PIECE_BYTES
    try:
        data = bytes.fromhex(code)
    except ValueError:
        data = b""
    if not data or len(data) % size or len(data) > size * models.voice_code.pieces:
        longest = 2 * size * models.voice_code.pieces
        raise TextError(
            f"A voice code has {2 * size} to {longest} hex digits in steps of {2 * size}; "
            f'`softphone codec say` prints one with --voice. "{code[:80]}" is not one.'
        )
    return models.voice_code.decode({at // size: data[at : at + size] for at in range(0, len(data), size)}, DEFAULT_MEAN_F0)


def voice_to_code(voice: Voice, models: Models) -> str:
    """All pieces of a voice's description, in hex."""
    return b"".join(models.voice_code.encode(voice)).hex()


def neutral_voice(models: Models) -> Voice:
    """The average voice."""
    return Voice(models.voice_code.neutral, DEFAULT_MEAN_F0)
