"""The far end is told that it is recorded, also where a tone does not get through: our own codec carries speech and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from softphone.control.protocol import Log, Reply, Say
from softphone.engine.calls.call import PhoneCall
from softphone.engine.calls.typed_speech import Typist
from softphone.errors import SoftphoneError

WORDS = "This call is being recorded."


class RecordingNotice:
    """Has the words spoken in the user's voice, once each recording. Main thread only."""

    def __init__(self, typist: Typist, publish: Callable[[Log], None]) -> None:
        self._typist = typist
        self._publish = publish

    def update(self, calls: Mapping[int, PhoneCall]) -> None:
        """To be called often."""
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
            self._typist.say(Say(call=call.number, text=WORDS), call, answered)
        except SoftphoneError as error:
            self._warn(call, str(error))

    def _warn(self, call: PhoneCall, why: str) -> None:
        text = f"call {call.number} is recorded, but the far end could not be told ({why}); tell them yourself"
        self._publish(Log(level="warning", message=text))
