"""How a call is said in words: its state, its codec and why, what it costs. Pure text, for the card and the list."""

from __future__ import annotations

from codec.units.rates import HEADER_BYTES
from softphone import codecs
from softphone.config import Config
from softphone.control.protocol import Phone
from softphone.tui import sentences
from softphone.tui.calls.opus_estimate import opus_cost_now, speech_share
from softphone.tui.common.drawing import bit_rate, clock_time
from softphone.tui.state.call_view import CallView

SILENCES = {"SIL": "·", "": "·"}
"""Labels that are no speech, and how the ticker writes them."""
CODECS = {codec.name: codec.label for codec in codecs.CODECS}
MARKS = {"sent": "{}", "doubtful": "{}?", "received": "{}", "recovered": "({})", "lost": "✗{}"}
"""How the ticker writes a phone: `IY?` was sent as it was heard, without a word that is sure; `(IY)` was recovered by redundancy, `✗T` was
lost and bridged."""
LEAST_SHARE = 0.05
"""Of the time; below it somebody breathes, and a comparison says nothing."""


def state_text(call: CallView, now: float | None) -> str:
    """`calling`, `ringing`, `talking 02:14`, `on hold 02:14`; no time where `now` is None. What was asked for is said at once."""
    if call.doing:
        return sentences.DOING[call.doing]
    if call.incoming:
        return sentences.INCOMING
    match call.state.state:
        case "calling":
            return sentences.CALLING
        case "early":
            return sentences.RINGING
        case "connecting":
            return sentences.CONNECTING
        case "disconnected":
            return sentences.ENDED.format(time=clock_time(call.seconds(now or 0.0)))
    what = sentences.ON_HOLD if call.held else sentences.HELD_BY_THEM if call.held_by_remote else sentences.TALKING
    return what if now is None else f"{what} {clock_time(call.seconds(now))}"


def flags(call: CallView) -> list[str]:
    """What else holds for the call, each one word or two."""
    state = call.state
    return [
        *(["muted"] if state.muted else []),
        *(["conference"] if state.conference else []),
        *(["recording"] if state.recording else []),
        *(["transcript"] if state.transcript else []),
        *(["waiting"] if state.waiting and call.incoming else []),
    ]


def talk_flag(call: CallView) -> list[str]:
    """With voice activation, whether the microphone is sent."""
    return [] if call.sending is None else [sentences.SENDING if call.sending else sentences.NOT_SENDING]


def codec_text(call: CallView) -> str:
    """The codec, and on ours whether sound is sent, or whether symbols wait for words."""
    if not call.codec:
        return sentences.NEGOTIATING
    name = CODECS.get(call.codec, call.codec)
    if not call.talking:
        # What was sent before a hold is not what is sent now.
        return name
    profile = call.statistics.profile if call.statistics is not None and call.codec == "x-phv" else None
    if profile is None or call.statistics is None:
        return name
    if call.statistics.sends == "sound":
        return f"{call.codec}, {sentences.SOUND_AT.format(rate=bit_rate(call.statistics.sound_bps).strip())}"
    return f"{name}, {sentences.CLEAR if profile.waits else sentences.QUICK}{sentences.CHOSEN_BY_NETWORK if profile.wait == 'auto' else ''}"


def why_text(call: CallView) -> str:
    """Why it is not our codec; on ours, between phones that carry sound too, what is sent and why; "" where nothing is known."""
    if call.codec != "x-phv" or not call.talking:
        return call.media.note if call.media is not None else ""
    if call.statistics is None or not call.statistics.sends:
        return ""
    sentence = sentences.SOUND_SENT if call.statistics.sends == "sound" else sentences.SYMBOLS_SENT
    return sentence.format(why=call.statistics.sends_why)


def cost_text(call: CallView, config: Config, *, brief: bool = False) -> str:
    """What the codec not in use would cost for the same speech; "" where it cannot be told."""
    statistics = call.statistics
    if statistics is None or call.codec != "x-phv" or statistics.sends == "sound":
        return ""
    now = call.now
    packets_per_s = (now.tx_ip_bps - now.tx_payload_bps) / 8 / HEADER_BYTES
    share = speech_share(packets_per_s, config.phv.interval_ms)
    full = opus_cost_now(1.0, config.opus.bitrate, config.opus.ptime_ms)
    if share < LEAST_SHARE:
        return sentences.SILENT_NOW.format(rate=bit_rate(full.ip_bps))
    cost = opus_cost_now(share, config.opus.bitrate, config.opus.ptime_ms)
    times = f"{cost.ip_bps / now.tx_ip_bps:.1f}x"
    if brief:
        return f"{bit_rate(cost.ip_bps)} with headers, {times}"
    return f"{bit_rate(cost.payload_bps):>11}   with headers {bit_rate(cost.ip_bps):>11}, {times}"


def phone_text(phone: Phone) -> str:
    """One phone of the ticker with its mark."""
    return MARKS[phone.state].format(SILENCES.get(phone.label, phone.label))
