"""The sound of this machine as the configuration wants it, or the null device: a clock and silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pjsua2 as pj

from softphone.config import Audio
from softphone.engine.endpoint import PhoneEndpoint
from softphone.engine.media import abi
from softphone.engine.media.errors import MediaError
from softphone.engine.media.sound_device import SoundDeviceInfo, SoundDevices


@dataclass
class Sound:
    """What calls are connected to. `note` is what the user should know, or empty. Keep it until after `libDestroy()`."""

    endpoint: PhoneEndpoint
    microphone: bool = False
    loudspeaker: bool = False
    note: str = ""
    _devices: SoundDevices | None = field(default=None, repr=False)

    def microphone_port(self) -> pj.AudioMedia | None:
        """What the microphone hears, as a port of the conference bridge; None without one."""
        return self.endpoint.audio().getCaptureDevMedia() if self.microphone else None

    def loudspeaker_port(self) -> pj.AudioMedia | None:
        """What is sent to it is heard; None without a loudspeaker."""
        return self.endpoint.audio().getPlaybackDevMedia() if self.loudspeaker else None

    def give_up(self, why: str) -> None:
        """The devices do not work: go on without them."""
        self.microphone = self.loudspeaker = False
        self.note = f"there is no sound: {why}"
        self.endpoint.use_null_device()


def open_sound(endpoint: PhoneEndpoint, audio: Audio) -> Sound:
    """The configured devices; the null device where that is configured or nothing else works, with the reason in `note`."""
    sound = Sound(endpoint)
    endpoint.use_null_device()
    if audio.input == "null" and audio.output == "null":
        return sound
    try:
        devices = SoundDevices(abi.load())
        sound._devices = devices
        known = devices.register()
        capture, note_in = _choose(known, audio.input, "input", lambda device: device.inputs)
        playback, note_out = _choose(known, audio.output, "output", lambda device: device.outputs)
    except MediaError as error:
        sound.give_up(str(error))
        return sound
    sound.note = " ".join(note for note in (note_in, note_out) if note)
    if capture is None or playback is None:
        sound.give_up(sound.note)
        return sound
    sound.microphone, sound.loudspeaker = audio.input != "null", audio.output != "null"
    try:
        # Opened when a call needs it, and closed after: nobody wants a microphone that is always on.
        endpoint.audio().setCaptureDev(capture.index)
        endpoint.audio().setPlaybackDev(playback.index)
        endpoint.audio().setSndDevMode(pj.PJSUA_SND_DEV_NO_IMMEDIATE_OPEN)
    except pj.Error as error:
        sound.give_up(f"the devices {capture.name} and {playback.name} cannot be opened ({error.reason}); run: softphone doctor")
    return sound


def _choose(
    known: list[SoundDeviceInfo], name: str, key: str, channels: Callable[[SoundDeviceInfo], int]
) -> tuple[SoundDeviceInfo | None, str]:
    """The device of that name, else the default one (which comes first) and a sentence."""
    fitting = [device for device in known if channels(device)]
    if not fitting:
        return None, f"there is no {key} device; plug one in, or use files with --wav-in and --wav-out."
    for device in fitting:
        if device.name == name:
            return device, ""
    if name in ("default", "null"):
        return fitting[0], ""
    return fitting[0], f'audio.{key} names "{name}", which is not there; {fitting[0].name} is used.'
