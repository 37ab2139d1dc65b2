"""How a call fares, in one plain sentence that names the cause: nothing arrives, the network, this machine, the microphone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from softphone.control.protocol import CallStatistics
from softphone.tui import sentences
from softphone.tui.state.call_view import CallView, Sample

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
"""Seconds after the beginning from which it is worth a word that nothing came at all."""
SILENT_S, SPARE_SILENT_S = 12.0, 32.0
"""Seconds without any packet after which nothing counts as arriving: two reports (RTCP) are missing, of those that come every 5 s, or
every 14 s where the rate is limited to less than `FEW_BITS`."""
FEW_BITS = 8000
Level = Literal["good", "fair", "bad", "none"]


@dataclass(frozen=True)
class Verdict:
    """`level` in words; "none" while nothing can be said."""

    level: Level
    text: str


def judge(call: CallView, worker: str = "ready", microphone: bool = True) -> Verdict:
    """From the last seconds of a call. `worker` is the state of the codec worker; without a `microphone` its silence is no news.

    What is worst for the call comes first: nothing arrives at all, then the network, then this machine, then the microphone.
    """
    if call.media is not None and call.media.state == "failed":
        return Verdict("bad", sentences.NO_SOUND.format(why=call.media.note))
    if not call.up:
        return Verdict("none", "")
    statistics, recent = call.statistics, list(call.samples)[-WINDOW:]
    if statistics is not None and not call.held_by_remote and statistics.silent_s >= _longest_silence(statistics):
        return Verdict("bad", sentences.NOTHING_ARRIVES.format(seconds=round(statistics.silent_s)))
    if call.held:
        return Verdict("none", sentences.HELD_VERDICT)
    if call.held_by_remote:
        return Verdict("none", sentences.HELD_BY_THEM_VERDICT)
    if statistics is None or len(recent) < 2:
        return Verdict("none", sentences.MEASURING)
    return _network(call, recent) or _machine(call, recent, worker, microphone) or _silence(call) or Verdict("good", sentences.GOOD)


def _longest_silence(statistics: CallStatistics) -> float:
    slow_reports = statistics.profile is not None and 0 < statistics.profile.max_rate < FEW_BITS
    return SPARE_SILENT_S if slow_reports else SILENT_S


def _silence(call: CallView) -> Verdict | None:
    """Nothing came since the beginning: x-phv and Opus send nothing in silence, G.711 always does; a report of the other side (RTCP) shows
    that the way is open."""
    statistics = call.statistics
    assert statistics is not None
    if statistics.rx.packets or len(call.samples) < QUIET_S:
        return None
    if call.codec in ("PCMU", "PCMA"):
        return Verdict("bad", sentences.NOTHING_ARRIVES_YET)
    if statistics.rtt_ms is not None:
        return Verdict("good", sentences.NOT_SPOKEN_YET)
    return Verdict("fair", sentences.SILENT_OR_BLOCKED)


def _machine(call: CallView, recent: list[Sample], worker: str, microphone: bool) -> Verdict | None:
    carries_sound = call.statistics is not None and call.statistics.sends == "sound"
    if worker in ("died", "starting") and call.codec == "x-phv" and not carries_sound:
        return Verdict("bad", sentences.CODEC_RESTARTS)
    unmade = sum(sample.unmade for sample in recent) / len(recent)
    if unmade >= SLOW:
        return Verdict("bad", sentences.OVERLOADED) if unmade >= TOO_SLOW else Verdict("fair", sentences.SOME_DROPPED)
    if microphone and not call.state.muted and call.sending is None and call.quiet_s >= DEAF_S:
        return Verdict("bad", sentences.MICROPHONE_SILENT)
    return None


def _network(call: CallView, recent: list[Sample]) -> Verdict | None:
    statistics = call.statistics
    assert statistics is not None
    loss = sum(sample.loss_percent for sample in recent) / len(recent)
    jitter = sum(sample.jitter_ms for sample in recent) / len(recent)
    away = statistics.tx.loss_percent
    if loss >= POOR_LOSS:
        bad = loss >= BAD_LOSS
        heard = sentences.WORDS_LOST if bad else sentences.MOSTLY_REPAIRED
        return Verdict("bad" if bad else "fair", sentences.LOSS.format(percent=round(loss), heard=heard))
    if away >= POOR_LOSS:
        return Verdict("bad" if away >= BAD_LOSS else "fair", sentences.LOSS_THERE.format(percent=round(away)))
    if jitter >= POOR_JITTER_MS:
        return Verdict("bad" if jitter >= BAD_JITTER_MS else "fair", sentences.JITTER.format(ms=round(jitter)))
    if statistics.rtt_ms is not None and statistics.rtt_ms / 2 >= LONG_DELAY_MS:
        return Verdict("fair", sentences.HIGH_DELAY.format(ms=round(statistics.rtt_ms / 2)))
    return None
