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
                    self.speak(call, RECORDED, partial(self._spoken, call))

    def speak(self, call: PhoneCall, words: str, answered: Callable[[str], None]) -> None:
        """Say these words to the other side; `answered` is called with "" once they go out, or with why they cannot be said."""

        def replied(reply: Reply) -> None:
            if not call.over:
                answered(reply.error.message if reply.error is not None else "")

        try:
            self._typed_speech.say(Say(call=call.number, text=words), call, replied)
        except SoftphoneError as error:
            answered(str(error))

    def _spoken(self, call: PhoneCall, why: str) -> None:
        if not why:
            return
        text = f"call {call.number} is recorded, but the other side could not be told ({why}); tell them yourself"
        self._publish(Log(level="warning", message=text))
