"""`softphone bench codec`: its list of recordings, its rows, and what it says where something is missing."""

import json
from pathlib import Path

import pytest

from softphone.bench.codec_bench import bench, table
from softphone.bench.manifest import ManifestError, Recording, read_manifest
from softphone.bench.systems import codec2
from softphone.cli.main import main

DEMO = Path(__file__).parent.parent / "softphone" / "demo_audio"


def write_list(folder: Path, *rows: object) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def row(number: int, **changes: object) -> dict[str, object]:
    return {"id": f"u{number}", "file": str(DEMO / "demo.flac"), "speaker": f"s{number % 3}", "text": "some words"} | changes


def test_a_limit_is_spread_over_the_list(tmp_path: Path) -> None:
    folder = write_list(tmp_path, *(row(number) for number in range(10)))
    assert [one.name for one in read_manifest(folder)] == [f"u{number}" for number in range(10)]
    assert [one.name for one in read_manifest(folder, 5)] == ["u0", "u2", "u4", "u6", "u8"]
    assert len(read_manifest(folder / "manifest.jsonl", 3)) <= 3


@pytest.mark.parametrize("bad", ["{", "[]", '"text"', {"id": "u"}, row(1, file="nowhere.wav")])
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, bad: object) -> None:
    with pytest.raises(ManifestError, match="line 2 of"):
        read_manifest(write_list(tmp_path, row(0), bad))


def test_a_missing_or_empty_list_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="--data"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.jsonl").write_text("")
    with pytest.raises(ManifestError, match="lists no recording"):
        read_manifest(tmp_path)


def test_rows_hold_what_was_measured_and_null_for_what_was_not() -> None:
    recording = Recording("demo", DEMO / "demo.flac", "one", (DEMO / "demo.txt").read_text())
    original, ours, opus = bench([recording], ["original", "phv-base", "opus-6k-60ms"], lambda line: None)
    assert original["wer"] == pytest.approx(0, abs=0.05) and original["similarity"] == pytest.approx(1, abs=1e-3)
    assert original["payload_bps"] is None and original["per"] is None
    assert isinstance(ours["wer"], float) and ours["wer"] < 0.5
    assert isinstance(ours["per"], float) and 0 < ours["per"] < 0.4
    assert isinstance(ours["payload_bps"], float) and isinstance(ours["ip_bps"], float)
    assert 100 < ours["payload_bps"] < 400 < ours["ip_bps"] < 3000
    assert isinstance(opus["payload_bps"], float) and 3000 < opus["payload_bps"] < 7000
    for one in (ours, opus):
        assert isinstance(one["similarity"], float) and 0.6 < one["similarity"] < 0.99
    shown = table([original, ours, opus])
    assert "| phv-base |" in shown and "1 utterances of 1 speakers" in shown


def test_codec2_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(codec2.Codec2Error, match="package codec2"):
        codec2.Codec2("1200")


def test_an_unknown_system_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "codec", "--data", str(write_list(tmp_path, row(0))), "--systems", "mp3"]) == 1
    assert "no system 'mp3'" in capsys.readouterr().err
