"""The demo: one softphone calls another on this machine, says a recording, and what arrives is measured."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.units.rates import HEADER_BYTES, SAMPLE_RATE
from softphone import sound_file
from softphone.bench.instruments.asr import Asr, AsrError
from softphone.bench.instruments.delay import find_lag
from softphone.bench.instruments.opus_cost import OpusCostError, opus_cost
from softphone.bench.instruments.speech import speech_seconds
from softphone.bench.instruments.wer import WerError, word_error_rate
from softphone.config import Account, Audio, Config, Network, Privacy
from softphone.demo.call import CallRecord, call_on_loopback
from softphone.demo.report import Remarks, Report
from softphone.errors import SoftphoneError

_LEAST_SPEECH = 0.1
"""Of the speech that was sent; less is no speech."""
_DELAY_LIMITS_MS = (0.0, 5000.0)
_LEAST_LIKENESS = 0.4
_OPUS_BITRATE = 6000
_SLOW_LINK_CODES = 2


class DemoError(SoftphoneError):
    """The demo could not be carried out."""


class NoSpeechError(DemoError):
    """The call was made, but no speech arrived."""

    status = 4


@dataclass(frozen=True)
class DemoResult:
    report: Report
    remarks: Remarks


def run_demo(config: Config, wav: Path, text: str | None, received: Path, say: Callable[[str], None]) -> DemoResult:
    """Make the call and measure it. Codec settings come from `config`; network and sound do not, the call stays on this machine.

    Args:
        wav: the recording that is spoken; any sound file.
        text: the words in it; None leaves the word errors unmeasured.
        received: where the received sound is written, a WAV file.
        say: takes lines about the progress.

    Raises:
        NoSpeechError: nothing, or almost nothing, arrived.
        SoftphoneError: whatever else stops it, in one sentence.
    """
    sent = sound_file.read(wav)
    spoken_s = speech_seconds(sent, SAMPLE_RATE)
    if spoken_s == 0:
        raise DemoError(f"there is no sound in {wav}; give a recording of speech")
    local = replace(
        config,
        account=Account(),
        network=Network(bind="127.0.0.1"),
        audio=Audio(input="null", output="null"),
        privacy=Privacy(history=False),
        # On loopback there is room for sound and all details; the demo is there to show speech sent as symbols, as on a slow link.
        phv=replace(config.phv, sound="never", detail=min(config.phv.detail, _SLOW_LINK_CODES)),
    )
    received.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="softphone-demo-") as folder:
        record = call_on_loopback(local, sent, received.resolve(), Path(folder), say)
    heard = sound_file.read(received)
    heard_s = speech_seconds(heard, SAMPLE_RATE) if _loud_enough(heard, sent) else 0.0
    if heard_s < _LEAST_SPEECH * spoken_s:
        raise NoSpeechError(f"the call on {record.media.codec} was made, but no speech arrived; run: softphone doctor")
    say("measuring")
    return _measure(record, sent, heard, text, received)


def _measure(record: CallRecord, sent: NDArray[np.int16], heard: NDArray[np.int16], text: str | None, received: Path) -> DemoResult:
    spoken_s = speech_seconds(sent, SAMPLE_RATE)
    wer, understood, why_no_wer = _word_errors(heard, text)
    delay, why_no_delay = _mouth_to_ear(record, sent, heard)
    media, sending = record.media, record.statistics.tx
    report = Report(
        codec=media.codec,
        rtpmap_local=media.rtpmap_local,
        fmtp_local=media.fmtp_local,
        rtpmap_remote=media.rtpmap_remote,
        fmtp_remote=media.fmtp_remote,
        speech_s=round(spoken_s, 2),
        packets=sending.packets,
        payload_bps=round(8 * sending.bytes / spoken_s, 1),
        ip_bps=round(8 * (sending.bytes + HEADER_BYTES * sending.packets) / spoken_s, 1),
        opus6k_20ms_ip_bps=_opus_ip_bps(sent, 20, spoken_s),
        opus6k_60ms_ip_bps=_opus_ip_bps(sent, 60, spoken_s),
        mouth_to_ear_ms=delay,
        wer=wer,
        received_wav=str(received),
    )
    return DemoResult(report, Remarks(text, understood, why_no_wer, why_no_delay, media.note, record.late_share))


def _loud_enough(heard: NDArray[np.int16], sent: NDArray[np.int16]) -> bool:
    """Not 40 dB under what was sent: hiss and clicks are no speech."""
    if not heard.size:
        return False
    return float(np.percentile(np.abs(heard.astype(np.int32)), 98)) > 0.01 * float(np.percentile(np.abs(sent.astype(np.int32)), 98))


def _word_errors(heard: NDArray[np.int16], text: str | None) -> tuple[float | None, str | None, str]:
    """(word error rate, recognised text, why it was not measured)."""
    if text is None:
        return None, None, "the words of this recording are not known; give them with --text"
    try:
        understood = Asr().transcribe(heard)
        return round(word_error_rate(text, understood), 4), understood, ""
    except (AsrError, WerError) as error:
        return None, None, str(error)


def _mouth_to_ear(record: CallRecord, sent: NDArray[np.int16], heard: NDArray[np.int16]) -> tuple[float | None, str]:
    """Milliseconds from a sound at the caller's microphone to the same sound at the called one's ear, or why it was not measured."""
    # The two files began at different moments of one clock (CLOCK_MONOTONIC, common to all processes).
    head_start_ms = (record.recording_began - record.playing_began) * 1000
    low, high = (limit - head_start_ms for limit in _DELAY_LIMITS_MS)
    lag = find_lag(sent, heard, SAMPLE_RATE, low, high)
    if lag is None or lag.likeness < _LEAST_LIKENESS:
        return None, "the loudness of what arrived does not follow what was sent closely enough"
    return round(lag.ms + head_start_ms, 1), ""


def _opus_ip_bps(sent: NDArray[np.int16], packet_ms: int, seconds: float) -> float | None:
    try:
        return round(opus_cost(sent, _OPUS_BITRATE, packet_ms).ip_bps(seconds), 1)
    except OpusCostError:
        return None
