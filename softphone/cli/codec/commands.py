"""What `softphone codec encode`, `decode`, `say` and `info` do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codec.decoder import Decoder
from codec.models import Models
from codec.recordings import decode_recording, encode_recording
from codec.speech_files import neutral_voice, payloads, to_pcm, voice_from_code, voice_of, voice_to_code
from codec.text.speaker import TextSpeaker
from codec.units import audio_file
from codec.units.errors import AudioFileError, PayloadError
from codec.units.phones import PHONES, SILENCE
from codec.units.rates import HEADER_BYTES, SAMPLE_RATE
from codec.wire import file as phv_file
from codec.wire.packet import VOICE_PIECE_BYTES, parse
from codec.wire.settings import EncoderSettings
from codec.wire.token import TICK_MS


def encode(source: Path, target: Path, settings: EncoderSettings | None = None, models: Models | None = None) -> str:
    """A sound file into a .phv file; returns one line for people. Raises AudioFileError, ModelError."""
    pcm = audio_file.read(source)
    models = models or Models.load()
    file = encode_recording(pcm, models, settings)
    phv_file.write(target, file)
    facts = _cost(file.records, file.duration_ms)
    return (
        f"{target}: {facts['seconds']} s in {facts['packets']} packets, "
        f"{facts['payload_bps']} bit/s of payload, {facts['ip_bps']} bit/s with IP, UDP and RTP headers"
    )


def decode(source: Path, target: Path, models: Models | None = None) -> str:
    """A .phv file into a sound file, as heard without network trouble; returns one line for people. Raises AudioFileError, ModelError."""
    file = phv_file.read(source)
    models = models or Models.load()
    decoder = Decoder(models)
    try:
        pcm = decode_recording(file, models, decoder)
    except AudioFileError as error:
        raise AudioFileError(f"{source} cannot be decoded. {error}") from None
    audio_file.write(target, pcm)
    lost = f", {decoder.statistics.lost_ms} ms missing" if decoder.statistics.lost_ms else ""
    return f"{target}: {len(pcm) / SAMPLE_RATE:.2f} s{lost}"


def say(text: str, target: Path, voice: Path | None = None, voice_code: str | None = None, models: Models | None = None) -> list[str]:
    """Typed text into a sound file, in the voice of a recording, or of a voice code, or of nobody in particular; returns lines for people.

    Raises AudioFileError, ModelError, TextError.
    """
    speaker = TextSpeaker.load()
    spoken = speaker.speak(text)
    recording = audio_file.read(voice) if voice is not None else None
    models = models or Models.load()
    if recording is not None:
        speaks = voice_of(recording, models)
    else:
        speaks = voice_from_code(voice_code, models) if voice_code is not None else neutral_voice(models)
    pcm = to_pcm(spoken, models, speaks)
    audio_file.write(target, pcm)
    payload = sum(len(data) for _, data in payloads(spoken, models, speaks.mean_f0))
    lines = [f"{target}: {len(pcm) / SAMPLE_RATE:.2f} s; in a call {payload} bytes of payload"]
    if voice is not None:
        lines.append(f"voice code: {voice_to_code(speaks, models)}")
    return lines + list(spoken.doubts)


def info(source: Path, models: Models | None = None) -> dict[str, Any]:
    """What is in a .phv file, fit for JSON. Raises AudioFileError, ModelError."""
    file = phv_file.read(source)
    models = models or Models.load()
    facts: dict[str, Any] = {"model": file.model_id, "model_fits": file.model_id == models.model_id}
    facts |= _cost(file.records, file.duration_ms)
    if not facts["model_fits"]:
        return facts
    spoken, phones, pieces, talkspurts = 0, list[str](), set[tuple[int, int]](), 0
    for _, data in file.records:
        try:
            packet = parse(data, models.entropy)
        except PayloadError as error:
            raise AudioFileError(f"{source} holds a damaged payload ({error}); encode the recording again.") from None
        newest = packet.groups[-1]
        spoken += sum(token.ticks for token in newest)
        talkspurts += packet.start and len(packet.groups) == 1
        phones += [PHONES[token.phone] for token in newest if token.phone != SILENCE]
        if packet.voice is not None:
            pieces.add((packet.voice.version, packet.voice.index))
    bits = 8 * sum(len(data) for _, data in file.records)
    speech = spoken * TICK_MS / 1000
    return facts | {
        "speech_seconds": round(speech, 2),
        "payload_bps_in_speech": round(bits / speech, 1) if speech else 0.0,
        "talkspurts": talkspurts,
        "phones_per_second": round(len(phones) / speech, 1) if speech else 0.0,
        "voice_bytes": VOICE_PIECE_BYTES * len(pieces),
        "phones": " ".join(phones),
    }


def _cost(records: Sequence[tuple[int, bytes]], duration_ms: int) -> dict[str, Any]:
    size = sum(len(each) for _, each in records)
    seconds = duration_ms / 1000
    headers = HEADER_BYTES * len(records)
    return {
        "seconds": round(seconds, 2),
        "packets": len(records),
        "payload_bytes": size,
        "payload_bps": round(8 * size / seconds, 1) if seconds else 0.0,
        "ip_bps": round(8 * (size + headers) / seconds, 1) if seconds else 0.0,
    }
