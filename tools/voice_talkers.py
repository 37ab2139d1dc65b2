"""Speakers for `softphone bench voice`: `python -m tools.voice_talkers WHEEL shared/data/valid.jsonl work/talkers`.

Those of the list with LEAST_S or more of speech, but for the seven on whom the rules of the training in calls were tuned, and four more
people: WHEEL is what `pip download --no-deps mcvqoe-psud==1.1.3` leaves, clips of ten seconds, made by NIST and free of copyright in the
United States. Of each talker's first set so many clips are taken as give a minute of speech besides those that are kept for listening.
"""

import argparse
import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import soundfile

from codec import audio_file

LEAST_S = 15.5
TUNED = ("0133", "1030", "1503", "2027", "2116", "9101", "9558")
CLIPS = 18
TALKERS = ("F1", "F3", "M3", "M4")


def main() -> None:
    """Writes the clips at 16 kHz, and manifest.jsonl."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("list", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = _untuned(options.list)
    with zipfile.ZipFile(options.wheel) as wheel:
        for talker in TALKERS:
            for clip in range(1, CLIPS + 1):
                sound, rate = soundfile.read(
                    io.BytesIO(wheel.read(f"mcvqoe/psud/audio_clips/set1/{talker}_n10_s1_c{clip}.wav")), dtype="float32"
                )
                pcm = audio_file.to_pcm(audio_file.resample(sound, rate))
                name = f"{talker}-{clip:02}"
                audio_file.write(options.folder / f"{name}.flac", pcm)
                rows.append(
                    {"id": name, "file": f"{name}.flac", "speaker": f"nist-{talker}", "text": "-", "seconds": round(len(pcm) / 16000, 2)}
                )
    (options.folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    print(f"{len(rows)} recordings of {len({row['speaker'] for row in rows})} speakers in {options.folder}")


def _untuned(listed: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in listed.read_text().splitlines()]
    seconds: Counter[str] = Counter()
    for row in rows:
        seconds[row["speaker"]] += row["seconds"]
    wanted = {name for name, total in seconds.items() if total >= LEAST_S} - {f"l2-{number}" for number in TUNED}
    return [{**row, "file": str((listed.parent / row["file"]).resolve())} for row in rows if row["speaker"] in wanted]


if __name__ == "__main__":
    main()
