"""Training speech, decoded once: `python -m codec.train.corpus` packs every utterance of the data lists.

The cache is one int16 file `<name>.pcm` (16 kHz mono, utterances end to end) and `<name>.jsonl`, the data list with
`offset` and `samples` added. Packed once for everybody who trains.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.errors import AudioFileError
from codec.tokens import SAMPLE_RATE

DATA = Path(os.environ.get("SOFTPHONE_DATA", "../shared/data"))
CACHE = Path("work/corpus")


def decode_audio(path: Path) -> NDArray[np.int16]:
    """Any sound file as int16, 16 kHz mono: (samples,)."""
    import av  # noqa: PLC0415 - only training needs it

    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            blocks = [block.to_ndarray() for frame in container.decode(audio=0) for block in resampler.resample(frame)]
            blocks += [block.to_ndarray() for block in resampler.resample(None)]
    except (OSError, av.error.FFmpegError) as error:
        raise AudioFileError(f"{path} cannot be decoded ({error}); check that the data folder is complete") from error
    return np.concatenate([block.reshape(-1) for block in blocks]).astype(np.int16)


def pack(name: str, data: Path = DATA, cache: Path = CACHE) -> None:
    """Decode every utterance of `<data>/<name>.jsonl` into the cache; does nothing where it is already there."""
    index_path = cache / f"{name}.jsonl"
    if index_path.exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    lines = (data / f"{name}.jsonl").read_text().splitlines()
    offset, started = 0, time.monotonic()
    index_part = index_path.with_suffix(".part")
    with open(cache / f"{name}.pcm", "wb") as sound, open(index_part, "w") as index:
        for count, line in enumerate(lines, 1):
            record = json.loads(line)
            pcm = decode_audio(data / record["file"])
            sound.write(pcm.tobytes())
            index.write(json.dumps({**record, "offset": offset, "samples": len(pcm)}) + "\n")
            offset += len(pcm)
            if count % 100 == 0 or count == len(lines):
                left = (time.monotonic() - started) / count * (len(lines) - count)
                print(f"\r{name}: {count}/{len(lines)} utterances, {left:.0f} s left ", end="", file=sys.stderr, flush=True)
    index_part.rename(index_path)
    print(file=sys.stderr)


class Corpus:
    """A packed data list: `records[i]` is the line of the list, `pcm(i)` its sound (int16, read from a memory map)."""

    def __init__(self, name: str, cache: Path = CACHE) -> None:
        index_path = cache / f"{name}.jsonl"
        if not index_path.exists():
            raise AudioFileError(f"{index_path} is missing; run `python -m codec.train.corpus` first")
        self.name = name
        self.records: list[dict[str, Any]] = [json.loads(line) for line in index_path.read_text().splitlines()]
        self._pcm = np.memmap(cache / f"{name}.pcm", dtype=np.int16, mode="r")

    def __len__(self) -> int:
        return len(self.records)

    def pcm(self, index: int) -> NDArray[np.int16]:
        record = self.records[index]
        return np.asarray(self._pcm[record["offset"] : record["offset"] + record["samples"]])

    def part(self, index: int) -> str:
        """`l2`, `librispeech`, `commands` or `synthetic`."""
        return str(self.records[index]["file"]).split("/")[1]

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.records)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["train", "valid", "dev"])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=CACHE)
    arguments = parser.parse_args()
    for name in arguments.names:
        pack(name, arguments.data, arguments.cache)


if __name__ == "__main__":
    main()
