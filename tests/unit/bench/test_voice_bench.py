"""The tables of `softphone bench voice`, how speakers' recordings are divided, and what counts as their sound."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codec.units import audio_file
from softphone.bench.instruments.manifest import Recording
from softphone.bench.voice import voice_docs
from softphone.bench.voice.voice_bench import VoiceBenchError, _speakers, sounding
from softphone.bench.voice.voice_rows import VoiceFigures, VoiceRow

FIRST = VoiceRow("anna", 3.0, 10, 0.85, 0.85, 0.7, 0.7, 0.75, 0.75, True, True, 0.97, 0.96, 0.0, 9.0)
LATER = replace(FIRST, seconds=45.5, bytes=150, similarity=0.90, similarity2=0.8, mel_distance=0.70, training_s=12.0)
OTHER = replace(FIRST, speaker="ben", seconds=30.0, similarity=0.88, mel_distance=0.76, found=False)


def test_the_page_tells_means_shares_and_each_speaker(tmp_path: Path) -> None:
    figures = VoiceFigures([FIRST, LATER, replace(FIRST, speaker="ben"), OTHER], {8: 0.92, 16: 0.95})
    text = voice_docs.write(tmp_path, figures, "softphone bench voice").read_text()
    lines = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]] for line in text.splitlines() if line.startswith("| ")
    }
    titles = lines["seconds"]
    at = dict(zip(titles, lines["end, of 20 and more: 38"], strict=True))
    assert (at["speakers"], at["similarity"], at["gain"], at["better in both"], at["found"]) == ("2", "0.890", "+0.040", "50%", "50%")
    assert lines["anna"] == ["45.5", "150", "0.850", "0.900", "0.700", "0.800", "0.750", "0.700"]
    assert lines["cosine to the full embedding"] == ["0.920", "0.950"]
    assert (tmp_path / voice_docs.PICTURE).stat().st_size > 1000
    wanted = {"speaker", "seconds", "bytes", "similarity", "similarity_embedding_only", "mel_distance", "mel_distance_embedding_only"}
    assert wanted <= set(figures.as_json()["rows"][0])


def test_what_is_listened_to_is_no_part_of_the_call(tmp_path: Path) -> None:
    recordings = []
    for number in range(10):
        path = tmp_path / f"{number}.flac"
        audio_file.write(path, np.full(5 * 16000, 100 * number + 100, np.int16))
        recordings.append(Recording(str(number), path, "anna", ""))
    (speaker,) = _speakers(recordings)
    assert (set(speaker.kept.tolist()), set(speaker.call.tolist())) == ({0, 900, 1000}, {0, *range(100, 900, 100)})
    with pytest.raises(VoiceBenchError, match="--data"):
        _speakers(recordings[:1])


def test_pauses_are_no_sound() -> None:
    rng = np.random.default_rng(0)
    speech, noise = (rng.normal(0, level, 16000).astype(np.int16) for level in (3000, 10))
    assert abs(len(sounding(np.concatenate((noise, speech, noise)))) - 16000) <= 10 * 320
    assert len(sounding(np.zeros(16000, np.int16))) == 0
