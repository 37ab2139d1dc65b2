"""Results of one system as a row of the table."""

from collections.abc import Iterable, Sequence

import numpy as np

from codec.text.pronunciations import phone_errors, variants_of
from codec.units.rates import HEADER_BYTES
from softphone.bench.codec.result import Result
from softphone.bench.instruments.manifest import Recording
from softphone.bench.instruments.wer import normalise, word_error_rate

Row = dict[str, str | float | int | None]

KEYS = (
    "system",
    "payload_bps",
    "ip_bps",
    "wer",
    "wer2",
    "per",
    "similarity",
    "similarity2",
    "f0_correlation",
    "voicing_error",
    "dnsmos",
    "delay_ms",
    "phone_delay_ms",
    "rtf_encode",
    "rtf_decode",
    "utterances",
    "speakers",
)


def row(name: str, recordings: Sequence[Recording], results: Sequence[Result], hold_ms: int | None) -> Row:
    """One row with KEYS; None for what does not apply. hold_ms: of the system. Raises WerError."""
    speech, seconds = sum(one.speech_s for one in results), sum(one.seconds for one in results)
    bits, packets = _total(one.payload_bytes for one in results), _total(one.packets for one in results)
    encode_s, decode_s = _total(one.encode_s for one in results), _total(one.decode_s for one in results)
    return {
        "system": name,
        "payload_bps": _ratio(bits, speech, 8),
        "ip_bps": None if bits is None or packets is None else _ratio(bits + HEADER_BYTES * packets, speech, 8),
        "wer": word_error([(recording.text, one.heard) for recording, one in zip(recordings, results, strict=True)]),
        "wer2": word_error([(recording.text, one.heard2) for recording, one in zip(recordings, results, strict=True)]),
        "per": phone_error(recordings, [one.phones for one in results]),
        "similarity": _mean(one.similarity for one in results),
        "similarity2": _mean(one.similarity2 for one in results),
        "f0_correlation": _mean(one.f0_correlation for one in results),
        "voicing_error": _mean(one.voicing_error for one in results),
        "dnsmos": _mean(one.dnsmos for one in results),
        "delay_ms": delay_ms(results, hold_ms),
        "phone_delay_ms": phone_delay_ms(results, hold_ms),
        "rtf_encode": _ratio(encode_s, seconds),
        "rtf_decode": _ratio(decode_s, seconds),
        "utterances": len(recordings),
        "speakers": len({recording.speaker for recording in recordings}),
    }


def delay_ms(results: Sequence[Result], hold_ms: int | None) -> float | None:
    """Median over the recordings of how late their sound is, as a stream would give it out."""
    lags = [one.lag_ms for one in results if one.lag_ms is not None]
    return None if hold_ms is None or not lags else hold_ms + float(np.median(lags))


def phone_delay_ms(results: Sequence[Result], hold_ms: int | None) -> float | None:
    """From the end of a phone to the beginning of its sound, mean; None for systems that recognise no phones.

    All sound is late by the same, `delay_ms`, which is counted from the beginning of a phone to that of its sound.
    """
    lengths, delay = [length for one in results for length in one.phone_ms], delay_ms(results, hold_ms)
    return delay - float(np.mean(lengths)) if lengths and delay is not None else None


def remark(name: str, results: Sequence[Result]) -> str | None:
    """Where the delay comes from, in a line, for systems that recognise phones."""
    lags = [lag for one in results for lag in one.phone_to_packet_ms]
    if not lags:
        return None
    late = np.percentile(lags, 95)
    return f"{name}: a packet leaves {np.mean(lags):.0f} ms after the end of a phone in it, 95 % of them within {late:.0f} ms"


def word_error(pairs: Iterable[tuple[str, str]]) -> float | None:
    """Errors over words of all (said, understood) together; None where nothing was said. Raises WerError."""
    errors = total = 0.0
    for said, understood in pairs:
        if words := len(normalise(said).split()):
            errors += word_error_rate(said, understood) * words
            total += words
    return errors / total if total else None


def phone_error(recordings: Sequence[Recording], recognised: Sequence[tuple[int, ...] | None]) -> float | None:
    """Errors over phones of all recordings together whose words are all in the dictionary; None where nothing was recognised."""
    edits = total = 0
    for recording, phones in zip(recordings, recognised, strict=True):
        if phones is not None and (variants := variants_of(recording.text)) is not None:
            found, count = phone_errors(phones, variants)
            edits, total = edits + found, total + count
    return edits / total if total else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _ratio(value: float | None, of: float, times: int = 1) -> float | None:
    return None if value is None or not of else times * value / of
