"""Codec2 by the programs c2enc and c2dec of Debian's package codec2, at 8 kHz; packets of 120 ms as amateur radio over IP sends them."""

import hashlib
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from softphone.bench.instruments.manifest import Recording
from softphone.bench.systems.system import Passed
from softphone.errors import SoftphoneError


class Codec2Error(SoftphoneError):
    """The programs are missing or fail."""


class Codec2:
    """mode: "3200", "1200", "700C" and so on. Raises Codec2Error."""

    hold_ms = 120

    def __init__(self, mode: str) -> None:
        program = shutil.which("c2enc")
        if program is None:
            raise Codec2Error("c2enc is missing; install Debian's package codec2, or leave codec2 out with --systems")
        self._mode = mode
        self.fingerprint = f"{hashlib.sha256(Path(program).read_bytes()).hexdigest()[:16]} {mode} {self.hold_ms}"

    def pass_through(self, pcm: NDArray[np.int16], recording: Recording) -> Passed:
        narrow = np.clip(resample_poly(pcm.astype(np.float32), 1, 2), -32768, 32767).astype(np.int16)
        with tempfile.TemporaryDirectory() as folder:
            sound, bits, heard = (Path(folder) / name for name in ("in.raw", "bits", "out.raw"))
            sound.write_bytes(narrow.tobytes())
            encode_s = _run(["c2enc", self._mode, str(sound), str(bits)])
            decode_s = _run(["c2dec", self._mode, str(bits), str(heard)])
            size = bits.stat().st_size
            out = np.frombuffer(heard.read_bytes(), np.int16).astype(np.float32)
        wide = np.clip(resample_poly(out, 2, 1), -32768, 32767).astype(np.int16)
        return Passed(wide, size, round(len(pcm) / 16 / self.hold_ms), encode_s, decode_s)


def _run(command: list[str]) -> float:
    """Seconds of processor time that it took, its start among them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise Codec2Error(f"{command[0]} {command[1]} failed: {done.stderr.decode(errors='replace').strip()}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
