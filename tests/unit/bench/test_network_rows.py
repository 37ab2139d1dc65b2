"""What a row of `bench network` says, worked out by hand; the names of systems; what is kept."""

from pathlib import Path

import numpy as np
import pytest

from softphone.bench.codec.gaps import Gaps
from softphone.bench.impairment.box import Sent
from softphone.bench.instruments.docs_page import PAGE
from softphone.bench.instruments.manifest import Recording
from softphone.bench.network.conversation import PAUSE_S, conversations
from softphone.bench.network.live_call import CallOutcome, SetUp
from softphone.bench.network.network_call import CallStore, NetworkCall, TurnCost, summarise
from softphone.bench.network.network_docs import PICTURE, write
from softphone.bench.network.network_judge import TurnVerdict, judge_turn, words_right
from softphone.bench.network.network_rows import KEYS, JudgedTurn, row
from softphone.bench.network.network_systems import NetworkSystemError, network_system
from softphone.bench.network.network_table import network_table
from softphone.config import Config, Phv

WORDS = "one two three four five"


def recording(name: str, speaker: str = "s", text: str = WORDS) -> Recording:
    return Recording(name, Path(f"{name}.wav"), speaker, text)


def turn(heard: str, lag_ms: float | None = 500.0, gaps: int = 0, cost: TurnCost | None = None, name: str = "u") -> JudgedTurn:
    cost = cost or TurnCost(name, ip_bytes=250, packets=10, arrived=7)
    return JudgedTurn(recording(name), 2.0, cost, TurnVerdict(heard, lag_ms, Gaps(gaps, gaps * 0.2, 2.0)))


def call(failure: str = "") -> NetworkCall:
    return NetworkCall(SetUp(None if failure else 0.5, 1000, 4, 3000, failure), rtcp_bytes=500, seconds=20.0)


def test_a_row_adds_up() -> None:
    reference = [turn("one two three four"), turn(WORDS, name="v")]
    turns = [turn("one three five", gaps=1, lag_ms=700), turn("one two three four six", name="v", lag_ms=None)]
    found = row("loss 30%", "phv", [call()], turns, reference)
    assert tuple(found) == KEYS
    assert found["ip_bps"] == 8 * 500 / 4
    assert found["wer"] == pytest.approx(3 / 10) and found["wer_added"] == pytest.approx(3 / 10 - 1 / 10)
    # Of the nine words understood before, two and four are missing now, and five of the second.
    assert found["words_kept"] == pytest.approx(6 / 9)
    assert (found["mouth_to_ear_ms"], found["gaps_100ms"], found["silent_share"]) == (700, 60 * 1 / 4, pytest.approx(0.05))
    assert found["lost_share"] == pytest.approx(0.3) and found["rtcp_bps"] == 8 * 500 / 2 / 20
    assert (found["set_up_s"], found["invite_bytes"], found["calls_failed"], found["utterances"], found["speakers"]) == (0.5, 1000, 0, 2, 1)


def test_a_call_that_was_not_set_up_is_nothing_understood() -> None:
    lost = JudgedTurn(recording("u"), 2.0, None, TurnVerdict("", None, Gaps(1, 2.0, 2.0)))
    found = row("rate 300", "opus-6k-60ms", [call("408 Request Timeout")], [lost], [turn(WORDS)])
    assert (found["wer"], found["words_kept"], found["calls_failed"], found["set_up_s"]) == (1.0, 0.0, 1, None)
    assert all(found[key] is None for key in ("ip_bps", "mouth_to_ear_ms", "gaps_100ms", "lost_share"))
    assert "| rate 300 | opus-6k-60ms |" in network_table([found])


def test_a_call_on_a_machine_that_was_too_slow_is_known_as_such() -> None:
    slow = NetworkCall(call().set_up, seconds=20.0, counters={"a": {"encoder_pcm_dropped": 400}, "b": {"playout_underruns": 50, "x": "y"}})
    late = NetworkCall(call().set_up, seconds=20.0, box_late_s=0.4)
    assert "22%" in slow.overload and "400 ms" in late.overload and call().overload == ""
    found = row("none", "phv", [slow, late, call()], [turn(WORDS)], [turn(WORDS)])
    assert found[
        "calls_overloaded"
    ] == 2 and "too slow for some calls of these rows, which therefore say little: phv at none." in network_table([found])


def test_words_are_found_again_in_what_was_heard() -> None:
    assert words_right(recording("u"), "one, TWO! and four 5") == (True, True, False, True, True)
    assert words_right(recording("u"), "") == (False,) * 5


class Ear:
    def __init__(self) -> None:
        self.seconds = 0.0

    def transcribe(self, pcm: np.ndarray) -> str:
        self.seconds = len(pcm) / 16000
        return WORDS


