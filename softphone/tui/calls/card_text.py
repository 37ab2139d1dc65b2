"""The parts of the call card as styled text. Pure: a call, the time and a width in; words and bars out."""

from __future__ import annotations

import textwrap
from collections import deque

from textual.content import Content

from softphone.config import Config
from softphone.control.protocol import CallStatistics, Phone
from softphone.tui import sentences
from softphone.tui.calls.call_words import codec_text, cost_text, phone_text, why_text
from softphone.tui.calls.verdict import WINDOW, judge
from softphone.tui.common.drawing import bit_rate, cut, level_meter, level_text, meter
from softphone.tui.common.rtp_graph import LABEL, graphs
from softphone.tui.state.call_view import CallView, mean
from softphone.tui.state.names import short

LEAST_ROOM = 38
LEAST_COST = 46
"""Cells beside the names from which rates stand in columns."""
SIGNS = {"good": "✓", "fair": "!", "bad": "✗", "none": "·"}
STYLES = {"good": "$success", "fair": "$warning", "bad": "$error", "none": "$foreground 70%"}
PHONE_STYLES = {"sent": "$foreground", "doubtful": "$warning", "received": "$foreground", "recovered": "$warning", "lost": "bold $error"}


def _row(label: str, *parts: str | Content | tuple[str, str]) -> Content:
    return Content.assemble((label.ljust(LABEL), "$foreground 60%"), *parts)


def facts(call: CallView, width: int, now: float = 0.0) -> Content:
    """Address, codec and why, bit rates of both ways, delay, loss, jitter."""
    room = width - LABEL
    if call.incoming:
        return _ringing(call, room, call.answered_in_s(now))
    account = f"  via {call.state.account}" if call.state.account not in ("", "local") else ""
    rows = [
        _row("with", cut(f"{short(call.state.remote)}{account}", room)),
        _row("codec", (codec_text(call), "bold")),
    ]
    why = why_text(call)
    if why:
        rows.append(_row("why", _wrapped(why, room)))
    statistics = call.statistics
    if call.held or call.held_by_remote:
        # Rates and losses from before would look like those of now.
        return Content("\n").join(rows)
    if statistics is None:
        rows.append(_row("audio", sentences.NO_AUDIO_YET))
        return Content("\n").join(rows)
    rates = call.now
    for name, payload, headers in (("sent", rates.tx_payload_bps, rates.tx_ip_bps), ("received", rates.rx_payload_bps, rates.rx_ip_bps)):
        if room < LEAST_ROOM:
            rows.append(_row(name, (bit_rate(payload), "bold"), f" ({bit_rate(headers)} IP)" if room > len(bit_rate(payload)) + 17 else ""))
        else:
            rows.append(_row(name, (f"{bit_rate(payload):>11}", "bold"), f"   with headers {bit_rate(headers):>11}"))
    loss = mean(list(call.samples)[-WINDOW:]).loss_percent
    rows.append(_row("delay", cut(_delay(statistics, room), room)))
    rows.append(_row("loss", f"{loss:.0f} %   jitter {rates.jitter_ms:.0f} ms"))
    return Content("\n").join(rows)


def _delay(statistics: CallStatistics, room: int) -> str:
    """From mouth to ear where it is known; the network's part of it."""
    if statistics.rtt_ms is None:
        return sentences.NOT_MEASURED
    network = f"{statistics.rtt_ms / 2:.0f} ms"
    if statistics.delay_ms is None:
        return f"network {network}"
    if room < LEAST_ROOM:
        return f"{statistics.delay_ms:.0f} ms (network {network})"
    return f"{statistics.delay_ms:.0f} ms mouth to ear, network {network} of it"


def cost(call: CallView, config: Config, width: int) -> Content:
    """What Opus would take for the same speech; empty where it cannot be told."""
    room = width - LABEL
    text = cost_text(call, config, brief=room < LEAST_COST) if not (call.held or call.held_by_remote) else ""
    return _row("in Opus", cut(text, room)) if text else Content("")


