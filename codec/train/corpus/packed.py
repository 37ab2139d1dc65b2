"""Training speech, decoded once, as `codec.train.corpus.pack` writes it.

The cache is one int16 file `<name>.pcm` (16 kHz mono, utterances end to end) and `<name>.jsonl`, the data list with
`offset` and `samples` added. Packed once for everybody who trains. A list may have a second set of labels, `<name>.<labels>.jsonl`.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.train.ledger import Ledger
from codec.units.errors import AudioFileError
from codec.units.rates import SAMPLE_RATE

DATA = Path(os.environ.get("SOFTPHONE_DATA", "../shared/data"))
CACHE = Path("work/corpus")
MADE_BY = {
    "": "codec.train.corpus.pack",
    "realigned": "codec.train.corpus.realign {}",
    "heard": "codec.train.corpus.heard {}",
}
"""The step that writes each set of labels of a list."""


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
    """Decode every utterance of `<data>/<name>.jsonl` into the cache; does nothing where it is already there. Raises AudioFileError."""
    index_path = cache / f"{name}.jsonl"
    if index_path.exists():
        return
    try:
        lines = (data / f"{name}.jsonl").read_text().splitlines()
    except OSError as error:
        raise AudioFileError(f"{error.filename} cannot be read: name the folder of the data lists with --data or SOFTPHONE_DATA.") from None
    ledger = Ledger(cache / name)
    offset = sum(record["samples"] for record in ledger.records)
    for number in ledger.missing(len(lines), name):
        record = json.loads(lines[number])
        pcm = decode_audio(data / record["file"])
        ledger.add({**record, "offset": offset, "samples": len(pcm)}, pcm.tobytes())
        offset += len(pcm)
    ledger.close().rename(cache / f"{name}.pcm")
    write_records(index_path, ledger.records)
    ledger.remove()


def write_records(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """A list, one record a line, in place only when it is whole."""
    part = path.with_suffix(".new")
    part.write_text("".join(json.dumps(record) + "\n" for record in records))
    part.rename(path)


class Corpus:
    """A packed data list: `records[i]` is the line of the list, `pcm(i)` its sound (int16, read from a memory map)."""

    def __init__(self, name: str, cache: Path = CACHE, labels: str = "") -> None:
        """labels: "" for those that came with the list, or the name of another set, of MADE_BY. Raises AudioFileError."""
        index_path = cache / (f"{name}.{labels}.jsonl" if labels else f"{name}.jsonl")
        if not index_path.exists():
            step = MADE_BY[labels].format(name)
            raise AudioFileError(f"{index_path} is missing; run `python -m {step}` first")
        self.name, self.cache, self.labels = name, cache, labels
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

    def fingerprint(self) -> str:
        """Stands for the list in cards: SHA-256 over the ids, in order, and their labels; 16 hex digits."""
        digest = hashlib.sha256()
        for record in self.records:
            digest.update(json.dumps([record["id"], record["phones"]]).encode())
        return digest.hexdigest()[:16]

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.records)))
