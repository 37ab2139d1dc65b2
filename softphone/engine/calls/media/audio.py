"""Routes the sound of one call: microphone or WAV file, other calls of a conference, loudspeaker, recordings."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pjsua2 as pj

from softphone.control.protocol import File
from softphone.engine.sound.devices import Sound
from softphone.engine.sound.tones import NOTICE, Silence, Tone
from softphone.engine.sound.voice_gate import VoiceGate
from softphone.engine.sound.wav import Player, Recorder, check_playable, check_writable, wait_complete

log = logging.getLogger(__name__)
Action = Literal["playing", "played", "recording", "recorded"]


@dataclass(eq=False)
class CallPort:
    """A call's port of the bridge. PJSUA makes a new one when the call is renegotiated, so one of these may have outlived its port."""

    media: pj.AudioMedia
    alive: bool = True


class CallAudio:
    """The connections of one call in the conference bridge. Main thread only.

    Files asked for before there is media begin when it comes. `defer` runs something on the main thread, later.
    What should be connected follows from the state (`_wanted`); every change is made by comparing that with what is (`_wire`).
    """

    def __init__(self, number: int, publish: Callable[[File], None], defer: Callable[[Callable[[], None]], None], sound: Sound) -> None:
        self.muted = sound.talk == "push"
        """Mutes the microphone or the file in its place; files and typed speech are still sent."""
        self.recording = ""
        """File for a recording of both directions, which may still wait for sound."""
        self.notice_due = False
        """Such a recording has begun, and the remote party has heard no more of it than the tone."""
        self._number = number
        self._publish = publish
        self._defer = defer
        self._sound = sound
        self._gate: VoiceGate | None = None
        """Between the microphone and the call, once it was wanted."""
        self._call: CallPort | None = None
        self._silent = False
        self._present = True
        self._partners: dict[int, CallPort] = {}
        self._links: set[tuple[str, str]] = set()
        self._player: Player | None = None
        self._player_stands_in = False
        self._recorder: Recorder | None = None
        self._mixer: Recorder | None = None
        self._notice: Tone | None = None
        self._typed: deque[str] = deque()
        self._voice: Player | None = None
        self._copies: deque[str] = deque()
        self._copy: Player | None = None
        """Of typed speech that is sent as symbols: for the recording alone."""
        self._carrier: Silence | None = None
        self._wav_in: str | None = None
        self._wav_out: str | None = None

    @property
    def port(self) -> CallPort | None:
        """The call's port while it has sound that may be heard."""
        return None if self._silent else self._call

    @property
    def sending(self) -> bool | None:
        """With voice activation, whether the microphone is sent now; None where it is not used, or the microphone has no part in it."""
        return self._gate.open if self._gate is not None and ("gate", "call") in self._links else None

    def play(self, path: str, *, stands_in: bool = False) -> None:
        """Send this file instead of what is sent now; `stands_in`: as the microphone, so that mute silences it. Raises WavError."""
        check_playable(path)
        self._stop_player()
        self._wav_in, self._player_stands_in = path, stands_in
        # With push to talk a call begins muted; a file that was asked for is meant to be heard.
        self.muted = self.muted and not stands_in
        self._start()

    def say(self, path: str) -> None:
        """Send typed speech, a file that is removed afterwards, when those before it have been heard; microphone and file wait. Raises
        WavError."""
        check_playable(path)
        self._typed.append(path)
        self._start()

    def say_into_recording(self, path: str) -> None:
        """Typed speech that is sent as symbols, as sound for the recording of both directions; the file is removed afterwards. Raises
        WavError."""
        if self._mixer is None:
            Path(path).unlink(missing_ok=True)
            return
        check_playable(path)
        self._copies.append(path)
        self._start()

    def carry(self, on: bool) -> None:
        """Send at least silence: without a source PJSUA calls no codec, not even one that has packets of typed text to send."""
        if on != (self._carrier is not None):
            self._forget("carrier")
            self._carrier = Silence() if on else None
            self._wire()

    def record(self, path: str | None, *, both: bool = False) -> None:
        """Write what arrives to this file from now on, or `both` directions; None ends all recording. Raises WavError."""
        if path is not None:
            check_writable(path)
        if path is None or not both:
            self._stop_recorder()
            self._wav_out = path
        if path is None or both:
            self._stop_mixer()
            self.recording = path or ""
        self._start()

    def mute(self, on: bool) -> None:
        self.muted = on
        self._wire()

    def silence(self, on: bool) -> None:
        """Disconnect everything: the call is on hold here. Files continue afterwards."""
        self._silent = on
        self._start()

    def be_present(self, on: bool) -> None:
        """Whether microphone and loudspeaker take part; a conference goes on without them."""
        if on != self._present:
            self._present = on
            self._wire()

    def mix_with(self, partners: Mapping[int, CallPort]) -> None:
        """Send also what these calls receive, by number. Cheap when nothing changed."""
        if self._partners == partners:
            return
        before, self._partners = self._partners, {n: port for n, port in self._partners.items() if partners.get(n) is port}
        self._wire(before)
        self._partners = dict(partners)
        try:
            self._wire()
        except pj.Error as error:
            log.warning("call %d cannot be mixed: %s", self._number, error.reason)

    def refresh(self) -> None:
        """The sound devices changed."""
        self._wire()

    def attach(self, media: pj.AudioMedia) -> None:
        """The call has sound, perhaps again, perhaps through another port. Raises WavError, pj.Error."""
        self.detach()
        self._call = CallPort(media)
        self._start()

    def detach(self) -> None:
        """The call has no sound now, and its port is gone; files go on when it comes back."""
        if self._call is not None:
            self._call.alive = False
        self._call = None
        self._forget("call")
        self._wire()

    def close(self) -> None:
        """The call is over: files are finished, and complete on disk when this returns."""
        self.detach()
        self._partners.clear()
        self._stop_player()
        self._stop_recorder()
        self._stop_mixer()
        self._stop_voice()
        while self._typed:
            Path(self._typed.popleft()).unlink(missing_ok=True)
        self._forget("carrier")
        self._carrier = None
        gate, self._gate = self._gate, None
        if gate is not None:
            self._sound.return_gate(gate)

    # What is connected

    def _wanted(self) -> set[tuple[str, str]]:
        links: set[tuple[str, str]] = set()
        if self._call is not None and not self._silent:
            sources = [f"call {number}" for number in self._partners]
            if self._voice is not None:
                sources.append("voice")
            elif self._player is not None:
                sources += [] if self.muted and self._player_stands_in else ["player"]
            elif self._present and not self.muted and self._sound.microphone:
                sources.append("gate" if self._sound.talk == "voice" else "microphone")
            sources += ["carrier"] if self._carrier is not None else []
            sources += ["notice"] if self._notice is not None else []
            links |= {(source, "call") for source in sources}
            # What the microphone hears while typed speech goes out as symbols is not sent.
            recorded = [source for source in sources if self._copy is None or source not in ("microphone", "gate", "player")]
            recorded += ["copy"] if self._copy is not None else []
            links |= {("microphone", "gate")} if "gate" in sources else set()
            links |= {("call", sink) for sink in ("recorder", "mixer")} | {(source, "mixer") for source in recorded}
            if self._present:
                links |= {("call", "loudspeaker"), ("notice", "loudspeaker")}
        return {link for link in links if all(self._port(name) is not None for name in link)}

    def _port(self, name: str, partners: Mapping[int, CallPort] | None = None) -> pj.AudioMedia | None:
        match name.split():
            case ["call"]:
                return self._call and self._call.media
            case ["call", number]:
                partner = (self._partners if partners is None else partners).get(int(number))
                return partner.media if partner is not None and partner.alive else None
            case ["gate"]:
                if self._gate is None:
                    self._gate = self._sound.borrow_gate()
                return self._gate
            case ["microphone"]:
                return self._sound.microphone_port()
            case ["loudspeaker"]:
                return self._sound.loudspeaker_port()
            case ["player"]:
                return self._player
            case ["voice"]:
                return self._voice
            case ["copy"]:
                return self._copy
            case ["carrier"]:
                return self._carrier
            case ["recorder"]:
                return self._recorder
            case ["mixer"]:
                return self._mixer
            case _:
                return self._notice

    def _wire(self, partners: Mapping[int, CallPort] | None = None) -> None:
        """Connect and disconnect; `partners` as they were until now. Raises pj.Error when something cannot be connected."""
        wanted = self._wanted()
        for source_name, sink_name in self._links - wanted:
            source, sink = self._port(source_name, partners), self._port(sink_name, partners)
            self._links.discard((source_name, sink_name))
            # Never of a port that is gone: PJMEDIA 2.15.1 would take all sources off the sink (conference.c, op_disconnect_ports).
            if source is not None and sink is not None:
                with contextlib.suppress(pj.Error):
                    source.stopTransmit(sink)
        for source_name, sink_name in wanted - self._links:
            source, sink = self._port(source_name), self._port(sink_name)
            if source is not None and sink is not None:
                if sink is self._gate and self._gate is not None:
                    self._gate.begin_again()
                source.startTransmit(sink)
                self._links.add((source_name, sink_name))

    # Files

    def _start(self) -> None:
        """Begin what was asked for and waits for sound, then connect."""
        if self._call is not None and not self._silent:
            if self._wav_in is not None:
                # A name of its own: the function looks it up when the file ends.
                played, self._wav_in = self._wav_in, None
                self._player = Player(played, lambda: self._defer(lambda: self._played(played)))
                self._say("playing", played)
            if self._typed and self._voice is None:
                typed = self._typed.popleft()
                self._voice = Player(typed, lambda: self._defer(lambda: self._said(typed)))
            if self._copies and self._copy is None:
                copied = self._copies.popleft()
                self._copy = Player(copied, lambda: self._defer(lambda: self._copied(copied)))
            if self._wav_out is not None:
                path, self._wav_out = self._wav_out, None
                self._recorder = Recorder(path)
                self._say("recording", path)
            if self.recording and self._mixer is None:
                path, self.recording = self.recording, ""
                self._mixer = Recorder(path)
                self.recording = path
                self._notice = Tone(NOTICE, loop=False)
                self.notice_due = True
                self._say("recording", self.recording)
        self._wire()

    def _played(self, path: str) -> None:
        if self._player is not None and self._player.path == path:
            self._stop_player()
            self._wire()

    def _said(self, path: str) -> None:
        if self._voice is not None and self._voice.path == path:
            self._stop_voice()
            self._start()

    def _copied(self, path: str) -> None:
        if self._copy is not None and self._copy.path == path:
            self._stop_copy()
            self._start()

    def _stop_copy(self) -> None:
        copy, self._copy = self._copy, None
        if copy is not None:
            self._forget("copy")
            Path(copy.path).unlink(missing_ok=True)

    def _stop_voice(self) -> None:
        voice, self._voice = self._voice, None
        if voice is not None:
            self._forget("voice")
            Path(voice.path).unlink(missing_ok=True)

    def _stop_player(self) -> None:
        player, self._player = self._player, None
        if player is not None:
            self._forget("player")
            path = player.path
            del player
            self._say("played", path)

    def _stop_recorder(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            self._forget("recorder")
            path = recorder.path
            del recorder
            self._finished(path)

    def _stop_mixer(self) -> None:
        mixer, self._mixer = self._mixer, None
        self._stop_copy()
        while self._copies:
            Path(self._copies.popleft()).unlink(missing_ok=True)
        self._notice = None
        self._forget("notice")
        if mixer is not None:
            self._forget("mixer")
            path = mixer.path
            del mixer
            self._finished(path)
        self.recording = ""

    def _finished(self, path: str) -> None:
        # PJMEDIA takes the port off its bridge on the media thread, a frame later, and only then completes the file.
        wait_complete(path)
        self._say("recorded", path)

    def _forget(self, name: str) -> None:
        """A port goes away, and its connections with it."""
        self._links = {link for link in self._links if name not in link}

    def _say(self, action: Action, path: str) -> None:
        self._publish(File(call=self._number, action=action, path=path))
