"""Calls of one system through one impairment as a row of the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from softphone.bench.codec.rows import Row, word_error
from softphone.bench.instruments.manifest import Recording
from softphone.bench.network.network_call import NetworkCall, TurnCost
from softphone.bench.network.network_judge import TurnVerdict, words_right

KEYS = (
    "impairment",
    "system",
    "ip_bps",
    "wer",
    "wer_added",
    "words_kept",
    "first_words",
    "mouth_to_ear_ms",
    "gaps_100ms",
    "silent_share",
    "rtcp_bps",
    "lost_share",
    "set_up_s",
    "invite_bytes",
    "set_up_bytes",
    "calls",
    "calls_failed",
    "calls_overloaded",
    "utterances",
    "speakers",
)


@dataclass(frozen=True)
class JudgedTurn:
    """One recording on its way: cost None and an empty verdict where there was no call."""

    recording: Recording
    speech_s: float
    cost: TurnCost | None
    verdict: TurnVerdict


def row(impairment: str, system: str, calls: Sequence[NetworkCall], turns: Sequence[JudgedTurn], reference: Sequence[JudgedTurn]) -> Row:
    """One row with KEYS; None for what cannot be told. reference: the same recordings without impairment. Raises WerError.

    Recordings of a call that was not set up were not heard: their words are all wrong. They have neither cost nor delay nor gaps.
    """
    talked = [(turn, turn.cost) for turn in turns if turn.cost is not None]
    speech = sum(turn.speech_s for turn, _ in talked)
    packets, arrived = sum(cost.packets for _, cost in talked), sum(cost.arrived for _, cost in talked)
    looked = sum(turn.verdict.gaps.speech_s for turn, _ in talked)
    lags = [turn.verdict.lag_ms for turn, _ in talked if turn.verdict.lag_ms is not None]
    seconds = sum(call.seconds for call in calls)
    set_ups = [call.set_up.seconds for call in calls if call.set_up.seconds is not None]
    wer, unimpaired = _wer(turns), _wer(reference)
    return {
        "impairment": impairment,
        "system": system,
        "ip_bps": 8 * sum(cost.ip_bytes for _, cost in talked) / speech if speech else None,
        "wer": wer,
        "wer_added": None if wer is None or unimpaired is None else wer - unimpaired,
        "words_kept": words_kept(turns, reference),
        "first_words": first_words(turns),
        "mouth_to_ear_ms": median(lags) if lags else None,
        "gaps_100ms": 60 * sum(turn.verdict.gaps.count for turn, _ in talked) / looked if looked else None,
        "silent_share": sum(turn.verdict.gaps.silent_s for turn, _ in talked) / looked if looked else None,
        "rtcp_bps": 8 * sum(call.rtcp_bytes for call in calls) / 2 / seconds if seconds else None,
        "lost_share": 1 - arrived / packets if packets else None,
        "set_up_s": median(set_ups) if set_ups else None,
        "invite_bytes": max((call.set_up.invite_bytes for call in calls), default=None),
        "set_up_bytes": median([call.set_up.message_bytes for call in calls]) if calls else None,
        "calls": len(calls),
        "calls_failed": sum(bool(call.set_up.failure) for call in calls),
        "calls_overloaded": sum(bool(call.overload) for call in calls),
        "utterances": len(turns),
        "speakers": len({turn.recording.speaker for turn in turns}),
    }


def first_words(turns: Sequence[JudgedTurn]) -> float | None:
    """Share of the turns whose first word was understood. Raises WerError."""
    first = [right[0] for turn in turns if (right := words_right(turn.recording, turn.verdict.heard))]
    return sum(first) / len(first) if first else None


def words_kept(turns: Sequence[JudgedTurn], reference: Sequence[JudgedTurn]) -> float | None:
    """Share of the words understood without impairment that are understood still; None where none was. Raises WerError."""
    kept = before = 0
    for turn, unimpaired in zip(turns, reference, strict=True):
        pairs = zip(words_right(turn.recording, turn.verdict.heard), words_right(turn.recording, unimpaired.verdict.heard), strict=True)
        for now, once in pairs:
            before += once
            kept += once and now
    return kept / before if before else None


def _wer(turns: Sequence[JudgedTurn]) -> float | None:
    return word_error([(turn.recording.text, turn.verdict.heard) for turn in turns])
