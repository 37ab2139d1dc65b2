"""The device that rings, where it is another one than the loudspeaker of calls: open while it rings, and no longer."""

from __future__ import annotations

import pjsua2 as pj

from softphone.engine.pjsip.errors import SoundDeviceError
from softphone.engine.sip.status_text import plain


class Ringer:
    """A second sound device beside the one of calls. Main thread only; `close` before `libDestroy()`."""

    def __init__(self) -> None:
        self._device: pj.ExtraAudioDevice | None = None
        self.name = ""
        """Of the device that is open; empty while none is."""

    def open(self, name: str, playback: int, silence: int) -> pj.AudioMedia:
        """The port of this device. `playback`, `silence`: PJSIP's numbers of the device, and of one that captures silence, since PJSUA
        opens both ways together. Raises SoundDeviceError."""
        if self._device is None or self.name != name:
            self.close()
            device = pj.ExtraAudioDevice(playback, silence)
            try:
                device.open()
            except pj.Error as error:
                raise SoundDeviceError(f"{name} cannot be opened ({plain(error.reason)})") from None
            self._device, self.name = device, name
        return self._device

    def close(self) -> None:
        """What is connected to it is let go of first."""
        device, self._device, self.name = self._device, None, ""
        if device is not None:
            device.close()
