"""`softphone bench codec`: the same recordings through each codec, measured in words understood.

Rates are over the seconds in which somebody speaks (`speech.speech_seconds`), for every system alike; the IP rate counts 40 bytes of IPv4,
UDP and RTP headers a packet. Processor time is of one core. The phone error is that of the codec's own recogniser against the dictionary,
over the recordings whose words are all in it.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from codec import audio_file
from codec.train.pronunciations import phone_errors, variants_of
from codec.voice import VoiceEncoder
from softphone.bench.asr import Asr
from softphone.bench.manifest import Recording
from softphone.bench.opus_cost import HEADER_BYTES
from softphone.bench.speech import speech_seconds
from softphone.bench.systems import SYSTEMS
from softphone.bench.systems.system import Passed
from softphone.bench.wer import normalise, word_error_rate

RATE = 16000

Row = dict[str, str | float | int | None]


def bench(recordings: Sequence[Recording], names: Sequence[str], progress: Callable[[str], None]) -> list[Row]:
    """One row for each system in `names`. Raises SoftphoneError, CodecError where something is missing."""
    systems = {name: SYSTEMS[name]() for name in names}
    asr, voices = Asr(), VoiceEncoder.load()
    sounds = [audio_file.read(recording.file) for recording in recordings]
    own = [_embedding(voices, sound) for sound in sounds]
    rows = []
    for name, system in systems.items():
        passed, heard, likeness = [], [], []
        for number, (sound, embedding) in enumerate(zip(sounds, own, strict=True), 1):
            progress(f"{name}: {number} of {len(sounds)}")
            passed.append(system.pass_through(sound))
            heard.append(asr.transcribe(passed[-1].pcm))
            likeness.append(float(_embedding(voices, passed[-1].pcm) @ embedding))
        words: Row = {"wer": _word_error(recordings, heard), "similarity": float(np.mean(likeness))}
        rows.append(_row(name, recordings, sounds, passed) | words)
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| system | payload bit/s | IP bit/s | word error | phone error | voice similarity | encoder, core | decoder, core |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        rates = [_shown(row[key], "{:.0f}") for key in ("payload_bps", "ip_bps")]
        errors = [_shown(row[key], "{:.1%}") for key in ("wer", "per")]
        rest = [_shown(row[key], "{:.2f}") for key in ("similarity", "rtf_encode", "rtf_decode")]
        lines.append("| " + " | ".join([str(row["system"]), *rates, *errors, *rest]) + " |")
    lines.append("")
    lines.append(f"{rows[0]['utterances']} utterances of {rows[0]['speakers']} speakers.")
    return "\n".join(lines)


def _shown(value: str | float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _row(name: str, recordings: Sequence[Recording], sounds: Sequence[NDArray[np.int16]], passed: Sequence[Passed]) -> Row:
    speech = sum(speech_seconds(sound, RATE) for sound in sounds)
    seconds = sum(map(len, sounds)) / RATE
    size = _sum(one.payload_bytes for one in passed)
    packets = _sum(one.packets for one in passed)
    encode_s, decode_s = _sum(one.encode_s for one in passed), _sum(one.decode_s for one in passed)
    return {
        "system": name,
        "payload_bps": None if size is None else 8 * size / speech,
        "ip_bps": None if size is None or packets is None else 8 * (size + HEADER_BYTES * packets) / speech,
        "per": _phone_error(recordings, passed),
        "rtf_encode": None if encode_s is None else encode_s / seconds,
        "rtf_decode": None if decode_s is None else decode_s / seconds,
        "utterances": len(recordings),
        "speakers": len({recording.speaker for recording in recordings}),
    }


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _word_error(recordings: Sequence[Recording], heard: Sequence[str]) -> float:
    """Errors over words, of all recordings together."""
    words = [len(normalise(recording.text).split()) for recording in recordings]
    errors = [word_error_rate(recording.text, text) * count for recording, text, count in zip(recordings, heard, words, strict=True)]
    return sum(errors) / sum(words)


def _phone_error(recordings: Sequence[Recording], passed: Sequence[Passed]) -> float | None:
    edits = total = 0
    for recording, one in zip(recordings, passed, strict=True):
        if one.phones is not None and (variants := variants_of(recording.text)) is not None:
            found, count = phone_errors(one.phones, variants)
            edits, total = edits + found, total + count
    return edits / total if total else None


def _embedding(voices: VoiceEncoder, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """GE2E of the stretches that are not digital silence, as resemblyzer embeds an utterance, unit length."""
    frames = pcm[: len(pcm) // 320 * 320].reshape(-1, 320)
    sound = frames[np.abs(frames).max(1) > 0].ravel() / np.float32(32768)
    mean = voices.embed_windows(np.asarray(sound, np.float32)).mean(0)
    return np.asarray(mean / (np.linalg.norm(mean) + 1e-9), np.float32)
