"""How a call fares, in one plain sentence that says whose fault it is: the network, this machine, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from softphone.tui.call_view import CallView, Sample

WINDOW = 10
"""Seconds that are judged."""
BAD_LOSS, POOR_LOSS = 20.0, 5.0
"""Per cent. Opus with repair and our redundancy hide a few per cent; beyond 20 words go missing."""
BAD_JITTER_MS, POOR_JITTER_MS = 120.0, 50.0
LONG_DELAY_MS = 300.0
"""One way; ITU-T G.114 calls 150 ms good for all and 400 ms the limit."""
SLOW, TOO_SLOW = 0.05, 0.2
"""Share of the sound that this machine has no time for."""
DEAF_S = 4.0
"""A microphone in a silent room still gives noise; this long without any is a fault."""
QUIET_S = 6
"""Seconds without any packet after which the far end counts as unheard, when packets came before in every second."""
Level = Literal["good", "fair", "bad", "none"]


@dataclass(frozen=True)
class Verdict:
    """`level` in words; "none" while nothing can be said."""

    level: Level
    text: str


def judge(call: CallView, worker: str = "ready", microphone: bool = True) -> Verdict:
    """From the last seconds of a call. `worker` is the state of the codec worker; without a `microphone` its silence is no news."""
    if call.held:
        return Verdict("none", "on hold by you")
    if call.held_by_remote:
        return Verdict("none", "the far end holds the call")
    if not call.up:
        return Verdict("none", "")
    if call.media is not None and call.media.state == "failed":
        return Verdict("bad", f"no sound: {call.media.note}")
    statistics, recent = call.statistics, list(call.samples)[-WINDOW:]
    if statistics is None or len(recent) < 2:
        return Verdict("none", "listening: a moment")
    if worker in ("died", "starting") and call.codec == "x-phv":
        return Verdict("bad", "this machine, not the network: the codec is being started again")
    unmade = sum(sample.unmade for sample in recent) / len(recent)
    if unmade >= SLOW:
        what = "too busy for the codec, words go missing; end other programs"
        return Verdict("bad" if unmade >= TOO_SLOW else "fair", f"this machine, not the network: {what}")
    if microphone and not call.state.muted and call.quiet_s >= DEAF_S:
        return Verdict("bad", "your microphone, not the network: it gives no sound; look under Options")
    if statistics.rx.packets == 0 and len(call.samples) >= QUIET_S:
        return _nothing_heard(call)
    return _network(call, recent) or Verdict("good", "good: nothing to complain about")


def _nothing_heard(call: CallView) -> Verdict:
    # x-phv and Opus send nothing in silence; G.711 always sends. A report of the far end (RTCP) shows that the way is open.
    if call.codec in ("PCMU", "PCMA"):
        return Verdict("bad", "network, not you: nothing arrives; a firewall or NAT may be in the way")
    if call.statistics is not None and call.statistics.rtt_ms is not None:
        return Verdict("good", "good: they have not spoken yet")
    return Verdict("fair", "nothing came yet: they are silent, or a firewall is in the way")


def _network(call: CallView, recent: list[Sample]) -> Verdict | None:
    statistics = call.statistics
    assert statistics is not None
    loss = sum(sample.loss_percent for sample in recent) / len(recent)
    jitter = sum(sample.jitter_ms for sample in recent) / len(recent)
    away = statistics.tx.loss_percent
    if loss >= POOR_LOSS:
        heard = "words go missing" if loss >= BAD_LOSS else "mended as far as it goes"
        return Verdict("bad" if loss >= BAD_LOSS else "fair", f"network, not you: {loss:.0f} % lost on the way here; {heard}")
    if away >= POOR_LOSS:
        return Verdict("bad" if away >= BAD_LOSS else "fair", f"network, not you: {away:.0f} % of what you say is lost on the way there")
    if jitter >= POOR_JITTER_MS:
        return Verdict("bad" if jitter >= BAD_JITTER_MS else "fair", f"network, not you: packets come unevenly ({jitter:.0f} ms)")
    if statistics.rtt_ms is not None and statistics.rtt_ms / 2 >= LONG_DELAY_MS:
        return Verdict("fair", f"network, not you: a long way, {statistics.rtt_ms / 2:.0f} ms; let each other finish")
    return None
