"""Parts of the codec on a whole recording, each with the parts around it made perfect: for measuring what which part costs.

Nothing here streams or is sent. What is spoken lies at the same time as in the recording.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from codec.describe.pitch import track
from codec.describe.prosody import frame_levels, mean_f0, measure, pieces
from codec.encoder import STEP_SAMPLES, Encoder
from codec.models import Models
from codec.recognise.recogniser import WaitingPhoneStream
from codec.speak.mel import log_mel
from codec.speak.prosody_fill import ProsodyFill, wire_round_trip
from codec.speak.vocoder import LAG_SAMPLES
from codec.units.audio_file import to_pcm
from codec.units.phones import SILENCE, phone_index
from codec.units.rates import FRAME_MS
from codec.units.token import Token
from codec.voice.embedding import Voice
from codec.wire.packet import TIME_MODULO, parse
from codec.wire.settings import EncoderSettings
from codec.wire.token import TICK_FRAMES, WireToken, split_ticks

_QUIET_DB = -60.0
"""Of the silence around talkspurts, as the decoder speaks it."""

Span = tuple[int, int, int]
"""Phone, first frame of 10 ms, end frame (excluded)."""


def spans_heard(pcm: NDArray[np.int16], models: Models, live: bool = False, wait: bool = False) -> list[Span]:
    """What the streaming recogniser hears in pcm (samples,) int16 at 16 kHz: without gaps, silence included.

    live: each phone is decided when a call would have to; otherwise at the end, when everything was heard. wait: for words, if live.
    """
    stream = models.recogniser.stream()
    if isinstance(stream, WaitingPhoneStream):
        stream.wait = live and wait
    step = STEP_SAMPLES if live else max(1, len(pcm))
    found = [one for at in range(0, len(pcm), step) for one in stream.push(pcm[at : at + step])]
    return [(one.phone, one.start * TICK_FRAMES, one.end * TICK_FRAMES) for one in (*found, *stream.flush())]


def spans_aligned(phones: Sequence[tuple[str, int, int]], frames: int) -> list[Span]:
    """An alignment of (ARPAbet label, start ms, end ms) in a recording of so many frames; gaps become silence. Raises KeyError."""
    spans: list[Span] = []
    at = 0
    for label, start_ms, end_ms in phones:
        start, end = max(at, round(start_ms / FRAME_MS)), min(frames, round(end_ms / FRAME_MS))
        if start > at:
            spans.append((SILENCE, at, start))
        if end > start:
            spans.append((phone_index(label), start, end))
        at = max(at, end)
    return spans


def speak(spans: Sequence[Span], pcm: NDArray[np.int16], models: Models, wire: bool) -> NDArray[np.int16]:
    """The phones `spans` of the recording pcm (samples,) int16 at 16 kHz, spoken with its prosody and in its voice.

    wire: durations, pitch and level rounded to what a packet carries; else as measured. The voice is the recording's own embedding, not
    quantised. Returns (samples,) int16, about as long as the recording.
    """
    levels, f0 = frame_levels(pcm), track(pcm).f0
    voice = own_voice(pcm, models, spans)
    cut = _ticks(spans) if wire else _frames(spans)
    tokens = [measure(phone, start, end, f0, levels, voice.mean_f0) for phone, start, end in cut]
    if wire:
        tokens = wire_round_trip(tokens, voice.mean_f0, models.entropy.level_offset)
    return _synthesise(tokens, voice.embedding, voice.mean_f0, models)


def speak_sent(pcm: NDArray[np.int16], models: Models) -> tuple[list[int], NDArray[np.int16]]:
    """The tokens that a call would send of pcm (samples,) int16 at 16 kHz, each spoken at its own time, with silence between talkspurts.

    No token is late, and the voice is the recording's own. -> (phones sent, silence included; (samples,) int16).
    """
    sent = _sent(pcm, models)
    voice = own_voice(pcm, models, [(token.phone, at * TICK_FRAMES, (at + token.ticks) * TICK_FRAMES) for at, token in sent])
    fill, tokens, now = ProsodyFill(models.entropy.level_offset), [], 0
    following = [token for _, token in sent]
    for place, (at, token) in enumerate(sent):
        tokens += _silence(at - now)
        tokens.append(fill.token(token, following[place + 1 :], voice.mean_f0))
        now = at + token.ticks
    tokens += _silence(len(pcm) // STEP_SAMPLES - now)
    return [token.phone for token in following], _synthesise(tokens, voice.embedding, voice.mean_f0, models)


def own_voice(pcm: NDArray[np.int16], models: Models, spans: Sequence[Span] = ()) -> Voice:
    """Who speaks in pcm (samples,) int16 at 16 kHz, from all of it; the mean F0 from the phones among `spans`, where there are any."""
    f0 = track(pcm).f0
    windows = models.voice_encoder.embed_windows(pcm.astype(np.float32) / np.float32(32768)).mean(0)
    spoken = np.concatenate([f0[start:end] for phone, start, end in spans if phone != SILENCE] or [f0])
    return Voice(np.asarray(windows / np.linalg.norm(windows), np.float32), mean_f0(spoken))


def _sent(pcm: NDArray[np.int16], models: Models) -> list[tuple[int, WireToken]]:
    """Tokens with their times in ticks."""
    encoder, sent = Encoder(models, EncoderSettings(redundancy=0, voice=False, detail=0)), []
    for at in range(0, len(pcm), STEP_SAMPLES):
        payloads = encoder.encode(pcm[at : at + STEP_SAMPLES])
        now = at // STEP_SAMPLES + 1
        if at + STEP_SAMPLES >= len(pcm):
            payloads += encoder.flush()
        for packet in (parse(payload, models.entropy) for payload in payloads):
            start = now - (now - packet.time) % TIME_MODULO
            for token in packet.groups[-1]:
                sent.append((start, token))
                start += token.ticks
    return sent


def _silence(ticks: int) -> list[Token]:
    return [Token(SILENCE, part * TICK_FRAMES, None, _QUIET_DB) for part in split_ticks(max(0, ticks))]


def copy_synthesis(pcm: NDArray[np.int16], models: Models) -> NDArray[np.int16]:
    """The true spectrum and pitch of pcm (samples,) int16 at 16 kHz through the vocoder: what no synthesiser can surpass."""
    sound = torch.from_numpy(pcm.astype(np.float32) / 32768)
    mel = log_mel(sound)
    f0 = torch.from_numpy(track(pcm).f0[: len(mel)])
    return _vocode([(mel, f0)], models)


def _frames(spans: Sequence[Span]) -> Iterator[Span]:
    for phone, start, end in spans:
        yield from ((phone, first, last) for first, last in pieces(start, end))


def _ticks(spans: Sequence[Span]) -> Iterator[Span]:
    for phone, start, end in spans:
        first, last = round(start / TICK_FRAMES), round(end / TICK_FRAMES)
        for ticks in split_ticks(last - first):
            yield phone, first * TICK_FRAMES, (first + ticks) * TICK_FRAMES
            first += ticks


def _synthesise(tokens: Sequence[Token], embedding: NDArray[np.float32], speaker_f0: float, models: Models) -> NDArray[np.int16]:
    state, voice = models.synthesiser.stream(), torch.from_numpy(embedding)
    spoken = [models.synthesiser.push(state, token, voice, speaker_f0) for token in tokens]
    return _vocode([(part.mel, part.f0) for part in (*spoken, models.synthesiser.flush(state))], models)


def _vocode(parts: Sequence[tuple[torch.Tensor, torch.Tensor]], models: Models) -> NDArray[np.int16]:
    state = models.vocoder.stream()
    sounds = [models.vocoder.push(state, mel, f0) for mel, f0 in parts]
    sound = torch.cat([*sounds, models.vocoder.flush(state)])[LAG_SAMPLES:]
    return to_pcm(sound.numpy())
