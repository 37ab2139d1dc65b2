"""Sound devices of a whole engine: chosen while a call runs, unplugged and plugged in again, tried without a call, closed when idle."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from softphone.config import Audio, Codecs, Config, Network
from softphone.control.protocol import (
    Answer,
    AutoAnswer,
    CallState,
    CallStatistics,
    ControlError,
    DeviceInfo,
    Devices,
    Hangup,
    Levels,
    SelectDevices,
    SoundDevice,
    SoundTest,
    Status,
    Subscribe,
    Volume,
    Volumes,
)
from softphone.engine.live import SILENCE_DB, decibel
from softphone.sound_file import write_wav
from tests.phones.phone import Phone
from tests.places import ROOT
from tests.waiting import until

MakePhone = Callable[..., Phone]
TONE_DB = -16
"""Mean magnitude of the headset's tone: 8000 * 2 / pi of 32768."""


class Desk:
    """A phone with sound devices that the test plugs in and out."""

    def __init__(self, folder: Path, *devices: str, audio: Audio | None = None) -> None:
        folder.mkdir()
        self.folder = folder
        self.plug(*devices)
        (folder / "sounddevice.py").write_text(
            "from tests.engine.sound.unplugged import *\nfrom tests.engine.sound.unplugged import _initialize, _terminate\n"
        )
        config = Config(network=Network(bind="127.0.0.1"), audio=audio or Audio(echo_canceller="off"), codecs=Codecs(("PCMU",)))
        self.phone = Phone(folder, config, ROOT)
        self.phone.start()
        self.phone.client.request(Subscribe(events=["sound", "levels", "call_state", "media", "statistics", "log"]))

    def plug(self, *devices: str) -> None:
        """These are plugged in now."""
        (self.folder / "new").write_text("\n".join(devices))
        (self.folder / "new").rename(self.folder / "devices")

    def open(self) -> list[str]:
        file = self.folder / "open"
        return file.read_text().split() if file.exists() else []

    def wait_open(self, *devices: str) -> None:
        deadline = time.monotonic() + 20
        while self.open() != list(devices):
            assert time.monotonic() < deadline, f"{self.open()} are open, not {devices}\n{self.phone.log()}"
            time.sleep(0.02)

    def wait_peak(self, least: int, most: int, device: str = "") -> None:
        """What is played is that loud, on any device or on this one."""
        file = self.folder / (f"peak-{device}" if device else "peak")
        until(lambda: file.exists() and least < int(file.read_text() or 0) < most, wanted=f"a peak of {least} to {most} {device}")


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def make(*devices: str, audio: Audio | None = None) -> Desk:
        desks.append(Desk(tmp_path / f"desk-{len(desks)}", *devices, audio=audio))
        return desks[-1]

    yield make
    for desk in desks:
        desk.phone.stop()


def test_a_device_unplugged_in_a_call_and_plugged_in_again(make_desk: Callable[..., Desk], make_phone: MakePhone) -> None:
    desk, bob = make_desk("headset", "speakers"), make_phone("bob", codecs=("PCMU",))
    phone = desk.phone
    bob.client.request(AutoAnswer())
    bob.client.request(Subscribe(events=["levels", "call_state", "statistics"]))
    assert desk.open() == [], "nothing is open before a call"
    call = phone.call(bob.uri)
    phone.wait_state(call, "confirmed")
    desk.wait_open("headset", "headset")
    # The first level may be of a moment that the tone only half fills.
    bob.wait(Levels, lambda event: abs(event.rx - TONE_DB) < 2)
    assert phone.wait(Levels, lambda event: event.call == call and event.tx > -30).rx < -60

    phone.client.request(SelectDevices(input="speakers", output="headset"))
    desk.wait_open("headset", "speakers")
    changed = phone.wait(SoundDevice)
    assert (changed.input, changed.output, changed.note) == ("speakers", "headset", "")

    desk.plug("headset")
    lost = phone.wait(SoundDevice, lambda event: not event.microphone)
    assert "speakers" in lost.note and "plug it in again" in lost.note
    desk.wait_open()
    place = len(bob.events)
    bob.wait(Levels, lambda event: event.rx == SILENCE_DB, after=place)
    assert phone.wait(CallStatistics, after=len(phone.events)).tx.packets > 0, "the call goes on"
    with pytest.raises(ControlError, match='no input device "speakers"; there are: headset'):
        phone.client.request(SelectDevices(input="speakers", output="headset"))

    desk.plug("headset", "speakers", "dock")
    phone.client.request(SelectDevices(input="dock", output="default"))
    desk.wait_open("dock", "headset")
    bob.wait(Levels, lambda event: event.rx > -30, after=len(bob.events))
    phone.client.request(SelectDevices(input="headset", output="null"))
    desk.wait_open("headset")
    place = len(bob.events)
    bob.wait(Levels, lambda event: event.rx > -30, after=place)
    phone.client.request(Hangup())
    phone.wait_state(call, "disconnected")
    desk.wait_open()


