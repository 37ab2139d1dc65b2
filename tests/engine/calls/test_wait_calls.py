"""Calls in which what is said waits for its words: the change in the middle of a call, what the remote party hears, what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from softphone.config import Phv
from softphone.control.protocol import AutoAnswer, CallState, CallStatistics, ControlError, Hangup, Play, Subscribe, Wait
from tests.phones.phone import Phone

pytestmark = pytest.mark.alone

MakePhone = Callable[..., Phone]


def test_a_call_waits_for_words_when_it_is_told_to(make_phone: MakePhone, speech: Path, tmp_path: Path) -> None:
    alice, bob = (make_phone(name, phv=Phv(sound="never")) for name in ("alice", "bob"))
    alice.wait_worker()
    bob.wait_worker()
    bob.client.request(AutoAnswer(wav_out=str(tmp_path / "bob.wav")))
    bob.client.request(Subscribe(events=["statistics", "call_state"]))
    alice.client.request(Subscribe(events=["statistics", "call_state", "media"]))
    call = alice.call(bob.uri, wav_in=speech)
    assert alice.wait_media(call).codec == "x-phv"
    alice.wait_state(call, "confirmed")
    alice.client.request(Wait(call=call, mode="quick"))
    quick = alice.wait(CallStatistics, lambda event: event.profile is not None and event.profile.wait == "quick", seconds=60)
    assert quick.profile is not None and not quick.profile.waits
    alice.client.request(Wait(call=call, mode="clear"))
    alice.wait(CallStatistics, lambda event: event.codec_counters.word_recogniser == "ready", seconds=60)
    alice.client.request(Play(call=call, wav=str(speech)))
    waited = alice.wait(
        CallStatistics,
        # On a machine that is too busy the words give up, which is counted as well.
        lambda event: event.codec_counters.word_words + event.codec_counters.word_rests > 0,
        seconds=60,
    )
    assert waited.profile is not None and waited.profile.waits
    assert waited.codec_counters.word_recogniser == "ready"
    with pytest.raises(ControlError, match="there is no call 9"):
        alice.client.request(Wait(call=9, mode="clear"))
    said = waited.codec_counters.sent_packets
    bob.wait(CallStatistics, lambda event: event.codec_counters.packets > said, seconds=60)
    bob.wait(CallStatistics, lambda event: event.codec_counters.packets > said and event.codec_counters.waiting_ms == 0)
    alice.client.request(Hangup(call=call))
    bob.wait(CallState, lambda event: event.state == "disconnected")
    sound, _ = soundfile.read(tmp_path / "bob.wav", dtype="int16")
    assert np.abs(sound).max() > 1000, "nothing was heard"
