"""Pictures of `softphone bench network`: word error against loss, and against the rate of the link."""

import re
from collections.abc import Sequence
from pathlib import Path

from softphone.bench.codec.plots import figure_of, save
from softphone.bench.codec.rows import Row
from softphone.bench.network.network_systems import NetworkSystemError, network_system

_LOSS = re.compile(r"loss ([\d.]+) ?%")
_RATE = re.compile(r"rate ([\d.]+)")


def plot_network(rows: Sequence[Row], path: Path) -> None:
    """Word error of each system against independent loss (`none` is 0 %) and against the rate of the link. Raises PlotError."""
    rows = [row for row in rows if "begins_s" not in row]
    figure, (by_loss, by_rate) = figure_of(1, 2, (10.0, 4.2))
    for place, system in enumerate(dict.fromkeys(str(row["system"]) for row in rows)):
        own = [row for row in rows if row["system"] == system]
        style = {"label": system, "linestyle": "-" if _is_ours(system) else "--", "color": f"C{place}"}
        losses = [(0.0, row) for row in own if row["impairment"] == "none"] + _matching(own, _LOSS)
        for axis, points in ((by_loss, losses), (by_rate, _matching(own, _RATE))):
            known = sorted((x, 100 * error) for x, row in points if isinstance(error := row["wer"], float))
            if known:
                axis.plot(*zip(*known, strict=True), marker="o" if _is_ours(system) else "s", **style)
    by_loss.set_xlabel("packets lost, each by itself, %")
    by_rate.set_xlabel("link, both directions, bit/s")
    by_rate.set_xscale("log")
    for axis in (by_loss, by_rate):
        axis.set_ylabel("word error, %")
        axis.set_ylim(bottom=0)
        axis.grid(True, which="both", alpha=0.3)
        if axis.lines:
            axis.legend(fontsize=8)
    save(figure, path)


def _matching(rows: Sequence[Row], pattern: re.Pattern[str]) -> list[tuple[float, Row]]:
    return [(float(match[1]), row) for row in rows if (match := pattern.fullmatch(str(row["impairment"])))]


def _is_ours(system: str) -> bool:
    try:
        return network_system(system).own
    except NetworkSystemError:
        return False
