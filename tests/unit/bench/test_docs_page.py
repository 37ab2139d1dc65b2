"""The page of the benchmarks: sections by their marks, pictures that can be seen."""

from pathlib import Path

import numpy as np
import pytest

from softphone.bench.codec import codec_docs
from softphone.bench.codec.plots import plot_rates, plot_spectrograms, spectrogram
from softphone.bench.codec.rows import KEYS, Row
from softphone.bench.instruments.docs_page import DocsError, write_section

PNG = b"\x89PNG\r\n\x1a\n"


def row(system: str, payload: float | None, wer: float) -> Row:
    rest: Row = dict.fromkeys(KEYS)
    ip = None if payload is None else payload + 1000
    return rest | {"system": system, "payload_bps": payload, "ip_bps": ip, "wer": wer, "utterances": 2, "speakers": 1}


def test_a_section_is_replaced_and_the_rest_left_alone(tmp_path: Path) -> None:
    page = write_section(tmp_path / "docs", "one", "first \\1 $0")
    write_section(tmp_path / "docs", "two", "second")
    page.write_text(page.read_text() + "\nby hand\n")
    write_section(tmp_path / "docs", "one", "third \\g<0>")
    text = page.read_text()
    assert text.startswith("# Benchmarks") and text.endswith("by hand\n")
    assert "first" not in text and "second" in text
    assert "<!-- one: begin -->\nthird \\g<0>\n<!-- one: end -->" in text


def test_a_page_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DocsError, match="--docs"):
        write_section(tmp_path / "file", "one", "body")


def test_pictures_are_small_files(tmp_path: Path) -> None:
    rates, spectra = tmp_path / "rates.png", tmp_path / "spectra.png"
    plot_rates([row("original", None, 0.1), row("phv-base", 200.0, 0.3), row("opus-6k-60ms", 6000.0, 0.2)], rates)
    tone = (np.sin(np.arange(16000) * 2 * np.pi * 1000 / 16000) * 9000).astype(np.int16)
    plot_spectrograms({"original": tone, "empty": np.zeros(0, np.int16), "half": tone[:8000]}, spectra)
    for path in (rates, spectra):
        assert path.read_bytes().startswith(PNG) and path.stat().st_size < 150_000


def test_a_spectrogram_shows_a_tone_where_it_is() -> None:
    tone = (np.sin(np.arange(16000) * 2 * np.pi * 2000 / 16000) * 9000).astype(np.int16)
    picture = spectrogram(tone)
    assert picture.shape == (201, 98)
    assert set(picture.argmax(0)[1:-1]) == {50}  # bins of 40 Hz


def test_the_page_shows_the_table_and_names_what_was_typed(tmp_path: Path) -> None:
    rows = [row("original", None, 0.1), row("original@10dB", None, 0.2), row("opus-6k-60ms", 6000.0, 0.2)]
    text = codec_docs.write(tmp_path, rows, "softphone bench codec --data speech").read_text()
    assert "`softphone bench codec --data speech`" in text and "| original@10dB |" in text
    for name in (codec_docs.RATES, codec_docs.SPECTROGRAMS):
        assert f"({name})" in text and (tmp_path / name).is_file()
