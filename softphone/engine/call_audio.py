"""Where the sound of one call comes from and goes to: microphone or WAV file, loudspeaker and WAV file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pjsua2 as pj

from softphone.control.protocol import File
from softphone.engine.sound import Sound
from softphone.engine.wav import Player, Recorder, check_playable, check_writable, wait_complete

Action = Literal["playing", "played", "recording", "recorded"]


class CallAudio:
    """The connections of one call in the conference bridge. Main thread only.

    Files asked for before there is media begin when it comes. `defer` runs something on the main thread, later.
    """

    def __init__(self, number: int, publish: Callable[[File], None], defer: Callable[[Callable[[], None]], None], sound: Sound) -> None:
        self._number = number
        self._publish = publish
        self._defer = defer
        self._sound = sound
        self._media: pj.AudioMedia | None = None
        self._player: Player | None = None
        self._recorder: Recorder | None = None
        self._wav_in: str | None = None
        self._wav_out: str | None = None

    def play(self, path: str) -> None:
        """Send this file instead of what is sent now. Raises WavError."""
        check_playable(path)
        self._stop_player()
        self._wav_in = path
        if self._media is not None:
            self._start_player(self._media)

    def record(self, path: str | None) -> None:
        """Write what arrives to this file from now on; None ends it. Raises WavError."""
        if path is not None:
            check_writable(path)
        self._stop_recorder()
        self._wav_out = path
        if self._media is not None and path is not None:
            self._start_recorder(self._media)

    def attach(self, media: pj.AudioMedia) -> None:
        """The call has sound, perhaps again, perhaps through another port."""
        self._media = media
        if self._player is not None:
            self._player.startTransmit(media)
        elif self._wav_in is not None:
            self._start_player(media)
        else:
            self._sound.connect_microphone(media)
        if self._recorder is not None:
            media.startTransmit(self._recorder)
        elif self._wav_out is not None:
            self._start_recorder(media)
        self._sound.connect_loudspeaker(media)

    def detach(self) -> None:
        """The call has no sound now; files go on when it comes back."""
        self._media = None

    def close(self) -> None:
        """The call is over: files are finished, and complete on disk when this returns."""
        self._media = None
        self._stop_player()
        self._stop_recorder()

    def _start_player(self, media: pj.AudioMedia) -> None:
        assert self._wav_in is not None
        path, self._wav_in = self._wav_in, None
        player = Player(path, lambda: self._defer(lambda: self._played(path)))
        self._sound.disconnect_microphone(media)
        player.startTransmit(media)
        self._player = player
        self._say("playing", path)

    def _played(self, path: str) -> None:
        if self._player is not None and self._player.path == path:
            self._stop_player()
            if self._media is not None:
                self._sound.connect_microphone(self._media)

    def _stop_player(self) -> None:
        player, self._player = self._player, None
        if player is not None:
            path = player.path
            del player
            self._say("played", path)

    def _start_recorder(self, media: pj.AudioMedia) -> None:
        assert self._wav_out is not None
        path, self._wav_out = self._wav_out, None
        self._recorder = Recorder(path)
        media.startTransmit(self._recorder)
        self._say("recording", path)

    def _stop_recorder(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            path = recorder.path
            del recorder
            # PJMEDIA takes the port off its bridge on the media thread, a frame later, and only then completes the file.
            wait_complete(path)
            self._say("recorded", path)

    def _say(self, action: Action, path: str) -> None:
        self._publish(File(call=self._number, action=action, path=path))
