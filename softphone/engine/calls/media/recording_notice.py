"""Tells the remote party that the call is recorded. Our own codec carries speech only, so a spoken notice replaces the tone there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from softphone.control.protocol import Log, Reply, Say
from softphone.engine.calls.call import PhoneCall
from softphone.engine.calls.media.typed_speech import TypedSpeech
from softphone.errors import SoftphoneError

WORDS = "This call is being recorded."


class RecordingNotice:
    """Speaks the notice in the user's voice, once per recording. Main thread only."""

    def __init__(self, typed_speech: TypedSpeech, publish: Callable[[Log], None]) -> None:
        self._typed_speech = typed_speech
        self._publish = publish

    def update(self, calls: Mapping[int, PhoneCall]) -> None:
        """Call it on each turn of the main loop."""
        for call in calls.values():
            if call.audio.notice_due and not call.over and call.state == "confirmed" and call.media.codec_now and not call.held:
                call.audio.notice_due = False
                if call.media.codec_now == "x-phv":
                    self._speak(call)

    def _speak(self, call: PhoneCall) -> None:
        def answered(reply: Reply) -> None:
            if reply.error is not None and not call.over:
                self._warn(call, reply.error.message)

        try:
            self._typed_speech.say(Say(call=call.number, text=WORDS), call, answered)
        except SoftphoneError as error:
            self._warn(call, str(error))

    def _warn(self, call: PhoneCall, why: str) -> None:
        text = f"call {call.number} is recorded, but the other side could not be told ({why}); tell them yourself"
        self._publish(Log(level="warning", message=text))
