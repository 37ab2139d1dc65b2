"""Tells the remote party that the call is recorded or transcribed. Our own codec carries speech only, so a spoken notice replaces the tone
there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from softphone.control.protocol import Log, Reply, Say
from softphone.engine.calls.call import PhoneCall
from softphone.engine.calls.media.typed_speech import TypedSpeech
from softphone.errors import SoftphoneError

RECORDED = "This call is being recorded."
TRANSCRIBED = "This call is being transcribed."


class RecordingNotice:
    """Speaks the notice in the user's voice, once per recording or transcript. Main thread only."""

    def __init__(self, typed_speech: TypedSpeech, publish: Callable[[Log], None]) -> None:
        self._typed_speech = typed_speech
        self._publish = publish

    @property
    def ready(self) -> bool:
        """Whether words can be spoken now."""
        return self._typed_speech.ready

    def update(self, calls: Mapping[int, PhoneCall]) -> None:
        """Call it on each turn of the main loop."""
        for call in calls.values():
            if call.audio.notice_due and not call.over and call.state == "confirmed" and call.media.codec_now and not call.held:
                call.audio.notice_due = False
                if call.media.codec_now == "x-phv":
                    self.speak(call, RECORDED, partial(self._warn, call))

    def speak(self, call: PhoneCall, words: str, failed: Callable[[str], None]) -> None:
        """Say these words to the other side; `failed` is told why they cannot be said."""

        def answered(reply: Reply) -> None:
            if reply.error is not None and not call.over:
                failed(reply.error.message)

        try:
            self._typed_speech.say(Say(call=call.number, text=words), call, answered)
        except SoftphoneError as error:
            failed(str(error))

    def _warn(self, call: PhoneCall, why: str) -> None:
        text = f"call {call.number} is recorded, but the other side could not be told ({why}); tell them yourself"
        self._publish(Log(level="warning", message=text))