def test_a_turn_is_judged_without_the_silence_around_it() -> None:
    rng = np.random.default_rng(3)
    said = np.zeros(32000, np.int16)
    for begin, end in ((2000, 9000), (11000, 16000), (20000, 30000)):
        said[begin:end] = rng.normal(0, 3000, end - begin)
    ear = Ear()
    verdict = judge_turn(said, np.concatenate([np.zeros(16000, np.int16), said // 2, np.zeros(64000, np.int16)]), ear)
    assert verdict.heard == WORDS and verdict.gaps.count == 0
    assert verdict.lag_ms == pytest.approx(1000, abs=5) and ear.seconds == pytest.approx(28000 / 16000 + 0.6, abs=0.1)
    silent = judge_turn(said, rng.normal(0, 3, 60000).astype(np.int16), ear)
    assert (silent.heard, silent.lag_ms, silent.gaps.count) == ("", None, 2)


def test_speakers_talk_in_turns_and_nobody_interrupts() -> None:
    names = [("a1", "x"), ("b1", "y"), ("a2", "x"), ("c1", "z"), ("a3", "x")]
    talks = conversations([recording(*each) for each in names], {name: 2.0 for name, _ in names})
    assert [[one.recording.name for one in talk.turns] for talk in talks] == [["a1", "b1", "a2", "a3"], ["c1"]]
    first = talks[0]
    assert all(after.start_s == pytest.approx(one.start_s + 2 + PAUSE_S) for one, after in zip(first.turns, first.turns[1:], strict=False))
    assert first.until_s(first.turns[0]) == first.turns[2].start_s and first.until_s(first.turns[3]) == first.seconds
    sounds = {name: np.full(32000, n + 1, np.int16) for n, (name, _) in enumerate(names)}
    heard = first.said_by("a", sounds).astype(int) + first.said_by("b", sounds)
    assert set(heard) == {0, 1, 2, 3, 5} and (first.said_by("b", sounds) == 2).sum() == 32000


def test_rtp_counts_for_the_turn_in_which_it_was_sent_and_rtcp_for_the_call() -> None:
    talk = conversations([recording("u"), recording("v", "t")], {"u": 1.0, "v": 1.0})[0]
    at = 100 + talk.turns[0].start_s
    sent = (
        Sent(at - 0.1, "a", "rtp", 7, 1),
        Sent(at + 0.5, "a", "rtp", 50, 2),
        Sent(at + 0.6, "b", "rtp", 900, 1),
        Sent(at + 0.7, "a", "rtp", 60, 0),
        Sent(at + 0.8, "a", "rtcp", 80, 0),
        Sent(at + 1.0 + PAUSE_S / 2, "a", "rtp", 11, 1),
    )
    outcome = CallOutcome(SetUp(0.1, 900, 4, 2000), (), sent, {"a": 100.0, "b": 100.0})
    quiet, talking = summarise(talk, outcome, dtx=True), summarise(talk, outcome, dtx=False)
    assert quiet.turns[0] == TurnCost("u", 50 + 60 + 11, 3, 2) and talking.turns[0] == TurnCost("u", 50 + 60, 2, 1)
    assert quiet.rtcp_bytes == 80 and quiet.turns[1].packets == 0


def test_calls_are_kept_under_their_key(tmp_path: Path) -> None:
    store = CallStore(tmp_path)
    sound = np.arange(3200, dtype=np.int16)
    store.put("phv", "loss 30% + delay 5ms", 0, "key", call(), (sound,))
    assert store.get("phv", "loss 30% + delay 5ms", 0, "key") == call()
    assert np.array_equal(store.heard("phv", "loss 30% + delay 5ms", 0, 0), sound)
    assert store.get("phv", "loss 30% + delay 5ms", 0, "other") is None and store.get("phv", "loss 30%", 0, "key") is None


def test_names_of_systems_are_settings_of_the_phone() -> None:
    mine = Config(phv=Phv(redundancy=3))
    assert network_system("phv", mine).config is mine
    assert network_system("phv-base-320-r2", mine).config.phv == Phv(profile="fixed", detail=0, interval_ms=320, redundancy=2)
    assert network_system("phv-max1200", mine).config.phv == Phv(redundancy=3, max_rate=1200)
    fec, plain = network_system("opus-6k-20ms-fec"), network_system("opus-6k-60ms")
    assert (fec.config.opus.fec, fec.config.opus.bitrate, fec.config.opus.ptime_ms, fec.config.opus.expected_loss_percent) == (
        True, 6000, 20, 30,
    )  # fmt: skip
    assert not plain.config.opus.fec and plain.config.codecs.order == ("opus",)
    assert not network_system("pcmu").dtx
    for wrong in ("mp3", "phv-r9", "phv-70", "opus-3k-20ms", "phv-"):
        with pytest.raises(NetworkSystemError, match=wrong):
            network_system(wrong)


def test_the_page_has_table_and_picture(tmp_path: Path) -> None:
    rows = [
        row(text, system, [call()], [turn(heard)], [turn(WORDS)])
        for text in ("none", "loss 30%", "rate 2400", "rate 9600", "jitter 300ms")
        for system, heard in (("phv", WORDS), ("opus-6k-60ms", "one two"))
    ]
    assert write(tmp_path, rows, "softphone bench network") == tmp_path / PAGE
    text = (tmp_path / PAGE).read_text()
    assert "| loss 30% | opus-6k-60ms |" in text and f"({PICTURE})" in text
    assert (tmp_path / PICTURE).read_bytes().startswith(b"\x89PNG")
