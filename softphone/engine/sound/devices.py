"""The sound of this machine as the user wants it, or the null device: a clock and silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import pjsua2 as pj

from softphone.config import Audio
from softphone.control.protocol import DeviceInfo, DeviceList, SoundDevice, Volumes
from softphone.engine.pjsip.abi import load_abi
from softphone.engine.pjsip.endpoint import PhoneEndpoint
from softphone.engine.pjsip.errors import MediaError
from softphone.engine.sound.device import SoundDeviceInfo, SoundDevices
from softphone.engine.sound.ringer import Ringer
from softphone.engine.sound.voice_gate import VoiceGate
from softphone.errors import SoftphoneError

Talking = Literal["open", "voice", "push"]
NULL = "null"
DEFAULT = "default"
AGAIN_S = 10.0
"""A device that stops again so soon is left alone."""
_CURE = "plug it in again and choose it, or choose another device; calls go on in silence"


class SoundError(SoftphoneError):
    """Devices that cannot be chosen; one sentence."""


@dataclass
class Sound:
    """What calls are connected to. `note` is what the user should know, or empty. Keep it until after `libDestroy()`.

    Devices are opened when a call needs them, and closed a second after: nobody wants a microphone that is always on.
    """

    endpoint: PhoneEndpoint
    microphone: bool = False
    loudspeaker: bool = False
    note: str = ""
    input: str = ""
    """Name of the device in use; empty where there is none."""
    output: str = ""
    talk: Talking = "open"
    """When the microphone is sent: see `Audio.talk` of the configuration."""
    ringer: str = ""
    """The device that rings, as the user names it; empty: the loudspeaker of calls."""
    on_change: Callable[[SoundDevice], None] = field(default=lambda _event: None, repr=False)
    """Called on each change; calls must then be reconnected."""
    _volume_db: tuple[int, int] = (0, 0)
    """Of microphone and loudspeaker."""
    _devices: SoundDevices | None = field(default=None, repr=False)
    _known: list[SoundDeviceInfo] = field(default_factory=list, repr=False)
    _lost_at: float = field(default=float("-inf"), repr=False)
    _indices: tuple[int, int] = (pj.PJSUA_SND_NULL_DEV, pj.PJSUA_SND_NULL_DEV)
    _ringer: Ringer = field(default_factory=Ringer, repr=False)
    _ringer_note: str = ""
    """Why it does not ring where it should; until then the loudspeaker rings."""
    _gates: list[VoiceGate] = field(default_factory=list, repr=False)
    """Those that no call uses now: PJMEDIA may still be calling one that is taken off its bridge, so none is ever let go of."""

    def microphone_port(self) -> pj.AudioMedia | None:
        """What the microphone hears, as a port of the conference bridge; None without one."""
        return self.endpoint.audio().getCaptureDevMedia() if self.microphone else None

    def loudspeaker_port(self) -> pj.AudioMedia | None:
        """What is sent to it is heard, where there is a loudspeaker; where there is none it is taken all the same."""
        return self.endpoint.audio().getPlaybackDevMedia()

    def ringer_port(self) -> pj.AudioMedia | None:
        """Where it rings: the ringer, opened by this, else the loudspeaker; None where nobody is to hear it, or nobody can."""
        if self.ringer == NULL:
            return None
        if self.ringer and not self._ringer_note and self._devices is not None:
            device = self._find(self.ringer, "output")
            try:
                if device is not None:
                    return self._ringer.open(device.name, device.index, self._devices.index_of_null)
                self._ringer_fails(f"{self.ringer} is not there any more")
            except MediaError as error:
                self._ringer_fails(str(error))
        return self.loudspeaker_port() if self.loudspeaker else None

    @property
    def ringer_is_open(self) -> bool:
        return bool(self._ringer.name)

    def close_ringer(self) -> None:
        """Nothing rings any more."""
        self._ringer.close()

    def _ringer_fails(self, why: str) -> None:
        """Calls ring on the loudspeaker until the user or the devices change."""
        self._ringer.close()
        self._ringer_note = f"{why}; {self._rings_elsewhere}; plug it in and choose it again, or choose another ringer"
        self._tell()

    @property
    def _rings_elsewhere(self) -> str:
        return f"calls ring on {self.output}" if self.loudspeaker else "calls do not ring"

    @property
    def notes(self) -> str:
        """All that the user should know, or empty."""
        return " ".join(note for note in (self.note, self._ringer_note) if note)

    def borrow_gate(self) -> VoiceGate:
        """For one call; to be given back with `return_gate`. Raises pj.Error."""
        return self._gates.pop() if self._gates else VoiceGate()

    def return_gate(self, gate: VoiceGate) -> None:
        """The call is over, and the gate no longer connected."""
        self._gates.append(gate)

    def set_talk(self, talk: Talking) -> None:
        """When the microphone is sent, from now on."""
        self.talk = talk
        self._tell()

    def close(self) -> None:
        """Calls are over, and nothing is heard any more."""
        self.close_ringer()
        self.endpoint.close_sound()
        self._gates.clear()

    @property
    def volume(self) -> Volumes:
        """In decibels, beside what the devices give."""
        return Volumes(*self._volume_db)

    def set_volume(self, microphone_db: int | None, loudspeaker_db: int | None) -> Volumes:
        """None leaves it as it is; gives both. Holds for whatever device is used: the bridge's
        own port to the device applies it. PJSUA2 calls Tx what comes from that port, and Rx what goes to it."""
        microphone, loudspeaker = self._volume_db
        self._volume_db = (
            microphone if microphone_db is None else microphone_db,
            loudspeaker if loudspeaker_db is None else loudspeaker_db,
        )
        microphone, loudspeaker = self._volume_db
        self.endpoint.audio().getCaptureDevMedia().adjustTxLevel(10 ** (microphone / 20))
        self.endpoint.audio().getPlaybackDevMedia().adjustRxLevel(10 ** (loudspeaker / 20))
        return self.volume

    def describe(self) -> DeviceList:
        """The answer to `devices`. New devices are seen while none is open."""
        note = ""
        try:
            if self._devices is None or not self._devices.is_open:
                self._look()
                self._follow()
                if self._find(self.ringer, "output") is not None:
                    self._ringer_note = ""
        except MediaError as error:
            note = str(error)
        devices = [DeviceInfo(device.name, device.inputs, device.outputs) for device in self._known]
        return DeviceList(devices, self.input, self.output, self.ringer, self.notes or note)

    def _follow(self, *, reopen: bool = False, now: bool = False) -> None:
        """The devices were looked for while none was open: those in use may have other numbers now, or be gone."""
        if not (self.microphone or self.loudspeaker):
            return
        capture, playback = self._find(self.input or NULL, "input"), self._find(self.output or NULL, "output")
        if capture is None or playback is None:
            missing = self.input if capture is None else self.output
            self.give_up(f"{missing} is not there any more; {_CURE}")
        elif (capture.index, playback.index) != self._indices or reopen:
            self._use(capture, playback, self.microphone, self.loudspeaker)
            self._reopen(now)
            if not self.microphone and not self.loudspeaker:
                self._tell()

    def select(self, wanted_input: str, wanted_output: str, wanted_ringer: str | None = None, *, now: bool) -> None:
        """Use these devices (names, "default" or "null") from now on; `now`: something is using sound, so open them at once. As ringer, ""
        is the loudspeaker, and None leaves it as it is.

        Raises SoundError, with everything as it was, for a name that is not there.
        """
        ringer = self.ringer if wanted_ringer is None else wanted_ringer
        silent = wanted_input == wanted_output == NULL
        if silent and ringer in ("", NULL):
            self._use_nothing(ringer)
            return
        if self._missing(wanted_input, wanted_output, wanted_ringer or "") and self._devices is not None and self._devices.is_open:
            # It may have been plugged in since; looking for it closes what is open.
            self.close_ringer()
            self.endpoint.use_null_device()
        if self._devices is None or not self._devices.is_open:
            try:
                self._look()
            except MediaError as error:
                self.give_up(str(error))
                raise SoundError(str(error)) from None
        if missing := self._missing(wanted_input, wanted_output, wanted_ringer or ""):
            self._follow(reopen=True, now=now)
            raise SoundError(f"there is no {missing}; there are: {self._names() or 'none'}")
        if silent:
            self._use_nothing(ringer)
            return
        capture, playback = self._find(wanted_input, "input"), self._find(wanted_output, "output")
        assert capture is not None and playback is not None
        self._use(capture, playback, wanted_input != NULL, wanted_output != NULL)
        self.ringer, self.note, self._ringer_note = ringer, "", ""
        self._reopen(now)
        self._tell()

    def _use_nothing(self, ringer: str) -> None:
        """No microphone and no loudspeaker, as the user wants it."""
        self.ringer, self._ringer_note = ringer, ""
        self._use_null("")
        self._tell()

    def check(self, *, in_use: bool) -> None:
        """To be called about once a second: open a device again that stopped, and go on without one that is gone.

        `in_use`: a call or a sound test needs sound now.
        """
        if self._devices is None or not self._devices.lost:
            return
        if self.ringer_is_open:
            # It may be the one that is gone; if not, it opens again.
            gone = self._ringer.name
            self.close_ringer()
            if not self._devices.lost:
                self._ringer_fails(f"{gone} stopped working")
                return
        last, self._lost_at = self._lost_at, time.monotonic()
        if self._lost_at - last < AGAIN_S:
            gone = " and ".join(dict.fromkeys(name for name in (self.input, self.output) if name))
            self.give_up(f"{gone} stopped working; {_CURE}")
            return
        # A busy machine is enough for PortAudio to end a stream: not everything that stops is unplugged.
        self.endpoint.use_null_device()
        try:
            self._look()
        except MediaError as error:
            self.give_up(str(error))
        else:
            self._follow(reopen=True, now=in_use)

    def give_up(self, why: str) -> None:
        """The devices do not work: go on without them."""
        self._use_null(f"there is no sound: {why}")
        self._tell()

    def open_with(self, audio: Audio) -> None:
        """The configured devices; the null device where that is configured or nothing else works, with the reason in `note`."""
        self.set_volume(audio.microphone_db, audio.loudspeaker_db)
        self.talk, self.ringer = audio.talk, audio.ringer  # type: ignore[assignment]
        if audio.input == audio.output == NULL and audio.ringer in ("", NULL):
            self._use_null("")
            return
        try:
            self._look()
        except MediaError as error:
            self._use_null(f"there is no sound: {error}")
            return
        capture, note_in = self._choose(audio.input, "input")
        playback, note_out = self._choose(audio.output, "output")
        note = " ".join(text for text in (note_in, note_out) if text)
        if capture is None or playback is None:
            self._use_null(f"there is no sound: {note}")
            return
        if audio.input == audio.output == NULL:
            self._use_null("")
        else:
            self._use(capture, playback, audio.input != NULL, audio.output != NULL)
            self.note = note
            self._reopen(now=False)
        if audio.ringer and self._find(audio.ringer, "output") is None:
            self._ringer_note = f'audio.ringer names "{audio.ringer}", which is not there; {self._rings_elsewhere}.'

    def _look(self) -> None:
        """Learn which devices there are. Raises MediaError."""
        if self._devices is None:
            devices = SoundDevices(load_abi(), rescan=True)
            self._known = devices.register()
            self._devices = devices
        else:
            self._known = self._devices.refresh()

    def _find(self, name: str, side: str) -> SoundDeviceInfo | None:
        """The device of this name for this side; the default one comes first."""
        fitting = [device for device in self._known if (device.inputs if side == "input" else device.outputs)]
        if name == NULL and self._devices is not None:
            return SoundDeviceInfo(self._devices.index_of_null, NULL, 1, 1)
        if name == DEFAULT:
            return fitting[0] if fitting else None
        return next((device for device in fitting if device.name == name), None)

    def _missing(self, wanted_input: str, wanted_output: str, wanted_ringer: str) -> str:
        """Which of the devices is not known, in words; "" when all are."""
        wanted = (("input", wanted_input), ("output", wanted_output), ("output", wanted_ringer or NULL))
        return next((f'{side} device "{name}"' for side, name in wanted if self._find(name, side) is None), "")

    def _choose(self, name: str, side: str) -> tuple[SoundDeviceInfo | None, str]:
        """The device of that name, else the default one and a sentence."""
        found = self._find(name, side)
        if found is not None:
            return found, ""
        found = self._find(DEFAULT, side)
        if found is None:
            return None, f"there is no {side} device; plug one in, or use files with --wav-in and --wav-out."
        return found, f'audio.{side} names "{name}", which is not there; {found.name} is used.'

    def _names(self) -> str:
        return ", ".join(device.name for device in self._known)

    def _use(self, capture: SoundDeviceInfo, playback: SoundDeviceInfo, microphone: bool, loudspeaker: bool) -> None:
        self.microphone, self.loudspeaker = microphone, loudspeaker
        self.input, self.output = capture.name if microphone else "", playback.name if loudspeaker else ""
        self._indices = (capture.index, playback.index)

    def _use_null(self, note: str) -> None:
        self.microphone = self.loudspeaker = False
        self.input = self.output = ""
        self.note = note
        self._indices = (pj.PJSUA_SND_NULL_DEV, pj.PJSUA_SND_NULL_DEV)
        self.endpoint.use_null_device()

    def _reopen(self, now: bool) -> None:
        """Give PJSUA the devices in use; without `now` they are opened when a call connects to them."""
        capture, playback = self._indices
        if capture == pj.PJSUA_SND_NULL_DEV:
            self.endpoint.use_null_device()
            return
        if not now:
            # The null device's clock counts as open sound, and what is open is changed at once.
            self.endpoint.close_sound()
        library = load_abi()
        mode = 0 if now else pj.PJSUA_SND_DEV_NO_IMMEDIATE_OPEN
        status = library.lib.pjsua_set_snd_dev2(library.ffi.new("pjsua_snd_dev_param *", [capture, playback, mode, 0]))
        if status:
            reason = pj.Endpoint.instance().utilStrError(status)
            names = " and ".join(dict.fromkeys(name for name in (self.input, self.output) if name))
            self._use_null(f"there is no sound: {names} cannot be opened ({reason}); choose another device, or run: softphone doctor")

    def _tell(self) -> None:
        self.on_change(self.event())

    def event(self) -> SoundDevice:
        """How it stands, as an event."""
        return SoundDevice(
            microphone=self.microphone,
            loudspeaker=self.loudspeaker,
            input=self.input,
            output=self.output,
            ringer=self.ringer,
            talk=self.talk,
            note=self.notes,
        )


def open_sound(endpoint: PhoneEndpoint, audio: Audio) -> Sound:
    """The sound as configured; see `Sound.open_with`."""
    sound = Sound(endpoint)
    sound.open_with(audio)
    return sound
