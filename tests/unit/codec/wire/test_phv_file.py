import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from codec.units import audio_file
from codec.units.errors import AudioFileError
from codec.wire import file as phv_file
from codec.wire.file import PhvFile
from codec.wire.settings import EncoderSettings
from softphone.cli.codec import commands
from tests.scripted_speech import HELLO, models_for, script


@st.composite
def files(draw: st.DrawFn) -> PhvFile:
    records = draw(st.lists(st.tuples(st.integers(0, 2**31), st.binary(min_size=1, max_size=40)), max_size=20))
    records.sort(key=lambda record: record[0])
    end = records[-1][0] if records else 0
    return PhvFile("0a1b2c3d", draw(st.integers(end, 2**32 - 1)), tuple(records))


@given(files())
def test_round_trip(file: PhvFile) -> None:
    assert phv_file.parse(file.serialize()) == file


@given(files(), st.data())
def test_damage_is_found(file: PhvFile, data: st.DataObject) -> None:
    good = file.serialize()
    damaged = bytearray(good)
    damaged[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    cut = good[: data.draw(st.integers(0, len(good) - 1))]
    for bad in (bytes(damaged), cut, good + b"\0"):
        with pytest.raises(AudioFileError, match="is not a|damaged|version"):
            phv_file.parse(bad)


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    for bad in (data, phv_file.MAGIC + data, phv_file.MAGIC + b"\x01" + data):
        with pytest.raises(AudioFileError, match=r"\.phv|damaged"):
            phv_file.parse(bad)


@pytest.mark.parametrize("file", [PhvFile("short", 0, ()), PhvFile("0a1b2c3d", 5, ((6, b"x"),)), PhvFile("0a1b2c3d", 5, ((1, b""),))])
def test_what_does_not_fit_is_not_written(file: PhvFile) -> None:
    with pytest.raises(ValueError, match="fit|characters"):
        file.serialize()


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"none\.phv cannot be read"):
        phv_file.read(tmp_path / "none.phv")
    with pytest.raises(AudioFileError, match="cannot be written"):
        phv_file.write(tmp_path / "no" / "folder.phv", PhvFile("0a1b2c3d", 0, ()))


@pytest.mark.parametrize(
    ("rate", "channels", "suffix"), [(8000, 1, "wav"), (44100, 2, "flac"), (48000, 6, "wav"), (16000, 1, "ogg"), (11025, 1, "wav")]
)
def test_any_rate_and_channel_count_is_read(tmp_path: Path, rate: int, channels: int, suffix: str) -> None:
    time = np.arange(rate) / rate
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, np.tile(0.5 * np.sin(2 * np.pi * 440 * time)[:, None], channels), rate)
    pcm = audio_file.read(path)
    assert abs(len(pcm) - 16000) <= 1
    wanted = 0.5 * 32768 * np.sin(2 * np.pi * 440 * np.arange(len(pcm)) / 16000)
    middle = slice(2000, 14000)
    assert np.sqrt(np.mean((pcm[middle] - wanted[middle]) ** 2)) < 0.02 * 0.5 * 32768


def test_bad_sound_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    path.write_bytes(b"RIFF" + bytes(40))
    with pytest.raises(AudioFileError, match="not a sound file"):
        audio_file.read(path)
    with pytest.raises(AudioFileError, match="not a file"):
        audio_file.read(tmp_path)
    with pytest.raises(AudioFileError, match="cannot be written"):
        audio_file.write(tmp_path / "sound.unknown", np.zeros(10, np.int16))


def test_commands_take_sound_to_phv_and_back(tmp_path: Path) -> None:
    said = script([("SIL", 400), *HELLO, ("SIL", 500)])
    models = models_for(said.phones)
    wav, phv, back = tmp_path / "in.wav", tmp_path / "out.phv", tmp_path / "back.wav"
    audio_file.write(wav, said.pcm)
    assert "bit/s" in commands.encode(wav, phv, EncoderSettings(redundancy=0), models)
    facts = json.loads(json.dumps(commands.info(phv, models)))
    assert facts["phones"] == " ".join(label for label, _ in HELLO)
    assert facts["packets"] >= 8
    assert facts["ip_bps"] == pytest.approx(facts["payload_bps"] + 320 * facts["packets"] / facts["seconds"], rel=0.01)
    assert facts["talkspurts"] == 1
    assert "back.wav" in commands.decode(phv, back, models)
    heard = audio_file.read(back)
    assert len(heard) >= len(said.pcm)
    assert np.abs(heard.astype(float)).max() > 300


def test_a_file_for_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.phv"
    phv_file.write(path, PhvFile("ffffffff", 100, ((50, b"\x01\x02"),)))
    models = models_for([])
    assert commands.info(path, models)["model_fits"] is False
    with pytest.raises(AudioFileError, match="model ffffffff"):
        commands.decode(path, tmp_path / "back.wav", models)


def test_a_damaged_payload_in_a_whole_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.phv"
    phv_file.write(path, PhvFile("0123abcd", 100, ((50, b"\x01" + bytes(8) + b"\x01"),)))
    for run in (lambda m: commands.info(path, m), lambda m: commands.decode(path, tmp_path / "back.wav", m)):
        with pytest.raises(AudioFileError, match="damaged payload"):
            run(models_for([]))