def _ringing(call: CallView, room: int, answered_in_s: int | None) -> Content:
    to = f"to your account {call.state.account}" if call.state.account not in ("", "local") else "directly, without a server"
    rows = [
        Content(""),
        Content.styled(f"  ☎  {sentences.INCOMING.capitalize()}: {cut(short(call.state.remote), room)}", "bold $accent"),
        Content(f"     {to}"),
        Content(""),
        Content.assemble("     ", (" a ", "bold reverse $accent"), "  answer      ", (" b ", "bold reverse $accent"), "  decline"),
    ]
    if answered_in_s is not None:
        rows += [Content(""), Content(f"     {sentences.ANSWERED_IN.format(seconds=answered_in_s)}")]
    return Content("\n").join(rows)


def _wrapped(text: str, room: int) -> str:
    """`text` in lines that stay in their column."""
    return ("\n" + " " * LABEL).join(textwrap.wrap(text, max(room, 10)))


def verdict(call: CallView, worker: str, width: int, microphone: bool = True) -> Content:
    """The judgement in one line, with a sign, a sentence and a colour that all say the same."""
    found = judge(call, worker, microphone)
    if not found.text:
        return Content("")
    return Content.styled(cut(f"{SIGNS[found.level]} {found.text}", width), f"bold {STYLES[found.level]}")


def meters(call: CallView, width: int) -> Content:
    """Both levels, side by side where there is much room."""
    beside = width >= 70
    size = max(((width - 2) // 2 if beside else width - 1) - LABEL - 8, 4)
    mine = "muted" if call.state.muted else level_text(call.tx_level_db)
    # Bar and number have one colour: another one is a dozen bytes each time that they change.
    tx = _row("you", (level_meter(-99 if call.state.muted else call.tx_level_db, size) + f" {mine}".ljust(8), "$primary"))
    rx = _row("them", (f"{level_meter(call.rx_level_db, size)} {level_text(call.rx_level_db)}", "$secondary"))
    return Content("  " if beside else "\n").join([tx, rx])


def sparks(call: CallView, width: int) -> Content:
    """The past of loss, jitter and rate."""
    return graphs(call, width, ("loss", "jitter", "sent"))


def ticker(call: CallView, width: int, rows: int = 1) -> Content:
    """The newest phones sent and received, the last at the right."""
    room = width - LABEL
    sent, heard = _tape(call.tx_phones, room, rows), _tape(call.rx_phones, room, rows)
    return Content("\n").join([_row("said", sent), _row("received", heard)])


def ticker_key(width: int) -> Content:
    """What the marks of the ticker mean."""
    marks = ("X? unsure", "doubtful"), ("(X) recovered", "recovered"), ("✗X lost", "lost")
    return _row("marks", *((f"{text}  ", PHONE_STYLES[state]) for text, state in marks))


def _tape(phones: deque[Phone], room: int, rows: int) -> Content:
    lines: list[Content] = []
    parts: list[Content] = []
    length = 0
    for phone in reversed(phones):
        text = phone_text(phone)
        if length + len(text) + 1 > room:
            lines.insert(0, Content(" ").join(reversed(parts)))
            parts, length = [], 0
            if len(lines) == rows:
                break
        parts.append(Content.styled(text, PHONE_STYLES[phone.state]))
        length += len(text) + 1
    if parts and len(lines) < rows:
        lines.insert(0, Content(" ").join(reversed(parts)))
    return Content("\n" + " " * LABEL).join(lines)


def voice(call: CallView, width: int) -> Content:
    """How well the other phone knows our voice, and this one theirs."""
    known = call.voice
    if known is None:
        return Content("")
    sent = f"{known.tx_bytes} bytes sent"
    if known.tx_heard is not None:
        sent += f" {meter(known.tx_heard, 8)} sounds {known.tx_heard:.2f} like you there"
    elif known.tx_similarity is not None:
        sent += f" {meter(known.tx_similarity, 8)} {known.tx_similarity:.2f} like you"
    heard = f"; {known.rx_bytes} bytes received" if known.rx_bytes else ""
    return _row("voice", sent + heard if len(sent + heard) <= width - LABEL else cut(sent, width - LABEL))