def test_a_device_that_only_stumbled_is_opened_again(make_desk: Callable[..., Desk], make_phone: MakePhone) -> None:
    desk, bob = make_desk("headset"), make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    bob.client.request(Subscribe(events=["levels", "call_state"]))
    call = desk.phone.call(bob.uri)
    desk.phone.wait_state(call, "confirmed")
    bob.wait(Levels, lambda event: event.rx > -30)
    (desk.folder / "hiccup").touch()
    deadline = time.monotonic() + 20
    while (desk.folder / "hiccup").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    place = len(bob.events)
    silent = bob.wait(Levels, lambda event: event.rx == SILENCE_DB, after=place)
    bob.wait(Levels, lambda event: event.rx > -30, after=bob.events.index(silent))
    desk.wait_open("headset", "headset")
    desk.phone.client.request(Hangup())
    desk.phone.wait_state(call, "disconnected")
    assert not [event for event in desk.phone.events if isinstance(event, SoundDevice)]
    desk.wait_open()


def test_devices_come_and_go_while_idle(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    client = desk.phone.client
    none = client.request(Devices())
    assert none.devices == [] and "no sound device" in none.note
    with pytest.raises(ControlError, match="no sound device"):
        client.request(SelectDevices(input="default", output="default"))
    desk.plug("headset")
    assert client.request(Devices()).devices == [DeviceInfo("headset", 1, 1)]
    client.request(SelectDevices(input="default", output="default"))
    assert client.request(Devices()).input == "headset"
    assert client.request(Status()).sound == ""
    desk.plug("dock", "headset")
    assert client.request(Devices()).input == "headset", "it has another number now"
    client.request(SoundTest(action="listen"))
    desk.wait_open("headset", "headset")
    client.request(SoundTest(action="stop"))
    desk.wait_open()
    desk.plug("dock")
    gone = client.request(Devices())
    assert gone.input == "" and "headset is not there any more" in gone.note
    assert desk.open() == []


def test_a_sound_test_without_a_call(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk("headset", audio=Audio(input="headset", output="headset", echo_canceller="off"))
    phone = desk.phone
    with pytest.raises(ControlError, match="record first"):
        phone.client.request(SoundTest(action="play"))
    phone.client.request(SoundTest(action="listen"))
    own = phone.wait(Levels, lambda event: event.tx > -30)
    assert own.call is None and own.tx == pytest.approx(TONE_DB, abs=2)
    phone.client.request(SoundTest(action="record"))
    desk.wait_open("headset", "headset")
    place = len(phone.events)
    for _ in range(4):
        phone.wait(Levels, after=place)
        place = len(phone.events)
    phone.client.request(SoundTest(action="play"))
    played = phone.wait(Levels, lambda event: event.rx > -30, after=len(phone.events))
    assert played.rx == pytest.approx(TONE_DB, abs=3), "what was recorded is played"
    phone.client.request(SoundTest(action="stop"))
    desk.wait_open()


def test_a_sound_test_is_for_when_there_is_no_call(make_phone: MakePhone) -> None:
    alice, bob = make_phone("alice", codecs=("PCMU",)), make_phone("bob", codecs=("PCMU",))
    with pytest.raises(ControlError, match="no microphone"):
        alice.client.request(SoundTest(action="listen"))
    with pytest.raises(ControlError, match="no loudspeaker"):
        alice.client.request(SoundTest(action="play"))
    bob.client.request(AutoAnswer())
    alice.wait_state(alice.call(bob.uri), "confirmed")
    with pytest.raises(ControlError, match="a call is in progress"):
        alice.client.request(SoundTest(action="listen"))
    alice.client.request(SoundTest(action="stop"))


def test_levels_are_decibels_to_full_scale() -> None:
    assert decibel(0) == SILENCE_DB
    assert decibel(127) == pytest.approx(0, abs=0.5)
    assert decibel(111) == pytest.approx(-6, abs=0.5)
    levels = [decibel(level) for level in range(128)]
    assert levels == sorted(levels)


def test_the_volume_holds_for_calls_and_for_devices_chosen_later(make_desk: Callable[..., Desk], make_phone: MakePhone) -> None:
    desk = make_desk("headset", "speakers", audio=Audio(echo_canceller="off", microphone_db=-12))
    bob = make_phone("bob", codecs=("PCMU",))
    phone = desk.phone
    tone = (8000 * np.sin(2 * np.pi * 440 / 16000 * np.arange(60 * 16000))).astype(np.int16)
    write_wav(desk.folder / "tone.wav", tone)
    bob.client.request(AutoAnswer(wav_in=str(desk.folder / "tone.wav")))
    bob.client.request(Subscribe(events=["levels", "call_state"]))
    call = phone.call(bob.uri)
    phone.wait_state(call, "confirmed")
    bob.wait(Levels, lambda event: abs(event.rx - (TONE_DB - 12)) < 2)
    assert phone.client.request(Volume(loudspeaker_db=6)) == Volumes(-12, 6)
    assert phone.client.request(Volume(microphone_db=6)) == Volumes(6, 6)
    bob.wait(Levels, lambda event: abs(event.rx - (TONE_DB + 6)) < 2, after=len(bob.events))
    # A tone of 8000 comes from bob.
    desk.wait_peak(12000, 20000)
    phone.client.request(Volume(loudspeaker_db=-12))
    desk.wait_peak(1500, 2500)
    phone.client.request(SelectDevices(input="speakers", output="headset"))
    desk.wait_open("headset", "speakers")
    phone.client.request(SelectDevices(input="headset", output="headset"))
    bob.wait(Levels, lambda event: abs(event.rx - (TONE_DB + 6)) < 2, after=len(bob.events))
    assert phone.client.request(Status()).volume == Volumes(6, -12)
    phone.client.request(Hangup())
    phone.wait_state(call, "disconnected")


def test_it_rings_on_another_device_and_on_the_loudspeaker_when_that_one_is_gone(
    make_desk: Callable[..., Desk], make_phone: MakePhone
) -> None:
    audio = Audio(input="headset", output="headset", ringer="speakers", echo_canceller="off")
    desk, bob = make_desk("headset", "speakers", audio=audio), make_phone("bob", codecs=("PCMU",))
    phone = desk.phone
    call = bob.call(phone.uri)
    desk.wait_peak(5000, 30000, "speakers")
    desk.wait_peak(-1, 1, "headset")
    assert phone.client.request(Devices()).ringer == "speakers"

    place = len(phone.events)
    desk.plug("headset")
    gone = phone.wait(SoundDevice, after=place)
    assert (
        gone.note == ("speakers stopped working; calls ring on headset; plug it in and choose it again, or choose another ringer")
        and gone.microphone
    )
    desk.wait_peak(5000, 30000, "headset")
    bob.client.request(Hangup(call=call))
    bob.wait_state(call, "disconnected")
    desk.wait_open()

    with pytest.raises(ControlError, match='no output device "speakers"; there are: headset'):
        phone.client.request(SelectDevices(input="headset", output="headset", ringer="speakers"))
    desk.plug("headset", "speakers")
    phone.client.request(SelectDevices(input="headset", output="headset", ringer="speakers"))
    (desk.folder / "peak-speakers").unlink()
    call = bob.call(phone.uri)
    desk.wait_peak(5000, 30000, "speakers")
    answered = phone.wait(CallState, lambda event: event.state == "incoming" and event.call == 2)
    phone.client.request(Answer(call=answered.call))
    bob.wait_state(call, "confirmed")
    # The ringer is open only while it rings.
    desk.wait_open("headset", "headset")
    phone.client.request(Hangup())
    bob.wait_state(call, "disconnected")

    phone.client.request(SelectDevices(input="null", output="null", ringer="speakers"))
    (desk.folder / "peak-speakers").unlink()
    call = bob.call(phone.uri)
    desk.wait_peak(5000, 30000, "speakers")
    assert desk.open() == ["speakers"], "and no microphone"
    bob.client.request(Hangup(call=call))
    bob.wait_state(call, "disconnected")
    desk.wait_open()


def test_a_ringer_that_is_not_there_is_one_sentence_and_calls_ring_all_the_same(
    make_desk: Callable[..., Desk], make_phone: MakePhone
) -> None:
    audio = Audio(input="headset", output="headset", ringer="bell", echo_canceller="off")
    desk, bob = make_desk("headset", audio=audio), make_phone("bob", codecs=("PCMU",))
    assert desk.phone.client.request(Status()).sound == 'audio.ringer names "bell", which is not there; calls ring on headset.'
    call = bob.call(desk.phone.uri)
    desk.wait_peak(5000, 30000, "headset")
    bob.client.request(Hangup(call=call))
    bob.wait_state(call, "disconnected")
    desk.wait_open()
    desk.phone.client.request(SelectDevices(input="headset", output="headset", ringer="null"))
    (desk.folder / "peak-headset").unlink()
    call = bob.call(desk.phone.uri)
    desk.phone.wait(CallState, lambda event: event.state == "incoming", after=len(desk.phone.events) - 1)
    time.sleep(1.5)
    assert desk.open() == [], "nothing rings"
    bob.client.request(Hangup(call=call))
    bob.wait_state(call, "disconnected")
