"""Pictures of a benchmark, PNG, small enough to be kept with the documentation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import SAMPLE_RATE
from softphone.bench.codec.rows import Row
from softphone.bench.instruments.extra import HOW_TO_GET
from softphone.errors import SoftphoneError

_DPI = 80
_WINDOW, _HOP = 400, 160
_FLOOR_DB = -70.0
_PRE_EMPHASIS = 0.97


class PlotError(SoftphoneError):
    """A picture cannot be drawn or written."""


def plot_rates(rows: Sequence[Row], path: Path) -> None:
    """Rate against word error, a point a system, beside the word error of the recording itself. Raises PlotError."""
    figure, axes = figure_of(1, 2, (10.0, 4.2))
    original = next((row for row in rows if row["system"] == "original"), None)
    for axis, key, title in zip(axes, ("payload_bps", "ip_bps"), ("payload, bit/s", "with IP, UDP and RTP headers, bit/s"), strict=True):
        for place, row in enumerate(sorted(rows, key=lambda row: row[key] or 0)):
            rate, error = row[key], row["wer"]
            if not isinstance(rate, float) or not isinstance(error, float):
                continue
            own = str(row["system"]).startswith("phv")
            axis.plot(rate, 100 * error, "o" if own else "s", color="tab:red" if own else "tab:blue")
            axis.annotate(str(row["system"]), (rate, 100 * error), xytext=(5, 4 - 12 * (place % 2)), textcoords="offset points", fontsize=8)
        if original is not None and isinstance(original["wer"], float):
            axis.axhline(100 * original["wer"], color="grey", linestyle=":")
            axis.annotate(
                "original", (0.99, 100 * original["wer"]), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8
            )
        axis.set_xscale("log")
        axis.set_xlabel(title)
        axis.set_ylabel("word error, %")
        axis.set_ylim(bottom=0)
        axis.margins(x=0.25, y=0.15)
        axis.grid(True, which="both", alpha=0.3)
    save(figure, path)


def plot_spectrograms(sounds: Mapping[str, NDArray[np.int16]], path: Path) -> None:
    """The same utterance through each system: name -> (samples,) int16 at 16 kHz. Raises PlotError."""
    columns = 2
    figure, axes = figure_of(-(-len(sounds) // columns), columns, (10.0, 1.7 * -(-len(sounds) // columns)))
    longest = max(map(len, sounds.values())) / SAMPLE_RATE
    for axis in axes[len(sounds) :]:
        axis.set_axis_off()
    for axis, (name, pcm) in zip(axes, sounds.items(), strict=False):
        picture = spectrogram(pcm)
        extent = (0.0, max(len(pcm), _WINDOW) / SAMPLE_RATE, 0.0, SAMPLE_RATE / 2000)  # as much as spectrogram() shows
        axis.imshow(picture, origin="lower", aspect="auto", extent=extent, vmin=_FLOOR_DB, vmax=0, cmap="magma")
        axis.set_xlim(0, longest)
        axis.set_title(name, fontsize=9, pad=2)
        axis.tick_params(labelsize=7)
    save(figure, path)


def spectrogram(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    """Power after pre-emphasis, dB under the strongest, -70..0: (bins, frames of 10 ms)."""
    padded = np.pad(pcm.astype(np.float64), (0, max(0, _WINDOW - len(pcm))))
    padded[1:] -= _PRE_EMPHASIS * padded[:-1]  # else one sees nothing of fricatives
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)).T ** 2
    return np.asarray(np.maximum(_FLOOR_DB, 10 * np.log10(power / max(power.max(), 1e-9) + 1e-12)))


def figure_of(rows: int, columns: int, size: tuple[float, float]):  # type: ignore[no-untyped-def]
    """A figure and its axes in one list. The object interface: no window system is looked for, nothing global is kept."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an optional extra, and slow to import
    except ImportError as error:
        raise PlotError(f"the package matplotlib is missing ({error}); {HOW_TO_GET}") from None
    figure = Figure(figsize=size, layout="constrained")
    return figure, list(np.ravel(figure.subplots(rows, columns)))


def save(figure, path: Path) -> None:  # type: ignore[no-untyped-def]
    """PNG in few colours; its folder is made. Raises PlotError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=_DPI, metadata={"Software": None})
    except OSError as error:
        raise PlotError(f"{path} cannot be written ({error.strerror}); name another folder with --docs") from None
    quantise(path)


def quantise(path: Path) -> None:
    """Down to 64 colours: a third of the size, and no difference that one sees."""
    from PIL import Image  # noqa: PLC0415 - comes with matplotlib

    with Image.open(path) as image:
        small = image.convert("RGB").quantize(64)
    small.save(path, optimize=True)
