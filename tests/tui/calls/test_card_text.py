"""The call card as text: what it says of a call on our codec and on another, and that it fits its width."""

import msgspec
import pytest

from softphone.config import Config
from softphone.control.protocol import Phone, SendProfile
from softphone.tui.calls import card_text
from softphone.tui.common.drawing import bit_rate, clock_time, cut, level_meter, level_text, meter, sparkline
from softphone.tui.state.call_view import CallView
from softphone.tui.state.phone_state import PhoneState
from tests.tui import recorded


def call_of(codec: str = "x-phv", lossy_from: int = 1000) -> CallView:
    state = PhoneState()
    events = recorded.talk(1, lossy_from) if codec == "x-phv" else [recorded.media(1, codec), *recorded.seconds(1, codec=codec)]
    for event in (*recorded.answered(1), *events):
        state.apply(event)
    assert state.call is not None
    return state.call


def test_our_codec_is_set_beside_opus() -> None:
    facts = card_text.facts(call_of(), 60).plain.splitlines()
    assert facts[1] == "codec    x-phv (phonemes, voice)"
    assert facts[2].startswith("sent") and "with headers" in facts[2]
    opus = card_text.cost(call_of(), Config(), 60).plain
    assert opus.startswith("in Opus")
    times = float(opus.rpartition(", ")[2].removesuffix("x"))
    assert 2 < times < 8, "our three packets a second against Opus's seventeen"


@pytest.mark.parametrize(
    ("sends", "rate", "why", "codec", "sentence"),
    [
        ("sound", 24_000, "the path carries it", "sound at 24.0 kbit/s", "sound is sent: the path carries it"),
        ("sound", 6000, "the codec is not ready here", "sound at 6.0 kbit/s", "sound is sent: the codec is not ready here"),
        ("tokens", 0, "packets queue", "quick", "symbols are sent: packets queue"),
    ],
)
def test_what_our_codec_sends_and_why_is_said_in_one_line(sends: str, rate: int, why: str, codec: str, sentence: str) -> None:
    call = call_of()
    assert call.statistics is not None
    call.statistics = msgspec.structs.replace(
        call.statistics,
        sends=sends,
        sends_why=why,
        sound_bps=rate,
        profile=SendProfile(interval_ms=160, redundancy=1, detail=2, repeated_detail=0),
    )
    facts = card_text.facts(call, 80).plain.splitlines()
    assert codec in facts[1]
    assert facts[2].split(maxsplit=1) == ["why", sentence]


def test_another_codec_says_why() -> None:
    text = card_text.facts(call_of("opus"), 48).plain
    assert "codec    Opus" in text and "did not agree to x-phv" in text and "in Opus" not in text


@pytest.mark.parametrize("width", [24, 36, 43, 46, 48, 60, 78, 100])
def test_everything_fits_its_width(width: int) -> None:
    for call in (call_of(), call_of("opus"), call_of(lossy_from=0)):
        parts = [card_text.meters(call, width), card_text.ticker(call, width, 2), card_text.voice(call, width)]
        if width >= 36:
            parts += [card_text.facts(call, width), card_text.cost(call, Config(), width), card_text.verdict(call, "ready", width)]
            parts.append(card_text.sparks(call, width))
        assert max(len(line) for part in parts for line in part.plain.splitlines()) <= width


def test_the_ticker_shows_the_newest_and_marks_what_was_lost() -> None:
    one = card_text.ticker(call_of(), 48).plain.splitlines()
    assert one[0].endswith(" D AO G") and one[1].endswith(" UH D")
    two = card_text.ticker(call_of(), 60, rows=2).plain
    assert "(W) (UH)" in two and "✗CH ✗AH" in two
    assert "(X) recovered" in card_text.ticker_key(40).plain
    call = call_of()
    call.tx_phones.append(Phone(label="ZH", duration_ms=80, state="doubtful"))
    assert card_text.ticker(call, 48).plain.splitlines()[0].endswith("ZH?"), "by text as well as by colour"


def test_a_muted_microphone_is_said() -> None:
    call = call_of()
    call.state = recorded.msgspec.structs.replace(call.state, muted=True)
    assert "muted" in card_text.meters(call, 60).plain and "▮" not in card_text.meters(call, 60).plain.split("them")[0]


def test_numbers_as_people_read_them() -> None:
    assert [bit_rate(value) for value in (0, 182.4, 1180, 12_000, 128_000)] == [
        "0 bit/s",
        "182 bit/s",
        "1.2 kbit/s",
        "12.0 kbit/s",
        "128 kbit/s",
    ]
    assert [clock_time(value) for value in (0, 134.9, 3734)] == ["00:00", "02:14", "1:02:14"]
    assert [cut("abcdef", width) for width in (6, 4, 1)] == ["abcdef", "abc…", "…"]
    assert level_text(-80) == "silent" and level_text(-17.6) == "-18 dB"


def test_bars_grow_with_their_values() -> None:
    assert meter(0.5, 4) == "▮▮▯▯" and level_meter(-60, 3) == "▯▯▯" and level_meter(0, 3) == "▮▮▮"
    line = sparkline([0, 1, 2, 4, 8], 7, least_top=1)
    assert line == "  ▁▁▂▄█" or list(line.strip()) == sorted(line.strip())
    assert len(sparkline(range(100), 10, 1)) == 10
    assert sparkline([1], 1, least_top=1000) == "▁"


def test_on_hold_there_are_no_figures_of_before() -> None:
    call = call_of()
    call.media = recorded.media(1, state="held")
    assert "bit/s" not in card_text.facts(call, 60).plain and not card_text.cost(call, Config(), 60).plain


def test_the_delay_is_that_from_mouth_to_ear() -> None:
    call = call_of()
    assert call.statistics is not None
    assert "network 42 ms" in card_text.facts(call, 60).plain
    call.statistics.delay_ms = 612.0
    assert "612 ms mouth to ear, network 42 ms" in card_text.facts(call, 60).plain


def test_on_hold_nothing_is_said_of_what_was_sent_before() -> None:
    call = call_of()
    assert call.statistics is not None
    profile = SendProfile(interval_ms=160, redundancy=1, detail=2, repeated_detail=0)
    call.statistics = msgspec.structs.replace(
        call.statistics, sends="sound", sound_bps=16000, sends_why="the path carries it", profile=profile
    )
    sent = card_text.facts(call, 60).plain
    assert "x-phv, sound at" in sent and "the path carries it" in sent
    assert card_text.cost(call, Config(), 60).plain == "", "sound is not set beside Opus: it is Opus"
    call.media = recorded.media(1, state="held")
    held = card_text.facts(call, 60).plain
    assert "sound" not in held and "x-phv" in held
