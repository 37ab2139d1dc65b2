"""Codec2 by the programs c2enc and c2dec of Debian's package codec2, at 8 kHz; packets of 120 ms as amateur radio over IP sends them."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from softphone.bench.systems.system import Passed
from softphone.errors import SoftphoneError

PACKET_S = 0.12


class Codec2Error(SoftphoneError):
    """The programs are missing or fail."""


class Codec2:
    """mode: "3200", "1200", "700C" and so on."""

    def __init__(self, mode: str) -> None:
        if shutil.which("c2enc") is None:
            raise Codec2Error("c2enc is missing; install Debian's package codec2, or leave codec2 out with --systems")
        self._mode = mode

    def pass_through(self, pcm: NDArray[np.int16]) -> Passed:
        narrow = np.clip(resample_poly(pcm.astype(np.float32), 1, 2), -32768, 32767).astype(np.int16)
        with tempfile.TemporaryDirectory() as folder:
            sound, bits, heard = (Path(folder) / name for name in ("in.raw", "bits", "out.raw"))
            sound.write_bytes(narrow.tobytes())
            for command in (["c2enc", self._mode, str(sound), str(bits)], ["c2dec", self._mode, str(bits), str(heard)]):
                done = subprocess.run(command, capture_output=True, check=False)
                if done.returncode:
                    raise Codec2Error(f"{command[0]} {self._mode} failed: {done.stderr.decode(errors='replace').strip()}")
            size = bits.stat().st_size
            out = np.frombuffer(heard.read_bytes(), np.int16).astype(np.float32)
        wide = np.clip(resample_poly(out, 2, 1), -32768, 32767).astype(np.int16)
        return Passed(wide, size, round(len(pcm) / 16000 / PACKET_S))
