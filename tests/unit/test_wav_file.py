"""WAV files whose heads lie: recorders that were killed, pipes, programs that forget the padding."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.units import audio_file, wav_file
from softphone import sound_file
from softphone.engine.sound.wav import WavError, check_playable

RATE = 16000
PCM = (8000 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype("<i2")
EXTENSIBLE_PCM = struct.pack("<HHIIHHHHI", 0xFFFE, 1, RATE, 2 * RATE, 2, 16, 22, 16, 4) + bytes.fromhex("0100000000001000800000aa00389b71")
PLAIN = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)


def chunk(name: bytes, data: bytes, size: int | None = None, pad: bool = True) -> bytes:
    return name + struct.pack("<I", len(data) if size is None else size) + data + (b"\0" if pad and len(data) % 2 else b"")


def riff(*chunks: bytes, size: int | None = None, name: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return name + struct.pack("<I", len(body) if size is None else size) + body


SOUND = PCM.tobytes()
FMT = chunk(b"fmt ", PLAIN)
LIARS = {
    "sizes of zero": riff(FMT, chunk(b"data", SOUND, 0), size=0),
    "as the head is begun": riff(FMT, chunk(b"data", SOUND, 0), size=36),
    "a pipe": riff(FMT, chunk(b"data", SOUND, 0xFFFFFFFF), size=0xFFFFFFFF),
    "sox into a pipe": riff(FMT, chunk(b"data", SOUND, 0x7FFFF000), size=0x7FFFF024),
    "more than there is": riff(FMT, chunk(b"data", SOUND, len(SOUND) + 5000), size=len(SOUND) + 5036),
    "data alone of zero": riff(FMT, chunk(b"data", SOUND, 0), size=4),
    "torn in a sample": riff(FMT, chunk(b"data", SOUND + b"\1", 0, pad=False), size=0),
    "format of zero": riff(chunk(b"fmt ", PLAIN, 0), chunk(b"data", SOUND, 0), size=0),
    "chunks before": riff(chunk(b"JUNK", bytes(28)), FMT, chunk(b"LIST", b"INFOabc"), chunk(b"data", SOUND, 0), size=0),
    "no padding": riff(FMT, chunk(b"LIST", b"INFOabc", pad=False), chunk(b"data", SOUND)),
    "a chunk beyond the file": riff(FMT, chunk(b"LIST", bytes(10), 0xFFFFFFFF), chunk(b"data", SOUND, 0), size=0),
    "extensible": riff(chunk(b"fmt ", EXTENSIBLE_PCM), chunk(b"data", SOUND, 0), size=0),
    "RF64": riff(chunk(b"ds64", bytes(28)), FMT, chunk(b"data", SOUND, 0xFFFFFFFF), size=0xFFFFFFFF, name=b"RF64"),
}
HONEST = {
    "plain": riff(FMT, chunk(b"data", SOUND)),
    "a longer format": riff(chunk(b"fmt ", PLAIN + b"\0\0"), chunk(b"data", SOUND)),
    "extensible": riff(chunk(b"fmt ", EXTENSIBLE_PCM), chunk(b"data", SOUND)),
    "padded": riff(FMT, chunk(b"LIST", b"INFOabc"), chunk(b"data", SOUND)),
    "chunks after": riff(FMT, chunk(b"data", SOUND), chunk(b"LIST", b"INFOabcd")),
    "RF64": riff(
        chunk(b"ds64", struct.pack("<QQQI", len(SOUND) + 72, len(SOUND), RATE, 0)), FMT, chunk(b"data", SOUND, 0xFFFFFFFF),
        size=0xFFFFFFFF, name=b"RF64",
    ),
}  # fmt: skip


@pytest.mark.parametrize("data", [*LIARS.values(), *HONEST.values()], ids=[*LIARS, *(f"honest: {name}" for name in HONEST)])
def test_sound_is_read_by_the_length_of_the_file(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(data)
    assert np.array_equal(audio_file.read(path), PCM)
    check_playable(str(path))
    assert np.array_equal(sound_file.read(sound_file.playable(path, tmp_path)), PCM)


@pytest.mark.parametrize("name", LIARS)
def test_a_rewritten_file_is_one_that_simple_readers_read(name: str) -> None:
    head = wav_file.read_head(io.BytesIO(LIARS[name]))
    assert head is not None and not head.simple and head.frames == RATE
    rewritten = wav_file.RewrittenWav(io.BytesIO(LIARS[name]), head)
    data = rewritten.read()
    assert data == HONEST["plain"]
    assert rewritten.seek(-4, io.SEEK_END) == len(data) - 4 and rewritten.read(9) == data[-4:] and rewritten.read(1) == b""
    again = wav_file.read_head(io.BytesIO(data))
    assert again is not None and again.simple


def test_only_what_pjmedia_reads_as_it_is_counts_as_simple() -> None:
    simple = {name for name, data in HONEST.items() if (head := wav_file.read_head(io.BytesIO(data))) is not None and head.simple}
    assert simple == {"plain", "a longer format", "chunks after"}


@pytest.mark.parametrize(
    ("form", "samples", "dtype"),
    [("PCM_24", 2, "int32"), ("FLOAT", 2, "float32"), ("ULAW", 1, "int16"), ("ALAW", 1, "int16"), ("PCM_U8", 1, "int16")],
)
def test_other_formats_of_killed_recorders(form: str, samples: int, dtype: str, tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole.wav", tmp_path / "torn.wav"
    soundfile.write(whole, np.tile(PCM[:, None], samples), RATE, subtype=form)
    data = bytearray(whole.read_bytes())
    place = data.index(b"data")
    data[4:8] = data[place + 4 : place + 8] = bytes(4)
    torn.write_bytes(data)
    assert np.array_equal(audio_file.read(torn), audio_file.read(whole)) and len(audio_file.read(torn)) == RATE


@pytest.mark.parametrize("rate", [1, 7, 49, 3999, 384_001, 2**31, 2**32 - 1])
def test_rates_at_which_nobody_records_are_refused(rate: int, tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    form = struct.pack("<HHIIHH", 1, 1, rate, min(2 * rate, 2**32 - 1), 2, 16)
    path.write_bytes(riff(chunk(b"fmt ", form), chunk(b"data", SOUND)))
    with pytest.raises(WavError, match="samples a second; convert it"):
        check_playable(str(path))
    with pytest.raises(sound_file.SoundFileError):
        sound_file.read(path)


@pytest.mark.parametrize(("form", "rate"), [("GSM610", 8000), ("IMA_ADPCM", RATE), ("MS_ADPCM", RATE), ("DOUBLE", RATE)])
def test_formats_of_voice_mail(form: str, rate: int, tmp_path: Path) -> None:
    path = tmp_path / "mail.wav"
    soundfile.write(path, PCM[: rate // 2], rate, subtype=form)
    sound = sound_file.read(path)
    assert RATE * 0.45 < len(sound) < RATE * 1.1 and np.abs(sound.astype(int)).max() > 5000


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_values_that_are_no_sound_are_clipped(value: float, tmp_path: Path) -> None:
    path = tmp_path / "float.wav"
    soundfile.write(path, np.full(RATE, value), RATE, subtype="DOUBLE")
    assert set(sound_file.read(path)) <= {0, -32768, 32767}


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF", riff(), riff(FMT), riff(FMT, b"data"), riff(chunk(b"fmt ", b"\1"), chunk(b"data", b"")), b"RIFF" + bytes(60),
     riff(chunk(b"fmt ", bytes(16)), chunk(b"data", SOUND)), riff(chunk(b"data", SOUND)), riff(*[chunk(b"LIST", b"")] * 2000)],
)  # fmt: skip
def test_what_has_no_sound_is_refused_in_one_sentence(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(data)
    with pytest.raises(WavError, match="no WAV file"):
        check_playable(str(path))
    with pytest.raises(sound_file.SoundFileError):
        sound_file.read(path)


@pytest.mark.parametrize("data", [riff(FMT, chunk(b"data", b"")), riff(FMT, chunk(b"data", b"", 0), size=0)])
def test_no_sound_is_said_to_be_none(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(data + (chunk(b"LIST", bytes(2000)) if data[4] else b""))
    if data[4]:
        path.write_bytes(riff(FMT, chunk(b"data", b""), chunk(b"LIST", bytes(2000))))
    with pytest.raises(WavError, match="shorter than 20 ms"):
        check_playable(str(path))
    with pytest.raises(sound_file.SoundFileError, match="is empty"):
        sound_file.read(path)
