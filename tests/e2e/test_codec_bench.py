"""`softphone bench codec`: its list of recordings, its rows, and what it says where something is missing."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from codec.units import audio_file
from softphone.bench.codec.codec_bench import bench
from softphone.bench.codec.result import StoreError
from softphone.bench.codec.rows import KEYS
from softphone.bench.codec.table import table
from softphone.bench.codec.workbench import CLEAN, Condition, Task, Workbench, measure_all
from softphone.bench.instruments.judge import Verdict
from softphone.bench.instruments.manifest import ManifestError, Recording, read_manifest
from softphone.bench.systems import codec2, lyra
from softphone.cli.main import main
from tests.places import DEMO_AUDIO
from tests.scripted_speech import HELLO, script


def write_list(folder: Path, *rows: object) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def row(number: int, **changes: object) -> dict[str, object]:
    return {"id": f"u{number}", "file": str(DEMO_AUDIO / "demo.flac"), "speaker": f"s{number % 3}", "text": "some words"} | changes


@pytest.fixture
def two_recordings(tmp_path: Path) -> list[Recording]:
    """Two voices of tones and noise, 2 s each, in the formats that a list may name."""
    recordings = []
    for number, (f0, suffix) in enumerate(((110.0, ".wav"), (200.0, ".flac"))):
        path = tmp_path / f"u{number}{suffix}"
        audio_file.write(path, script(HELLO, f0=f0).pcm)
        recordings.append(Recording(f"u{number}", path, f"s{number}", "hello world this is a test of speech"))
    return recordings


class Listener:
    """Understands a recording that came through unharmed, and half of anything else. Counts what it was given."""

    def __init__(self) -> None:
        self.times = 0

    def judge(self, clean: NDArray[np.int16], heard: NDArray[np.int16]) -> Verdict:
        self.times += 1
        whole = np.array_equal(clean, heard)
        return Verdict("hello world this is a test of speech" if whole else "hello world this is", "hello", 1.0 if whole else 0.5, 0.9, 3.0)


def quiet(_line: str) -> None:
    pass


def test_a_limit_is_spread_over_the_list(tmp_path: Path) -> None:
    folder = write_list(tmp_path, *(row(number) for number in range(10)))
    assert [one.name for one in read_manifest(folder)] == [f"u{number}" for number in range(10)]
    assert [one.name for one in read_manifest(folder, 5)] == ["u0", "u2", "u4", "u6", "u8"]
    assert len(read_manifest(folder / "manifest.jsonl", 3)) <= 3


@pytest.mark.parametrize("bad", ["{", "[]", '"text"', {"id": "u"}, row(1, file="nowhere.wav"), row(0), row(1, phones=[["AA", 0]])])
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, bad: object) -> None:
    with pytest.raises(ManifestError, match="line 2 of"):
        read_manifest(write_list(tmp_path, row(0), bad))


def test_a_missing_or_empty_list_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="--data"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.jsonl").write_text("")
    with pytest.raises(ManifestError, match="lists no recording"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ManifestError, match="UTF-16 text"):
        read_manifest(tmp_path)


def test_a_row_a_system_and_condition_with_the_keys_of_the_issue(two_recordings: list[Recording]) -> None:
    conditions = [CLEAN, Condition(snr_db=10.0)]
    rows = bench(two_recordings, ["opus-6k-60ms"], quiet, conditions=conditions, judge=Listener())
    assert [one["system"] for one in rows] == ["original", "original@10dB", "opus-6k-60ms", "opus-6k-60ms@10dB"]
    assert all(tuple(one) == KEYS for one in rows)
    original, noisy, opus, _ = rows
    assert (original["wer"], original["wer2"], noisy["wer"]) == (0.0, 7 / 8, 4 / 8)
    assert original["payload_bps"] is None and original["delay_ms"] is None and original["rtf_encode"] is None
    assert isinstance(opus["payload_bps"], float) and 3000 < opus["payload_bps"] < 8000
    assert isinstance(opus["ip_bps"], float) and opus["ip_bps"] > opus["payload_bps"] + 4000
    assert (opus["per"], opus["utterances"], opus["speakers"]) == (None, 2, 2)
    shown = table(rows)
    assert "| opus-6k-60ms@10dB |" in shown and "2 utterances of 2 speakers" in shown


def test_delay_is_the_packet_and_what_the_codec_looks_ahead() -> None:
    path = DEMO_AUDIO / "demo.flac"
    recording = Recording("demo", path, "one", "some words")
    rows = bench([recording], ["opus-6k-60ms", "opus-6k-20ms"], quiet, judge=Listener())
    # libopus looks 6.5 ms ahead.
    assert [one["delay_ms"] for one in rows[1:]] == [pytest.approx(66.5, abs=6), pytest.approx(26.5, abs=6)]


def test_what_is_kept_is_not_measured_again_unless_it_has_changed(two_recordings: list[Recording], tmp_path: Path) -> None:
    first, second = Listener(), Listener()
    keep = tmp_path / "keep"
    rows = bench(two_recordings, ["opus-6k-60ms"], quiet, keep=keep, judge=first)
    assert first.times == 4 and (keep / "opus-6k-60ms" / "u1.flac").is_file()
    audio_file.write(two_recordings[1].file, script(HELLO, f0=90.0).pcm)
    (keep / "original" / "u0.json").write_text("{}")
    again = bench(two_recordings, ["opus-6k-60ms"], quiet, keep=keep, judge=second)
    assert second.times == 3
    assert rows[0]["wer"] == again[0]["wer"]


def test_several_processes_give_the_same_in_the_same_order(two_recordings: list[Recording], tmp_path: Path) -> None:
    tasks = [Task(name, recording) for name in ("original", "opus-6k-60ms") for recording in two_recordings]
    alone = measure_all(Workbench(tmp_path, Listener()), tasks, tmp_path, 1, quiet)
    # Everything is kept by now, so no process loads a speech recogniser.
    assert measure_all(Workbench(), tasks, tmp_path, 2, quiet) == alone


@pytest.mark.parametrize("option", ["--jobs", "--limit"])
def test_numbers_below_one_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert main(["bench", "codec", "--data", str(write_list(tmp_path, row(0))), option, "0"]) == 1
    assert f"{option} must be 1 or more" in capsys.readouterr().err


def test_a_folder_that_cannot_keep_results_is_named(two_recordings: list[Recording], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--keep"):
        bench(two_recordings, ["original"], quiet, keep=tmp_path / "file", judge=Listener())


def test_real_instruments_hear_real_words() -> None:
    recording = Recording("demo", DEMO_AUDIO / "demo.flac", "one", (DEMO_AUDIO / "demo.txt").read_text())
    original, ours = bench([recording], ["phv-base-quick"], quiet)
    assert original["wer"] == pytest.approx(0, abs=0.05) and original["similarity"] == pytest.approx(1, abs=1e-3)
    assert isinstance(original["wer2"], float) and original["wer2"] < 0.1
    assert isinstance(ours["wer"], float) and ours["wer"] < 0.5
    assert isinstance(ours["per"], float) and 0 < ours["per"] < 0.4
    assert isinstance(ours["payload_bps"], float) and isinstance(ours["ip_bps"], float)
    assert 100 < ours["payload_bps"] < 400 < ours["ip_bps"] < 3000
    assert isinstance(ours["delay_ms"], float) and 150 < ours["delay_ms"] < 900
    assert isinstance(ours["phone_delay_ms"], float) and 40 < ours["delay_ms"] - ours["phone_delay_ms"] < 140
    assert isinstance(ours["dnsmos"], float) and isinstance(original["dnsmos"], float) and 1 < ours["dnsmos"] < original["dnsmos"] + 0.3
    assert isinstance(ours["similarity"], float) and 0.6 < ours["similarity"] < 0.99


def test_codec2_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(codec2.Codec2Error, match="package codec2"):
        codec2.Codec2("1200")


def test_what_is_not_installed_is_left_out_unless_it_was_named(
    two_recordings: list[Recording], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(lyra.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(lyra.LyraError, match="--lyra or SOFTPHONE_LYRA"):
        bench(two_recordings, ["lyra-3200"], quiet, judge=Listener())
    monkeypatch.setattr("softphone.bench.codec.codec_bench.SYSTEMS", {"original": None, "opus-6k-60ms": None, "lyra-3200": None})
    said: list[str] = []
    rows = bench(two_recordings, None, said.append, judge=Listener())
    assert [one["system"] for one in rows] == ["original", "opus-6k-60ms"]
    assert said[0].startswith("lyra-3200 is left out: Lyra's networks are not in")


def test_an_unknown_system_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "codec", "--data", str(write_list(tmp_path, row(0))), "--systems", "mp3"]) == 1
    assert "no system 'mp3'" in capsys.readouterr().err
